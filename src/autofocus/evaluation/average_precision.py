"""Average precision and recall as COCO defines them, for any weights of the images.

The definitions are those of the COCO API's ``cocoeval`` (Lin, Dollar 2014), to which the tests hold
every number: everything seen takes, the surest first, the free truth that it overlaps most, at ten
thresholds from 0.50 to 0.95; precision is read at 101 recalls; crowds and objects of another size
are ignored, as is what was seen in them. Own code because its matches are computed once and then
weighed: a bootstrap over a thousand resamples costs little more than the value itself, and nothing
is printed on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autofocus.types.overlap import Bools, Floats, Ints
from autofocus.types.scenes import Scene

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST_SEEN = 100
# Square pixels; both ends belong to the range, as in the reference.
SIZES = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
_ALMOST_ONE = 1 - 1e-10
_TINY = float(np.spacing(1))


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatches:
    """Everything seen of one class in n images, the surest first, and what became of it.

    image, rank (seen,): which image, and how many surer ones of the class are there; right, wrong
    (sizes, thresholds, seen): took a truth, took none (neither: ignored); truths (sizes, n): how
    many there are to find.
    """

    image: Ints
    rank: Ints
    right: Bools
    wrong: Bools
    truths: Floats


def match_classes(scenes: Sequence[Scene], classes: Sequence[str]) -> list[ClassMatches]:
    """Match every class in every image, by COCO's rules."""
    parts: list[list[tuple[Ints, Floats, Ints, Bools, Bools]]] = [[] for _ in classes]
    truths = np.zeros((len(classes), len(SIZES), len(scenes)))
    for n, scene in enumerate(scenes):
        there, said = scene.numbers(classes)
        for k in sorted(set(there.tolist()) | set(said.tolist())):
            if k < 0:
                continue
            rows, columns = np.flatnonzero(there == k), np.flatnonzero(said == k)[:MOST_SEEN]
            crowd = scene.crowd[rows]
            skipped = np.stack([crowd | _outside(scene.truth_area[rows], s) for s in SIZES])
            truths[k, :, n] = (~skipped).sum(axis=1)
            if not len(columns):
                continue
            taken, ignored = _take(scene.overlap[np.ix_(rows, columns)], crowd, skipped)
            away = np.stack([_outside(scene.seen_area[columns], s) for s in SIZES])
            ignored |= ~taken & away[:, None, :]
            parts[k].append(
                (
                    np.full(len(columns), n),
                    scene.scores[columns],
                    np.arange(len(columns)),
                    taken & ~ignored,
                    ~taken & ~ignored,
                )
            )
    return [_joined(found, truths[k]) for k, found in enumerate(parts)]


def _outside(area: Floats, size: str) -> Bools:
    low, high = SIZES[size]
    found: Bools = (area < low) | (area > high)
    return found


def _take(overlap: Floats, crowd: Bools, skipped: Bools) -> tuple[Bools, Bools]:
    """What takes a truth, and what takes one that is ignored: (sizes, thresholds, seen) each.

    ``overlap`` (truths, seen), ``crowd`` (truths,), ``skipped`` (sizes, truths).
    """
    truths, seen = overlap.shape
    shape = (len(skipped), len(IOUS), seen)
    taken, ignored = np.zeros(shape, bool), np.zeros(shape, bool)
    if not truths:
        return taken, ignored
    free = np.ones((*shape[:2], truths), bool)
    least = np.minimum(IOUS, _ALMOST_ONE)[None, :, None]
    apart = skipped[:, None, :]
    where = np.indices(shape[:2])
    for j in np.flatnonzero(overlap.max(axis=0) >= IOUS[0]).tolist():
        reach = free & (overlap[:, j] >= least)
        # One that counts is taken before one that is ignored; of equals the last, as in COCO.
        value = np.where(reach, overlap[:, j] + 2.0 * ~apart, -1.0)
        best = truths - 1 - value[..., ::-1].argmax(axis=2)
        hit = np.take_along_axis(reach, best[..., None], axis=2)[..., 0]
        taken[..., j] = hit
        ignored[..., j] = hit & skipped[where[0], best]
        used = hit & ~crowd[best]
        free[where[0][used], where[1][used], best[used]] = False
    return taken, ignored


def _joined(
    parts: Sequence[tuple[Ints, Floats, Ints, Bools, Bools]], truths: Floats
) -> ClassMatches:
    if not parts:
        none, empty = np.zeros(0, np.int64), np.zeros((len(SIZES), len(IOUS), 0), bool)
        return ClassMatches(none, none, empty, empty, truths)
    image, score, rank, right, wrong = (
        np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)
    )
    order = np.argsort(-score, kind="stable")
    return ClassMatches(image[order], rank[order], right[..., order], wrong[..., order], truths)


def average_precision(
    matches: ClassMatches, weights: Floats, *, size: int = 0, ious: int = len(IOUS)
) -> Floats:
    """Average precision at the first ``ious`` thresholds, (resamples, ious), for weights
    (resamples, n).

    NaN where no weighted image holds the class. ``size`` is the place in ``SIZES``.
    """
    there = weights @ matches.truths[size]
    found = np.zeros((len(weights), ious))
    for t in range(ious):
        right = np.flatnonzero(matches.right[size, t])
        if not len(right):
            continue
        # Precision has its peaks where something right was seen: only there it is computed.
        wrong = np.flatnonzero(matches.wrong[size, t, : right[-1]])
        hits = np.cumsum(weights[:, matches.image[right]], axis=1)
        misses = np.zeros((len(weights), len(wrong) + 1))
        np.cumsum(weights[:, matches.image[wrong]], axis=1, out=misses[:, 1:])
        precision = hits / (hits + misses[:, np.searchsorted(wrong, right)] + _TINY)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = hits / np.where(there > 0, there, 1.0)[:, None]
        found[:, t] = _read(recall, envelope)
    found[there <= 0] = np.nan
    return found


def _read(recall: Floats, precision: Floats) -> Floats:
    """Mean precision at the 101 recalls; 0 for those that are not reached. All (resamples, k)."""
    # Row by row, because a recall that is met exactly must be met exactly.
    at = np.array([np.searchsorted(row, RECALLS, "left") for row in recall])
    padded = np.concatenate([precision, np.zeros((len(recall), 1))], axis=1)
    found: Floats = np.take_along_axis(padded, at, axis=1).mean(axis=1)
    return found


def average_recall(
    matches: ClassMatches, weights: Floats, *, size: int = 0, most: int = MOST_SEEN
) -> Floats:
    """Recall at each threshold with at most ``most`` seen an image, (resamples, thresholds)."""
    there = weights @ matches.truths[size]
    counted = matches.right[size] & (matches.rank < most)
    found: Floats = np.full((len(weights), len(IOUS)), np.nan)
    some = there > 0
    hits = weights[:, matches.image] @ counted.T.astype(np.float64)
    found[some] = hits[some] / there[some, None]
    return found
