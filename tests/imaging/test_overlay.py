"""Shapes drawn over pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from autofocus.errors import ImageRejected
from autofocus.imaging.decode import decode
from autofocus.imaging.overlay import LARGEST, SMALLEST, colour_of, draw_shapes, overlay
from autofocus.types.geometry import Box, Geometry, Polygon, Shape
from autofocus.types.models import Detection
from autofocus.types.rle import from_pixels

CLASSES = ("car", "bus", "tree")
GREY = np.full((100, 200, 3), 128, np.uint8)


def block(top: int, left: int, bottom: int, right: int) -> Geometry:
    pixels = np.zeros((100, 200), bool)
    pixels[top:bottom, left:right] = True
    return from_pixels(pixels)


@pytest.mark.parametrize(
    "geometry",
    [
        Box(20, 10, 60, 50),
        Polygon((((20, 10), (80, 10), (80, 60), (20, 60)),)),
        block(10, 20, 60, 80),
    ],
)
def test_a_shape_is_drawn_where_it_is_in_the_colour_of_its_class(geometry: Geometry) -> None:
    drawn = draw_shapes(GREY, [Shape("1", "bus", geometry)], CLASSES, words=False)
    assert drawn.shape == (320, 640, 3)
    changed = np.argwhere(np.abs(drawn.astype(int) - 128).max(axis=2) > 40)
    scale = SMALLEST / 200
    low, high = changed.min(axis=0) / scale, changed.max(axis=0) / scale
    assert np.allclose(low, (10, 20), atol=1.5)
    assert np.allclose(high, (60, 80), atol=1.5)
    edge = drawn[round(35 * scale), round(20 * scale)]
    assert np.abs(edge.astype(int) - colour_of("bus", CLASSES)).max() < 60
    assert (GREY == 128).all()


def test_words_are_written_unless_they_would_cover_the_picture() -> None:
    one = [Detection("car", Box(20, 40, 60, 50), 0.87)]
    plain, told = (draw_shapes(GREY, one, CLASSES, words=w) for w in (False, True))
    assert not np.array_equal(plain, told)
    assert np.array_equal(draw_shapes(GREY, one, CLASSES), told)
    many = [Detection("car", Box(3 * i, 10, 2, 50), 0.5) for i in range(60)]
    assert np.array_equal(
        draw_shapes(GREY, many, CLASSES), draw_shapes(GREY, many, CLASSES, words=False)
    )


def test_classes_differ_and_unknown_ones_are_grey() -> None:
    names = [str(i) for i in range(24)]
    colours = np.array([colour_of(name, names) for name in names])
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2)
    assert apart[~np.eye(24, dtype=bool)].min() > 20
    assert colour_of("none", names) == (150, 150, 150)


def test_encoded_images_of_any_size_come_back_as_jpeg() -> None:
    done, data = cv2.imencode(".png", np.zeros((30, 3000, 3), np.uint8))
    assert done
    found = overlay(data.tobytes(), [Shape("1", "car", Box(0, 0, 3000, 30))], CLASSES)
    assert decode(found).shape[:2] == (16, LARGEST)
    with pytest.raises(ImageRejected):
        overlay(b"nothing", [], CLASSES)
