"""Model tests: a model on labelled images, alone or beside the champion, by the policy's gates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation import gates as rules
from autofocus.evaluation.compare import Paired, compare
from autofocus.evaluation.evaluate_shapes import evaluate_shapes
from autofocus.evaluation.metrics import Answers, confusion, measure, wilson
from autofocus.evaluation.robustness import IMAGES, correct_under
from autofocus.evaluation.samples import BATCH, LATENCY_ROUNDS, EvalSample, seconds_an_image
from autofocus.evaluation.slices import fixed_slices, metadata_slices, thirds
from autofocus.imaging.decode import decode
from autofocus.imaging.statistics import statistics
from autofocus.types.codec import encode
from autofocus.types.data import Task
from autofocus.types.models import Metric, Predictor, Report

FAILURES = 50

Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Seen:
    """What one pass over the images gave: answers per predictor, sizes, brightness, some bytes."""

    answers: list[Answers]
    area: npt.NDArray[np.float64]
    brightness: npt.NDArray[np.float64]
    kept: list[bytes]
    kept_index: npt.NDArray[np.int64]


def evaluate(
    predictor: Predictor,
    samples: Sequence[EvalSample],
    *,
    task: Task = "classification",
    background: Collection[str] | None = None,
    flips: bool = False,
    gates: GatePolicy | None = None,
    champion: Predictor | None = None,
    kind: str = "model",
    project: str = "",
    subject: str = "",
    seed: int = 0,
) -> Report:
    """Measure ``predictor`` on ``samples`` and judge it by ``gates`` (default: the defaults).

    With ``champion`` both answer the same images: the difference is paired, slices are tested for
    non-inferiority, faults healed before must stay healed, robustness and latency are compared.
    Of segmentation, ``background`` names the classes that are areas (None: those that the model
    names); ``flips`` says that a mirrored image means the same, so that boxes and masks are tested
    on mirrored ones, too.
    Raises InvalidInput without samples, for a label that is no class, or if the two models have
    other classes.
    """
    if task != "classification":
        return evaluate_shapes(
            predictor, samples, task=task, background=background, flips=flips, gates=gates,
            champion=champion, kind=kind, project=project, subject=subject, seed=seed,
        )  # fmt: skip
    policy = gates or GatePolicy()
    classes = predictor.classes
    _check(predictor, samples, champion)
    predictors = [predictor] if champion is None else [predictor, champion]
    seen = _look(predictors, samples)
    answers = seen.answers[0]
    metadata = [sample.metadata for sample in samples]
    slices = {
        **metadata_slices(metadata),
        **thirds("size", seen.area),
        **thirds("brightness", seen.brightness),
    }
    fixed = fixed_slices(metadata)
    metrics = measure(answers, classes, seed=seed)
    metrics += [_accuracy(answers.correct, mask, name) for name, mask in (slices | fixed).items()]

    truth = [_class(samples[int(i)]) for i in seen.kept_index]
    under = correct_under(predictors, seen.kept, truth, seed=seed)
    clean = float(answers.correct[seen.kept_index].mean())
    robust = [float(np.mean([right.mean() for right in families.values()])) for families in under]
    metrics += [
        Metric("robust_accuracy", float(right.mean()), n=len(right), slice=f"corruption={name}")
        for name, right in under[0].items()
    ]
    metrics.append(Metric("robust_accuracy", robust[0], n=len(seen.kept)))
    metrics.append(Metric("robustness_drop", clean - robust[0], n=len(seen.kept)))
    table = np.array(confusion(answers, len(classes)))
    verdicts = [rules.collapse_gate(table.diagonal() > 0, table.sum(axis=1) > 0)]
    absolute = rules.accuracy_gate(int(answers.correct.sum()), len(answers), policy)
    if absolute is not None:
        verdicts.append(absolute)
    details: dict[str, Any] = {"images": len(samples), "seed": seed}
    if champion is not None:
        right, other = answers.correct, _matched(seen.answers[1], champion, classes).correct
        paired = compare(right, other)
        # Timed only beside the champion: milliseconds alone say more of the machine.
        seconds = seconds_an_image(predictors, seen.kept)
        details["champion"] = champion.name
        details["comparison"] = encode(paired)
        details["slices"] = {
            name: encode(compare(right[mask], other[mask]))
            for name, mask in (slices | fixed).items()
        }
        details["champion_robust_accuracy"] = robust[1]
        details["latency_ms"] = [1000 * value for value in seconds]
        for name, mask in (("gained", right & ~other), ("lost", ~right & other)):
            details[name] = [samples[i].key for i in np.flatnonzero(mask)[:FAILURES].tolist()]
        metrics += _compared(paired, other, seconds)
        verdicts += [
            rules.drop_gate(paired, champion.name, policy),
            rules.slice_gate(right, other, slices, champion.name, policy),
            *rules.fixed_case_gates(right, other, fixed, champion.name),
            rules.robustness_gate(robust[0], robust[1], champion.name, len(seen.kept), policy),
            rules.latency_gate(seconds[0], seconds[1], champion.name, policy),
        ]
    return Report(
        kind=kind,
        project=project,
        subject=subject or predictor.name,
        classes=classes,
        metrics=tuple(metrics),
        gates=tuple(verdicts),
        confusion=confusion(answers, len(classes)),
        failures=worst_failures(answers, samples, classes),
        details=details,
    )


def worst_failures(
    answers: Answers, samples: Sequence[EvalSample], classes: Sequence[str]
) -> tuple[Mapping[str, Any], ...]:
    """The wrong answers given with most confidence, at most 50."""
    wrong = np.flatnonzero(~answers.correct)
    wrong = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:FAILURES]
    predicted, confidence = answers.predicted, answers.confidence
    return tuple(
        {
            "key": samples[i].key,
            "sha256": samples[i].sha256,
            "truth": _class(samples[i]),
            "predicted": classes[int(predicted[i])],
            "confidence": round(float(confidence[i]), 6),
        }
        for i in wrong.tolist()
    )


def _check(predictor: Predictor, samples: Sequence[EvalSample], champion: Predictor | None) -> None:
    if not samples:
        raise InvalidInput(
            "A model is tested on labelled images, and there are none.",
            hint="Import some with --split test, and commit a new version.",
        )
    unknown = sorted({_class(sample) for sample in samples} - set(predictor.classes))
    if unknown:
        raise InvalidInput(
            f"Labels {unknown} are no class of {predictor.name} ({list(predictor.classes)})."
        )
    if champion is not None and set(champion.classes) != set(predictor.classes):
        raise InvalidInput(
            f"{predictor.name} answers {list(predictor.classes)}, {champion.name} answers "
            f"{list(champion.classes)}: they cannot be compared."
        )


def _class(sample: EvalSample) -> str:
    if not isinstance(sample.label, str):
        raise InvalidInput(
            f"{sample.key} is labelled with shapes; one class for the whole image was expected."
        )
    return sample.label


def _look(predictors: Sequence[Predictor], samples: Sequence[EvalSample]) -> _Seen:
    """One pass: each image is loaded once and shown to every predictor."""
    n = len(samples)
    kept_index = np.unique(np.linspace(0, n - 1, min(n, IMAGES)).astype(np.int64))
    wanted = set(kept_index.tolist())
    parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in predictors]
    area, brightness = np.zeros(n), np.zeros(n)
    kept: list[bytes] = []
    for start in range(0, n, BATCH):
        images = [sample.load() for sample in samples[start : start + BATCH]]
        for place, predictor in enumerate(predictors):
            parts[place].append(predictor.predict(images).probabilities)
        for i, data in enumerate(images, start):
            pixels = decode(data)
            area[i] = pixels.shape[0] * pixels.shape[1]
            brightness[i] = statistics(pixels)[0]
            if i in wanted:
                kept.append(data)
    answers = []
    for predictor, found in zip(predictors, parts, strict=True):
        place_of = {name: i for i, name in enumerate(predictor.classes)}
        truth = np.array([place_of[_class(sample)] for sample in samples], dtype=np.int64)
        answers.append(Answers(np.concatenate(found).astype(np.float64), truth))
    return _Seen(answers, area, brightness, kept, kept_index)


def _matched(answers: Answers, predictor: Predictor, classes: Sequence[str]) -> Answers:
    """The answers with classes in another order."""
    order = np.array([predictor.classes.index(name) for name in classes])
    back = np.argsort(order)
    return Answers(answers.probabilities[:, order], back[answers.truth])


def _accuracy(correct: Mask, mask: Mask, name: str) -> Metric:
    right, n = int(correct[mask].sum()), int(mask.sum())
    return Metric("accuracy", right / n, *wilson(right, n), n=n, slice=name)


def _compared(paired: Paired, other: Mask, seconds: Sequence[float]) -> list[Metric]:
    right, n = int(other.sum()), len(other)
    return [
        Metric("champion_accuracy", right / n, *wilson(right, n), n=n),
        Metric("accuracy_difference", paired.difference, paired.low, paired.high, paired.n),
        Metric("latency_ratio", seconds[0] / seconds[1], n=LATENCY_ROUNDS),
    ]
