"""Real files of real tools, which ``real/NOTICE`` names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from format_world import Taken, take

from autofocus.data.formats.index_png import read_index
from autofocus.data.formats.outlines import outline
from autofocus.types import rle
from autofocus.types.geometry import Box, Mask, Polygon, Shape

REAL = Path(__file__).parent / "real"
CARDS = ("nine", "ten", "jack", "queen", "king", "ace")


def corners(shape: Shape) -> list[float]:
    b = shape.geometry.bounds
    return [b.x, b.y, b.right, b.bottom]


def test_cards_are_the_same_in_three_formats() -> None:
    found = {f: take(REAL / "playing_cards", CARDS, format=f) for f in ("coco", "voc", "yolo")}
    reference = found.pop("coco")
    assert len(reference.labels) == 3
    for other in found.values():
        assert other.splits == reference.splits
        assert (other.skipped, other.unmatched) == ([], [])
        for key in reference.labels:
            one = sorted(reference.shapes(key), key=lambda s: (s.label, corners(s)))
            two = sorted(other.shapes(key), key=lambda s: (s.label, corners(s)))
            assert [s.label for s in one] == [s.label for s in two]
            assert np.abs(np.subtract([*map(corners, one)], [*map(corners, two)])).max() <= 1


def test_a_folder_of_several_formats_says_so() -> None:
    found = take(REAL / "playing_cards", CARDS)
    assert found.told("could be read as voc")
    assert found.told("yolo")


def test_nuclei_survive_masks_polygons_and_run_lengths() -> None:
    found = take(REAL / "nuclei", ("nucleus",), "segmentation")
    assert found.format == "masks"
    count = 0
    for key in found.labels:
        numbers = read_index(REAL / "nuclei/instances" / Path(key).name).numbers
        assert numbers is not None
        height, width = numbers.shape
        shapes = found.shapes(key)
        assert {int(s.id) for s in shapes} == set(np.unique(numbers).tolist()) - {0}
        for shape in shapes:
            truth = numbers == int(shape.id)
            assert isinstance(shape.geometry, Mask)
            polygon = outline(shape.geometry, height, width)
            runs = rle.from_runs(rle.runs_of(shape.geometry), height, width)
            for back in (shape.geometry, rle.draw(polygon, height, width), runs):
                pixels = rle.to_pixels(back)
                iou = (pixels & truth).sum() / (pixels | truth).sum()
                assert iou >= 0.99
            count += 1
    assert count > 50


@pytest.mark.parametrize(
    ("folder", "format", "labels"),
    [
        ("cvat_project", "cvat", 6),
        ("cvat_video", "cvat", 1),
        ("roboflow_coco", "coco", 4),
        ("roboflow_voc", "voc", 4),
        ("roboflow_yolo", "yolo", 4),
        ("roboflow_yolo_obb", "yolo", 4),
        ("yolo_darknet", "yolo", 2),
        ("coco", "coco", 3),
        ("voc", "voc", 2),
    ],
)
def test_files_of_tools(folder: str, format: str, labels: int) -> None:
    classes = (
        "a", "b", "c", "cat", "person", "II", "klhg", "label1", "label2",
        *(f"label_{i}" for i in range(10)),
    )  # fmt: skip
    found = take(REAL / "tools" / folder, classes)
    assert found.format == format
    assert sum(len(found.shapes(key)) for key, label in found.labels.items() if label) == labels
    assert found.unmatched == []


def test_the_same_world_in_three_of_roboflows_formats() -> None:
    def boxes(found: Taken) -> list[list[float]]:
        return sorted(
            corners(s) for key, label in found.labels.items() if label for s in found.shapes(key)
        )

    classes = ("label_0", "label_1")
    yolo = boxes(take(REAL / "tools/roboflow_yolo", classes))
    coco = boxes(take(REAL / "tools/roboflow_coco", classes))
    assert np.allclose(yolo, coco)


def test_oriented_boxes_of_roboflow_are_polygons() -> None:
    found = take(REAL / "tools/roboflow_yolo_obb", ("label_0", "label_1"))
    assert found.only("train/images/train_001.jpg") == Polygon((((0, 0), (0, 2), (2, 2), (2, 0)),))
    assert found.told("oriented box(es)")


def test_a_track_ends_where_it_goes_outside() -> None:
    found = take(REAL / "tools/cvat_video", ("II", "klhg"))
    assert found.only("images/frame_000010.png") == Box(3, 4, 7, 1)
    assert not found.labels["images/frame_000016.png"] or not found.shapes(
        "images/frame_000016.png"
    )


def test_classes_of_datumaro() -> None:
    classes = ("car", "bicycle", "tom", "mary")
    found = take(REAL / "tools/datumaro", classes, "classification")
    assert found.format == "datumaro"
    assert sum(label is not None for label in found.labels.values()) == 1
    assert found.reasons().count("several classes") == 2


def test_a_copy_elsewhere_gives_the_same(tmp_path: Path) -> None:
    shutil.copytree(REAL / "playing_cards", tmp_path / "copy")
    here, there = (
        take(root, CARDS, format="yolo") for root in (REAL / "playing_cards", tmp_path / "copy")
    )
    assert here.labels == there.labels
