"""Metrics of boxes and masks with intervals, all from one pass over the images.

As for classification, everything is written for a matrix of weights (resamples, n): the value is
the case of one row of ones, the bootstrap the case of many.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from autofocus.evaluation.areas import Areas, area_values, measure_areas
from autofocus.evaluation.average_precision import (
    IOUS,
    SIZES,
    ClassMatches,
    average_precision,
    average_recall,
    match_classes,
)
from autofocus.evaluation.losses import scene_loss
from autofocus.evaluation.metrics import percentiles, resampled
from autofocus.types.matching import match
from autofocus.types.models import Metric
from autofocus.types.overlap import Bools, Floats
from autofocus.types.scenes import Scene

Named = dict[tuple[str, str], Floats]  # (metric, slice) to its values, (resamples,)

_MOST_SEEN = (1, 10, 100)
# Things seen times resamples that an interval may cost: seconds, not minutes.
_WORK = 20_000_000
_FEWEST_RESAMPLES, _MOST_RESAMPLES = 100, 1000
# What is looked at in every part of the images.
SLICED = ("mean_loss", "map50", "miou")


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What is right of what a model is sure of, at each threshold of overlap.

    right, wrong (n, classes, thresholds): found, and seen where none is; there (n, classes).
    """

    right: Floats
    wrong: Floats
    there: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ShapeScores:
    """Everything that metrics of n images are made of, computed once.

    ``objects`` are the classes counted one by one, ``classes`` all of the project, each with its
    place. ``losses`` (n,) as in ``losses.image_loss``; ``areas`` None where boxes are compared.
    """

    classes: tuple[str, ...]
    objects: tuple[str, ...]
    losses: Floats
    matches: tuple[ClassMatches, ...]
    counts: Counts
    areas: Areas | None

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def headline(self) -> str:
        """The metric that stands for all: ``map50`` where there are objects, else ``miou``."""
        return "map50" if self.objects else "miou"

    def values(self, weights: Floats, names: Collection[str] = ()) -> Named:
        """Metrics over weighted images (resamples, n): all, or those ``names`` of ``SLICED``."""
        found: Named = {("mean_loss", ""): weights @ self.losses / weights.sum(axis=1)}
        wanted = frozenset(names)
        if self.objects:
            if wanted:
                found["map50", ""] = self._map50(weights)
            else:
                found |= self._precision(weights) | self._recall(weights) | self._sure(weights)
        if self.areas is not None:
            found |= self._areas(self.areas, weights)
        if wanted:
            found = {key: v for key, v in found.items() if key[0] in wanted and not key[1]}
        return found

    def _map50(self, weights: Floats) -> Floats:
        each = [average_precision(m, weights, ious=1) for m in self.matches]
        return _mean(np.stack(each), axis=(0, 2))

    def _precision(self, weights: Floats) -> Named:
        found: Named = {}
        for place, size in enumerate(SIZES):
            each = np.stack([average_precision(m, weights, size=place) for m in self.matches])
            where = "" if size == "all" else f"objects={size}"
            found["map", where] = _mean(each, axis=(0, 2))
            if size != "all":
                continue
            found["map50", ""], found["map75", ""] = _mean(each[..., 0]), _mean(each[..., 5])
            for name, ap in zip(self.objects, each, strict=True):
                found["ap", f"class={name}"] = _mean(ap, axis=1)
                found["ap50", f"class={name}"] = ap[:, 0]
        return found

    def _recall(self, weights: Floats) -> Named:
        found: Named = {}
        for most in _MOST_SEEN:
            each = [average_recall(m, weights, most=most) for m in self.matches]
            found[f"ar{most}", ""] = _mean(np.stack(each), axis=(0, 2))
        for place, size in enumerate(SIZES):
            if size != "all":
                each = [average_recall(m, weights, size=place) for m in self.matches]
                found["ar100", f"objects={size}"] = _mean(np.stack(each), axis=(0, 2))
        return found

    def _sure(self, weights: Floats) -> Named:
        """Precision, recall and F1 of what the model is sure of, overlapping by half or more."""
        c = self.counts
        right = np.tensordot(weights, c.right, 1)  # (resamples, classes, thresholds)
        wrong = np.tensordot(weights, c.wrong, 1)
        there = (weights @ c.there)[..., None]
        found: Named = {}
        f1 = _ratio(2 * right.sum(axis=1), (right + wrong + there).sum(axis=1))
        found["f1", ""], found["f1_over_ious", ""] = f1[:, 0], _mean(f1, axis=1)
        found["precision", ""] = _ratio(right[..., 0].sum(1), (right + wrong)[..., 0].sum(1))
        found["recall", ""] = _ratio(right[..., 0].sum(1), there[..., 0].sum(1))
        for k, name in enumerate(self.objects):
            where, hit, said = f"class={name}", right[:, k, 0], (right + wrong)[:, k, 0]
            found["precision", where] = _ratio(hit, said)
            found["recall", where] = _ratio(hit, there[:, k, 0])
            found["f1", where] = _ratio(2 * hit, said + there[:, k, 0])
        return found

    def _areas(self, areas: Areas, weights: Floats) -> Named:
        values = area_values(areas, weights)
        found: Named = {("pixel_accuracy", ""): values.pop("pixel_accuracy")}
        for name, each in values.items():
            found["miou" if name == "iou" else name, ""] = _mean(each, axis=1)
            if name != "boundary_iou":
                for k, of in enumerate(self.classes):
                    found[name, f"class={of}"] = each[:, k]
        return found

    @property
    def resamples(self) -> int:
        """How many resamples an interval rests on: fewer where very much was seen."""
        seen = sum(len(m.image) for m in self.matches) + len(self)
        return int(np.clip(_WORK // max(1, seen), _FEWEST_RESAMPLES, _MOST_RESAMPLES))

    def value(self, name: str) -> float:
        """One metric over all images; NaN where nothing it speaks of is there."""
        return float(self.values(np.ones((1, len(self))), (name,))[name, ""][0])


def score_scenes(
    scenes: Sequence[Scene],
    classes: Sequence[str],
    *,
    threshold: float,
    background: Collection[str] = (),
) -> ShapeScores:
    """Score n images. ``background`` classes are areas; ``threshold``: how sure is sure."""
    objects = tuple(name for name in classes if name not in background)
    sure = [scene.part(threshold=threshold) for scene in scenes]
    as_objects = [scene.part(without=background) for scene in scenes]
    boxes = bool(scenes) and scenes[0].boxes
    areas = None
    if not boxes:
        parts = [(s.truth, s.seen, s.size) for s in sure]
        areas = measure_areas(parts, classes, background)
    return ShapeScores(
        classes=tuple(classes),
        objects=objects,
        losses=np.array([scene_loss(scene, background) for scene in sure]),
        matches=tuple(match_classes(as_objects, objects)) if objects else (),
        counts=_count([s.part(threshold=threshold) for s in as_objects], objects),
        areas=areas,
    )


def _count(scenes: Sequence[Scene], objects: Sequence[str]) -> Counts:
    shape = (len(scenes), len(objects), len(IOUS))
    right, wrong, there = np.zeros(shape), np.zeros(shape), np.zeros(shape[:2])
    for n, scene in enumerate(scenes):
        truth, seen = scene.numbers(objects)
        there[n] = np.bincount(truth[~scene.crowd], minlength=len(objects))
        same: Bools = truth[:, None] == seen[None, :]
        for t, iou in enumerate(IOUS.tolist()):
            found = match(scene.overlap, same, scene.crowd, iou=iou)
            hits = found.truth >= 0
            right[n, :, t] = np.bincount(seen[hits], minlength=len(objects))
            spare = ~hits & ~found.ignored
            wrong[n, :, t] = np.bincount(seen[spare], minlength=len(objects))
    return Counts(right, wrong, there)


def measure_shapes(scores: ShapeScores, *, seed: int = 0) -> list[Metric]:
    """All metrics with bootstrap intervals over the images; those of absent classes left out."""
    n = len(scores)
    drawn: dict[tuple[str, str], list[Floats]] = {}
    for weights in resampled(n, seed=seed, resamples=scores.resamples):
        for key, values in scores.values(weights).items():
            drawn.setdefault(key, []).append(values)
    return [
        metric(name, where, float(values[0]), np.concatenate(drawn[name, where]), n)
        for (name, where), values in scores.values(np.ones((1, n))).items()
        if np.isfinite(values[0])
    ]


def metric(name: str, where: str, value: float, drawn: Floats, n: int) -> Metric:
    """A metric with the interval of its ``drawn`` values."""
    low, high = percentiles(drawn)
    return (
        Metric(name, value, low, high, n, where)
        if np.isfinite(low)
        else Metric(name, value, n=n, slice=where)
    )


def sliced(
    scores: ShapeScores, slices: Iterable[tuple[str, Bools]], *, seed: int = 0
) -> list[Metric]:
    """The metrics of ``SLICED`` for parts of the images, masks (n,), with intervals."""
    found = []
    for where, mask in slices:
        part, n = mask.astype(np.float64), int(mask.sum())
        drawn: dict[str, list[Floats]] = {}
        for weights in resampled(n, seed=seed, resamples=_FEWEST_RESAMPLES):
            spread = np.zeros((len(weights), len(mask)))
            spread[:, mask] = weights
            for (name, _), values in scores.values(spread, SLICED).items():
                drawn.setdefault(name, []).append(values)
        for (name, _), values in scores.values(part[None, :], SLICED).items():
            if np.isfinite(values[0]):
                found.append(metric(name, where, float(values[0]), np.concatenate(drawn[name]), n))
    return found


def difference(
    model: ShapeScores, other: ShapeScores, name: str, *, seed: int = 0
) -> tuple[float, Floats]:
    """By how much a metric of the model exceeds the other's, and the same over resamples of the
    images, the same ones for both."""
    drawn = []
    few = min(model.resamples, other.resamples)
    for weights in resampled(len(model), seed=seed, resamples=few):
        drawn.append(
            model.values(weights, (name,))[name, ""] - other.values(weights, (name,))[name, ""]
        )
    return model.value(name) - other.value(name), np.concatenate(drawn)


def _ratio(a: Floats, b: Floats) -> Floats:
    result: Floats = np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)
    return result


def _mean(values: Floats, axis: int | tuple[int, ...] = 0) -> Floats:
    """The mean without NaN; NaN where there is nothing else."""
    known = np.isfinite(values)
    total: Floats = np.where(known, values, 0.0).sum(axis=axis)
    return _ratio(total, known.sum(axis=axis).astype(np.float64))
