"""Accuracy under known corruptions, by family and severity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.errors import AutofocusError
from autofocus.imaging.corruptions import FAMILIES, SEVERITIES, corrupt
from autofocus.imaging.decode import decode

if TYPE_CHECKING:
    from autofocus.types.models import Predictor

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Robustness:
    """Accuracy on ``n`` images per (family, severity)."""

    accuracy: dict[tuple[str, int], float]
    n: int

    @property
    def mean(self) -> float:
        """Over all families and severities."""
        return float(np.mean(list(self.accuracy.values())))

    def family(self, name: str) -> float:
        """Mean over the severities of a family."""
        return float(np.mean([v for (f, _), v in self.accuracy.items() if f == name]))


def robustness(
    predictors: Sequence[Predictor],
    images: Sequence[bytes],
    truth: npt.NDArray[np.int64],
    *,
    seed: int = 0,
) -> list[Robustness]:
    """Accuracy of each predictor under the very same corrupted images, in the order given.

    Images are decoded once and corrupted at their own size, so models of different input sizes
    meet the same pictures. ``truth`` holds class indices of the predictors' common classes.
    """
    pixels = [decode(data) for data in images]
    found: list[dict[tuple[str, int], float]] = [{} for _ in predictors]
    for family in FAMILIES:
        for severity in SEVERITIES:
            right = np.zeros(len(predictors), np.int64)
            for start in range(0, len(pixels), _BATCH):
                batch = [
                    _encode(corrupt(p, family, severity, seed=seed + start + i))
                    for i, p in enumerate(pixels[start : start + _BATCH])
                ]
                for k, predictor in enumerate(predictors):
                    answers = predictor.predict(batch).probabilities.argmax(axis=1)
                    right[k] += int((answers == truth[start : start + _BATCH]).sum())
            for k in range(len(predictors)):
                found[k][family, severity] = float(right[k]) / max(1, len(pixels))
    return [Robustness(accuracy, len(pixels)) for accuracy in found]


def _encode(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Lossless, so that the corruption is what was meant; uncompressed, because it is not kept."""
    done, data = cv2.imencode(".bmp", pixels[..., ::-1])
    if not done:
        raise AutofocusError(f"OpenCV could not encode pixels of shape {pixels.shape}.")
    return data.tobytes()
