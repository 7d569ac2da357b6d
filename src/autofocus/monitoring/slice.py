"""A drifted slice as a fixed rule, so that new images can be told to lie in it or not.

A diagnosis names the drifted rows of one window. Comparing two models on that slice needs the same
rule for later rows, fixed before their labels are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autofocus.monitoring.diagnosis import features, ridge_logistic
from autofocus.monitoring.reference import Reference
from autofocus.types.production import Window


@dataclass(frozen=True, slots=True)
class SliceRule:
    """A linear rule over standardised features: in the slice where the log odds exceed 0.

    middle, spread (d,) standardise the features of :func:`diagnosis.features`; weights (1 + d,),
    intercept first. Plain tuples, so a rule can be kept in a row.
    """

    middle: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]

    @classmethod
    def fit(cls, reference: Reference, drifted: Window) -> SliceRule:
        """Tell drifted rows from the reference; both sides weigh the same."""
        old, new = features(reference), features(Reference.from_window(drifted))
        middle, spread = old.mean(axis=0), old.std(axis=0) + 1e-9
        x = (np.concatenate([old, new]) - middle) / spread
        y = np.concatenate([np.zeros(len(old)), np.ones(len(new))])
        weights = ridge_logistic(x, y, np.ones(len(y)))
        return cls(tuple(middle.tolist()), tuple(spread.tolist()), tuple(weights.tolist()))

    def contains(self, window: Window) -> npt.NDArray[np.bool_]:
        """Which rows lie in the slice, (n,) bool."""
        if len(window) == 0:
            return np.zeros(0, dtype=bool)
        x = features(Reference.from_window(window))
        x = (x - np.asarray(self.middle)) / np.asarray(self.spread)
        weights = np.asarray(self.weights)
        inside: npt.NDArray[np.bool_] = x @ weights[1:] + weights[0] > 0.0
        return inside
