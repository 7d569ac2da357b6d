"""Which of the things seen is which of the things that are there.

Loads numpy, as :mod:`autofocus.types.rle` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autofocus.types.overlap import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Who took whom in one image.

    truth (seen,): place of the truth that each thing seen took, -1 for none; ignored (seen,):
    lies in a crowd and is neither right nor wrong; found (truths,): was taken.
    """

    truth: Ints
    ignored: Bools
    found: Bools


def match(overlap: Floats, allowed: Bools, crowd: Bools, *, iou: float) -> Matches:
    """Let everything seen, in its order, take the free truth that it overlaps most.

    ``overlap`` (truths, seen) as :func:`overlap.overlaps` gives it, at least ``iou`` to count;
    ``allowed`` (truths, seen): may take it, because the class is the same; ``crowd`` (truths,):
    takes in any number of things and is not taken.
    """
    truths, seen = overlap.shape
    taken = np.full(seen, -1, np.int64)
    ignored = np.zeros(seen, bool)
    found = np.zeros(truths, bool)
    fits = np.where(allowed & (overlap >= iou), overlap, -1.0)
    single = np.where(crowd[:, None], -1.0, fits)
    for j in np.flatnonzero(fits.max(axis=0, initial=-1.0) >= 0).tolist():
        i = int(single[:, j].argmax()) if truths else -1
        if single[i, j] >= 0:
            taken[j], found[i] = i, True
            single[i] = -1.0
        else:
            ignored[j] = bool((fits[crowd, j] >= 0).any())
    return Matches(taken, ignored, found)
