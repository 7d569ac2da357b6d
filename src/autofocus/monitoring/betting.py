"""Bets against uniform p-values, and the wealth they earn.

A bet is a density f on [0, 1]: if p is uniform, f(p) multiplies the wealth by 1 on average.

- ``1 + c (p - 1/2)`` notices that scores rise or fall a little everywhere;
- ``1 - d + d k p^(k-1)`` notices that a *share* of images lies in the upper tail: it is close to
  the likelihood ratio of "a share d of the images is new", and loses at most a factor 1 - d per
  ordinary image. Mirrored for the lower tail.

A product of bets that starts with the stream loses its wealth long before a late change. So the
wealth is a mixture over starting points j with prior weights pi_j that sum to 1::

    W_t = sum_{j <= t} pi_j prod_{i=j}^{t} f(p_i) + (what is not yet invested)

which is a martingale with W_0 = 1: by Ville's inequality it ever reaches 1/alpha with probability
at most alpha. A late change costs log(1/pi_j), about log t, instead of everything. The
Shiryaev-Roberts e-detector is the same sum with all pi_j = 1 (Shin, Ramdas and Rinaldo 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SLOPES = np.array([-1.8, -1.2, -0.6, 0.6, 1.2, 1.8])
UPPER = ((0.08, 8.0), (0.08, 40.0), (0.25, 8.0), (0.25, 40.0), (0.6, 4.0), (0.6, 16.0))
LOWER = ((0.25, 8.0), (0.6, 4.0))
_TAIL_D = np.array([d for d, _ in UPPER + LOWER])
_TAIL_K = np.array([k for _, k in UPPER + LOWER])
WEIGHTS = np.concatenate(
    [
        np.full(len(SLOPES), 0.35 / len(SLOPES)),
        np.full(len(UPPER), 0.5 / len(UPPER)),
        np.full(len(LOWER), 0.15 / len(LOWER)),
    ]
)
LOG_WEIGHTS = np.log(WEIGHTS)
# Wealth is capped: beyond e^300 nothing is learnt, and a capped martingale keeps its guarantee.
LOG_CAP = 300.0
# Products of at most this many factors (each between 0.1 and 25) stay inside a float64.
MAX_ROWS = 64


def payoffs(p: Floats) -> Floats:
    """What each bet pays at p-values (n,): (n, bets), each column with mean 1 under uniform p."""
    linear = 1.0 + SLOPES * (p[:, None] - 0.5)
    q = np.empty((len(p), len(_TAIL_D)))
    q[:, : len(UPPER)] = p[:, None]
    q[:, len(UPPER) :] = 1.0 - p[:, None]
    tail = (1.0 - _TAIL_D) + _TAIL_D * _TAIL_K * q ** (_TAIL_K - 1.0)
    return np.concatenate([linear, tail], axis=1)


def not_invested(j: npt.NDArray[np.int64] | int) -> Floats:
    """Prior weight of starting points at or after observation j: 1 / (1 + log(1 + j/100)).

    Falls more slowly than any power, so a change after a million images can still be seen.
    """
    return np.asarray(1.0 / (1.0 + np.log1p(np.asarray(j) / 100.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Wealth after each of n observations.

    mixture, detector (n, bets): log wealth of the mixture over starts and of the
    Shiryaev-Roberts sum; path (n, bets): log product before each observation; log_e, log_r (n,)
    their weighted means over bets.
    """

    mixture: Floats
    detector: Floats
    path: Floats
    last: Floats
    log_e: Floats
    log_r: Floats


class Wealth:
    """The running wealth of all bets on one stream of p-values."""

    def __init__(self) -> None:
        bets = len(WEIGHTS)
        self.count = 0
        self.mixture = np.full(bets, -np.inf)
        self.detector = np.full(bets, -np.inf)
        self.path = np.zeros(bets)
        self.low = np.full(bets, np.inf)
        self.low_at = np.zeros(bets, np.int64)

    @property
    def log_e(self) -> float:
        """Log of the e-value now."""
        value = np.sum(WEIGHTS * np.exp(self.mixture)) + not_invested(self.count)
        return float(np.log(value))

    @property
    def log_r(self) -> float:
        """Log of the e-detector now; -inf before the first observation."""
        value = float(np.sum(WEIGHTS * np.exp(self.detector)))
        return float(np.log(value)) if value > 0 else -np.inf

    def trace(self, p: Floats) -> Trace:
        """What observing p-values (n <= 64,) would do; changes nothing."""
        n = len(p)
        product = np.cumprod(payoffs(p), axis=0)
        before = np.concatenate([np.ones((1, product.shape[1])), product[:-1]])
        prior = not_invested(np.arange(self.count, self.count + n + 1))
        starts = (prior[:-1] - prior[1:])[:, None]
        mixture = product * (np.exp(self.mixture) + np.cumsum(starts / before, axis=0))
        detector = product * (np.exp(self.detector) + np.cumsum(1.0 / before, axis=0))
        return Trace(
            mixture=np.minimum(np.log(mixture), LOG_CAP),
            detector=np.minimum(np.log(detector), LOG_CAP),
            path=self.path + np.log(before),
            last=self.path + np.log(product[-1]),
            log_e=np.log(mixture @ WEIGHTS + prior[1:]),
            log_r=np.log(detector @ WEIGHTS),
        )

    def commit(self, trace: Trace, rows: npt.NDArray[np.int64]) -> None:
        """Take over a trace whose observations were the image counts ``rows`` (n,)."""
        n = len(rows)
        last = n - 1 - np.argmin(trace.path[::-1], axis=0)
        value = trace.path[last, np.arange(trace.path.shape[1])]
        lower = value <= self.low
        self.low = np.where(lower, value, self.low)
        self.low_at = np.where(lower, rows[last], self.low_at)
        self.count += n
        self.mixture = trace.mixture[-1]
        self.detector = trace.detector[-1]
        self.path = trace.last

    def change(self, trace: Trace, i: int, rows: npt.NDArray[np.int64], *, arl: bool) -> int:
        """Image count at which the change began, as seen from observation ``i`` of ``trace``.

        The last minimum of the leading bet's log wealth: from there on its product is largest,
        which is the maximum-likelihood starting point for that bet. Call before ``commit``.
        """
        evidence = (trace.detector if arl else trace.mixture)[i] + LOG_WEIGHTS
        bet = int(np.argmax(evidence))
        path = trace.path[: i + 1, bet]
        last = i - int(np.argmin(path[::-1]))
        return int(rows[last]) if path[last] <= self.low[bet] else int(self.low_at[bet])
