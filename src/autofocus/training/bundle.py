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
from autofocus.training.exams import Exam, Finished
from autofocus.training.export import Floats, Session, export
from autofocus.training.fitting import Pixels, Rows, weights_digest
from autofocus.types.codec import canonical_json, encode
from autofocus.types.data import Task
from autofocus.types.models import ModelBundle, RunSpec

GOLDEN_IMAGES = 16
# Enough for a drop known to about two points, and a few seconds for all families.
ESTIMATOR_IMAGES = 200
ESTIMATOR_SHAPES = 40  # larger images, whose objects are compared one by one
WEIGHTS_FILE = "weights.safetensors"
_WHAT: dict[Task, str] = {
    "classification": "Answers which of {n} classes an image belongs to",
    "detection": "Finds objects of {n} classes and the boxes around them",
    "segmentation": "Finds the pixels of {n} classes, and of each object where objects count",
}


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Images that no weight was fitted on, in the order of the manifest.

    pixels uint8 (n, h, w, 3); ``exam`` knows the truth about them; key, sha256 (n,) str; fitted
    (n,) bool marks those that early stopping, temperature and whitening may have seen. ``marked``
    counts the held-out images that hold each class.
    """

    pixels: Pixels
    exam: Exam
    key: npt.NDArray[np.str_]
    sha256: npt.NDArray[np.str_]
    fitted: npt.NDArray[np.bool_]
    marked: Mapping[str, int]


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
    known = np.flatnonzero(held.fitted)
    finished = held.exam.finish(network, held.pixels[known], known)
    golden = np.ascontiguousarray(held.pixels[_spread(len(held.pixels), GOLDEN_IMAGES)])
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    export(finished.graph, golden, folder / "model.onnx")

    session = Session(folder / "model.onnx")
    np.savez(
        folder / "golden.npz", images=golden, probabilities=session.run(golden)["probabilities"]
    )
    everything = np.arange(len(held.pixels))
    answered = held.exam.ask(session, held.pixels, everything)
    probabilities, whitened = answered.probabilities, answered.whitened
    looks = np.array([statistics(image) for image in held.pixels], dtype=np.float32)
    np.savez_compressed(
        folder / "reference.npz",
        sha256=held.sha256,
        key=held.key,
        truth=held.exam.truth,
        quality=answered.quality.astype(np.float32),
        outputs=answered.outputs,
        fitted=held.fitted,
        probabilities=probabilities,
        whitened=whitened,
        brightness=looks[:, 0],
        contrast=looks[:, 1],
        blur=looks[:, 2],
    )
    points = estimator_points(session, held, spec.task)
    (folder / "estimator.json").write_bytes(canonical_json({"points": points, "band90": None}))
    rows = everything[~held.fitted] if (~held.fitted).any() else known
    metrics = held.exam.figures(held.exam.ask(session, held.pixels[rows], rows), rows)
    (folder / "card.md").write_text(
        _card(spec, preprocessing, metrics, finished, held, lineage), encoding="utf-8"
    )
    bundle = ModelBundle(
        task=spec.task,
        classes=spec.classes,
        architecture=spec.architecture,
        preprocessing=encode(preprocessing),
        temperature=finished.temperature,
        embedding_size=finished.embedding_size,
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
        background=spec.background,
        decoding=finished.decoding,
    )
    (folder / "bundle.json").write_text(json.dumps(encode(bundle), indent=1))
    return bundle


def estimator_points(session: Session, held: HeldOut, task: Task) -> list[dict[str, Any]]:
    """How answers and their quality change together under known corruptions of held-out images.

    The features are those by which the monitor reads a change of the answers on a window. The
    quality of a classification is whether it is right.
    """
    rows = np.flatnonzero(~held.fitted)
    if len(rows) < 20:
        rows = np.arange(len(held.pixels))
    most = ESTIMATOR_IMAGES if task == "classification" else ESTIMATOR_SHAPES
    rows = rows[_spread(len(rows), most)]
    base = held.exam.ask(session, held.pixels[rows], rows)
    quality = float(base.quality.mean())
    points = []
    for family in FAMILIES:
        for severity in SEVERITIES:
            worse = np.stack([corrupt(held.pixels[i], family, severity, seed=int(i)) for i in rows])
            found = held.exam.ask(session, worse, rows)
            points.append(
                {
                    "family": family,
                    "severity": severity,
                    "drop": quality - float(found.quality.mean()),
                    "features": _features(
                        base.probabilities, base.whitened, found.probabilities, found.whitened
                    ),
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
    finished: Finished,
    held: HeldOut,
    lineage: Mapping[str, Any],
) -> str:
    names: Sequence[str] = spec.classes
    where = "test" if (~held.fitted).any() else "validation"
    rows = "\n".join(f"| {name} | {held.marked.get(name, 0)} |" for name in names)
    trained = json.dumps(encode(lineage), indent=1, sort_keys=True)
    decoding = "".join(f", {name} {value:.3g}" for name, value in finished.decoding.items())
    return f"""# Model card: {spec.project}

{_WHAT[spec.task].format(n=len(names))}: {", ".join(names)}.

- Architecture: {spec.architecture}, input {preprocessing.height} x {preprocessing.width} RGB
  ({preprocessing.fit}), temperature {finished.temperature:.3f}{decoding}
- Trained on version {spec.version}, run {spec.digest}, seed {spec.seed}
- {held.exam.words(metrics)} on {metrics["n"]:.0f} {where} images

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
