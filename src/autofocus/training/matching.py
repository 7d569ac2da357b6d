"""How right what a model sees is: what a score means, from which one on it counts.

Works on overlaps, so boxes and masks are one. An evaluation of its own, with intervals and
slices, is in :mod:`autofocus.evaluation`; this is what a training needs of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autofocus.types.matching import match
from autofocus.types.overlap import Bools, Floats, Ints

IOU = 0.5
# Scores are asked at so many places when the best threshold is looked for.
_THRESHOLDS = np.linspace(0.05, 0.95, 37)
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a model saw in one image beside what is there.

    overlap (truths, seen): intersection over union of each pair; truth (truths,) and seen (seen,):
    class indices; scores (seen,), falling; judged (truths,) bool, False for a crowd, in whose row
    ``overlap`` is the share of what was seen that lies in it. areas (k, 4): for classes that are
    areas, the pixels that truth and answer share, that either has, that the truth has, and the
    answer's score.
    """

    overlap: Floats
    truth: Ints
    seen: Ints
    scores: Floats
    judged: Bools
    areas: Floats


def hits(found: Found, iou: float = IOU) -> npt.NDArray[np.int8]:
    """For each seen object 1 if it takes one that is there, 0 if not, -1 if it lies in a crowd.

    The surest takes first, the one of its class that it overlaps most, each once.
    """
    same: Bools = found.truth[:, None] == found.seen[None, :]
    matches = match(found.overlap, same, ~found.judged, iou=iou)
    return np.where(matches.ignored, -1, matches.truth >= 0).astype(np.int8)


def qualities(founds: Sequence[Found], threshold: float) -> Floats:
    """How right the answer about each image is, 0 to 1, if scores count from ``threshold``.

    The F1 of its objects, the mean intersection over union of its areas, the mean of both where
    it has both; 1 where nothing is there and nothing was seen.
    """
    return _qualities(founds, [hits(found) for found in founds], threshold)


def _qualities(
    founds: Sequence[Found], taken: Sequence[npt.NDArray[np.int8]], threshold: float
) -> Floats:
    result = np.ones(len(founds))
    for i, (found, hit) in enumerate(zip(founds, taken, strict=True)):
        parts = []
        sure = (found.scores >= threshold) & (hit >= 0)
        there = int(found.judged.sum())
        if there or sure.any():
            parts.append(2.0 * int((hit[sure] == 1).sum()) / (there + int(sure.sum())))
        shared, either, in_truth, score = found.areas.T
        # An answer that does not count shares nothing with what is there.
        shared = np.where(score >= threshold, shared, 0.0)
        counts = (in_truth > 0) | (score >= threshold)
        if counts.any():
            parts.append(float((shared[counts] / either[counts]).mean()))
        if parts:
            result[i] = float(np.mean(parts))
    return result


def best_threshold(founds: Sequence[Found]) -> float:
    """The score from which on answers count for the best of the images; the middle of the best
    ones where several are alike. 0.5 without images."""
    if not founds:
        return 0.5
    taken = [hits(found) for found in founds]
    mean = np.array([_qualities(founds, taken, t).mean() for t in _THRESHOLDS])
    alike = np.flatnonzero(mean >= mean.max() - 1e-9)
    # The longest stretch that holds the first of the best: not between two peaks.
    stretch = alike[: int(np.argmax(np.append(np.diff(alike) > 1, True))) + 1]
    return round(float(_THRESHOLDS[stretch[len(stretch) // 2]]), 4)


def fit_scores(founds: Sequence[Found]) -> tuple[float, float]:
    """Slope and offset that make of the logit of a score how often it is right.

    Platt's scaling with his two pseudo-answers (1999), the slope within 0.25..10 so that it stays
    a rising one.
    """
    from scipy.optimize import minimize

    taken = [hits(found) for found in founds]
    right = np.concatenate([np.zeros(0), *taken])
    scores = np.concatenate([np.zeros(0), *(found.scores for found in founds)])
    scores, right = scores[right >= 0], right[right >= 0]
    yes, no = int((right == 1).sum()), int((right == 0).sum())
    if yes == 0 or no == 0:
        return 1.0, 0.0
    logit = np.log(np.clip(scores, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(scores, 1e-6, 1 - 1e-6))
    goal = np.where(right == 1, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(values: Floats) -> float:
        z = np.clip(values[0], 0.25, 10.0) * logit + values[1]
        return float(np.mean(np.logaddexp(0.0, z) - goal * z))

    best = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return float(np.clip(best.x[0], 0.25, 10.0)), float(np.clip(best.x[1], -20.0, 20.0))


def mean_average_precision(founds: Sequence[Found], iou: float = IOU) -> float:
    """Mean over the classes of the area under precision over recall (101 places, as COCO's);
    nan if nothing is there to be found."""
    taken = [hits(found, iou) for found in founds]
    truths = [f.truth[f.judged] for f in founds]
    classes = np.unique(np.concatenate([np.zeros(0, np.int64), *truths]))
    values = []
    for c in classes.tolist():
        total = sum(int(((f.truth == c) & f.judged).sum()) for f in founds)
        mine = [(f.seen == c) & (hit >= 0) for f, hit in zip(founds, taken, strict=True)]
        scores = np.concatenate([f.scores[m] for f, m in zip(founds, mine, strict=True)])
        right = np.concatenate([hit[m] for hit, m in zip(taken, mine, strict=True)]) == 1
        right = right[np.argsort(-scores, kind="stable")]
        recall = np.cumsum(right) / total
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        place = np.searchsorted(recall, _RECALLS, side="left")
        values.append(float(np.append(precision, 0.0)[np.minimum(place, len(right))].mean()))
    return float(np.mean(values)) if values else float("nan")
