"""Model tests of boxes and masks: a model alone or beside the champion, by the policy's gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation import gates as rules
from autofocus.evaluation import shape_gates
from autofocus.evaluation.compare import Paired, compare_losses
from autofocus.evaluation.mistakes import confusion, judge_areas
from autofocus.evaluation.robustness import SHAPE_IMAGES, losses_under
from autofocus.evaluation.samples import (
    BATCH,
    LATENCY_ROUNDS,
    EvalSample,
    seconds_an_image,
)
from autofocus.evaluation.shape_metrics import (
    SLICED,
    ShapeScores,
    difference,
    measure_shapes,
    metric,
    score_scenes,
    sliced,
)
from autofocus.evaluation.slices import fixed_slices, metadata_slices, thirds
from autofocus.imaging.decode import decode
from autofocus.imaging.statistics import statistics
from autofocus.types.codec import encode
from autofocus.types.data import Task
from autofocus.types.geometry import NOTHING, Shapes
from autofocus.types.mistakes import ERRORS, Judgement, Mistake, judge
from autofocus.types.models import Metric, Predictor, Report
from autofocus.types.overlap import Bools, Floats, Ints
from autofocus.types.predictors import background_of, threshold_of
from autofocus.types.scenes import Scene

# Each carries the geometry of its worst mistakes, so that it can be drawn.
FAILURES = 24
MISTAKES_SHOWN = 12
WORST_SLICES = 5


@dataclass(slots=True)
class _Seen:
    """What one pass over the images gave: scenes per predictor, sizes, brightness, some bytes."""

    scenes: list[list[Scene]]
    area: Floats
    brightness: Floats
    kept: list[bytes]
    kept_index: Ints


def evaluate_shapes(
    predictor: Predictor,
    samples: Sequence[EvalSample],
    *,
    task: Task,
    background: Collection[str] | None = None,
    flips: bool = False,
    gates: GatePolicy | None = None,
    champion: Predictor | None = None,
    kind: str = "model",
    project: str = "",
    subject: str = "",
    seed: int = 0,
) -> Report:
    """As ``evaluate.evaluate``, for boxes and masks.

    ``background`` names the classes that are areas (None: those the model names); ``flips``: a
    mirrored image means the same.
    """
    policy = gates or GatePolicy()
    background = background_of(predictor) if background is None else background
    classes = predictor.classes
    _check(predictor, samples, champion)
    predictors = [predictor] if champion is None else [predictor, champion]
    seen = _look(predictors, samples, boxes=task == "detection")
    scores = [
        score_scenes(scenes, classes, threshold=threshold_of(p), background=background)
        for p, scenes in zip(predictors, seen.scenes, strict=True)
    ]
    own = scores[0]
    metadata = [sample.metadata for sample in samples]
    slices = {
        **metadata_slices(metadata),
        **thirds("size", seen.area),
        **thirds("brightness", seen.brightness),
    }
    fixed = fixed_slices(metadata)
    metrics = measure_shapes(own, seed=seed)
    parts = sliced(own, (slices | fixed).items(), seed=seed)
    metrics += parts

    sure = [scene.part(threshold=threshold_of(predictor)) for scene in seen.scenes[0]]
    objects = [scene.part(without=background) for scene in sure]
    judged = [judge(scene) for scene in objects]
    mistakes = [
        [*j.mistakes, *(judge_areas(scene, classes, background) if background else ())]
        for j, scene in zip(judged, sure, strict=True)
    ]

    labels = [_shapes(samples[int(i)]) for i in seen.kept_index]
    under = losses_under(
        predictors, seen.kept, labels, task=task, background=background, flips=flips, seed=seed
    )
    robust = [float(np.mean([loss.mean() for loss in families.values()])) for families in under]
    clean = float(own.losses[seen.kept_index].mean())
    metrics += [
        Metric("robust_loss", float(loss.mean()), n=len(loss), slice=f"corruption={name}")
        for name, loss in under[0].items()
    ]
    metrics.append(Metric("robust_loss", robust[0], n=len(seen.kept)))
    metrics.append(Metric("robustness_drop", robust[0] - clean, n=len(seen.kept)))

    verdicts = [rules.collapse_gate(*_ever_right(own))]
    absolute = shape_gates.headline_gate(own.headline, _find(metrics, own.headline), policy)
    if absolute is not None:
        verdicts.append(absolute)
    details: dict[str, Any] = {
        "images": len(samples),
        "seed": seed,
        "task": task,
        "background": list(background),
        "headline": own.headline,
        "threshold": threshold_of(predictor),
        "mistakes": _tally(mistakes),
        "worst_slices": _worst(parts),
    }
    if champion is not None:
        other = scores[1]
        paired = compare_losses(own.losses, other.losses)
        better, drawn = difference(own, other, own.headline, seed=seed)
        seconds = seconds_an_image(predictors, seen.kept)
        details["champion"] = champion.name
        details["comparison"] = encode(paired)
        details["slices"] = {
            name: encode(compare_losses(own.losses[mask], other.losses[mask]))
            for name, mask in (slices | fixed).items()
        }
        details["champion_robust_loss"] = robust[1]
        details["latency_ms"] = [1000 * value for value in seconds]
        gain = other.losses - own.losses
        for name, order in (("gained", np.argsort(-gain)), ("lost", np.argsort(gain))):
            sign = 1 if name == "gained" else -1
            first = [i for i in order[:FAILURES].tolist() if sign * gain[i] > 1e-9]
            details[name] = [samples[i].key for i in first]
        metrics += _compared(paired, own, other, better, drawn, seconds)
        verdicts += [
            shape_gates.loss_gate(own.losses, other.losses, paired, champion.name, policy),
            shape_gates.headline_drop_gate(own.headline, better, drawn, champion.name, policy),
            shape_gates.slice_gate(own.losses, other.losses, slices, champion.name, policy),
            *shape_gates.fixed_case_gates(own.losses, other.losses, fixed, champion.name),
            shape_gates.robustness_gate(
                robust[0], robust[1], champion.name, len(seen.kept), policy
            ),
            rules.latency_gate(seconds[0], seconds[1], champion.name, policy),
        ]
    return Report(
        kind=kind,
        project=project,
        subject=subject or predictor.name,
        classes=classes,
        metrics=tuple(metrics),
        gates=tuple(verdicts),
        confusion=_confusion(own, objects, judged),
        failures=_failures(samples, sure, own.losses, mistakes),
        details=details,
    )


def _check(predictor: Predictor, samples: Sequence[EvalSample], champion: Predictor | None) -> None:
    if not samples:
        raise InvalidInput(
            "A model is tested on labelled images, and there are none.",
            hint="Import some with --split test, and commit a new version.",
        )
    named = {name for sample in samples for name in _shapes(sample).classes}
    unknown = sorted(named - set(predictor.classes))
    if unknown:
        raise InvalidInput(
            f"Labels {unknown} are no class of {predictor.name} ({list(predictor.classes)})."
        )
    if champion is not None and set(champion.classes) != set(predictor.classes):
        raise InvalidInput(
            f"{predictor.name} answers {list(predictor.classes)}, {champion.name} answers "
            f"{list(champion.classes)}: they cannot be compared."
        )


def _shapes(sample: EvalSample) -> Shapes:
    if not isinstance(sample.label, Shapes):
        raise InvalidInput(
            f"{sample.key} is labelled with one class for the whole image; boxes or masks were "
            "expected."
        )
    return sample.label


def _look(predictors: Sequence[Predictor], samples: Sequence[EvalSample], *, boxes: bool) -> _Seen:
    """One pass: each image is loaded once and shown to every predictor."""
    n = len(samples)
    kept_index = np.unique(np.linspace(0, n - 1, min(n, SHAPE_IMAGES)).astype(np.int64))
    wanted = set(kept_index.tolist())
    scenes: list[list[Scene]] = [[] for _ in predictors]
    area, brightness = np.zeros(n), np.zeros(n)
    kept: list[bytes] = []
    for start in range(0, n, BATCH):
        images = [sample.load() for sample in samples[start : start + BATCH]]
        sizes = []
        for i, data in enumerate(images, start):
            pixels = decode(data)
            sizes.append((pixels.shape[0], pixels.shape[1]))
            area[i] = pixels.shape[0] * pixels.shape[1]
            brightness[i] = statistics(pixels)[0]
            if i in wanted:
                kept.append(data)
        for place, predictor in enumerate(predictors):
            answers = predictor.predict(images).detections
            if len(answers) != len(images):
                raise InvalidInput(
                    f"{predictor.name} gave {len(answers)} lists of detections for {len(images)} "
                    "images: it is no model for boxes or masks."
                )
            for i, (answer, size) in enumerate(zip(answers, sizes, strict=True), start):
                scenes[place].append(Scene(_shapes(samples[i]).shapes, answer, size, boxes))
    return _Seen(scenes, area, brightness, kept, kept_index)


def _ever_right(scores: ShapeScores) -> tuple[Bools, Bools]:
    """Which classes are ever found, and which are there, (classes,) each."""
    right, there = np.zeros(len(scores.classes), bool), np.zeros(len(scores.classes), bool)
    for k, name in enumerate(scores.classes):
        if name in scores.objects:
            place = scores.objects.index(name)
            right[k] = scores.counts.right[:, place, 0].any()
            there[k] = scores.counts.there[:, place].any()
        elif scores.areas is not None:
            right[k] = scores.areas.shared[:, k].any()
            there[k] = scores.areas.there[:, k].any()
    return right, there


def _confusion(
    scores: ShapeScores, objects: Sequence[Scene], judged: Sequence[Judgement]
) -> tuple[tuple[int, ...], ...]:
    """Objects by true and seen class; pixels, where no class is counted by objects."""
    if not scores.objects and scores.areas is not None:
        return tuple(tuple(int(v) for v in row) for row in scores.areas.table)
    return confusion(objects, judged, scores.classes)


def _find(metrics: Sequence[Metric], name: str) -> Metric | None:
    return next((m for m in metrics if m.name == name and not m.slice), None)


def _worst(parts: Sequence[Metric]) -> list[dict[str, Any]]:
    """The parts of the images with the highest mean loss."""
    losses = sorted((m for m in parts if m.name == SLICED[0]), key=lambda m: -m.value)
    return [{"slice": m.slice, "mean_loss": m.value, "n": m.n} for m in losses[:WORST_SLICES]]


def _tally(mistakes: Sequence[Sequence[Mistake]]) -> dict[str, dict[str, int]]:
    """Kind of mistake to class to how many: the class that is there or else the one seen."""
    counts = Counter(
        (m.error, m.truth.label if m.truth else m.seen.label if m.seen else "")
        for found in mistakes
        for m in found
    )
    return {
        error: {name: n for (kind, name), n in sorted(counts.items()) if kind == error}
        for error in ERRORS
    }


def _failures(
    samples: Sequence[EvalSample],
    scenes: Sequence[Scene],
    losses: Floats,
    mistakes: Sequence[Sequence[Mistake]],
) -> tuple[Mapping[str, Any], ...]:
    """The images with the highest losses, each with the mistakes in it, the surest first."""
    order = [i for i in np.argsort(-losses, kind="stable").tolist() if losses[i] > 0][:FAILURES]
    found = []
    for i in order:
        worst = sorted(mistakes[i], key=lambda m: -(m.seen.score if m.seen else 0.0))
        counts = Counter(d.label for d in scenes[i].seen)
        found.append(
            {
                "key": samples[i].key,
                "sha256": samples[i].sha256,
                "loss": round(float(losses[i]), 6),
                "truth": _shapes(samples[i]).words,
                "predicted": _words(counts),
                "confidence": round(max((m.seen.score for m in worst if m.seen), default=0.0), 6),
                "height": scenes[i].size[0],
                "width": scenes[i].size[1],
                "errors": dict(sorted(Counter(m.error for m in worst).items())),
                "mistakes": [_told(m) for m in worst[:MISTAKES_SHOWN]],
            }
        )
    return tuple(found)


def _words(counts: Counter[str]) -> str:
    parts = [name if n == 1 else f"{n} {name}" for name, n in sorted(counts.items())]
    return ", ".join(parts) or NOTHING


def _told(mistake: Mistake) -> dict[str, Any]:
    """A mistake as JSON values, with both geometries, so that it can be drawn."""
    truth, seen = mistake.truth, mistake.seen
    return {
        "error": mistake.error,
        "overlap": round(mistake.overlap, 4),
        "truth": truth.label if truth else None,
        "truth_geometry": encode(truth.geometry) if truth else None,
        "predicted": seen.label if seen else None,
        "geometry": encode(seen.geometry) if seen else None,
        "confidence": round(seen.score, 4) if seen else None,
    }


def _compared(
    paired: Paired,
    own: ShapeScores,
    other: ShapeScores,
    better: float,
    drawn: Floats,
    seconds: Sequence[float],
) -> list[Metric]:
    n, name = len(own), own.headline
    return [
        Metric("champion_mean_loss", float(other.losses.mean()), n=n),
        # Of losses, less is better: the model's less the champion's.
        Metric("mean_loss_difference", -paired.difference, -paired.high, -paired.low, n),
        Metric(f"champion_{name}", other.value(name), n=n),
        metric(f"{name}_difference", "", better, drawn, n),
        Metric("latency_ratio", seconds[0] / seconds[1], n=LATENCY_ROUNDS),
    ]
