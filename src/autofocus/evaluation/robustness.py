"""How answers hold when the pictures get worse."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.imaging.corruptions import corrupt
from autofocus.imaging.decode import decode
from autofocus.types.models import Predictor

FAMILIES = ("noise", "blur", "brighter", "darker", "contrast", "jpeg", "shift")
SEVERITY = 2
IMAGES = 200
_BATCH = 64
# Larger pictures are decoded smaller first: a corruption is a share of the picture's side.
_ENOUGH = (256, 256)


def corrupted_copies(images: Sequence[bytes], family: str, *, seed: int = 0) -> list[bytes]:
    """The images with one corruption, as PNG (nothing else is lost on the way)."""
    copies = []
    for number, data in enumerate(images):
        pixels = corrupt(decode(data, min_size=_ENOUGH), family, SEVERITY, seed=seed + number)
        _, encoded = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        copies.append(encoded.tobytes())
    return copies


def correct_under(
    predictors: Sequence[Predictor],
    images: Sequence[bytes],
    truth: Sequence[str],
    *,
    seed: int = 0,
) -> list[dict[str, npt.NDArray[np.bool_]]]:
    """For each predictor: family to whether each answer was right, (n,), on the same copies."""
    found: list[dict[str, npt.NDArray[np.bool_]]] = [{} for _ in predictors]
    for family in FAMILIES:
        copies = corrupted_copies(images, family, seed=seed)
        for place, predictor in enumerate(predictors):
            found[place][family] = np.array(
                [a == b for a, b in zip(answers(predictor, copies), truth, strict=True)],
                dtype=bool,
            )
    return found


def answers(predictor: Predictor, images: Sequence[bytes]) -> list[str]:
    """The class a predictor gives to each image."""
    found: list[str] = []
    for start in range(0, len(images), _BATCH):
        batch = predictor.predict(images[start : start + _BATCH]).probabilities.argmax(axis=1)
        found += [predictor.classes[int(i)] for i in batch]
    return found
