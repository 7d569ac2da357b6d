"""Boxes, polygons, masks and the labels made of them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from drawn import boxes, geometries, labels
from hypothesis import given

from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.codec import canonical_json, decode, encode
from autofocus.types.data import Label, Sample, Tag
from autofocus.types.geometry import Box, Mask, Polygon, Shape, Shapes, iou, read_shapes

SQUARE = ((0, 0), (4, 0), (4, 4), (0, 4))


@given(label=labels())
def test_a_label_comes_back_through_json(label: Label) -> None:
    there = json.loads(json.dumps(encode(label)))
    back = decode(Label, there)  # type: ignore[arg-type]
    assert back == label
    assert canonical_json(back) == canonical_json(label)
    if isinstance(label, Shapes):
        assert read_shapes(there) == label


def test_whole_numbers_and_floats_are_one_label() -> None:
    assert canonical_json(Box(1, 2, 3, -0.0 + 4)) == canonical_json(Box(1.0, 2.0, 3.0, 4.0))
    assert canonical_json(Box(-0.0, 0, 1, 1)) == canonical_json(Box(0, 0, 1, 1))
    assert canonical_json(Polygon((SQUARE,))) == canonical_json(
        Polygon((tuple((float(x), float(y)) for x, y in SQUARE),))
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: Box(0, 0, 0, 1), "above 0", id="flat box"),
        pytest.param(lambda: Box(0, 0, -1, 1), "above 0", id="box inside out"),
        pytest.param(lambda: Box(math.nan, 0, 1, 1), "box x", id="no number"),
        pytest.param(lambda: Box(0, math.inf, 1, 1), "box y", id="endless"),
        pytest.param(lambda: Box(True, 0, 1, 1), "box x", id="true is no coordinate"),
        pytest.param(lambda: Polygon(()), "at least one part", id="no part"),
        pytest.param(lambda: Polygon((SQUARE[:2],)), "has 2 points", id="a line"),
        pytest.param(
            lambda: Polygon((SQUARE, ((0, 0), (1, 1), (2, 2)))), "Part 2", id="points on a line"
        ),
        pytest.param(
            lambda: Polygon((((0, 0), (1, 1), (2, math.nan)),)), "polygon y", id="nan in a polygon"
        ),
        pytest.param(lambda: Polygon((((0, 0, 0), (1, 1), (2, 0)),)), "is \\(x, y\\)", id="3d"),
        pytest.param(lambda: Mask(2, 2, "4"), "empty", id="empty mask"),
        pytest.param(lambda: Mask(2, 2, "12"), "are 4", id="too few pixels"),
        pytest.param(lambda: Mask(2, 2, "P"), "middle of a number", id="cut off"),
        pytest.param(lambda: Mask(2, 2, "hello you"), "compressed COCO mask", id="not runs"),
        pytest.param(lambda: Mask(0, 2, ""), "height", id="no height"),
        pytest.param(lambda: Shape("a b", "car", Box(0, 0, 1, 1)), "id of a shape", id="id"),
        pytest.param(lambda: Shape("a", "", Box(0, 0, 1, 1)), "class name", id="no class"),
        pytest.param(
            lambda: Shape("a", "car", Box(0, 0, 1, 1), {"n": math.nan}), "'n'", id="nan attribute"
        ),
        pytest.param(
            lambda: Shape("a", "car", Box(0, 0, 1, 1), {"n": [1]}),  # type: ignore[dict-item]
            "'n'",
            id="nested attribute",
        ),
        pytest.param(
            lambda: Shapes((Shape("a", "car", Box(0, 0, 1, 1)),) * 2), "the id 'a'", id="same id"
        ),
        pytest.param(lambda: Shapes(tags=("night", "")), "Tags", id="empty tag"),
    ],
)
def test_what_is_wrong_is_refused_at_birth(make: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        make()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "box", "x": 0, "y": 0, "width": 0, "height": 3}, "Shape a1: A box needs"),
        ({"kind": "box", "x": 0, "y": 0, "width": 3}, "Shape a1: it.geometry: missing field"),
        ({"kind": "circle", "r": 3}, "Shape a1: it.geometry"),
        ({"kind": "polygon", "parts": [[[0, 0], [1, 1]]]}, "Shape a1: Part 1"),
    ],
)
def test_reading_names_the_shape_that_is_wrong(data: dict[str, Any], said: str) -> None:
    good = encode(Shape("a0", "car", Box(0, 0, 1, 1)))
    wrong = {"id": "a1", "label": "car", "geometry": data}
    with pytest.raises(InvalidInput) as caught:
        read_shapes({"kind": "shapes", "shapes": [good, wrong]})
    assert caught.value.message.startswith(said)
    assert caught.value.context["shape"] == "a1"
    assert caught.value.context["place"] == 1


@pytest.mark.parametrize("data", [None, [], {"kind": "tag", "label": "car"}, {"shapes": 3}])
def test_what_is_no_label_of_shapes_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInput):
        read_shapes(data)


@pytest.mark.parametrize(
    ("geometry", "area", "bounds"),
    [
        (Box(1.5, 2, 10, 4), 40, (1.5, 2, 10, 4)),
        (Polygon((SQUARE,)), 16, (0, 0, 4, 4)),
        (Polygon((SQUARE[::-1], ((5, 5), (7, 5), (5, 8)))), 19, (0, 0, 7, 8)),
        # pixels (1, 0), (2, 0) and (2, 1) as (column, row) of an image of 4 x 2
        (rle.from_runs([2, 1, 1, 2, 2], 2, 4), 3, (1, 0, 2, 2)),
    ],
)
def test_area_and_bounds(geometry: Any, area: float, bounds: tuple[float, ...]) -> None:
    assert geometry.area == area
    assert geometry.bounds == Box(*bounds)


def test_the_centre_of_the_first_pixel_is_at_a_half() -> None:
    one = rle.draw(Box(0, 0, 1, 1), 3, 3)
    assert rle.runs_of(one) == [0, 1, 8]
    # A box that ends before the centre of a pixel does not hold it.
    assert rle.draw(Box(0, 0, 1.49, 1), 3, 3) == one
    assert rle.draw(Box(0, 0, 1.51, 1), 3, 3).area == 2
    with pytest.raises(InvalidInput, match="holds no pixel"):
        rle.draw(Box(0.6, 0, 0.8, 1), 3, 3)


@pytest.mark.parametrize(
    ("geometry", "inside"),
    [
        (Box(0, 0, 20, 10), True),
        (Box(-0.5, -0.5, 21, 11), True),
        (Box(-0.6, 0, 5, 5), False),
        (Box(18, 0, 2.6, 5), False),
        (Box(0, 9, 5, 1.6), False),
        (Polygon((((0, 0), (20.4, 0), (0, 10)),)), True),
        (Polygon((((0, 0), (21, 0), (0, 10)),)), False),
        (rle.draw(Box(0, 0, 5, 5), 10, 20), True),
        (rle.draw(Box(0, 0, 5, 5), 20, 10), False),
    ],
)
def test_inside_the_image_within_half_a_pixel(geometry: Any, inside: bool) -> None:
    shape = Shape("a7", "car", geometry)
    if inside:
        shape.check_inside(20, 10)
    else:
        with pytest.raises(InvalidInput, match="Shape a7") as caught:
            shape.check_inside(20, 10)
        assert caught.value.context["shape"] == "a7"


@given(a=geometries(), b=geometries())
def test_iou_is_symmetric_between_0_and_1_and_1_with_itself(a: Any, b: Any) -> None:
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1
    assert iou(a, a) == pytest.approx(1)


@given(a=boxes(), b=boxes())
def test_iou_of_boxes_is_that_of_the_boxes_drawn_large(a: Box, b: Box) -> None:
    def drawn(box: Box) -> Mask:
        big = Box(box.x * 16, box.y * 16, box.width * 16, box.height * 16)
        return rle.draw(big, 48 * 16, 64 * 16)

    assert iou(a, b) == pytest.approx(rle.iou(drawn(a), drawn(b)), abs=0.15)
    assert iou(drawn(a), drawn(b)) == rle.iou(drawn(a), drawn(b))


def test_classes_and_words() -> None:
    box = Box(0, 0, 1, 1)
    label = Shapes((Shape("1", "car", box), Shape("2", "bus", box), Shape("3", "car", box)))
    assert label.classes == ("bus", "car")
    assert label.words == "bus, 2 car"
    assert (Shapes().classes, Shapes().words) == ((), "(none)")
    assert (Tag("open").classes, Tag("open").words) == (("open",), "open")


def test_a_sample_with_shapes_comes_back() -> None:
    sample = {
        "project": "cars", "key": "a.png", "sha256": "0" * 64, "split": "train",
        "facts": {
            "width": 4, "height": 4, "format": "PNG", "orientation": 1, "phash": "0" * 16,
            "brightness": 0.0, "contrast": 0.0, "blur": 0.0, "entropy": 0.0,
        },
        "label": {"kind": "shapes", "shapes": []},
    }  # fmt: skip
    assert decode(Sample, sample).label == Shapes()
    sample["label"] = {"kind": "tag", "label": "open"}
    assert decode(Sample, sample).label == Tag("open")
    sample["label"] = {"label": "open"}
    with pytest.raises(InvalidInput, match="fits none"):
        decode(Sample, sample)
