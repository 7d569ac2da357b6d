"""What importers of COCO get wrong, each a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_world import HEIGHT, WIDTH, picture, put, take, version_of, written

from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Mask, Polygon, Shape, Shapes

IMAGE = {"id": 5, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}
CATEGORIES = [{"id": 4, "name": "bus"}, {"id": 90, "name": "car"}]
BOX = {"id": 1, "image_id": 5, "category_id": 90, "bbox": [1.5, 2, 30.25, 20]}


def document(*annotations: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {
        "images": [IMAGE], "categories": CATEGORIES,
        "annotations": [{"image_id": 5, "category_id": 90, **a} for a in annotations], **others,
    }  # fmt: skip


def world(root: Path, *annotations: dict[str, Any], **others: Any) -> Path:
    return put(
        root,
        {"a.png": picture(0), "_annotations.coco.json": document(*annotations, **others)},
    )


def test_category_ids_have_gaps_and_do_not_start_at_1(tmp_path: Path) -> None:
    found = take(world(tmp_path, BOX, {**BOX, "id": 2, "category_id": 4}))
    assert [s.label for s in found.shapes("a.png")] == ["car", "bus"]


def test_floats_and_boxes_without_an_outline(tmp_path: Path) -> None:
    for empty in ({}, {"segmentation": []}, {"segmentation": None}):
        assert take(world(tmp_path, {**BOX, **empty})).only("a.png") == Box(1.5, 2, 30.25, 20)


PIXELS = np.zeros((HEIGHT, WIDTH), bool)
PIXELS[10:30, 5:9] = True
PIXELS[15:20, 6:8] = False  # a hole
MASK = rle.from_pixels(PIXELS)


@pytest.mark.parametrize("counts", [MASK.counts, rle.runs_of(MASK)])
@pytest.mark.parametrize("crowd", [0, 1])
def test_run_lengths_go_down_the_columns_and_say_nothing_of_crowds(
    tmp_path: Path, counts: Any, crowd: int
) -> None:
    drawn = {"size": [HEIGHT, WIDTH], "counts": counts}
    found = take(world(tmp_path, {**BOX, "segmentation": drawn, "iscrowd": crowd}))
    (shape,) = found.shapes("a.png")
    assert (shape.geometry, shape.crowd) == (MASK, bool(crowd))  # its hole is there


@pytest.mark.parametrize(
    ("drawn", "parts"),
    [
        ([[1, 1, 9, 1, 9, 9]], (((1, 1), (9, 1), (9, 9)),)),
        (
            [[1, 1, 9, 1, 9, 9], [20, 20, 30, 20, 30, 30]],
            (((1, 1), (9, 1), (9, 9)), ((20, 20), (30, 20), (30, 30))),
        ),
        ([1, 1, 9, 1, 9, 9], (((1, 1), (9, 1), (9, 9)),)),  # a flat list
        ([[1, 1], [9, 1], [9, 9]], (((1, 1), (9, 1), (9, 9)),)),  # a list of points
        ([[1, 1, 9, 1, 9, 9], [3, 3, 4, 4]], (((1, 1), (9, 1), (9, 9)),)),  # a part of no area
    ],
)
def test_outlines_as_lists(tmp_path: Path, drawn: Any, parts: Any) -> None:
    found = take(world(tmp_path, {**BOX, "segmentation": drawn}))
    assert found.only("a.png") == Polygon(parts)
    assert found.skipped == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"segmentation": [[1, 1, 9, 1, 9]]}, "no pairs"),
        ({"segmentation": [[1, 1, 9, 1]]}, "3 or more"),
        ({"segmentation": {"size": [9, 9], "counts": "nonsense!"}}, "not a compressed COCO mask"),
        ({"segmentation": {"size": [9, 9], "counts": [4, 4]}}, "runs hold 8 pixels"),
        ({"segmentation": {"size": [9, 9], "counts": [40, 41]}}, "image has 64 x 48"),
        ({"segmentation": {"counts": [4, 4]}}, "KeyError"),
        ({"bbox": [1, 1, 0, 5]}, "above 0"),
        ({"bbox": [1, 1, 5]}, "ValueError"),
        ({"bbox": [1, 1, "x", 5]}, "must be a number"),
        ({"bbox": [100, 1, 5, 5]}, "outside of the image"),
        ({"bbox": "none"}, "must be a number|ValueError"),
    ],
)
def test_bad_geometry_costs_its_record_and_names_the_image(
    tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    found = take(world(tmp_path, BOX, {**BOX, "id": 7, **wrong}))
    assert [s.id for s in found.shapes("a.png")] == ["1"]
    (skipped,) = found.skipped
    assert skipped.path == "a.png"
    assert any(word in skipped.reason for word in reason.split("|")), skipped.reason


def test_images_and_categories_that_are_not_listed_are_reported(tmp_path: Path) -> None:
    found = take(world(tmp_path, BOX, {**BOX, "category_id": 5}, {**BOX, "image_id": 99}))
    assert found.unmatched == ["image 5, category 5", "image 99, category 90"]


def test_classes_that_are_not_declared_are_reported(tmp_path: Path) -> None:
    found = take(world(tmp_path, BOX, {**BOX, "id": 2, "category_id": 4}), ("car", "lorry"))
    assert [s.label for s in found.shapes("a.png")] == ["car"]
    assert "class 'bus' is not declared (car, lorry): 1 of 2 shapes left out" in found.reasons()


def test_an_image_whose_shapes_are_all_of_other_classes_is_no_negative(tmp_path: Path) -> None:
    assert take(world(tmp_path, BOX), ("lorry",)).labels == {"a.png": None}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"images": [IMAGE], "annotations": [{"image_id": 5, "caption": "a car"}]}, "captions"),
        (
            {"images": [IMAGE], "categories": CATEGORIES,
             "annotations": [{"image_id": 5, "file_name": "a.png", "segments_info": []}]},
            "panoptic",
        ),
        ({"images": [{"id": 1}], "annotations": []}, "not a COCO file"),
        ({"images": [{"id": [], "file_name": "a.png"}], "annotations": []}, "not a COCO file"),
        ({"images": [IMAGE], "annotations": [{"id": 3}]}, "not a COCO file"),
        ({"images": [{"id": 5, "file_name": "gone.png"}], "annotations": []}, "None of the 1"),
    ],
)  # fmt: skip
def test_captions_panoptic_and_broken_documents(tmp_path: Path, data: Any, message: str) -> None:
    put(tmp_path, {"a.png": picture(0), "some.json": data})
    with pytest.raises(InvalidInput, match=message):
        take(tmp_path / "some.json", format="coco")


def test_of_many_documents_about_the_same_images_the_instances_are_read(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "images/a.png": picture(0),
            "annotations/instances_train2017.json": document(BOX),
            "annotations/captions_train2017.json": {
                "images": [IMAGE], "annotations": [{"image_id": 5, "caption": "a car"}],
            },
            "annotations/person_keypoints_train2017.json": document({**BOX, "bbox": [0, 0, 5, 5]}),
            "annotations/image_info_train2017.json": {"images": [IMAGE], "categories": CATEGORIES},
        },
    )  # fmt: skip
    found = take(tmp_path)
    assert found.only("a.png") == Box(1.5, 2, 30.25, 20)
    assert found.splits == {"a.png": "train"}
    assert sum("passed over" in notice for notice in found.notices) == 3


def test_a_document_in_each_split_folder(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "valid")):
        world(tmp_path / split, BOX)
        put(tmp_path, {f"{split}/a.png": picture(seed)})  # the same name in both
    found = take(tmp_path)
    assert found.splits == {"train/a.png": "train", "valid/a.png": "val"}
    assert len(found.labels) == 2


def test_labels_match_by_path_not_by_place_or_id(tmp_path: Path) -> None:
    images = [
        {"id": 2, "file_name": "b/same.png"},
        {"id": 1, "file_name": "a\\same.png"},
        {"id": 3, "file_name": "C:\\work\\photos\\c\\other.png"},
        {"id": 4, "file_name": "same.png"},
        {"id": 6, "file_name": "../secret.png"},
        {"id": 7, "file_name": "/etc/passwd"},
    ]
    marked = [{"image_id": i, "category_id": 90, "bbox": [i, i, 9, 9]} for i in (1, 2, 3, 4, 6)]
    put(
        tmp_path,
        {
            "secret.png": picture(3),
            "in/a/same.png": picture(0), "in/b/same.png": picture(1), "in/c/other.png": picture(2),
            "in/x.json": {"images": images, "annotations": marked, "categories": CATEGORIES},
        },
    )  # fmt: skip
    found = take(tmp_path / "in")
    assert {key: found.only(key).bounds.x for key in found.labels} == {
        "a/same.png": 1, "b/same.png": 2, "c/other.png": 3,
    }  # fmt: skip
    # Two images are called so, and paths out of the folder are nobody's.
    assert found.unmatched == ["same.png", "../secret.png", "/etc/passwd"]


@pytest.mark.parametrize(("empty", "label"), [("negative", Shapes()), ("unlabelled", None)])
def test_an_image_without_annotations(tmp_path: Path, empty: str, label: Any) -> None:
    found = take(world(tmp_path), empty=empty)
    assert found.labels == {"a.png": label}
    assert found.told("looked at and empty") == (empty == "negative")


def test_used_for_classification(tmp_path: Path) -> None:
    found = take(world(tmp_path, {"id": 1}), task="classification")
    assert found.labels == {"a.png": Tag("car")}
    found = take(world(tmp_path, BOX), task="classification")
    assert found.labels == {"a.png": Tag("car")}
    assert found.told("only the class is taken")
    found = take(world(tmp_path, BOX, {**BOX, "id": 2, "category_id": 4}), task="classification")
    assert found.labels == {"a.png": None}
    assert "several classes (bus, car)" in found.reasons()
    found = take(world(tmp_path, {"id": 1}), task="detection")
    assert found.labels == {"a.png": None}
    assert found.told("no label in a project for detection")


def test_attributes_key_points_and_what_json_allows(tmp_path: Path) -> None:
    marked = {**BOX, "attributes": {"colour": "red", "many": [1, 2], "score": float("nan")},
              "keypoints": [1, 1, 2], "num_keypoints": 1}  # fmt: skip
    found = take(world(tmp_path, marked))
    (shape,) = found.shapes("a.png")
    assert shape.attributes == {"colour": "red", "many": "[1, 2]", "score": "nan"}
    assert found.told("key points")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_masks_are_written_as_run_lengths_and_read_by_the_reference(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    label = Shapes(
        (
            Shape("m", "car", MASK, {"colour": "red"}, crowd=True),
            Shape("p", "bus", Polygon((((1, 1), (9, 1), (9, 9)),))),
        )
    )
    manifest = version_of(tmp_path, [("sub/a.png", "train", label, {})])
    written(manifest, "coco", tmp_path / "out")
    reference = COCO(str(tmp_path / "out/annotations/instances_train.json"))
    first, second = reference.loadAnns(reference.getAnnIds())
    assert (reference.annToMask(first) == PIXELS).all()
    assert first["iscrowd"] == 1
    assert (first["area"], second["area"]) == (MASK.area, 32)
    assert [c["name"] for c in reference.loadCats(reference.getCatIds())][:2] == ["car", "bus"]
    assert isinstance(take(tmp_path / "out").shapes("sub/a.png")[0].geometry, Mask)
