"""Labels follow the EXIF orientation, the size that they declare, and the edges of the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from format_world import put, take, turned_jpeg

from autofocus.imaging.decode import decode
from autofocus.types import rle
from autofocus.types.geometry import Box, Mask, Polygon, Shapes

# A dark 16 x 8 patch in the top left corner of 64 x 48 stored pixels, and where it is upright.
STORED = Box(8, 8, 16, 8)


def marked(orientation: int) -> bytes:
    """A JPEG whose stored pixels are white but for the patch."""
    pixels = np.full((48, 64, 3), 255, np.uint8)
    pixels[8:16, 8:24] = 0
    data = bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1])
    head = turned_jpeg(0, orientation)
    exif = head[2 : 4 + int.from_bytes(head[4:6], "big")]
    return data[:2] + exif + data[2:]


def patch(data: bytes) -> Box:
    """Where the dark patch is in the upright picture."""
    dark = decode(data)[..., 0] < 128
    return rle.from_pixels(dark).bounds


def world(root: Path, data: bytes, width: int, height: int, drawn: Any = None) -> Path:
    b = STORED
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [b.x, b.y, b.width, b.height],
                  "segmentation": drawn or []}  # fmt: skip
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": width, "height": height}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [annotation],
    }
    return put(root, {"a.jpg": data, "x.json": document})


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_the_size_before_turning_are_turned_and_said_so(
    tmp_path: Path, orientation: int
) -> None:
    data = marked(orientation)
    found = take(world(tmp_path, data, 64, 48))
    assert found.only("a.jpg") == patch(data)
    assert found.told("the labels were turned")


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["box", "polygon", "mask"])
def test_every_orientation_turns_as_the_pixels_do(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    data = marked(orientation)
    mask = rle.draw(STORED, 48, 64)
    b = STORED
    drawn: Any = {
        "box": None,
        "polygon": [[b.x, b.y, b.right, b.y, b.right, b.bottom, b.x, b.bottom]],
        "mask": {"size": [48, 64], "counts": mask.counts},
    }[kind]
    found = take(world(tmp_path, data, 64, 48, drawn), drawn_on="stored")
    geometry = found.only("a.jpg")
    assert isinstance(geometry, {"box": Box, "polygon": Polygon, "mask": Mask}[kind])
    assert geometry.bounds == patch(data)


def test_labels_of_the_upright_size_stay(tmp_path: Path) -> None:
    found = take(world(tmp_path, marked(6), 48, 64))
    assert (found.only("a.jpg"), found.notices) == (STORED, [])


def test_half_turns_do_not_show_in_the_size_and_are_said(tmp_path: Path) -> None:
    found = take(world(tmp_path, marked(3), 64, 48))
    assert found.only("a.jpg") == STORED
    assert found.told("turned by EXIF in a way that the labels' file does not tell of")
    assert not take(world(tmp_path, marked(3), 64, 48), drawn_on="upright").notices


def test_a_picture_scaled_since_takes_its_labels_along(tmp_path: Path) -> None:
    found = take(world(tmp_path, marked(1), 128, 96))
    assert found.only("a.jpg") == Box(4, 4, 8, 4)
    assert found.told("scaled")


def test_labels_for_another_picture_are_refused(tmp_path: Path) -> None:
    found = take(world(tmp_path, marked(1), 100, 100))
    assert found.labels == {"a.jpg": None}
    assert "for a picture of 100 x 100 pixels, but the image has 64 x 48" in found.reasons()


def test_a_mask_of_another_size_is_refused_also_if_proportions_agree(tmp_path: Path) -> None:
    mask = rle.draw(STORED, 96, 128)
    drawn = {"size": [96, 128], "counts": mask.counts}
    found = take(world(tmp_path, marked(1), 128, 96, drawn))
    assert found.labels == {"a.jpg": None}
    assert "mask of 128 x 96 pixels" in found.reasons()


def test_what_reaches_over_the_edge_is_cut_there(tmp_path: Path) -> None:
    drawn = [[-10, -10, 30, -10, 30, 30, -10, 30]]
    found = take(world(tmp_path, marked(1), 64, 48, drawn))
    assert found.only("a.jpg").bounds == Box(0, 0, 30, 30)
    assert found.only("a.jpg").area == 900
    assert found.told("cut at its edge")
    around = [[-100, 10, 32, -100, 200, 10, 32, 200]]
    whole = take(world(tmp_path, marked(1), 64, 48, around)).only("a.jpg")
    mask = rle.draw(Polygon((((-100, 10), (32, -100), (200, 10), (32, 200)),)), 48, 64)
    assert rle.draw(whole, 48, 64) == mask


def test_an_empty_image_needs_no_size(tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": marked(6), "a.txt": "", "classes.txt": "car\n"})
    assert take(tmp_path).labels == {"a.jpg": Shapes()}
