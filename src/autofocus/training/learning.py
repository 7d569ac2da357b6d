"""What a training job does: from a spec and the object store to a published bundle.

Runs in a process of its own and needs no database. Everything it writes lies below ``out``:
``metrics.jsonl`` while it runs, ``checkpoints/``, and ``bundle/`` at the end.
"""

from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from autofocus.compute.hardware import UsageSampler, hardware
from autofocus.errors import InvalidInput
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.store.bundles import open_bundle, publish_bundle
from autofocus.store.manifests import Manifest
from autofocus.store.objects import ObjectStore
from autofocus.training.architectures import build, check_network
from autofocus.training.bundle import WEIGHTS_FILE, write_bundle
from autofocus.training.classifying import ClassLesson
from autofocus.training.fitting import Fitting, seed_of, weights_digest
from autofocus.training.images import Split, choose_preprocessing, split_rows
from autofocus.training.lessons import Source, held_out, teach
from autofocus.training.parameters import TrainingParameters, parse_parameters
from autofocus.types.clock import now
from autofocus.types.codec import decode, encode
from autofocus.types.models import RunSpec

METRICS_FILE = "metrics.jsonl"
_PACKAGES = (
    "autofocus", "torch", "kornia", "numpy", "scipy", "safetensors", "onnx", "onnxruntime",
    "opencv-python-headless", "simplejpeg", "pillow", "transformers",
)  # fmt: skip


def learn(
    *, spec: dict[str, Any], store: str, out: str, cache: str, publish: bool
) -> dict[str, Any]:
    """Train, write the bundle, and publish it unless told not to.

    Returns JSON-safe ``bundle`` (digest, None if not published), ``weights_digest``, ``metrics``,
    ``environment`` and ``hardware``. Started again after a kill it goes on from its checkpoint
    and gives the same weights.
    """
    wanted = decode(RunSpec, spec, where="spec")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _make_deterministic(wanted.threads)
    with UsageSampler() as sampler:
        result = _train(wanted, ObjectStore.open(store), folder, Path(cache), publish)
    return {
        **result,
        "environment": environment(),
        "hardware": {**hardware(folder), "usage": sampler.usage()},
    }


def _train(
    spec: RunSpec, objects: ObjectStore, out: Path, cache: Path, publish: bool
) -> dict[str, Any]:
    parameters = parse_parameters(spec.parameters, spec.task)
    manifest = Manifest.open(objects, spec.version, project=spec.project)
    rows = split_rows(manifest, spec.classes)
    torch.manual_seed(seed_of(spec.seed, "weights"))
    network, preprocessing = _start(spec, parameters, manifest, rows, objects, cache)
    check_network(network, len(spec.classes), preprocessing.height, preprocessing.width, spec.task)
    began = time.monotonic()
    source = Source(manifest, rows, spec, preprocessing, cache)
    held = held_out(source)
    lesson = teach(source, parameters, held)
    with (out / METRICS_FILE).open("a", encoding="utf-8") as file:

        def record(step: int, name: str, value: float) -> None:
            line = {"step": step, "name": name, "value": value, "at": now()}
            file.write(json.dumps(line) + "\n")
            file.flush()

        record(0, "decode_seconds", time.monotonic() - began)
        fitting = Fitting(
            network,
            lesson,
            parameters,
            seed=spec.seed,
            finetune=spec.initial_bundle is not None,
            folder=out / "checkpoints",
            name=spec.digest,
            record=record,
        )
        began = time.monotonic()
        progress = fitting.run()
        record(progress.step, "training_seconds", time.monotonic() - began)
        lineage = {
            "run": spec.digest,
            "version": spec.version,
            "initial_bundle": spec.initial_bundle,
            "code": dict(spec.code),
            "parameters": encode(parameters),
            "seed": spec.seed,
            "threads": spec.threads,
            "steps": progress.step,
            "images": {
                "train": len(rows.train),
                "new": int(lesson.focus.sum()),
                "pool": len(lesson.material.pool) if isinstance(lesson, ClassLesson) else 0,
            },
        }
        trained = fitting.average
        folder = out / "bundle"
        bundle = write_bundle(folder, trained, spec, preprocessing, held, lineage)
        for name, value in bundle.metrics.items():
            record(progress.step, f"heldout_{name}", value)
    assert weights_digest(trained) == bundle.weights_digest
    return {
        "bundle": publish_bundle(objects, folder) if publish else None,
        "weights_digest": bundle.weights_digest,
        "metrics": dict(bundle.metrics),
    }


def _start(
    spec: RunSpec,
    parameters: TrainingParameters,
    manifest: Manifest,
    rows: Split,
    objects: ObjectStore,
    cache: Path,
) -> tuple[nn.Module, Preprocessing]:
    """The network to train and its preprocessing: new, or a bundle's."""
    if spec.initial_bundle is None:
        chosen = choose_preprocessing(
            manifest, rows.train, parameters.image_size, parameters.fit, spec.task
        )
        network = build(spec.architecture, spec.classes, chosen.height, chosen.width, spec.task)
        return network, chosen
    bundle, folder = open_bundle(objects, spec.initial_bundle, cache)
    wanted = (spec.task, spec.classes, spec.background, spec.architecture)
    if (bundle.task, bundle.classes, bundle.background, bundle.architecture) != wanted:
        raise InvalidInput(
            f"Bundle {spec.initial_bundle[:12]} is {bundle.architecture} for {bundle.task} of "
            f"{list(bundle.classes)} (background {list(bundle.background)}); the run wants "
            f"{spec.architecture} for {spec.task} of {list(spec.classes)} (background "
            f"{list(spec.background)}).",
            hint="Train from scratch instead: leave initial_bundle away.",
        )
    pinned = decode(Preprocessing, bundle.preprocessing, where="preprocessing")
    network = build(spec.architecture, spec.classes, pinned.height, pinned.width, spec.task)
    network.load_state_dict(load_file(folder / WEIGHTS_FILE))
    return network, pinned


def _make_deterministic(threads: int) -> None:
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def environment() -> dict[str, Any]:
    """Versions of what takes part in the numbers, and of Python and the system."""
    from importlib.metadata import PackageNotFoundError

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = package_version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count() or 1,
        "packages": packages,
    }
