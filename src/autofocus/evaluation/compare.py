"""Two models on the same images: only the images on which they differ tell them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput

Correct = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_DRAWS = 4000
# Weights of this many images times draws are held at once.
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class Paired:
    """A model against another on n images.

    ``wins`` images only the model got right, ``losses`` only the other one; ``difference`` of the
    accuracies (model minus other) with its 95 % interval ``low`` to ``high``; ``p_value`` of the
    exact two-sided McNemar test that both are equally good. Of answers that are wrong by degrees
    (:func:`compare_losses`): images on which the model, or the other, is less wrong; by how much
    less on average; and the p-value of :func:`p_worse_by`, two-sided.
    """

    n: int
    wins: int
    losses: int
    difference: float
    low: float
    high: float
    p_value: float


def compare(model: Correct, other: Correct) -> Paired:
    """Compare by which answers were right, both (n,) bool on the same images."""
    if len(model) != len(other) or len(model) == 0:
        raise InvalidInput(f"A paired comparison needs the same images, got {len(model)} and "
                           f"{len(other)} answers.")  # fmt: skip
    n = len(model)
    wins, losses = int((model & ~other).sum()), int((~model & other).sum())
    low, high = difference_interval(wins, losses, n)
    return Paired(n, wins, losses, (wins - losses) / n, low, high, mcnemar(wins, losses))


def mcnemar(wins: int, losses: int) -> float:
    """p-value of the exact two-sided test that wins and losses are equally likely."""
    if wins + losses == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue)


def score(wins: int, losses: int, n: int, difference: float) -> float:
    """Score statistic, standard normal if the true difference is ``difference``.

    Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17 (1998). Holds its level for few images, and
    for 0 it is McNemar's.
    """
    b = -(wins + losses) + (2 * n - (wins - losses)) * difference
    c = -losses * difference * (1 - difference)
    rare = (np.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * rare + difference * (1 - difference))
    distance = wins - losses - n * difference
    if variance <= 1e-12:
        return 0.0 if abs(distance) < 1e-9 else float(np.sign(distance) * np.inf)
    return float(distance / np.sqrt(variance))


def difference_interval(wins: int, losses: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of the difference of two paired accuracies, by inverting :func:`score`."""
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + level / 2))
    middle = (wins - losses) / n

    def edge(outside: float, target: float) -> float:
        inside = middle
        for _ in range(60):
            half = (inside + outside) / 2
            if (score(wins, losses, n, half) - target) * np.sign(target) < 0:
                inside = half
            else:
                outside = half
        return inside

    return edge(-1.0, z), edge(1.0, -z)


def p_worse(wins: int, losses: int, n: int, margin: float) -> float:
    """One-sided p-value of "the model is worse by at most ``margin``": small proves it is not."""
    from scipy.stats import norm

    return float(norm.cdf(score(wins, losses, n, -margin)))


# -- answers that are wrong by degrees ----------------------------------------------------------


def compare_losses(model: Floats, other: Floats, *, level: float = 0.95) -> Paired:
    """Compare by losses of both on the same images, (n,) each, between 0 and 1.

    The interval holds its level for every n and every distribution of losses, for the price of
    being about 2/n wider than a bootstrap's.
    """
    less = _less_wrong(model, other)
    low, high = (
        float(np.quantile(_means(less, end), quantile))
        for end, quantile in ((-1.0, (1 - level) / 2), (1.0, (1 + level) / 2))
    )
    sides = p_worse_by(model, other, 0.0), p_worse_by(other, model, 0.0)
    wins, losses = int((less > 1e-9).sum()), int((less < -1e-9).sum())
    p_value = 1.0 if not wins + losses else min(1.0, 2 * min(sides))
    return Paired(len(less), wins, losses, float(less.mean()), low, high, p_value)


def p_worse_by(model: Floats, other: Floats, margin: float) -> float:
    """One-sided p-value of "the model's mean loss is higher by at most ``margin``".

    Small proves that it is worse. Gaffke's test of a bounded mean (2005): the differences get
    random weights that sum to 1, and so does one more that speaks for the model as loudly as any
    can; the p-value is how often the weighted mean lies within the margin. Where every image is
    won or lost it is Clopper and Pearson's exact test. A t-test is no choice here: many small
    losses beside a rare large gain make it condemn models that are good enough
    (docs/decisions/2026-11-27-losses-of-shapes.md).
    """
    means = _means(_less_wrong(model, other), 1.0)
    return float((1 + (means >= -margin - 1e-12).sum()) / (1 + len(means)))


def _less_wrong(model: Floats, other: Floats) -> Floats:
    if len(model) != len(other) or len(model) == 0:
        raise InvalidInput(
            f"A paired comparison needs the same images, got {len(model)} and {len(other)} losses."
        )
    both = np.stack([model, other])
    if not (both.min() >= 0.0 and both.max() <= 1.0):  # also refuses nan
        raise InvalidInput("Losses must lie between 0 and 1.")
    less: Floats = both[1] - both[0]
    return less


def _means(values: Floats, end: float) -> Floats:
    """Means of ``values`` (n,) and of ``end`` once, under random weights, (draws,)."""
    rng = np.random.default_rng(0)
    n = len(values)
    parts, left = [], _DRAWS
    while left > 0:
        count = max(1, min(left, _CHUNK // (n + 1)))
        weights = rng.exponential(size=(count, n + 1))
        weighed = weights[:, :n] @ values + weights[:, n] * end
        parts.append(weighed / weights.sum(axis=1))
        left -= count
    return np.concatenate(parts)


def holm(p_values: Mapping[str, float], alpha: float = 0.05) -> set[str]:
    """Names that stay significant when so many were tested (Holm, 1979)."""
    rejected: set[str] = set()
    ordered: Sequence[tuple[str, float]] = sorted(p_values.items(), key=lambda item: item[1])
    for place, (name, p) in enumerate(ordered):
        if p > alpha / (len(ordered) - place):
            break
        rejected.add(name)
    return rejected
