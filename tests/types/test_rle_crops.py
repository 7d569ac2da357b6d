"""Masks by the part of the image that they fill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.errors import InvalidInput
from autofocus.types.rle import from_crop, from_pixels, to_crop, to_pixels


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_a_mask_is_cut_out_and_put_back(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.random((height, width)) < rng.random()
    pixels[rng.integers(height), rng.integers(width)] = True
    mask = from_pixels(pixels)
    part, top, left = to_crop(mask)
    assert part.any(axis=0)[[0, -1]].all()
    assert part.any(axis=1)[[0, -1]].all()
    assert from_crop(part, top, left, height, width) == mask
    whole = np.zeros_like(pixels)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    assert np.array_equal(whole, to_pixels(mask))


@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(0, 4), st.integers(0, 4), st.integers(0, 99)
)
def test_a_part_with_empty_edges_is_the_same_mask(
    rows: int, columns: int, top: int, left: int, seed: int
) -> None:
    part = np.random.default_rng(seed).random((rows, columns)) < 0.5
    part[0, 0] = True
    whole = np.zeros((rows + top + 1, columns + left), bool)
    whole[top : top + rows, left : left + columns] = part
    assert from_crop(part, top, left, *whole.shape) == from_pixels(whole)


def test_parts_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidInput, match="not inside"):
        from_crop(np.ones((2, 2), bool), 3, 0, 4, 4)
    with pytest.raises(InvalidInput, match="empty"):
        from_crop(np.zeros((2, 2), bool), 0, 0, 4, 4)
