"""How good is the model now? An estimate with an interval, narrowed by labels.

Good means accuracy, or for boxes and masks 1 - the mean loss an image (``evaluation.losses``).

Without labels this is triage, not a verdict: no label-free method is safe under every shift.
What is proven is proven by :mod:`autofocus.monitoring.evidence`. Three signals are used:

- difference of confidences: the labelled reference's accuracy plus the change of the mean
  temperature-scaled confidence (Guillory et al., ICCV 2021);
- shifted agreement, where a second model has answered both sides: reference accuracy plus the
  change of the agreement rate (Jiang et al., ICLR 2022, anchored at the reference);
- an error model calibrated on corrupted copies of the reference whose truth is known.

The half width comes from families of corruption left out of that calibration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.monitoring.evidence import loss_lower, loss_upper
from autofocus.monitoring.reference import Reference
from autofocus.types.answers import OUTPUTS
from autofocus.types.production import Window

Floats = npt.NDArray[np.float64]

# Half width, at 90 %, assumed for a model whose bundle holds no calibration.
DEFAULT_BAND = 0.10
FEATURES = ("confidence_drop", "entropy_rise", "distance_rise", "low_confidence_rise")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Accuracy on a window: ``low`` to ``high`` holds it with about 90 % where calibrated.

    ``method`` names what was used, ``note`` says in words how far to trust it. ``value`` is None
    when nothing is known.
    """

    value: float | None
    low: float | None
    high: float | None
    method: str
    note: str = ""
    labels: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The content of a bundle's ``estimator.json``.

    Each point is one corruption of the reference at one severity: {"family", "severity",
    "features": {name: value}, "drop": true drop of accuracy}. ``band90`` is the 90 % quantile of
    the absolute error of predicting the drop of a family left out, None to compute it here.
    """

    points: tuple[Mapping[str, Any], ...]
    band90: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """From the parsed file; raises InvalidInput if it lacks its points."""
        points = data.get("points")
        if not isinstance(points, list):
            raise InvalidInput("estimator.json needs a list 'points'.")
        band = data.get("band90")
        return cls(tuple(points), None if band is None else float(band))

    @classmethod
    def read(cls, folder: Path) -> Calibration | None:
        """From a bundle's folder; None if it has none."""
        path = folder / "estimator.json"
        return cls.from_json(json.loads(path.read_text())) if path.exists() else None


def shift_features(
    reference: Reference,
    probabilities: npt.NDArray[np.float32],
    whitened: npt.NDArray[np.float32],
) -> dict[str, float]:
    """How answers changed against the reference, as the error model sees it.

    Fall of the mean confidence, rise of the mean entropy (nats), rise of the log mean squared
    Mahalanobis distance, rise of the share of answers below the reference's 10 % quantile.
    """
    old = np.asarray(reference.probabilities, np.float64)
    new = np.asarray(probabilities, np.float64)
    line = np.quantile(old.max(axis=1), 0.1)
    return {
        "confidence_drop": float(old.max(axis=1).mean() - new.max(axis=1).mean()),
        "entropy_rise": float(_entropy(new).mean() - _entropy(old).mean()),
        "distance_rise": float(_log_distance(whitened) - _log_distance(reference.whitened)),
        "low_confidence_rise": float((new.max(axis=1) < line).mean() - 0.1),
    }


def estimate_accuracy(
    reference: Reference,
    window: Window,
    calibration: Calibration | None = None,
    *,
    agreement: tuple[float, float] | None = None,
    labels: LabelledSample | None = None,
) -> Estimate:
    """Estimated accuracy of the model on ``window``.

    ``reference`` must hold truths. ``agreement`` is the rate at which a second model agrees with
    this one on (reference, window). ``labels`` are answers for rows of the window.
    """
    if labels is not None and len(labels.loss) > 0:
        return estimate_from_labels(labels)
    losses = reference.losses
    if len(losses) == 0:
        return Estimate(None, None, None, "none", "The reference has no labels to start from.")
    if len(window) == 0:
        return Estimate(None, None, None, "none", "No predictions yet.")
    base = 1.0 - float(losses.mean())
    features = shift_features(reference, window.probabilities, window.whitened)
    values = {"confidence": base - _score_drop(reference, window, features)}
    if agreement is not None:
        values["agreement"] = base + (agreement[1] - agreement[0])
    band, note = DEFAULT_BAND, "The interval is a rule of thumb: the model has no calibration."
    if calibration is not None and len(calibration.points) >= 8:
        drop, left_out = _predict_drop(calibration, features)
        values["calibrated"] = base - drop
        band = left_out if calibration.band90 is None else calibration.band90
        note = ""
        if _outside(calibration, features):
            band *= 2.0
            note = "The images differ more than anything the estimate was calibrated on."
    # Sampling error of the reference and of the window, beside the method's own.
    noise = 1.645 * np.sqrt(losses.var() / len(losses) + losses.var() / len(window))
    # Signals fail in different ways; the median is not led astray by one of them.
    value = float(np.clip(np.median(list(values.values())), 0.0, 1.0))
    half = float(np.sqrt(band**2 + noise**2)) if _shifted(features) else float(noise)
    return Estimate(
        value,
        max(0.0, value - half),
        min(1.0, value + half),
        "+".join(sorted(values)),
        note,
    )


def _score_drop(reference: Reference, window: Window, features: Mapping[str, float]) -> float:
    """By how much the model became less sure: of the objects it sees, or of its class."""
    if reference.outputs is None or not reference.outputs.shape[1]:
        return features["confidence_drop"]
    score = OUTPUTS.index("score")
    return float(reference.outputs[:, score].mean() - window.outputs[:, score].mean())


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSample:
    """Labelled rows: loss (n,) from 0 to 1; stratum (n,) int64; ``sizes`` maps stratum to how many
    images of the population it stands for (equal chances within a stratum)."""

    loss: Floats
    stratum: npt.NDArray[np.int64] | None = None
    sizes: Mapping[int, float] | None = None


def estimate_from_labels(labels: LabelledSample, *, level: float = 0.9) -> Estimate:
    """Stratified estimate with an interval by :func:`loss_upper`, or a stratified normal one."""
    n = len(labels.loss)
    alpha = (1.0 - level) / 2.0
    if labels.stratum is None or labels.sizes is None or len(labels.sizes) < 2:
        return Estimate(
            1.0 - float(labels.loss.mean()),
            1.0 - loss_upper(labels.loss, alpha),
            1.0 - loss_lower(labels.loss, alpha),
            "labels",
            labels=n,
        )
    from scipy.stats import norm

    total = float(sum(labels.sizes.values()))
    value = variance = unknown = 0.0
    for stratum, size in labels.sizes.items():
        inside = 1.0 - labels.loss[labels.stratum == stratum]
        share = size / total
        if len(inside) == 0:
            unknown += share
            continue
        # One pseudo-answer of each kind in the spread: zero errors in few labels is not certainty.
        shrunk = (float(inside.sum()) + 1.0) / (len(inside) + 2.0)
        value += share * float(inside.mean())
        variance += share**2 * shrunk * (1.0 - shrunk) / len(inside)
    half = float(norm.ppf(1.0 - alpha)) * float(np.sqrt(variance))
    middle = value + unknown * value / max(1.0 - unknown, 1e-9)
    return Estimate(
        float(np.clip(middle, 0.0, 1.0)),
        float(np.clip(value - half, 0.0, 1.0)),
        float(np.clip(value + unknown + half, 0.0, 1.0)),
        "labels, stratified",
        "" if unknown == 0 else f"{100 * unknown:.0f} % of the images have no labels yet.",
        n,
    )


def band_by_left_out_families(points: Sequence[Mapping[str, Any]]) -> float:
    """90 % quantile of |predicted - true drop| with the point's whole family left out."""
    families = sorted({str(p["family"]) for p in points})
    missed: list[float] = []
    for family in families:
        rest = [p for p in points if str(p["family"]) != family]
        for point in points:
            if str(point["family"]) == family:
                predicted = _interpolate(rest, point["features"])
                missed.append(abs(predicted - float(point["drop"])))
    return float(np.quantile(missed, 0.9)) if missed else DEFAULT_BAND


def _predict_drop(calibration: Calibration, features: Mapping[str, float]) -> tuple[float, float]:
    band = (
        band_by_left_out_families(calibration.points)
        if calibration.band90 is None
        else calibration.band90
    )
    return _interpolate(calibration.points, features), band


def _interpolate(points: Sequence[Mapping[str, Any]], features: Mapping[str, float]) -> float:
    """Drop at ``features``: ridge regression of the known drops on the known features."""
    names = _names(points, features)
    x = np.array([[float(p["features"][n]) for n in names] for p in points])
    y = np.array([float(p["drop"]) for p in points])
    here = np.array([float(features[n]) for n in names])
    scale = x.std(axis=0) + 1e-9
    # No intercept: no change of the answers predicts no drop.
    a, b = x / scale, here / scale
    beta = np.linalg.solve(a.T @ a + 1.0 * np.eye(len(names)), a.T @ y)
    return float(np.clip(b @ beta, -0.05, 1.0))


def _names(points: Sequence[Mapping[str, Any]], features: Mapping[str, float]) -> list[str]:
    shared = [n for n in FEATURES if n in features and all(n in p["features"] for p in points)]
    if not shared:
        raise InvalidInput(
            f"estimator.json shares no feature with {list(FEATURES)}.",
            hint="Train the model again with this version of autofocus.",
        )
    return shared


def _outside(calibration: Calibration, features: Mapping[str, float]) -> bool:
    """Whether the images lie further out than every calibrated corruption."""
    names = _names(calibration.points, features)
    return any(
        features[n] > 1.25 * max(float(p["features"][n]) for p in calibration.points) for n in names
    )


def _shifted(features: Mapping[str, float]) -> bool:
    return abs(features["confidence_drop"]) > 0.01 or features["distance_rise"] > 0.15


def _entropy(p: Floats) -> Floats:
    result: Floats = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)
    return result


def _log_distance(whitened: npt.NDArray[np.float32]) -> float:
    x = np.asarray(whitened, np.float64)
    return float(np.log((x * x).sum(axis=1).mean() + 1e-9))
