"""Small pictures of images, for pages that show many of them."""

from __future__ import annotations

import cv2
import numpy as np

from autofocus.errors import AutofocusError, InvalidInput
from autofocus.imaging.decode import MAX_PIXELS, decode, jpeg_orientation

# A fixed list, so that nobody can ask for ten thousand sizes of one image.
SIZES = (96, 160, 320, 640, 1280, 2048)
_QUALITY = 85


def thumbnail(data: bytes, size: int, *, max_pixels: int = MAX_PIXELS) -> tuple[bytes, str]:
    """The image upright and fitted into ``size`` x ``size`` pixels, as (bytes, media type).

    Never enlarged. A JPEG or PNG that fits already is given as it is, pixel by pixel; other small
    pictures become PNG, everything that has to be reduced becomes JPEG. Raises ImageRejected, and
    InvalidInput for a size that is not one of :data:`SIZES`.
    """
    if size not in SIZES:
        raise InvalidInput(
            f"Pictures come in sizes {', '.join(map(str, SIZES))}, not {size}.", field="size"
        )
    pixels = decode(data, max_pixels=max_pixels, min_size=(size, size))
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        if data[:4] == b"\x89PNG":
            return data, "image/png"
        if data[:3] == b"\xff\xd8\xff" and jpeg_orientation(data) == 1:
            return data, "image/jpeg"
        return _encode(pixels, ".png", []), "image/png"
    reduced = cv2.resize(
        pixels,
        (max(1, round(width * scale)), max(1, round(height * scale))),
        interpolation=cv2.INTER_AREA,
    )
    return _encode(reduced, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]), "image/jpeg"


def _encode(rgb: np.ndarray, kind: str, options: list[int]) -> bytes:
    done, encoded = cv2.imencode(kind, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise AutofocusError(f"A picture of {rgb.shape} pixels could not be encoded as {kind}.")
    return encoded.tobytes()
