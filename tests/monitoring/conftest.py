"""A small stationary production, and the ways in which it may drift."""

from __future__ import annotations

import numpy as np
import pytest

from autofocus.monitoring.reference import Reference
from autofocus.types.production import Window

K = 16
_CENTRES = np.random.default_rng(7).normal(size=(2, K)) * 0.6
_DIRECTION = np.random.default_rng(8).normal(size=K)
_DIRECTION /= np.linalg.norm(_DIRECTION)


class World:
    """Draws answers of a model with two classes; ``share`` of them lie ``shift`` away."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.served = 0

    def draw(self, n, share=0.0, shift=5.0, unsure=0.4):
        rng = self.rng
        classes = rng.integers(0, 2, n)
        x = _CENTRES[classes] + 0.8 * rng.standard_t(6, size=(n, K))
        drifted = rng.random(n) < share
        x[drifted] += shift * _DIRECTION
        margin = 4 * np.abs(rng.normal(1.0, 0.6, n))
        margin[drifted] *= unsure
        p = 1 / (1 + np.exp(-margin))
        probabilities = np.stack([1 - p, p], axis=1)
        probabilities[classes == 0] = probabilities[classes == 0, ::-1]
        return probabilities.astype(np.float32), x.astype(np.float32), drifted, classes

    def reference(self, n=500, accuracy=0.9):
        p, x, _, _ = self.draw(n)
        wrong = self.rng.random(n) > accuracy
        truth = np.where(wrong, 1 - p.argmax(axis=1), p.argmax(axis=1))
        return Reference(p, x, *self._statistics(n), truth=truth)

    def _statistics(self, n):
        rng = self.rng
        return (
            rng.normal(120, 20, n).astype(np.float32),
            rng.normal(50, 8, n).astype(np.float32),
            np.exp(rng.normal(5, 0.5, n)).astype(np.float32),
        )

    def window(self, n, share=0.0, *, model="eyes-1", key=None, metadata=None, **shape):
        """(window, which rows drifted)."""
        p, x, drifted, _ = self.draw(n, share, **shape)
        brightness, contrast, blur = self._statistics(n)
        numbers = np.arange(self.served, self.served + n)
        self.served += n
        return Window(
            ids=np.array([f"p-s1-{i:012d}" for i in numbers]),
            time_us=numbers.astype(np.int64) * 1000,
            model=np.full(n, model),
            role=np.full(n, "champion"),
            request_key=np.array([f"k{i}" for i in numbers]) if key is None else key,
            predicted=p.argmax(axis=1).astype(np.int64),
            probabilities=p,
            whitened=x,
            brightness=brightness,
            contrast=contrast,
            blur=blur,
            latency_ms=np.full(n, 2.0, np.float32),
            sha256=np.array([f"{i:064x}" for i in numbers]),
            kept=np.ones(n, bool),
            keep_probability=np.ones(n, np.float32),
            metadata=np.full(n, "") if metadata is None else metadata(drifted),
        ), drifted


@pytest.fixture
def world():
    return World
