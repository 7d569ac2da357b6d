"""What a model saw, packed for the log: nothing that counts is lost, and little is written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.errors import Corrupted
from autofocus.types.answers import as_detections, as_shapes, pack, summarise, unpack
from autofocus.types.geometry import Box, Mask, Polygon, iou
from autofocus.types.models import Detection
from autofocus.types.rle import from_pixels

CLASSES = ("nut", "washer", "bracket")

numbers = st.floats(0, 4000, allow_nan=False).map(lambda v: round(v, 2))
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, w + 0.5, h + 0.5), numbers, numbers, numbers, numbers
)
triangles = st.builds(
    lambda x, y, w: Polygon((((x, y), (x + w + 1, y), (x, y + w + 1)),)), numbers, numbers, numbers
)
masks = st.builds(
    lambda h, w, seed: from_pixels(
        np.random.default_rng(seed).random((h, w)) < np.random.default_rng(seed).uniform(0.2, 1)
    ),
    st.integers(2, 30),
    st.integers(2, 30),
    st.integers(0, 1000),
)
detections = st.builds(
    Detection, st.sampled_from(CLASSES), st.one_of(boxes, triangles, masks), st.floats(0, 1)
)


@given(st.lists(detections, max_size=8))
def test_what_was_packed_comes_back(seen: list[Detection]) -> None:
    back = unpack(pack(seen, CLASSES), CLASSES)
    assert [d.label for d in back] == [d.label for d in seen]
    for one, other in zip(seen, back, strict=True):
        assert abs(one.score - other.score) <= 5e-5
        if isinstance(one.geometry, Mask):
            assert other.geometry == one.geometry
        elif isinstance(one.geometry, Box):
            assert iou(one.geometry, other.geometry) > 0.9


def test_nothing_seen_is_not_nothing_said() -> None:
    assert pack((), CLASSES) == b"[]"
    assert unpack(b"[]", CLASSES) == unpack(b"", CLASSES) == ()


@pytest.mark.parametrize(
    "torn",
    [
        b"[[0, 0.5, 1, 2, 3",  # cut off
        b"[[9, 0.5, 1, 2, 3, 4]]",  # no such class
        b"[[0, 0.5, 3, 2, 1, 4]]",  # ends before it begins
        b"[[0, 7, 1, 2, 3, 4]]",  # a score of 7
        b"[[0, 0.5]]",  # nowhere
        b"{}x",
    ],
)
def test_torn_bytes_are_said_to_be_so(torn: bytes) -> None:
    with pytest.raises(Corrupted):
        unpack(torn, CLASSES)


def test_a_box_thinner_than_the_rounding_stays_a_box() -> None:
    [thin] = unpack(pack([Detection("nut", Box(1.001, 2, 1e-4, 3), 0.9)], CLASSES), CLASSES)
    assert thin.geometry.bounds.width > 0


def test_three_numbers_sum_an_answer_up() -> None:
    seen = [
        Detection("nut", Box(0, 0, 50, 50), 0.9),
        Detection("washer", Box(0, 0, 20, 20), 0.7),
    ]
    count, size, score = summarise(seen, area=1e4, surest=0.9)
    assert (count, size, score) == (2.0, pytest.approx(0.35), pytest.approx(0.8))
    assert summarise([], area=1e4, surest=0.3) == (0.0, 0.0, pytest.approx(0.3))


def test_an_answer_can_be_suggested_and_a_label_be_taken_for_an_answer() -> None:
    seen = (Detection("nut", Box(0, 0, 5, 5), 0.9),)
    label = as_shapes(seen, model="parts-1")
    assert [(s.label, s.geometry, s.suggested_by) for s in label.shapes] == [
        ("nut", Box(0, 0, 5, 5), "parts-1")
    ]
    assert as_detections(label) == (Detection("nut", Box(0, 0, 5, 5), 1.0),)
