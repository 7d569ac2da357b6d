"""The one versioned way from encoded bytes to the array a model takes.

Training, evaluation and serving call exactly this; its digest is in the bundle and in every row
of the prediction log, so that two numbers are compared only when they saw the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.imaging.decode import MAX_PIXELS, Pixels, decode_with_facts
from autofocus.types.codec import digest

Floats = npt.NDArray[np.float64]

VERSION = 1
GREY = 114  # around a letterboxed picture


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a picture of ``rows`` x ``columns`` pixels lies in what the model sees, in pixels."""

    top: int
    left: int
    height: int
    width: int
    rows: int
    columns: int

    def seen(self, points: Floats) -> Floats:
        """Places (..., 2) as (x, y) on the picture, as the model sees them."""
        scale = np.array([self.width / self.columns, self.height / self.rows])
        result: Floats = np.asarray(points, np.float64) * scale + (self.left, self.top)
        return result

    def original(self, points: Floats) -> Floats:
        """The way back: places (..., 2) that the model sees, on the picture itself."""
        scale = np.array([self.columns / self.width, self.rows / self.height])
        result: Floats = (np.asarray(points, np.float64) - (self.left, self.top)) * scale
        return result


@dataclass(frozen=True)
class Preprocessing:
    """Decode, orient, resize to (height, width).

    ``fit``: ``stretch`` ignores the aspect ratio, ``letterbox`` keeps it and fills with grey 114.
    Shrinking is by area, enlarging bilinear. ``version`` names this code; a bundle made by
    another version is refused rather than served with other pixels.
    """

    height: int
    width: int
    fit: Literal["stretch", "letterbox"] = "stretch"
    version: int = VERSION

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            value = getattr(self, name)
            if not 1 <= value <= 4096:
                raise InvalidInput(f"Preprocessing.{name} must be in 1..4096, got {value}.")
        if self.fit not in ("stretch", "letterbox"):
            raise InvalidInput(f"Preprocessing.fit {self.fit!r} is not 'stretch' or 'letterbox'.")
        if self.version != VERSION:
            raise InvalidInput(
                f"Preprocessing version {self.version} was asked for; this is version {VERSION}.",
                hint="Use the Autofocus release that made the bundle, or train again.",
            )

    @cached_property
    def digest(self) -> str:
        """sha256 of the fields; equal digests mean equal pixels."""
        return digest(self)

    def apply(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
        """Encoded image to uint8 RGB (height, width, 3); raises ImageRejected."""
        return self.look(data, max_pixels=max_pixels)[0]

    def look(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[Pixels, tuple[int, int]]:
        """As :meth:`apply`, with (height, width) of the upright original."""
        found = decode_with_facts(data, max_pixels=max_pixels, min_size=(self.height, self.width))
        return self.resize(found.pixels), (found.height, found.width)

    def frame(self, rows: int, columns: int) -> Frame:
        """Where a picture of that size lies in what :meth:`resize` gives."""
        if self.fit == "stretch":
            return Frame(0, 0, self.height, self.width, rows, columns)
        scale = min(self.height / rows, self.width / columns)
        height = min(self.height, max(1, round(rows * scale)))
        width = min(self.width, max(1, round(columns * scale)))
        top, left = (self.height - height) // 2, (self.width - width) // 2
        return Frame(top, left, height, width, rows, columns)

    def resize(self, pixels: Pixels) -> Pixels:
        """RGB pixels (h, w, 3) to (height, width, 3)."""
        if self.fit == "stretch":
            return _resize(pixels, self.height, self.width)
        at = self.frame(*pixels.shape[:2])
        inner = _resize(pixels, at.height, at.width)
        canvas = np.full((self.height, self.width, 3), GREY, dtype=np.uint8)
        canvas[at.top : at.top + at.height, at.left : at.left + at.width] = inner
        return canvas


def _resize(pixels: Pixels, height: int, width: int) -> Pixels:
    rows, columns = pixels.shape[:2]
    if (rows, columns) == (height, width):
        return pixels
    shrinks = rows >= height and columns >= width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(pixels, (width, height), interpolation=interpolation), dtype=np.uint8
    )
