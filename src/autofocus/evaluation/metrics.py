"""Metrics of classification with intervals.

Every metric is written for a matrix of weights (resamples, n), so that the bootstrap is a matrix
product and the metric itself is the case of one row of ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.types.models import Metric

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 1000
BINS = 15
# Weights of this many resamples times images are held at once.
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model said to n images, and the truth.

    probabilities float64 (n, classes); truth (n,) class index.
    """

    probabilities: Floats
    truth: Rows

    def __post_init__(self) -> None:
        if len(self.probabilities) != len(self.truth) or len(self.truth) == 0:
            raise InvalidInput(
                f"Metrics need answers and truths of the same images, got "
                f"{len(self.probabilities)} and {len(self.truth)}."
            )

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def predicted(self) -> Rows:
        """Class index of each answer, (n,)."""
        result: Rows = self.probabilities.argmax(axis=1)
        return result

    @property
    def confidence(self) -> Floats:
        """Highest probability of each answer, (n,)."""
        result: Floats = self.probabilities.max(axis=1)
        return result

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each answer is right, (n,)."""
        result: npt.NDArray[np.bool_] = self.predicted == self.truth
        return result

    def take(self, index: npt.NDArray[np.bool_] | Rows) -> Answers:
        """Some of the images, by mask or index."""
        return Answers(self.probabilities[index], self.truth[index])


def wilson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a proportion (Wilson, JASA 1927); (0, 1) for no observation."""
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + level / 2))
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, float(middle - half))
    high = 1.0 if successes == n else min(1.0, float(middle + half))
    return low, high


# -- weighted metrics: weights (resamples, n) to values (resamples,) ----------------------------

Weighted = Callable[[Answers, Floats], Floats]


def _per_class(answers: Answers, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted true positives, truths and answers of each class, each (resamples, classes)."""
    eye = np.eye(answers.probabilities.shape[1])
    truth, predicted = eye[answers.truth], eye[answers.predicted]
    return weights @ (truth * predicted), weights @ truth, weights @ predicted


def _ratio(a: Floats, b: Floats) -> Floats:
    result: Floats = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
    return result


def accuracy(answers: Answers, weights: Floats) -> Floats:
    """Share of right answers."""
    result: Floats = weights @ answers.correct.astype(np.float64) / weights.sum(axis=1)
    return result


def balanced_accuracy(answers: Answers, weights: Floats) -> Floats:
    """Mean recall over the classes that occur."""
    hits, truths, _ = _per_class(answers, weights)
    result: Floats = _ratio(hits, truths).sum(axis=1) / np.maximum((truths > 0).sum(axis=1), 1)
    return result


def macro_f1(answers: Answers, weights: Floats) -> Floats:
    """Mean F1 over the classes that occur as truth or answer."""
    hits, truths, answered = _per_class(answers, weights)
    f1 = _ratio(2 * hits, truths + answered)
    result: Floats = f1.sum(axis=1) / np.maximum((truths + answered > 0).sum(axis=1), 1)
    return result


def log_loss(answers: Answers, weights: Floats) -> Floats:
    """Mean of -log(probability of the truth), in nats."""
    eps = float(np.finfo(np.float32).eps)
    right = answers.probabilities[np.arange(len(answers)), answers.truth]
    result: Floats = weights @ -np.log(np.clip(right, eps, 1.0)) / weights.sum(axis=1)
    return result


def brier(answers: Answers, weights: Floats) -> Floats:
    """Mean squared distance of the probabilities to the truth, 0..2 (Brier, 1950)."""
    truth = np.eye(answers.probabilities.shape[1])[answers.truth]
    distance = ((answers.probabilities - truth) ** 2).sum(axis=1)
    result: Floats = weights @ distance / weights.sum(axis=1)
    return result


def calibration_error(answers: Answers, weights: Floats) -> Floats:
    """Expected calibration error in 15 equal bins (Naeini et al., AAAI 2015)."""
    bins = np.minimum((answers.confidence * BINS).astype(np.int64), BINS - 1)
    gaps = (answers.confidence - answers.correct)[:, None] * np.eye(BINS)[bins]
    result: Floats = np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)
    return result


def auc(answers: Answers, weights: Floats) -> Floats:
    """Area under the ROC curve of the second of two classes; ties count half.

    NaN where only one class was drawn.
    """
    scores, place = np.unique(answers.probabilities[:, 1], return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(scores)))
    positive = answers.truth[order] == 1
    drawn = weights[:, order]
    up = np.add.reduceat(drawn * positive, starts, axis=1)
    down = np.add.reduceat(drawn * ~positive, starts, axis=1)
    below = np.cumsum(down, axis=1) - down
    pairs = up.sum(axis=1) * down.sum(axis=1)
    won = (up * (below + 0.5 * down)).sum(axis=1)
    result: Floats = np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return result


METRICS: Mapping[str, Weighted] = {
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "log_loss": log_loss,
    "brier": brier,
    "calibration_error": calibration_error,
}


def value(metric: Weighted, answers: Answers) -> float:
    """The metric itself."""
    return float(metric(answers, np.ones((1, len(answers))))[0])


def bootstrap(
    metrics: Mapping[str, Weighted],
    answers: Answers,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of several metrics over the same resampled images."""
    drawn: dict[str, list[Floats]] = {name: [] for name in metrics}
    for weights in resampled(len(answers), seed=seed, resamples=resamples):
        for name, metric in metrics.items():
            drawn[name].append(metric(answers, weights))
    return {name: percentiles(np.concatenate(parts), level) for name, parts in drawn.items()}


def resampled(n: int, *, seed: int, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """How often each of ``n`` images is drawn in each resample, a few rows of (., n) at a time."""
    rng = np.random.default_rng(seed)
    left = resamples
    while left > 0:
        count = max(1, min(left, _CHUNK // n))
        picks = rng.integers(0, n, (count, n)) + np.arange(count)[:, None] * n
        weights = np.bincount(picks.ravel(), minlength=count * n).reshape(count, n)
        yield weights.astype(np.float64)
        left -= count


def percentiles(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The interval that holds ``level`` of the finite values, (nan, nan) without one."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def measure(answers: Answers, classes: Sequence[str], *, seed: int = 0) -> list[Metric]:
    """All metrics: overall with intervals, and precision, recall and F1 of each class.

    Accuracy and recall have Wilson intervals, the others bootstrap intervals at 95 %.
    """
    n = len(answers)
    right = int(answers.correct.sum())
    found = [Metric("accuracy", right / n, *wilson(right, n), n=n)]
    metrics = dict(METRICS)
    if len(classes) == 2 and len(np.unique(answers.truth)) == 2:
        metrics["auc"] = auc
    intervals = bootstrap(metrics, answers, seed=seed)
    for name, metric in metrics.items():
        found.append(Metric(name, value(metric, answers), *intervals[name], n=n))
    hits, truths, answered = (v[0] for v in _per_class(answers, np.ones((1, n))))
    for i, name in enumerate(classes):
        hit, there, said = int(hits[i]), int(truths[i]), int(answered[i])
        where = f"class={name}"
        if there:
            found.append(Metric("recall", hit / there, *wilson(hit, there), n=there, slice=where))
        if said:
            found.append(Metric("precision", hit / said, *wilson(hit, said), n=said, slice=where))
        if there + said:
            found.append(Metric("f1", 2 * hit / (there + said), n=there, slice=where))
    return found


def confusion(answers: Answers, classes: int) -> tuple[tuple[int, ...], ...]:
    """Counts (classes x classes); rows are the truth."""
    places = answers.truth * classes + answers.predicted
    table = np.bincount(places, minlength=classes * classes).reshape(classes, classes)
    return tuple(tuple(int(v) for v in row) for row in table)
