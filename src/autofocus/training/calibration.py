"""What is fitted on held-out images after the weights: temperature and whitening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

WHITENED = 32
# Directions need some images each, or their scale is noise.
_IMAGES_PER_DIRECTION = 6


def softmax(logits: npt.NDArray[np.floating], temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities (n, classes) of logits."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    exp = np.exp(scaled)
    result: npt.NDArray[np.float64] = exp / exp.sum(axis=1, keepdims=True)
    return result


def fit_temperature(logits: Floats, truth: Rows) -> float:
    """The temperature with the least log loss (Guo et al., ICML 2017), within 0.25..10.

    Two pseudo-images, one right and one wrong at the mean margin, keep an error-free validation
    set from asking for endless confidence.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(truth))
    wrong = np.where(np.argsort(logits, axis=1)[:, -1] == truth, -2, -1)
    rival = np.argsort(logits, axis=1)[rows, wrong]

    def loss(log_t: float) -> float:
        p = softmax(logits, float(np.exp(log_t)))
        right = -np.log(np.maximum(p[rows, truth], 1e-12))
        mistaken = -np.log(np.maximum(p[rows, rival], 1e-12))
        return float((right.sum() + mistaken.mean()) / (len(rows) + 1))

    found = minimize_scalar(loss, bounds=(np.log(0.25), np.log(10.0)), method="bounded")
    return float(np.exp(found.x))


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """``(embedding - mean) @ matrix`` has mean 0 and unit variances on the images it was fitted
    on. mean (d,), matrix (d, k)."""

    mean: Floats
    matrix: Floats

    def apply(self, embedding: Floats) -> Floats:
        """(n, d) to (n, k)."""
        result: Floats = ((embedding - self.mean) @ self.matrix).astype(np.float32)
        return result


def fit_whitening(embedding: Floats) -> Whitening:
    """The leading principal components, scaled; at most 32 and few enough for the images."""
    n, d = embedding.shape
    mean = embedding.mean(axis=0, dtype=np.float64)
    _, scales, axes = np.linalg.svd(embedding - mean, full_matrices=False)
    std = scales / np.sqrt(max(n - 1, 1))
    real = int((std > 1e-4 * max(std[0], 1e-12)).sum())
    k = max(1, min(WHITENED, d, n // _IMAGES_PER_DIRECTION, real))
    # A component's sign is arbitrary: the largest entry is made positive, so that equal weights
    # give equal bundles.
    axes = axes[:k]
    signs = np.sign(axes[np.arange(k), np.abs(axes).argmax(axis=1)])
    matrix = (axes * signs[:, None]).T / np.maximum(std[:k], 1e-12)
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))
