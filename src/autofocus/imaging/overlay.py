"""Shapes drawn over their picture: labels, and what a model sees."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from autofocus.errors import AutofocusError
from autofocus.imaging.decode import MAX_PIXELS, Pixels, decode
from autofocus.types.geometry import Box, Geometry, Mask, Polygon, Shape
from autofocus.types.models import Detection
from autofocus.types.rle import to_crop

# Pictures are drawn on at this size at least and at most (longer side), or lines and words would
# hide what they mark.
SMALLEST, LARGEST = 640, 1600
# With more objects than this, words would cover the picture.
MOST_WORDS = 30
_FILL = 0.35  # how much of a mask's colour covers its pixels
_QUALITY = 88

Colour = tuple[int, int, int]
_Line = npt.NDArray[np.int32]


def overlay(
    data: bytes,
    shapes: Sequence[Shape | Detection],
    classes: Sequence[str],
    *,
    max_pixels: int = MAX_PIXELS,
) -> bytes:
    """The encoded image upright as JPEG with shapes drawn over it; raises ImageRejected."""
    drawn = draw_shapes(decode(data, max_pixels=max_pixels), shapes, classes)
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise AutofocusError(f"A picture of {drawn.shape} pixels could not be encoded as JPEG.")
    return encoded.tobytes()


def draw_shapes(
    pixels: Pixels,
    shapes: Sequence[Shape | Detection],
    classes: Sequence[str],
    *,
    words: bool | None = None,
) -> Pixels:
    """A copy of RGB pixels (h, w, 3) with shapes in their class's colour.

    Small pictures are enlarged to ``SMALLEST``, large ones reduced to ``LARGEST``. ``words`` are
    the class and, of a detection, its score (None: unless there are very many shapes).
    """
    height, width = pixels.shape[:2]
    longest = max(height, width)
    scale = min(max(1.0, SMALLEST / longest), LARGEST / longest)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = pixels.copy() if scale == 1 else np.asarray(cv2.resize(pixels, size, None, 0, 0, way))
    colours = [colour_of(shape.label, classes) for shape in shapes]
    # Large areas first, so that they do not cover what stands before them.
    order = np.argsort([-_extent(shape.geometry) for shape in shapes], kind="stable")
    for i in order.tolist():
        canvas = _draw(canvas, shapes[i].geometry, colours[i], scale)
    if words is None:
        words = len(shapes) <= MOST_WORDS
    if words and shapes:
        canvas = _write(canvas, shapes, colours, order.tolist()[::-1], scale)
    return canvas


def colour_of(label: str, classes: Sequence[str]) -> Colour:
    """The colour of a class, by its place: neighbours differ much; grey for an unknown one."""
    if label not in classes:
        return 150, 150, 150
    place = list(classes).index(label)
    # Steps of the golden ratio around the circle of hues never come back to the same place.
    hue = (0.0 + 0.618033988749895 * place) % 1.0
    light = 0.55 if (place // 6) % 2 == 0 else 0.4
    red, green, blue = colorsys.hls_to_rgb(hue, light, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def _draw(canvas: Pixels, geometry: Geometry, colour: Colour, scale: float) -> Pixels:
    thick = max(2, round(max(canvas.shape[:2]) / 400))
    if isinstance(geometry, Box):
        corners = [(geometry.x, geometry.y), (geometry.right, geometry.bottom)]
        first, second = (tuple(round(v * scale) for v in corner) for corner in corners)
        return _array(cv2.rectangle(canvas, first, second, colour, thick))
    if isinstance(geometry, Polygon):
        lines = [np.round(np.array(part) * scale).astype(np.int32) for part in geometry.parts]
        filled = cv2.fillPoly(canvas.copy(), lines, colour)
        mixed = cv2.addWeighted(filled, _FILL, canvas, 1 - _FILL, 0)
        return _array(cv2.polylines(mixed, lines, True, colour, thick))
    return _draw_mask(canvas, geometry, colour, scale, thick)


def _draw_mask(canvas: Pixels, mask: Mask, colour: Colour, scale: float, thick: int) -> Pixels:
    part, top, left = to_crop(mask)
    rows, columns = part.shape
    x, y = round(left * scale), round(top * scale)
    right = min(canvas.shape[1], max(x + 1, round((left + columns) * scale)))
    bottom = min(canvas.shape[0], max(y + 1, round((top + rows) * scale)))
    if right <= x or bottom <= y:
        return canvas
    large = cv2.resize(
        part.astype(np.uint8), (right - x, bottom - y), interpolation=cv2.INTER_NEAREST
    )
    at = canvas[y:bottom, x:right]
    inside = np.asarray(large) > 0
    at[inside] = np.round(_FILL * np.array(colour) + (1 - _FILL) * at[inside]).astype(np.uint8)
    lines, _ = cv2.findContours(
        np.asarray(large), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x, y)
    )
    return _array(cv2.drawContours(canvas, lines, -1, colour, max(1, thick // 2)))


def _write(
    canvas: Pixels,
    shapes: Sequence[Shape | Detection],
    colours: Sequence[Colour],
    order: Sequence[int],
    scale: float,
) -> Pixels:
    """Words above what they name, or inside where there is no room above."""
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(12.0, max(canvas.shape[:2]) / 55))
    taken: list[tuple[float, float, float, float]] = []
    for i in order:
        shape = shapes[i]
        text = shape.label
        if isinstance(shape, Detection):
            text += f" {shape.score:.2f}"
        box = shape.geometry.bounds
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        wide, high = right - left + 6, bottom - top + 6
        x = min(max(0.0, box.x * scale), max(0.0, image.width - wide))
        y = box.y * scale - high
        y = y if y >= 0 else box.y * scale
        for _ in range(4):  # a step down where other words stand already
            if not any(x < r and x + wide > lo and y < b and y + high > t for lo, t, r, b in taken):
                break
            y += high
        y = min(y, image.height - high)
        taken.append((x, y, x + wide, y + high))
        pen.rectangle((x, y, x + wide, y + high), fill=colours[i])
        dark = sum(w * c for w, c in zip((0.299, 0.587, 0.114), colours[i], strict=True)) < 140
        pen.text((x + 3 - left, y + 3 - top), text, fill="white" if dark else "black", font=font)
    return _array(np.asarray(image))


def _extent(geometry: Geometry) -> float:
    return geometry.bounds.area


def _array(pixels: npt.ArrayLike) -> Pixels:
    return np.ascontiguousarray(pixels, np.uint8)
