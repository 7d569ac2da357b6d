"""One loss an image for boxes and masks, against hand-computed values and the simplest code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as reference

from autofocus.errors import InvalidInput
from autofocus.evaluation.losses import image_loss
from autofocus.types.geometry import Box, Geometry, Mask, Polygon, Shape, Shapes, iou
from autofocus.types.models import Detection
from autofocus.types.overlap import mask_overlaps, overlaps
from autofocus.types.rle import from_pixels


def truth(*found: tuple[str, Geometry], crowd: tuple[int, ...] = ()) -> Shapes:
    return Shapes(
        tuple(Shape(f"s{i}", name, g, crowd=i in crowd) for i, (name, g) in enumerate(found))
    )


def block(left: int, top: int, right: int, bottom: int, size: tuple[int, int] = (10, 10)) -> Mask:
    pixels = np.zeros(size, bool)
    pixels[top:bottom, left:right] = True
    return from_pixels(pixels)


CAT, DOG = Box(0, 0, 10, 10), Box(20, 0, 10, 10)
NEAR = Box(2, 0, 10, 10)  # 8 of 12 with CAT
HALF = Box(0, 0, 10, 5)  # 50 of 100: just enough
FAR = Box(6, 0, 10, 10)  # 4 of 16: not enough


@pytest.mark.parametrize(
    ("there", "seen", "loss"),
    [
        ((), (), 0.0),  # nothing there, nothing seen
        ((("cat", CAT),), (), 1.0),  # missed
        ((), (("cat", CAT, 0.9),), 1.0),  # spurious
        ((("cat", CAT),), (("cat", NEAR, 0.9),), 0.0),  # well placed
        ((("cat", CAT),), (("cat", HALF, 0.9),), 0.0),  # exactly half counts
        ((("cat", CAT),), (("cat", FAR, 0.9),), 1.0),  # badly placed
        ((("cat", CAT),), (("dog", CAT, 0.9),), 1.0),  # wrong class
        ((("cat", CAT),), (("cat", CAT, 0.4),), 1.0),  # not sure enough
        ((("cat", CAT),), (("cat", CAT, 0.5),), 0.0),  # just sure enough
        ((("cat", CAT), ("dog", DOG)), (("cat", CAT, 0.9),), 1 - 2 / 3),  # one of two
        ((("cat", CAT),), (("cat", CAT, 0.9), ("cat", NEAR, 0.8)), 1 - 2 / 3),  # twice
        # The surest takes first: CAT is gone when the exact one comes, and NEAR is no truth.
        ((("cat", CAT),), (("cat", CAT, 0.6), ("cat", NEAR, 0.9), ("dog", DOG, 0.7)), 1 - 2 / 4),
        # What is taken already is left for the next best: both are found.
        ((("cat", CAT), ("cat", NEAR)), (("cat", CAT, 0.9), ("cat", CAT, 0.8)), 0.0),
    ],
)
def test_objects(
    there: tuple[tuple[str, Geometry], ...], seen: tuple[tuple[str, Geometry, float], ...],
    loss: float,
) -> None:  # fmt: skip
    answers = [Detection(*d) for d in seen]
    assert image_loss(truth(*there), answers, task="detection") == pytest.approx(loss)


def test_the_order_of_equally_sure_answers_is_kept() -> None:
    there = truth(("cat", CAT))
    answers = [Detection("cat", FAR, 0.9), Detection("cat", CAT, 0.9)]
    assert image_loss(there, answers, task="detection") == pytest.approx(1 - 2 / 3)


def test_a_crowd_is_neither_right_nor_wrong() -> None:
    herd = truth(("cow", Box(0, 0, 100, 100)), ("cow", Box(200, 0, 10, 10)), crowd=(0,))
    inside = [Detection("cow", Box(10 * i, 10 * i, 10, 10), 0.9 - i / 100) for i in range(5)]
    assert image_loss(herd, inside, task="detection") == 1.0  # the one cow apart is missed
    apart = Detection("cow", Box(200, 0, 10, 10), 0.8)
    assert image_loss(herd, [*inside, apart], task="detection") == 0.0
    edge = Detection("cow", Box(96, 0, 10, 10), 0.7)  # four tenths in the crowd: spurious
    assert image_loss(herd, [apart, edge], task="detection") == pytest.approx(1 - 2 / 3)
    dog = Detection("dog", Box(10, 10, 10, 10), 0.7)  # a crowd of another class excuses nothing
    assert image_loss(herd, [apart, dog], task="detection") == pytest.approx(1 - 2 / 3)


def test_detection_goes_by_boxes_and_segmentation_by_pixels() -> None:
    corner = Polygon((((0, 0), (10, 0), (0, 10)),))
    there = truth(("cat", corner))
    box = [Detection("cat", Polygon((((10, 10), (10, 0), (0, 10)),)), 0.9)]
    assert image_loss(there, box, task="detection") == 0.0
    assert image_loss(there, box, task="segmentation") == 1.0
    # Where one of the two is only a box, boxes are all that can be compared.
    plain = [Detection("cat", Box(0, 0, 10, 10), 0.9)]
    assert image_loss(there, plain, task="segmentation") == 0.0


def test_areas_by_the_pixels_of_each_class() -> None:
    there = truth(("road", block(0, 0, 10, 4)), ("grass", block(0, 4, 10, 10)))
    seen = [
        Detection("road", block(0, 0, 10, 5), 0.9),  # 40 of 50
        Detection("grass", block(0, 5, 10, 10), 0.9),  # 50 of 60
    ]
    areas = ("road", "grass", "sky")
    wanted = 1 - (40 / 50 + 50 / 60) / 2  # sky is neither there nor seen
    assert image_loss(there, seen, task="segmentation", background=areas) == pytest.approx(wanted)
    assert image_loss(there, [], task="segmentation", background=areas) == 1.0
    assert image_loss(truth(), [], task="segmentation", background=areas) == 0.0
    sky = [Detection("sky", block(0, 0, 10, 10), 0.9)]
    assert image_loss(truth(), sky, task="segmentation", background=areas) == 1.0


def test_areas_are_hidden_by_what_is_drawn_on_them() -> None:
    there = truth(("grass", block(0, 0, 10, 10)), ("road", block(0, 0, 10, 4)))
    seen = [
        Detection("road", block(0, 0, 10, 4), 0.9),
        Detection("grass", block(0, 0, 10, 10), 0.6),
    ]
    assert image_loss(there, seen, task="segmentation", background=("road", "grass")) == 0.0


def test_pixels_of_a_crowd_are_not_judged() -> None:
    there = truth(("road", block(0, 0, 10, 4)), ("grass", block(0, 4, 10, 10)), crowd=(1,))
    seen = [Detection("road", block(0, 0, 10, 10), 0.9)]
    assert image_loss(there, seen, task="segmentation", background=("road", "grass")) == 0.0


def test_objects_on_areas_count_half() -> None:
    there = truth(("road", block(0, 0, 10, 10)), ("car", block(2, 2, 6, 6)))
    seen = [Detection("road", block(0, 0, 10, 10), 0.95)]  # and the car is missed
    loss = image_loss(there, seen, task="segmentation", background=("road",))
    assert loss == pytest.approx((1.0 + 16 / 100) / 2)
    both = [*seen, Detection("car", block(2, 2, 6, 6), 0.6)]  # less sure, but no area
    assert image_loss(there, both, task="segmentation", background=("road",)) == 0.0


def test_what_has_no_such_loss_is_refused() -> None:
    with pytest.raises(InvalidInput, match="wrong class"):
        image_loss(truth(), [], task="classification")
    seen = [Detection("cat", block(0, 0, 5, 5, (20, 20)), 0.9)]
    with pytest.raises(InvalidInput, match="does not fit"):
        image_loss(truth(("cat", block(0, 0, 5, 5))), seen, task="segmentation")


# -- properties ------------------------------------------------------------------------------

corners = st.tuples(*[st.integers(0, 8)] * 2, *[st.integers(1, 8)] * 2)
boxes = st.builds(lambda c: Box(*c), corners)
bitmaps = st.lists(st.booleans(), min_size=30, max_size=30).filter(any)
masks = bitmaps.map(lambda bits: from_pixels(np.array(bits).reshape(5, 6)))
polygons = st.builds(
    lambda x, y, w, h: Polygon((((x, y), (x + w, y), (x + w / 2, y + h)),)),
    *[st.floats(0, 4)] * 2, *[st.floats(0.5, 4)] * 2,
)  # fmt: skip


@given(st.lists(masks, max_size=5), st.lists(masks, max_size=5))
def test_masks_overlap_as_in_the_reference(one: list[Mask], other: list[Mask]) -> None:
    found = mask_overlaps(one, other, (5, 6), np.arange(len(one)) % 2 == 1)
    assert found.shape == (len(one), len(other))
    if one and other:
        as_dicts = [
            [{"size": [m.height, m.width], "counts": m.counts.encode()} for m in many]
            for many in (one, other)
        ]
        wanted = reference.iou(as_dicts[1], as_dicts[0], [i % 2 for i in range(len(one))])
        assert found == pytest.approx(wanted.T, abs=1e-12)


@given(st.lists(boxes | polygons | masks, max_size=4), st.lists(boxes | masks, max_size=4))
def test_all_pairs_overlap_as_one_by_one(one: list[Geometry], other: list[Geometry]) -> None:
    found = overlaps(one, other, boxes=False, size=(5, 6))
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            pair = (a.bounds, b.bounds) if isinstance(a, Box) or isinstance(b, Box) else (a, b)
            assert found[i, j] == pytest.approx(iou(*pair), abs=1e-9)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), boxes), max_size=6),
    st.lists(st.tuples(st.sampled_from("ab"), boxes, st.floats(0, 1)), max_size=6),
)
def test_a_loss_is_a_share(
    there: list[tuple[str, Geometry]], seen: list[tuple[str, Geometry, float]]
) -> None:
    answers = [Detection(*d) for d in seen]
    loss = image_loss(truth(*there), answers, task="detection")
    assert 0.0 <= loss <= 1.0
    perfect = [Detection(name, g, 1.0) for name, g in there]
    assert image_loss(truth(*there), perfect, task="detection") == 0.0
    # Classes are judged apart: renaming them together changes nothing.
    other = {"a": "b", "b": "a"}
    turned = image_loss(
        truth(*((other[n], g) for n, g in there)),
        [Detection(other[d.label], d.geometry, d.score) for d in answers],
        task="detection",
    )
    assert turned == pytest.approx(loss)
