"""Masks as runs, held against the reference implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import masks, polygons
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as reference

from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Box, Mask, Polygon

# The reference's compiled part speaks to numpy in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def told(mask: Mask) -> Any:
    return {"size": [mask.height, mask.width], "counts": mask.counts.encode()}


@given(mask=masks())
def test_strings_are_those_of_the_reference(mask: Mask) -> None:
    pixels = np.asfortranarray(reference.decode(told(mask)))
    assert (rle.to_pixels(mask) == pixels).all()
    assert reference.encode(pixels)["counts"].decode() == mask.counts
    assert rle.from_pixels(pixels) == mask
    assert mask.area == reference.area(told(mask))
    box = mask.bounds
    assert [box.x, box.y, box.width, box.height] == list(reference.toBbox(told(mask)))


@given(pair=st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda size: st.tuples(masks(*size), masks(*size))
))  # fmt: skip
def test_overlap_is_that_of_the_reference(pair: tuple[Mask, Mask]) -> None:
    a, b = pair
    assert rle.iou(a, b) == pytest.approx(reference.iou([told(a)], [told(b)], [0])[0][0])
    both = reference.merge([told(a), told(b)], intersect=True)
    assert rle.intersection(a, b) == reference.area(both)


@given(polygon=polygons())
def test_a_polygon_is_drawn_as_the_reference_draws_it(polygon: Polygon) -> None:
    flat = [[v for point in part for v in point] for part in polygon.parts]
    theirs = reference.decode(reference.merge(reference.frPyObjects(flat, 48, 64))).astype(bool)
    ours = rle.to_pixels(rle.draw(polygon, 48, 64))
    # It rounds corners to a fifth of a pixel: pixels differ where the outline meets their centre.
    for row, column in np.argwhere(theirs ^ ours):
        assert to_outline(column + 0.5, row + 0.5, polygon) < 0.3


def to_outline(x: float, y: float, polygon: Polygon) -> float:
    """Distance of a point to the nearest edge, in pixels."""
    nearest = []
    for part in polygon.parts:
        begin = np.array(part)
        along = np.roll(begin, -1, axis=0) - begin
        squared = np.maximum((along**2).sum(axis=1), 1e-12)
        share = np.clip((((x, y) - begin) * along).sum(axis=1) / squared, 0, 1)
        nearest.append(np.hypot(*(begin + share[:, None] * along - (x, y)).T).min())
    return float(min(nearest))


@given(runs=st.lists(st.integers(0, 2**31), min_size=1, max_size=30))
def test_any_runs_come_back(runs: list[int]) -> None:
    assert rle.read_counts(rle.write_counts(np.array(runs))).tolist() == runs


def test_runs_go_down_the_columns_and_begin_outside() -> None:
    pixels = np.array([[1, 0, 0], [1, 1, 0]], dtype=bool)
    mask = rle.from_pixels(pixels)
    assert rle.runs_of(mask) == [0, 2, 1, 1, 2]
    assert rle.from_runs([0, 2, 1, 1, 2], 2, 3) == mask
    assert (rle.to_pixels(mask) == pixels).all()


@pytest.mark.parametrize("runs", [[6], [0, 7], [1, -1, 6], [1.5, 4.5], [True, 5], [0, 2**40], []])
def test_runs_that_are_no_mask_of_the_size_are_refused(runs: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        rle.from_runs(runs, 2, 3)


def test_parts_that_overlap_or_touch_are_one() -> None:
    # Two boxes as high as the image: no run ends between them.
    left, right = Box(1, 0, 2, 5), Box(3, 0, 2, 5)
    corners = [
        ((b.x, b.y), (b.right, b.y), (b.right, b.bottom), (b.x, b.bottom)) for b in (left, right)
    ]
    assert rle.runs_of(rle.draw(Polygon(tuple(corners)), 5, 6)) == [5, 20, 5]
    assert rle.draw(Polygon((corners[0], corners[0])), 5, 6) == rle.draw(left, 5, 6)


def test_a_hole_in_one_outline_is_none() -> None:
    # An outline that goes round twice: crossed twice, a point in the middle is outside.
    ring = ((0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (2, 2), (4, 2), (4, 4), (2, 4), (2, 2))
    assert rle.draw(Polygon((ring,)), 6, 6).area == 32


def test_a_shape_over_the_edge_is_cut_there() -> None:
    assert rle.runs_of(rle.draw(Box(-3, -3, 5, 5), 4, 4)) == [0, 2, 2, 2, 10]
    with pytest.raises(InvalidInput, match="holds no pixel"):
        rle.draw(Box(-3, -3, 2, 2), 4, 4)
    with pytest.raises(InvalidInput, match="does not fit"):
        rle.draw(rle.draw(Box(0, 0, 1, 1), 4, 4), 5, 4)
    with pytest.raises(InvalidInput, match="cannot be compared"):
        rle.intersection(rle.draw(Box(0, 0, 1, 1), 4, 4), rle.draw(Box(0, 0, 1, 1), 5, 4))
