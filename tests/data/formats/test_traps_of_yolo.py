"""What importers of YOLO get wrong, each a test."""

from __future__ import annotations

from pathlib import Path

import pytest
from format_world import HEIGHT, WIDTH, picture, put, take, version_of, written

from autofocus.data.formats.catalogue import detect_format
from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Box, Polygon, Shape, Shapes

NAMES = "names: {0: car, 1: bus}\n"
TRIANGLE = "1 0.25 0.25 0.75 0.25 0.5 0.75\n"


def world(root: Path, text: str, yaml: str = NAMES) -> Path:
    return put(
        root,
        {"images/train/a.png": picture(0), "labels/train/a.txt": text, "data.yaml": yaml},
    )


def test_coordinates_are_of_the_centre_not_the_corner(tmp_path: Path) -> None:
    found = take(world(tmp_path, "0 0.5 0.5 0.25 0.5\n"))
    assert found.format == "yolo"
    assert found.only("images/train/a.png") == Box(24, 12, 16, 24)
    assert found.splits["images/train/a.png"] == "train"


def test_polygons_are_not_turned_into_boxes(tmp_path: Path) -> None:
    assert take(world(tmp_path, TRIANGLE)).only("images/train/a.png") == Polygon(
        (((16, 12), (48, 12), (32, 36)),)
    )


def test_boxes_and_outlines_mixed_in_one_file(tmp_path: Path) -> None:
    found = take(world(tmp_path, "0 0.5 0.5 0.25 0.5\n" + TRIANGLE))
    kinds = [shape.geometry.kind for shape in found.shapes("images/train/a.png")]
    assert kinds == ["box", "polygon"]


def test_oriented_boxes_are_taken_as_polygons_and_said_so(tmp_path: Path) -> None:
    found = take(world(tmp_path, "0 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n"))
    assert found.only("images/train/a.png").kind == "polygon"
    assert found.told("four points (oriented boxes")


def test_oriented_boxes_of_dota_are_in_pixels_with_names(tmp_path: Path) -> None:
    found = take(world(tmp_path, "2 4 10 4 10 9 2 9 bus 0\n"))
    assert found.only("images/train/a.png") == Polygon((((2, 4), (10, 4), (10, 9), (2, 9)),))
    assert found.told("oriented box(es)")


def test_coordinates_beyond_1_are_pixels(tmp_path: Path) -> None:
    found = take(world(tmp_path, "0 32 24 16 24\n"))
    assert found.only("images/train/a.png") == Box(24, 12, 16, 24)
    assert found.told("taken as pixels")


def test_a_share_a_little_beyond_1_is_cut_at_the_edge(tmp_path: Path) -> None:
    found = take(world(tmp_path, "0 0.95 0.5 0.25 0.5\n"))
    box = found.only("images/train/a.png")
    assert isinstance(box, Box)
    assert (box.right, found.told("cut at its edge")) == (WIDTH, True)


@pytest.mark.parametrize(
    "yaml",
    [
        "names: [car, bus]\n",
        "names: {0: car, 1: bus}\n",
        "names: {'0': car, '1': bus}\n",
        "names:\n  1: bus\n  0: car\n  7: never\n",
    ],
)
def test_names_as_list_or_mapping(tmp_path: Path, yaml: str) -> None:
    found = take(world(tmp_path, "1 0.5 0.5 0.25 0.5\n", yaml))
    assert found.shapes("images/train/a.png")[0].label == "bus"


def test_numbers_without_a_name_are_reported_not_shifted(tmp_path: Path) -> None:
    found = take(world(tmp_path, "5 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.25 0.5\n"))
    assert [s.label for s in found.shapes("images/train/a.png")] == ["bus"]
    assert "class '5' has no name in data.yaml" in found.reasons()


def test_no_names_at_all_are_the_projects_and_said_so(tmp_path: Path) -> None:
    put(tmp_path, {"a.png": picture(0), "a.txt": "1 0.5 0.5 0.25 0.5\n"})
    found = take(tmp_path, ("nut", "bolt"))
    assert found.shapes("a.png")[0].label == "bolt"
    assert found.told("0 as nut")


def test_an_empty_text_file_is_a_verified_negative_a_missing_one_is_not(tmp_path: Path) -> None:
    world(tmp_path, "")
    put(tmp_path, {"images/train/b.png": picture(1)})
    found = take(tmp_path)
    assert found.labels == {"images/train/a.png": Shapes(), "images/train/b.png": None}
    assert found.told("1 image(s) have no text file")


def test_bad_lines_cost_themselves_only(tmp_path: Path) -> None:
    text = "0 0.5 0.5 0 0.5\n0 0.5 0.5\nnonsense\n1 nan 0.5 0.1 0.1\n0 0.5 0.5 0.25 0.5\n"
    found = take(world(tmp_path, text))
    assert len(found.shapes("images/train/a.png")) == 1
    assert len(found.skipped) == 4
    assert "images/train/a.png" in found.reasons()


def test_a_file_of_bad_lines_is_no_verified_negative(tmp_path: Path) -> None:
    assert take(world(tmp_path, "0 0.5 0.5 0 0.5\n")).labels == {"images/train/a.png": None}


def test_key_points_are_left_out_and_said_so(tmp_path: Path) -> None:
    found = take(world(tmp_path, "0 0.5 0.5 0.25 0.5 0.5 0.5 2\n", NAMES + "kpt_shape: [1, 3]\n"))
    assert found.only("images/train/a.png") == Box(24, 12, 16, 24)
    assert found.told("key points")


def test_darknet_puts_data_in_front_of_its_list(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "obj.names": "car\nbus\n",
            "train.txt": "data/obj_train_data/a.png\n",
            "obj_train_data/a.png": picture(0),
            "obj_train_data/a.txt": "1 0.5 0.5 0.25 0.5\n",
        },
    )
    found = take(tmp_path)
    assert found.splits == {"obj_train_data/a.png": "train"}
    assert found.shapes("obj_train_data/a.png")[0].label == "bus"


def test_splits_of_data_yaml_are_relative_to_nowhere(tmp_path: Path) -> None:
    yaml = NAMES + "train: ../part1/images\nval: ../part2/images\n"
    put(
        tmp_path,
        {
            "data.yaml": yaml,
            "part1/images/a.png": picture(0), "part1/labels/a.txt": TRIANGLE,
            "part2/images/a.png": picture(1), "part2/labels/a.txt": "",
        },
    )  # fmt: skip
    found = take(tmp_path)
    assert found.splits == {"part1/images/a.png": "train", "part2/images/a.png": "val"}
    assert found.labels["part2/images/a.png"] == Shapes()


def test_text_files_without_an_image_are_reported(tmp_path: Path) -> None:
    world(tmp_path, TRIANGLE)
    put(tmp_path, {"labels/train/gone.txt": TRIANGLE, "README.txt": "words"})
    assert take(tmp_path).unmatched == ["labels/train/gone.txt"]


def test_holes_and_parts_become_one_outline_with_the_same_pixels(tmp_path: Path) -> None:
    pixels = rle.to_pixels(rle.draw(Box(4, 4, 40, 40), HEIGHT, WIDTH)).copy()
    pixels[10:20, 10:20] = False
    pixels[13:16, 13:16] = True  # an island in the hole
    pixels[0, 60] = True
    mask = rle.from_pixels(pixels)
    two = Polygon((((2, 2), (20, 2), (20, 20)), ((10, 10), (30, 10), (30, 30))))
    label = Shapes((Shape("1", "car", mask), Shape("2", "bus", two)))
    manifest = version_of(tmp_path, [("a.png", "train", label, {})])
    written(manifest, "yolo-segment", tmp_path / "out")
    first, second = take(tmp_path / "out").shapes("images/train/a.png")
    assert isinstance(first.geometry, Polygon)
    assert len(first.geometry.parts) == 1
    assert rle.draw(first.geometry, HEIGHT, WIDTH) == mask
    assert rle.draw(second.geometry, HEIGHT, WIDTH) == rle.draw(two, HEIGHT, WIDTH)


def test_only_train_val_and_test_are_named_for_ultralytics(tmp_path: Path) -> None:
    label = Shapes((Shape("1", "car", Box(0, 0, 9, 9)),))
    rows = [(f"{i}.png", split, label, {}) for i, split in enumerate(("train", "pool"))]
    written(version_of(tmp_path, rows), "yolo", tmp_path / "out")  # type: ignore[arg-type]
    text = (tmp_path / "out/data.yaml").read_text()
    assert "train: images/train" in text
    assert "pool" not in text
    assert sorted(filter(None, take(tmp_path / "out").splits.values())) == ["pool", "train"]


def test_names_that_lead_out_of_the_folder_are_nobodys(tmp_path: Path) -> None:
    put(tmp_path, {"secret.png": picture(9), "in/data.yaml": NAMES + "path: /etc\ntrain: ../..\n"})
    put(tmp_path, {"in/a.png": picture(0), "in/a.txt": TRIANGLE, "in/train.txt": "../secret.png\n"})
    assert set(take(tmp_path / "in").labels) == {"a.png"}


def test_a_folder_of_texts_alone_says_what_is_missing(tmp_path: Path) -> None:
    put(tmp_path, {"data.yaml": NAMES, "labels/a.txt": TRIANGLE})
    assert detect_format(tmp_path) == "yolo"
    with pytest.raises(InvalidInput, match="no image below"):
        take(tmp_path)
