"""Labels that go along when their image is made smaller, mirrored or pushed aside.

Only boxes and masks move: :func:`plain` makes them of whatever was marked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from autofocus.errors import InvalidInput
from autofocus.types.geometry import Box, Geometry, Mask, Shape, Shapes
from autofocus.types.overlap import Bools, Size
from autofocus.types.rle import draw, from_pixels, to_pixels

# Of what the edge cuts down to less than this, nobody can be asked what it is.
LEAST_LEFT = 0.25


def plain(label: Shapes, *, boxes: bool, size: Size) -> Shapes:
    """The same shapes as boxes around them, or as boxes and masks on an image of ``size``."""

    def change(geometry: Geometry) -> Geometry | None:
        if boxes:
            return geometry.bounds
        if isinstance(geometry, Box):
            return geometry
        try:
            return draw(geometry, *size)
        except InvalidInput:  # too small to hold a pixel
            return geometry.bounds

    return _changed(label, change)


def scaled(label: Shapes, before: Size, after: Size) -> Shapes:
    """The label of an image that was resized from one (height, width) to another."""
    down, across = after[0] / before[0], after[1] / before[1]

    def change(geometry: Geometry) -> Geometry | None:
        if isinstance(geometry, Mask):
            pixels = to_pixels(geometry).astype(np.uint8)
            return _mask(cv2.resize(pixels, after[::-1], interpolation=cv2.INTER_NEAREST) > 0)
        b = geometry.bounds
        return Box(b.x * across, b.y * down, b.width * across, b.height * down)

    return _changed(label, change)


def mirrored(label: Shapes, size: Size) -> Shapes:
    """The label of an image of ``size`` (height, width), mirrored left to right."""

    def change(geometry: Geometry) -> Geometry | None:
        if isinstance(geometry, Mask):
            return _mask(to_pixels(geometry)[:, ::-1])
        b = geometry.bounds
        return Box(size[1] - b.right, b.y, b.width, b.height)

    return _changed(label, change)


def pushed(label: Shapes, right: int, down: int, size: Size) -> Shapes:
    """The label of an image of ``size`` whose content moved by whole pixels, within its frame.

    What is cut off almost wholly is left unjudged, as a crowd.
    """
    height, width = size

    def change(geometry: Geometry) -> Geometry | None:
        if isinstance(geometry, Mask):
            pixels, moved = to_pixels(geometry), np.zeros(size, bool)
            moved[max(down, 0) : height + down, max(right, 0) : width + right] = pixels[
                max(-down, 0) : height - down, max(-right, 0) : width - right
            ]
            return _mask(moved)
        b = geometry.bounds
        left, top = max(b.x + right, 0.0), max(b.y + down, 0.0)
        end, bottom = min(b.right + right, float(width)), min(b.bottom + down, float(height))
        return Box.from_corners(left, top, end, bottom) if left < end and top < bottom else None

    return _changed(label, change, cut=True)


def _changed(
    label: Shapes, change: Callable[[Geometry], Geometry | None], *, cut: bool = False
) -> Shapes:
    shapes: list[Shape] = []
    for shape in label.shapes:
        geometry = change(shape.geometry)
        if geometry is not None:
            lost = cut and geometry.area < LEAST_LEFT * shape.geometry.area
            shapes.append(replace(shape, geometry=geometry, crowd=shape.crowd or lost))
    return Shapes(tuple(shapes), label.tags)


def _mask(pixels: Bools) -> Mask | None:
    return from_pixels(pixels) if pixels.any() else None
