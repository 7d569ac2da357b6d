"""Ways in which pictures get worse: families of known change, from slight to strong.

They calibrate label-free estimates and test robustness. Severities are 1, 2, 3.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput

Pixels = npt.NDArray[np.uint8]
SEVERITIES = (1, 2, 3)


def corrupt(pixels: Pixels, family: str, severity: int, *, seed: int = 0) -> Pixels:
    """A changed copy of RGB ``pixels`` (h, w, 3); the same arguments give the same pixels.

    Lengths are shares of the shorter side, so that one severity means the same for every size.
    Raises InvalidInput for an unknown family or severity.
    """
    if family not in FAMILIES or severity not in SEVERITIES:
        raise InvalidInput(
            f"There is no corruption {family!r} of severity {severity}.",
            hint=f"Families: {sorted(FAMILIES)}; severities: {list(SEVERITIES)}.",
        )
    # crc32 and not hash(): the latter differs from process to process.
    rng = np.random.default_rng((zlib.crc32(family.encode()), severity, seed))
    changed = FAMILIES[family](pixels, severity, rng)
    return np.asarray(np.clip(np.rint(changed), 0, 255), dtype=np.uint8)


Change = Callable[[Pixels, int, np.random.Generator], npt.NDArray[np.generic]]


def _noise(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    return np.asarray(pixels + rng.normal(0.0, (8.0, 18.0, 36.0)[severity - 1], pixels.shape))


def _blur(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    sigma = (0.012, 0.025, 0.05)[severity - 1] * min(pixels.shape[:2])
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma))


def _brighter(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    return pixels.astype(np.float64) + (25.0, 50.0, 90.0)[severity - 1]


def _darker(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    return np.asarray(pixels * (0.75, 0.5, 0.3)[severity - 1])


def _contrast(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    return np.asarray((pixels - mean) * (0.7, 0.45, 0.25)[severity - 1] + mean)


def _jpeg(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    quality = (40, 20, 8)[severity - 1]
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1]


def _shift(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    reach = (0.04, 0.08, 0.16)[severity - 1] * min(pixels.shape[:2])
    angle = rng.uniform(0.0, 2.0 * np.pi)
    return _warped(pixels, 0.0, reach * np.cos(angle), reach * np.sin(angle))


def _turn(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    return _warped(pixels, (6.0, 12.0, 25.0)[severity - 1] * rng.choice([-1.0, 1.0]), 0.0, 0.0)


def _occlusion(pixels: Pixels, severity: int, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    """A bar of one colour across the picture, at any height and slope."""
    height, width = pixels.shape[:2]
    covered = pixels.copy()
    thickness = max(1, round((0.06, 0.12, 0.2)[severity - 1] * min(height, width)))
    ends = rng.uniform(0.25, 0.75, 2) * height
    colour = [int(c) for c in rng.integers(0, 256, 3)]
    cv2.line(covered, (0, round(ends[0])), (width - 1, round(ends[1])), colour, thickness)
    return covered


def _warped(pixels: Pixels, turn: float, right: float, down: float) -> npt.NDArray[np.generic]:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1.0)
    matrix[:, 2] += (right, down)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    )


FAMILIES: dict[str, Change] = {
    "noise": _noise,
    "blur": _blur,
    "brighter": _brighter,
    "darker": _darker,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "shift": _shift,
    "turn": _turn,
    "occlusion": _occlusion,
}
