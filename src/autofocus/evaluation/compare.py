"""Two models on the same images: only where they differ is there something to learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Challenger against champion on ``n`` images.

    ``gained`` images only the challenger answers rightly, ``lost`` only the champion.
    ``difference`` of the accuracies (positive: the challenger is better) with its 90 % interval;
    ``p_value`` of McNemar's exact two-sided test.
    """

    n: int
    gained: int
    lost: int
    difference: float
    low: float
    high: float
    p_value: float


def compare(challenger: Right, champion: Right) -> PairedComparison:
    """Compare by whether each answered rightly, (n,) bool each, in the same order.

    The interval is Agresti and Min's (Statistics in Medicine 2005): half an image is added to
    each cell of the paired table, so that no disagreement in few images is not certainty.
    """
    from scipy.stats import binomtest

    n = len(challenger)
    gained = int((challenger & ~champion).sum())
    lost = int((~challenger & champion).sum())
    if n == 0:
        return PairedComparison(0, 0, 0, 0.0, -1.0, 1.0, 1.0)
    total = n + 2.0
    up, down = (gained + 0.5) / total, (lost + 0.5) / total
    half = 1.6448536269514722 * float(np.sqrt(max(up + down - (up - down) ** 2, 0.0) / total))
    return PairedComparison(
        n=n,
        gained=gained,
        lost=lost,
        difference=(gained - lost) / n,
        low=max(-1.0, up - down - half),
        high=min(1.0, up - down + half),
        p_value=float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
    )
