"""Online conformal p-values: the randomised rank of each new score among all scores before it.

Under exchangeability the p-values are independent and uniform (Vovk, Gammerman and Shafer,
Algorithmic Learning in a Random World, ch. 8). The proof goes backwards: given the *bag* of the
first t scores, each of its members is equally likely to be the newest. Three rules keep it true:

- every point enters the bag; a frozen calibration set is not enough, its p-values share one error
  and a martingale on them drifts;
- a full bag is thinned by a random subset drawn without looking at values or at age. Keeping the
  newest with another probability than the rest (reservoir sampling) would leak its rank into the
  bag, and in the limit freeze the calibration;
- the score function may change only with knowledge that is independent of the bag's order; see
  :mod:`autofocus.monitoring.monitor` for the direction score.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]


def online_p_values(bag: Scores, scores: Scores, ties: Floats) -> Floats:
    """P-values (n,) of ``scores`` (n,), each ranked in the sorted ``bag`` and its predecessors.

    ``ties`` (n,) are uniform in (0, 1) and break ties at random: p_i = (number smaller +
    u_i (number equal + 1)) / (size + 1), the newest counted among the equal.
    """
    n = len(scores)
    smaller = np.searchsorted(bag, scores, side="left")
    equal = np.searchsorted(bag, scores, side="right") - smaller
    before = np.tri(n, n, -1, dtype=bool)
    smaller = smaller + ((scores[None, :] < scores[:, None]) & before).sum(axis=1)
    equal = equal + ((scores[None, :] == scores[:, None]) & before).sum(axis=1)
    return np.asarray((smaller + ties * (equal + 1)) / (len(bag) + np.arange(n) + 1))


def merge(bag: Scores, scores: Scores) -> Scores:
    """The sorted bag with ``scores`` put in."""
    scores = np.sort(scores)
    return np.insert(bag, np.searchsorted(bag, scores), scores)


def thin(size: int, keep: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Sorted positions of a random subset of ``keep`` out of ``size``."""
    return np.sort(rng.permutation(size)[:keep])
