"""Wrong answers as pictures: what is there beside what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from autofocus.imaging.decode import MAX_PIXELS, decode
from autofocus.imaging.overlay import draw_shapes
from autofocus.types.codec import decode as read
from autofocus.types.geometry import Geometry, Shape
from autofocus.types.models import Detection

_QUALITY = 90
_GAP = 12


def failure_picture(
    data: bytes,
    failure: Mapping[str, Any],
    classes: Sequence[str],
    *,
    max_pixels: int = MAX_PIXELS,
) -> bytes:
    """A failure of a report on boxes or masks, on its encoded image, as JPEG.

    Left the objects that were missed, badly placed, swapped or seen again, right what was seen
    wrongly. Raises ImageRejected.
    """
    pixels = decode(data, max_pixels=max_pixels)
    truth, seen = [], []
    for i, mistake in enumerate(failure["mistakes"]):
        if mistake["truth_geometry"] is not None:
            where: Geometry = read(Geometry, mistake["truth_geometry"])  # type: ignore[arg-type]
            truth.append(Shape(str(i), mistake["truth"], where))
        if mistake["geometry"] is not None:
            where = read(Geometry, mistake["geometry"])  # type: ignore[arg-type]
            seen.append(Detection(mistake["predicted"], where, mistake["confidence"]))
    left, right = (draw_shapes(pixels, shapes, classes) for shapes in (truth, seen))
    gap = np.full((left.shape[0], _GAP, 3), 255, np.uint8)
    both = np.hstack([left, gap, right])
    _, out = cv2.imencode(".jpg", both[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return out.tobytes()
