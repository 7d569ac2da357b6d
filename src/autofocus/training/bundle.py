"""The bundle folder: the graph and everything that must travel with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import save_file
from torch import nn

from autofocus.imaging.corruptions import FAMILIES, SEVERITIES, corrupt
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.imaging.statistics import statistics
from autofocus.training.calibration import fit_temperature, fit_whitening
from autofocus.training.export import Floats, Session, export
from autofocus.training.fitting import Pixels, Rows, answer, weights_digest
from autofocus.types.codec import canonical_json, encode
from autofocus.types.models import ModelBundle, RunSpec

GOLDEN_IMAGES = 16
# Enough for a drop known to about two points, and a few seconds for all families.
ESTIMATOR_IMAGES = 200
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Images that no weight was fitted on, in the order of the manifest.

    pixels uint8 (n, h, w, 3); truth (n,); key, sha256 (n,) str; fitted (n,) bool marks those
    that early stopping, temperature and whitening may have seen.
    """

    pixels: Pixels
    truth: Rows
    key: npt.NDArray[np.str_]
    sha256: npt.NDArray[np.str_]
    fitted: npt.NDArray[np.bool_]


def write_bundle(
    folder: Path,
    network: nn.Module,
    spec: RunSpec,
    preprocessing: Preprocessing,
    held: HeldOut,
    lineage: Mapping[str, Any],
) -> ModelBundle:
    """Fit temperature and whitening, write all files into ``folder`` and describe them."""
    folder.mkdir(parents=True, exist_ok=True)
    logits, embedding = (value.numpy() for value in answer(network, held.pixels[held.fitted]))
    temperature = fit_temperature(logits, held.truth[held.fitted])
    whitening = fit_whitening(embedding)
    golden = np.ascontiguousarray(held.pixels[_spread(len(held.pixels), GOLDEN_IMAGES)])
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    export(network, temperature, whitening, golden, folder / "model.onnx")

    session = Session(folder / "model.onnx")
    np.savez(folder / "golden.npz", images=golden, probabilities=session.answer(golden)[0])
    probabilities, _, whitened = session.answer(held.pixels)
    looks = np.array([statistics(image) for image in held.pixels], dtype=np.float32)
    np.savez_compressed(
        folder / "reference.npz",
        sha256=held.sha256,
        key=held.key,
        truth=held.truth,
        fitted=held.fitted,
        probabilities=probabilities,
        whitened=whitened,
        brightness=looks[:, 0],
        contrast=looks[:, 1],
        blur=looks[:, 2],
    )
    points = estimator_points(session, held, probabilities, whitened)
    (folder / "estimator.json").write_bytes(canonical_json({"points": points, "band90": None}))
    metrics = held_out_metrics(probabilities, held)
    (folder / "card.md").write_text(
        _card(spec, preprocessing, metrics, temperature, held, lineage), encoding="utf-8"
    )
    bundle = ModelBundle(
        task=spec.task,
        classes=spec.classes,
        architecture=spec.architecture,
        preprocessing=encode(preprocessing),
        temperature=temperature,
        embedding_size=int(embedding.shape[1]),
        whitened_size=int(whitened.shape[1]),
        weights_digest=weights_digest(network),
        run_spec_digest=spec.digest,
        version=spec.version,
        metrics=metrics,
        files={
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())
            if path.name != "bundle.json"
        },
        lineage=lineage,
    )
    (folder / "bundle.json").write_text(json.dumps(encode(bundle), indent=1))
    return bundle


def held_out_metrics(probabilities: Floats, held: HeldOut) -> dict[str, float]:
    """Accuracy, log loss and number of ``errors`` on the test images, or on the validation
    images where there are no others; ``n`` says on how many."""
    rows = ~held.fitted if (~held.fitted).any() else held.fitted
    p, truth = probabilities[rows].astype(np.float64), held.truth[rows]
    right = p[np.arange(len(truth)), truth]
    wrong = int((p.argmax(axis=1) != truth).sum())
    return {
        "accuracy": 1.0 - wrong / len(truth),
        "errors": float(wrong),
        "log_loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
        "n": float(len(truth)),
    }


def estimator_points(
    session: Session, held: HeldOut, probabilities: Floats, whitened: Floats
) -> list[dict[str, Any]]:
    """How answers and accuracy change together under known corruptions of held-out images.

    The features are those by which the monitor reads a change of the answers on a window.
    """
    rows = np.flatnonzero(~held.fitted)
    if len(rows) < 20:
        rows = np.arange(len(held.truth))
    rows = rows[_spread(len(rows), ESTIMATOR_IMAGES)]
    truth, base_p, base_w = held.truth[rows], probabilities[rows], whitened[rows]
    accuracy = float((base_p.argmax(axis=1) == truth).mean())
    points = []
    for family in FAMILIES:
        for severity in SEVERITIES:
            worse = np.stack([corrupt(held.pixels[i], family, severity, seed=int(i)) for i in rows])
            p, _, w = session.answer(worse)
            points.append(
                {
                    "family": family,
                    "severity": severity,
                    "drop": accuracy - float((p.argmax(axis=1) == truth).mean()),
                    "features": _features(base_p, base_w, p, w),
                }
            )
    return points


def _features(old_p: Floats, old_w: Floats, p: Floats, w: Floats) -> dict[str, float]:
    old, new = old_p.astype(np.float64), p.astype(np.float64)
    line = np.quantile(old.max(axis=1), 0.1)
    return {
        "confidence_drop": float(old.max(axis=1).mean() - new.max(axis=1).mean()),
        "entropy_rise": float(_entropy(new) - _entropy(old)),
        "distance_rise": float(_log_distance(w) - _log_distance(old_w)),
        "low_confidence_rise": float((new.max(axis=1) < line).mean() - 0.1),
    }


def _entropy(p: npt.NDArray[np.float64]) -> float:
    return float(-(p * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean())


def _log_distance(w: Floats) -> float:
    return float(np.log(max(float((w.astype(np.float64) ** 2).sum(axis=1).mean()), 1e-12)))


def _spread(n: int, count: int) -> Rows:
    """At most ``count`` places of ``n``, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).astype(np.int64))


def _card(
    spec: RunSpec,
    preprocessing: Preprocessing,
    metrics: Mapping[str, float],
    temperature: float,
    held: HeldOut,
    lineage: Mapping[str, Any],
) -> str:
    names: Sequence[str] = spec.classes
    counts = np.bincount(held.truth, minlength=len(names))
    where = "test" if (~held.fitted).any() else "validation"
    rows = "\n".join(f"| {name} | {count} |" for name, count in zip(names, counts, strict=True))
    trained = json.dumps(encode(lineage), indent=1, sort_keys=True)
    return f"""# Model card: {spec.project}

Answers which of {len(names)} classes an image belongs to: {", ".join(names)}.

- Architecture: {spec.architecture}, input {preprocessing.height} x {preprocessing.width} RGB
  ({preprocessing.fit}), temperature {temperature:.3f}
- Trained on version {spec.version}, run {spec.digest}, seed {spec.seed}
- Accuracy {metrics["accuracy"]:.4f}, log loss {metrics["log_loss"]:.4f} on
  {metrics["n"]:.0f} {where} images

It knows the kind of images it was trained and tested on, and no other: watch it in production.

## Held-out images

| class | images |
|---|---|
{rows}

## Where it comes from

```json
{trained}
```
"""
