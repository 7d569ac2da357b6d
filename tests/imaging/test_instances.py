"""From maps of classes to single objects."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autofocus.imaging.instances import depth, separate

SIDE = 64


def shares_of(kinds: np.ndarray, classes: int, sure: float = 0.9) -> np.ndarray:
    shares = np.full((classes + 1, *kinds.shape), (1 - sure) / classes, np.float32)
    for c in range(classes + 1):
        shares[c][kinds == c] = sure
    return shares


def drawn(*circles: tuple[int, int, int]) -> np.ndarray:
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number, (x, y, radius) in enumerate(circles, 1):
        labels = cv2.circle(labels, (x, y), radius, number, -1)
    return labels


def test_touching_objects_are_taken_apart_along_the_line_between_them() -> None:
    truth = drawn((20, 32, 13), (46, 32, 13))
    found = separate(shares_of((truth > 0).astype(int), 1), depth(truth))
    assert len(found.kinds) == 2
    for number in (1, 2):
        inside = found.labels[truth == number]
        best = np.bincount(inside).argmax()
        shared = ((found.labels == best) & (truth == number)).sum()
        assert shared / ((found.labels == best) | (truth == number)).sum() > 0.95
    assert found.scores == pytest.approx([0.9, 0.9])


def test_a_long_object_with_a_waist_stays_one() -> None:
    truth = np.zeros((SIDE, SIDE), np.int32)
    truth[8:24, 4:60] = 1
    truth[20:24, 28:36] = 0  # a dent
    found = separate(shares_of(truth, 1), depth(truth))
    assert len(found.kinds) == 1
    assert np.array_equal(found.labels > 0, truth > 0)


def test_objects_too_thin_for_a_core_and_specks() -> None:
    truth = np.zeros((SIDE, SIDE), np.int32)
    truth[5, 5:40] = 1
    truth[30, 30] = 2
    deep = np.zeros((SIDE, SIDE), np.float32)  # a network that saw no core anywhere
    shares = shares_of((truth > 0).astype(int), 1)
    assert len(separate(shares, deep).kinds) == 2
    kept = separate(shares, deep, smallest=5)
    assert len(kept.kinds) == 1
    assert np.array_equal(kept.labels > 0, truth == 1)


def test_areas_come_out_whole_and_classes_never_mix() -> None:
    kinds = np.zeros((SIDE, SIDE), np.int64)
    kinds[:20] = 1  # sky, in two parts
    kinds[:20, 30:34] = 2  # a post before it
    kinds[40:60, 10:30] = 2
    found = separate(shares_of(kinds, 2), np.ones((SIDE, SIDE), np.float32), areas=[0])
    assert found.kinds.tolist() == [0, 1, 1]
    assert np.array_equal(found.labels == 1, kinds == 1)
    assert np.array_equal(found.labels > 1, kinds == 2)


def test_nothing_gives_nothing() -> None:
    found = separate(shares_of(np.zeros((SIDE, SIDE), int), 3), np.ones((SIDE, SIDE), np.float32))
    assert len(found.kinds) == len(found.scores) == 0
    assert not found.labels.any()
    assert not depth(np.zeros((SIDE, SIDE), np.int32)).any()


def test_depth_rises_from_an_objects_own_edge_and_not_from_the_images() -> None:
    truth = drawn((32, 32, 20))
    deep = depth(truth)
    assert deep[32, 32] == 1.0
    assert 0 < deep[32, 12] < 0.3
    assert (deep[truth == 0] == 0).all()
    cut = np.zeros((SIDE, SIDE), np.int32)
    cut[:, :10] = 1
    assert depth(cut)[30, 0] == 1.0
    assert depth(cut)[0, 0] == 1.0
    assert depth(cut)[30, 9] < 0.5
    assert (depth(np.ones((SIDE, SIDE), np.int32)) == 1.0).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_every_pixel_of_an_object_class_belongs_to_one_object(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 4)).astype(np.float32), (0, 0), 4)
    shares = np.exp(20 * maps[..., :3]).transpose(2, 0, 1)
    shares /= shares.sum(axis=0)
    deep = (maps[..., 3] > 0).astype(np.float32)
    found = separate(shares, deep)
    kinds = shares.argmax(axis=0)
    assert np.array_equal(found.labels > 0, kinds > 0)
    for place, kind in enumerate(found.kinds.tolist()):
        mine = found.labels == place + 1
        assert mine.any()
        assert (kinds[mine] == kind + 1).all()
        parts, _ = cv2.connectedComponents(mine.astype(np.uint8), connectivity=8)
        assert parts == 2, "an object is in one piece"
