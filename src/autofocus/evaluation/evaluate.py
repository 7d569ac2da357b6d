"""A model on labelled images: metrics with intervals, slices, robustness, gates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation import gates as rules
from autofocus.evaluation import metrics as measure
from autofocus.evaluation.compare import compare
from autofocus.evaluation.robustness import robustness
from autofocus.types.models import Gate, Metric, Predictor, Report

_BATCH = 64
_ROBUSTNESS_IMAGES = 150
_FAILURES = 20
_SLICE_VALUES = 12  # a metadata column with more values names images rather than kinds of them
_TIMED = 24


@dataclass(frozen=True, slots=True)
class EvalSample:
    """A labelled image; ``load`` gives its bytes when they are needed."""

    key: str
    sha256: str
    load: Callable[[], bytes]
    label: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    predictor: Predictor,
    samples: Sequence[EvalSample],
    *,
    gates: GatePolicy,
    champion: Predictor | None = None,
    kind: str = "model",
    project: str = "",
    subject: str = "",
    seed: int = 0,
) -> Report:
    """Test ``predictor`` on ``samples``, against ``champion`` on the very same ones if given.

    Slices are the values of every metadata column with few values. Intervals are 90 %: Wilson's
    for shares, bootstrap for the rest. Robustness uses at most 150 images. Raises InvalidInput
    without samples, for a label that is no class, or if the classes of the two models differ.
    """
    _check(predictor, samples, champion)
    place = {name: i for i, name in enumerate(predictor.classes)}
    truth = np.array([place[s.label] for s in samples], dtype=np.int64)
    both = [predictor] if champion is None else [predictor, champion]
    answers = _answer(both, samples)
    own = answers[0]
    predicted = own.argmax(axis=1)
    right = predicted == truth
    table = measure.confusion(truth, predicted, len(place))
    present = table.sum(axis=1) > 0
    picked = _spread(truth, _ROBUSTNESS_IMAGES, seed)
    images = [samples[i].load() for i in picked]
    robust = robustness(both, images, truth[picked], seed=seed)
    found = [
        *_overall(own, truth, right, seed),
        *_per_class(table, predictor.classes),
        *_per_slice(samples, right),
        Metric("robustness", robust[0].mean, n=robust[0].n),
        *(
            Metric("robustness", robust[0].family(name), n=robust[0].n, slice=f"corruption={name}")
            for name in dict.fromkeys(family for family, _ in robust[0].accuracy)
        ),
    ]
    verdicts: list[Gate] = [
        rules.accuracy_gate(gates, float(right.mean()), len(right)),
        rules.collapse_gate(int(((table.sum(axis=0) > 0) & present).sum()), int(present.sum())),
    ]
    details: dict[str, Any] = {"images": len(samples)}
    if champion is not None:
        theirs = answers[1].argmax(axis=1) == truth
        pair = compare(right, theirs)
        took = _time(both, images)
        found += [
            Metric("champion_accuracy", float(theirs.mean()), *_interval(theirs), len(theirs)),
            Metric("accuracy_difference", pair.difference, pair.low, pair.high, pair.n),
            Metric("champion_robustness", robust[1].mean, n=robust[1].n),
        ]
        verdicts += [
            rules.regression_gate(gates, pair),
            rules.robustness_gate(gates, robust[0].mean, robust[1].mean, robust[0].n),
            rules.latency_gate(gates, took[0], took[1]),
        ]
        details |= {
            "champion": champion.name,
            "gained": [samples[i].key for i in np.flatnonzero(right & ~theirs)[:_FAILURES]],
            "lost": [samples[i].key for i in np.flatnonzero(~right & theirs)[:_FAILURES]],
            "mcnemar_p_value": pair.p_value,
        }
    return Report(
        kind=kind,
        project=project,
        subject=subject or predictor.name,
        classes=predictor.classes,
        metrics=tuple(found),
        gates=tuple(verdicts),
        confusion=tuple(tuple(int(v) for v in row) for row in table),
        failures=_failures(samples, predictor.classes, own, right),
        details=details,
    )


def _check(predictor: Predictor, samples: Sequence[EvalSample], champion: Predictor | None) -> None:
    if not samples:
        raise InvalidInput("There is no labelled image to evaluate on.")
    unknown = sorted({s.label for s in samples} - set(predictor.classes))
    if unknown:
        raise InvalidInput(
            f"Labels {unknown} are no class of {predictor.name} ({list(predictor.classes)})."
        )
    if champion is not None and champion.classes != predictor.classes:
        raise InvalidInput(
            f"{predictor.name} answers {list(predictor.classes)}, {champion.name} answers "
            f"{list(champion.classes)}: they cannot be compared."
        )


def _answer(
    predictors: Sequence[Predictor], samples: Sequence[EvalSample]
) -> list[npt.NDArray[np.float32]]:
    parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in predictors]
    for start in range(0, len(samples), _BATCH):
        batch = [sample.load() for sample in samples[start : start + _BATCH]]
        for k, predictor in enumerate(predictors):
            parts[k].append(predictor.predict(batch).probabilities)
    return [np.concatenate(p) for p in parts]


def _interval(right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    return measure.wilson(int(right.sum()), len(right))


def _overall(
    probabilities: npt.NDArray[np.float32],
    truth: npt.NDArray[np.int64],
    right: npt.NDArray[np.bool_],
    seed: int,
) -> list[Metric]:
    n = len(truth)
    chosen = probabilities[np.arange(n), truth].astype(np.float64)
    low, high = measure.bootstrap(-np.log(np.maximum(chosen, 1e-12)), seed=seed)
    table = measure.confusion(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    _, recall, f1 = measure.precision_recall_f1(table)
    return [
        Metric("accuracy", float(right.mean()), *_interval(right), n),
        Metric("balanced_accuracy", float(np.nanmean(recall)), n=n),
        Metric("macro_f1", float(np.nanmean(f1)), n=n),
        Metric("log_loss", measure.log_loss(probabilities, truth), low, high, n),
        Metric("brier", measure.brier(probabilities, truth), n=n),
        Metric("calibration_error", measure.calibration_error(probabilities, truth), n=n),
        Metric("confidence", float(probabilities.max(axis=1).mean()), n=n),
    ]


def _per_class(table: measure.Table, classes: Sequence[str]) -> list[Metric]:
    precision, recall, f1 = measure.precision_recall_f1(table)
    found = []
    for i, name in enumerate(classes):
        where = f"class={name}"
        true, said, hits = int(table[i].sum()), int(table[:, i].sum()), int(table[i, i])
        if true:
            low, high = measure.wilson(hits, true)
            found.append(Metric("recall", float(recall[i]), low, high, true, where))
            found.append(Metric("f1", float(f1[i]), n=true, slice=where))
        if said:
            low, high = measure.wilson(hits, said)
            found.append(Metric("precision", float(precision[i]), low, high, said, where))
    return found


def _per_slice(samples: Sequence[EvalSample], right: npt.NDArray[np.bool_]) -> list[Metric]:
    columns = sorted({name for sample in samples for name in sample.metadata})
    found = []
    for column in columns:
        rows: dict[str, list[int]] = {}
        for i, sample in enumerate(samples):
            value = sample.metadata.get(column)
            if isinstance(value, (str, int, float, bool)):
                rows.setdefault(str(value), []).append(i)
        if not 0 < len(rows) <= _SLICE_VALUES:
            continue
        for value, index in sorted(rows.items()):
            inside = right[index]
            low, high = _interval(inside)
            found.append(
                Metric("accuracy", float(inside.mean()), low, high, len(index), f"{column}={value}")
            )
    return found


def _spread(truth: npt.NDArray[np.int64], n: int, seed: int) -> npt.NDArray[np.int64]:
    """At most ``n`` rows, drawn once and for all by the seed, in their order."""
    if len(truth) <= n:
        return np.arange(len(truth))
    return np.sort(np.random.default_rng(seed).choice(len(truth), n, replace=False))


def _time(predictors: Sequence[Predictor], images: Sequence[bytes]) -> list[float]:
    """Median seconds per single image; taken in turns, so that both meet the same load."""
    taken: list[list[float]] = [[] for _ in predictors]
    for i in range(_TIMED + 2):
        image = [images[i % len(images)]]
        for k, predictor in enumerate(predictors):
            start = time.perf_counter()
            predictor.predict(image)
            taken[k].append(time.perf_counter() - start)
    return [float(np.median(seconds[2:])) for seconds in taken]


def _failures(
    samples: Sequence[EvalSample],
    classes: Sequence[str],
    probabilities: npt.NDArray[np.float32],
    right: npt.NDArray[np.bool_],
) -> tuple[dict[str, Any], ...]:
    """The wrong answers that the model was surest of."""
    wrong = np.flatnonzero(~right)
    confidence = probabilities.max(axis=1)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:_FAILURES]
    return tuple(
        {
            "key": samples[i].key,
            "sha256": samples[i].sha256,
            "truth": samples[i].label,
            "predicted": classes[int(probabilities[i].argmax())],
            "confidence": round(float(confidence[i]), 4),
        }
        for i in worst
    )
