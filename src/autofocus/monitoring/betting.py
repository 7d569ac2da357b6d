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
UPPER = ((0.08, 8), (0.08, 40), (0.25, 8), (0.25, 40), (0.6, 4), (0.6, 16))
LOWER = ((0.25, 8), (0.6, 4))
WEIGHTS = np.concatenate(
    [
        np.full(len(SLOPES), 0.35 / len(SLOPES)),
        np.full(len(UPPER), 0.5 / len(UPPER)),
        np.full(len(LOWER), 0.15 / len(LOWER)),
    ]
)
# Wealth is capped: beyond e^300 nothing is learnt, and a capped martingale keeps its guarantee.
LOG_CAP = 300.0
# Products of at most this many factors (each between 0.1 and 11) stay inside a float64, also
# when they multiply capped wealth.
MAX_ROWS = 64


def payoffs(p: Floats) -> Floats:
    """What each bet pays at p-values (...): (..., bets), each with mean 1 under uniform p.

    Where p is NaN there was no observation, and every bet pays 1.
    """
    seen = ~np.isnan(p)
    p = np.where(seen, p, 0.5)
    pay = np.empty((*p.shape, len(WEIGHTS)))
    pay[..., : len(SLOPES)] = 1.0 + SLOPES * (p[..., None] - 0.5)
    for sign, first, tails in ((1, len(SLOPES), UPPER), (-1, len(SLOPES) + len(UPPER), LOWER)):
        powers = _powers(p if sign == 1 else 1.0 - p)
        for i, (d, k) in enumerate(tails):
            pay[..., first + i] = (1.0 - d) + d * k * powers[k]
    pay[~seen] = 1.0
    return pay


def _powers(q: Floats) -> dict[int, Floats]:
    """q^(k-1) for the exponents in use, by multiplication: ten times faster than ``**``."""
    q2 = q * q
    q3 = q2 * q
    q4 = q2 * q2
    q7 = q4 * q3
    q8 = q4 * q4
    q16 = q8 * q8
    return {4: q3, 8: q7, 16: q8 * q7, 40: q16 * q16 * q7}


def not_invested(j: npt.NDArray[np.int64] | int) -> Floats:
    """Prior weight of starting points at or after observation j: 1 / (1 + log(1 + j/100)).

    Falls more slowly than any power, so a change after a million images can still be seen.
    """
    return np.asarray(1.0 / (1.0 + np.log1p(np.asarray(j) / 100.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Wealth after each of n observations of s streams.

    mixture, detector (n, s, bets): wealth of the mixture over starts and of the
    Shiryaev-Roberts sum; product (n, s, bets) of the payoffs of this trace; log_e, log_r (n, s):
    log of the weighted means over bets.
    """

    mixture: Floats
    detector: Floats
    product: Floats
    log_e: Floats
    log_r: Floats


class Wealth:
    """The running wealth of all bets on s streams of p-values, in logarithms.

    ``low`` is the lowest point of each bet's log product so far, ``low_at`` and ``low_id`` count
    and id of the image after it: where a change would have begun.
    """

    ARRAYS = ("mixture", "detector", "path", "low", "low_at", "low_id")

    def __init__(self, streams: int) -> None:
        shape = (streams, len(WEIGHTS))
        self.count = 0
        self.mixture = np.full(shape, -np.inf)
        self.detector = np.full(shape, -np.inf)
        self.path = np.zeros(shape)
        self.low = np.full(shape, np.inf)
        self.low_at = np.zeros(shape, np.int64)
        self.low_id = np.full(shape, "", np.str_)

    @property
    def log_e(self) -> Floats:
        """Log of each stream's e-value now, (s,)."""
        return np.asarray(np.log(np.exp(self.mixture) @ WEIGHTS + not_invested(self.count)))

    @property
    def log_r(self) -> Floats:
        """Log of each stream's e-detector now, (s,); -inf before the first observation."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.exp(self.detector) @ WEIGHTS))

    def trace(self, p: Floats) -> Trace:
        """What observing p-values (n <= 64, s) would do; changes nothing."""
        n = len(p)
        product = np.asarray(np.cumprod(payoffs(p), axis=0), np.float64)
        since = np.empty_like(product)  # 1 / product before each observation
        since[0] = 1.0
        np.divide(1.0, product[:-1], out=since[1:])
        prior = not_invested(np.arange(self.count, self.count + n + 1))
        starts = (prior[:-1] - prior[1:])[:, None, None]
        mixture = product * (np.exp(self.mixture) + np.cumsum(starts * since, axis=0))
        detector = product * (np.exp(self.detector) + np.cumsum(since, axis=0))
        return Trace(
            mixture,
            detector,
            product,
            np.log(mixture @ WEIGHTS + prior[1:, None]),
            np.log(detector @ WEIGHTS),
        )

    def commit(self, trace: Trace, rows: npt.NDArray[np.int64], ids: npt.NDArray[np.str_]) -> None:
        """Take over a trace whose observations began with the images ``rows`` and ``ids`` (n,)."""
        n = len(rows)
        # Positions of the last minimum before any observation; the product is 1 before the first.
        before = np.concatenate([np.ones((1, *self.path.shape)), trace.product[:-1]])
        last = n - 1 - np.argmin(before[::-1], axis=0)
        value = self.path + np.log(np.take_along_axis(before, last[None], axis=0)[0])
        lower = value <= self.low
        self.low = np.where(lower, value, self.low)
        self.low_at = np.where(lower, rows[last], self.low_at)
        self.low_id = np.where(lower, ids[last], self.low_id)
        self.count += n
        self.path = self.path + np.log(trace.product[-1])
        self.mixture = np.minimum(np.log(trace.mixture[-1]), LOG_CAP)
        self.detector = np.minimum(np.log(trace.detector[-1]), LOG_CAP)

    def change(
        self,
        trace: Trace,
        i: int,
        stream: int,
        rows: npt.NDArray[np.int64],
        ids: npt.NDArray[np.str_],
        *,
        arl: bool,
    ) -> tuple[int, str]:
        """Count and id of the image where the change began, as seen from observation ``i``.

        The last minimum of the leading bet's log wealth: from there on its product is largest,
        which is the maximum-likelihood starting point for that bet. Call before ``commit``.
        """
        evidence = (trace.detector if arl else trace.mixture)[i, stream] * WEIGHTS
        bet = int(np.argmax(evidence))
        path = np.concatenate([[1.0], trace.product[:i, stream, bet]])
        last = i - int(np.argmin(path[::-1]))
        if self.path[stream, bet] + np.log(path[last]) <= self.low[stream, bet]:
            return int(rows[last]), str(ids[last])
        return int(self.low_at[stream, bet]), str(self.low_id[stream, bet])
