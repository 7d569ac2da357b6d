"""Numbers about answers: accuracy and its interval, per class, calibration, confusion."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Table = npt.NDArray[np.int64]

_Z90 = 1.6448536269514722


def wilson(right: int, n: int, *, z: float = _Z90) -> tuple[float, float]:
    """Wilson's interval of a share, 90 % by default; (0, 1) for no images.

    Wilson, JASA 1927. Holds its level for shares near 1, where the normal interval fails.
    """
    if n == 0:
        return 0.0, 1.0
    p = right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def confusion(truth: Rows, predicted: Rows, classes: int) -> Table:
    """Counts (classes, classes), rows are the truth."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def precision_recall_f1(table: Table) -> tuple[Floats, Floats, Floats]:
    """Of each class, (classes,); nan where a class was never answered or never true."""
    hits = np.diag(table).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits / table.sum(axis=0)
        recall = hits / table.sum(axis=1)
        f1 = 2 * hits / (table.sum(axis=0) + table.sum(axis=1))
    return precision, recall, f1


def log_loss(probabilities: npt.NDArray[np.float32], truth: Rows) -> float:
    """Mean negative log probability of the truth, in nats."""
    chosen = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def brier(probabilities: npt.NDArray[np.float32], truth: Rows) -> float:
    """Brier score: mean squared distance to the truth's unit vector, 0 to 2."""
    wanted = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities.astype(np.float64) - wanted) ** 2).sum(axis=1).mean())


def calibration_error(probabilities: npt.NDArray[np.float32], truth: Rows, bins: int = 15) -> float:
    """Expected calibration error over bins of equal counts (Nguyen and O'Connor, EMNLP 2015)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(p) * abs(float(right[p].mean() - confidence[p].mean())) for p in parts]
    return sum(gaps) / len(truth)


def bootstrap(
    statistic_rows: Floats, *, seed: int, rounds: int = 1000, level: float = 0.9
) -> tuple[float, float]:
    """Percentile interval of the mean of ``statistic_rows`` (n,) over resampled images."""
    rng = np.random.default_rng(seed)
    n = len(statistic_rows)
    means = np.array([statistic_rows[rng.integers(0, n, n)].mean() for _ in range(rounds)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
