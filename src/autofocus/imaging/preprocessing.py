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

from autofocus.errors import InvalidInput
from autofocus.imaging.decode import MAX_PIXELS, Pixels, decode
from autofocus.types.codec import digest

VERSION = 1
_GREY = 114


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
        pixels = decode(data, max_pixels=max_pixels, min_size=(self.height, self.width))
        return self.resize(pixels)

    def resize(self, pixels: Pixels) -> Pixels:
        """RGB pixels (h, w, 3) to (height, width, 3)."""
        if self.fit == "stretch":
            return _resize(pixels, self.height, self.width)
        rows, columns = pixels.shape[:2]
        scale = min(self.height / rows, self.width / columns)
        inner = _resize(
            pixels,
            min(self.height, max(1, round(rows * scale))),
            min(self.width, max(1, round(columns * scale))),
        )
        canvas = np.full((self.height, self.width, 3), _GREY, dtype=np.uint8)
        top = (self.height - inner.shape[0]) // 2
        left = (self.width - inner.shape[1]) // 2
        canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
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
