"""Small real predictors and images for the tests of evaluation."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from autofocus.evaluation.samples import EvalSample
from autofocus.imaging.decode import decode
from autofocus.types.models import PredictionBatch

CLASSES = ("dark", "bright")


@dataclass(frozen=True)
class BrightnessPredictor:
    """Says bright above ``threshold`` (grey level); blind in the dark if ``blind_below``."""

    name: str = "threshold"
    threshold: float = 128.0
    blind_below: float = 0.0
    delay: float = 0.0
    classes: tuple[str, ...] = CLASSES

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        time.sleep(self.delay)
        grey = np.array([decode(data).mean() for data in images])
        shown = np.where(grey < self.blind_below, 255.0, grey)
        bright = 1 / (1 + np.exp(-(shown - self.threshold) / 10))
        by_class = {"dark": 1 - bright, "bright": bright}
        p = np.stack([by_class[name] for name in self.classes], axis=1).astype(np.float32)
        none = np.zeros((len(images), 1), np.float32)
        return PredictionBatch(p, none, none)


def picture(level: int, seed: int, side: int = 24) -> bytes:
    noise = np.random.default_rng(seed).integers(-8, 9, (side, side, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def sample(level: int, seed: int, label: str = "", **metadata: Any) -> EvalSample:
    """One image whose label is what its level says, unless another is given."""
    return EvalSample(
        key=f"test/{seed:04d}.png",
        sha256=f"{seed:064x}",
        load=partial(picture, level, seed, 24 if seed % 2 else 40),
        label=label or CLASSES[level > 128],
        metadata=metadata,
    )


def samples(n: int = 120) -> list[EvalSample]:
    """Levels from 20 to 235; camera a or b; a fixed case of the ten darkest."""
    found = []
    for i in range(n):
        level = 20 + round(215 * i / (n - 1))
        extra = {"fixed_case": "eyes-case-1"} if i < 10 else {}
        found.append(sample(level, i, camera="a" if i % 3 else "b", **extra))
    return found
