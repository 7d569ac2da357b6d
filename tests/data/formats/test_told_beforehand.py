"""What a format cannot carry is told before a file is written, and again in the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from format_world import HEIGHT, WIDTH, picture, put, version_of

from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.formats import carried
from autofocus.data.formats.catalogue import BY_NAME, FORMATS
from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Polygon, Shape, Shapes

MASK = rle.draw(Box(2, 2, 9, 9), HEIGHT, WIDTH)
TWO = Polygon((((2, 2), (9, 2), (9, 9)), ((20, 2), (29, 2), (29, 9))))
LABEL = Shapes(
    (
        Shape("a", "car", Box(1, 1, 5, 5), {"colour": "red"}),
        Shape("2", "bus", TWO, suggested_by="cars-3"),
        Shape("3", "bus", MASK, crowd=True),
    ),
    ("night",),
)
ROWS = [("a.png", "train", LABEL, {"n": 1}), ("b.png", "train", Shapes(), {})]


@pytest.mark.parametrize(
    ("format", "lost"),
    [
        ("coco", set()),
        ("huggingface", {"keys", "class_order"}),
        (
            "yolo",
            {"polygon", "mask", "attributes", "image_tags", "crowd", "ids", "suggested_by",
             "splits", "metadata", "keys"},
        ),
        (
            "yolo-segment",
            {"box", "parts", "mask", "attributes", "image_tags", "crowd", "ids", "suggested_by",
             "splits", "metadata", "keys"},
        ),
    ],
)  # fmt: skip
def test_losses(tmp_path: Path, format: str, lost: set[str]) -> None:
    manifest = version_of(tmp_path, ROWS)  # type: ignore[arg-type]
    found = carried.losses(BY_NAME[format], manifest)
    assert {loss.what for loss in found} == lost
    words = " ".join(loss.words for loss in found)
    if format == "yolo":
        assert "1 masks, which become the box around it (e.g. a.png)" in words


@pytest.mark.parametrize("format", [f.name for f in FORMATS if f.write])
def test_what_is_no_label_in_a_format_stops_the_export(
    new_dataset: Callable[..., Dataset], tmp_path: Path, format: str
) -> None:
    carries = BY_NAME[format].carries
    cars = new_dataset("cars", ("car", "bus"), "segmentation")
    cars.add_images([NewImage("a.png", picture(0), "train", label=LABEL)])
    eyes = new_dataset("eyes")
    eyes.add_images([NewImage("a.png", picture(0), "train", label=Tag("open"))])
    for data, can in ((cars, carries.box), (eyes, carries.tag)):
        data.commit("one")
        if not can:
            with pytest.raises(InvalidInput, match="cannot carry"):
                data.not_carried("v1", format)
            with pytest.raises(InvalidInput, match="cannot carry"):
                data.export("v1", format, tmp_path / data.project)
            assert not (tmp_path / data.project).exists()
            continue
        told = data.not_carried("v1", format)
        report = data.export("v1", format, tmp_path / data.project)
        assert report["format"] == format
        assert carried.ALWAYS in report["not carried"]
        for loss in told:
            quiet = loss.what in ("ids", "keys", "class_order", "order")
            assert (loss.words in report["not carried"]) != quiet
        assert (tmp_path / data.project / "autofocus-version.json").is_file()


def test_options_of_an_import_are_checked(dataset: Dataset, tmp_path: Path) -> None:
    put(tmp_path / "in", {"open/a.png": picture(0)})
    for name, value in (("count_from", "2"), ("drawn_on", "left"), ("empty", "maybe")):
        with pytest.raises(InvalidInput, match=f"{name} is '{value}'"):
            dataset.import_path(tmp_path / "in", **{name: value})  # type: ignore[arg-type]


def test_images_inside_of_files_cannot_stay_there(
    new_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    data = new_dataset("cars", ("car", "bus"), "segmentation")
    data.add_images([NewImage("a.png", picture(0), "train", label=LABEL)])
    data.commit("one")
    data.export("v1", "parquet", tmp_path / "out")
    with pytest.raises(InvalidInput, match="cannot stay where they are"):
        data.import_path(tmp_path / "out", by_reference=True)
    assert data.import_path(tmp_path / "out").unchanged == 1
