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

_BEFORE = np.tri(64, 64, -1, dtype=bool)


def online_p_values(bag: Scores, scores: Scores, ties: Floats) -> Floats:
    """P-values (n,) of ``scores`` (n,), each ranked in the sorted ``bag`` and its predecessors.

    ``ties`` (n,) are uniform in (0, 1) and break ties at random: p_i = (number smaller +
    u_i (number equal + 1)) / (size + 1), the newest counted among the equal.
    """
    n = len(scores)
    smaller = np.searchsorted(bag, scores, side="left")
    equal = np.searchsorted(bag, scores, side="right") - smaller
    before = _BEFORE[:n, :n] if n <= len(_BEFORE) else np.tri(n, n, -1, dtype=bool)
    smaller += np.count_nonzero((scores[None, :] < scores[:, None]) & before, axis=1)
    equal += np.count_nonzero((scores[None, :] == scores[:, None]) & before, axis=1)
    return np.asarray((smaller + ties * (equal + 1)) / (len(bag) + 1 + np.arange(n)))


def merge(bag: Scores, scores: Scores) -> Scores:
    """The sorted bag with ``scores`` put in."""
    scores = np.sort(scores)
    out = np.empty(len(bag) + len(scores), np.float32)
    place = np.searchsorted(bag, scores) + np.arange(len(scores))
    old = np.ones(len(out), bool)
    old[place] = False
    out[place] = scores
    out[old] = bag
    return out


def thin(size: int, keep: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Sorted positions of a random subset of ``keep`` out of ``size``."""
    return np.sort(rng.permutation(size)[:keep])
