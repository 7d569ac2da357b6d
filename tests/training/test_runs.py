"""Runs as real child processes: learned, reproduced, killed and resumed, cancelled, failed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapes import CLASSES, draw

from autofocus.data.dataset import NewImage
from autofocus.errors import InvalidInput, NotFound
from autofocus.monitoring.estimate import Calibration
from autofocus.monitoring.reference import Reference
from autofocus.serving.predictor import OnnxPredictor
from autofocus.store.bundles import open_bundle
from autofocus.training.runs import Training
from autofocus.types.data import Tag
from autofocus.types.models import Run

TINY = {"steps": 24, "batch": 16, "looks": 4, "image_size": 32}


def finished(training: Training, run: Run) -> Run:
    ended = training.wait(run.id)
    assert ended.state == "done", ended.error
    return ended


def test_a_run_learns_is_kept_and_reproduces(world: Any, tmp_path: Path) -> None:
    project = world.project
    training = project.training
    spec = training.spec(world.version, parameters={**TINY, "steps": 60}, seed=3)
    seen: list[tuple[int, int]] = []
    run = training.wait(
        training.start(spec).id, progress=lambda done, all: seen.append((done, all))
    )
    assert run.state == "done", run.error
    assert seen[-1] == (60, 60)
    assert training.start(spec).id == run.id
    assert [r.id for r in training.runs()] == [run.id]
    curves = training.curves(run.id)
    assert curves["val_accuracy"][-1][1] > 0.8
    assert {a["path"] for a in training.artifacts(run.id)} >= {"model.onnx", "weights.safetensors"}

    assert run.bundle is not None
    bundle, folder = open_bundle(project.workspace.objects, run.bundle, tmp_path / "cache")
    assert bundle.weights_digest == run.weights_digest
    assert bundle.metrics["accuracy"] > 0.8
    predictor = OnnxPredictor(bundle, folder)
    assert predictor.check_golden() < 1e-4
    reference = Reference.from_npz(folder / "reference.npz")
    assert len(reference) == 54
    assert reference.fitted is not None
    assert int(reference.fitted.sum()) == 24
    assert reference.key is not None
    assert list(reference.key) == sorted(reference.key)
    assert np.abs(reference.whitened[reference.fitted].std(axis=0) - 1).max() < 0.1
    assert Calibration.read(folder) is not None

    again = training.reproduce(run.id)
    assert again["identical"], again


def test_a_killed_run_resumes_to_the_same_weights(world: Any) -> None:
    training = world.project.training
    executor = world.project.workspace.executor
    spec = training.spec(world.version, parameters={**TINY, "steps": 48, "looks": 12})
    run = training.start(spec)
    folder = executor.folder(run.id)
    deadline = time.monotonic() + 120
    while not list((folder / "out" / "checkpoints").glob("step-*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    ended = finished(training, run)
    assert int((folder / "attempts").read_text()) == 2
    assert training.reproduce(ended.id)["identical"]


def test_fine_tuning_keeps_the_preprocessing_and_uses_the_new_images(world: Any) -> None:
    project = world.project
    training = project.training
    first = finished(training, training.start(training.spec(world.version, parameters=TINY)))
    project.data.add_images(
        [
            NewImage(f"production/{i}", draw(9000 + i, CLASSES[i % 2], dark=True), "train",
                     {}, "production", Tag(CLASSES[i % 2]), "human", "test")
            for i in range(12)
        ]
        + [
            NewImage(f"production/pool-{i}", draw(9500 + i, CLASSES[i % 2], dark=True), "pool",
                     {}, "production")
            for i in range(20)
        ]
    )  # fmt: skip
    version = project.data.commit("dark images", author="test")
    spec = training.spec(
        version.digest, parameters={"finetune_steps": 24}, initial_bundle=first.bundle
    )
    second = finished(training, training.start(spec, case="shapes-case-1"))
    assert second.case == "shapes-case-1"
    assert second.weights_digest != first.weights_digest
    described = json.loads(project.workspace.objects.get(f"bundles/{second.bundle}/bundle.json"))
    assert described["preprocessing"]["height"] == 32
    assert described["lineage"]["images"]["new"] == 12


def test_a_cancelled_run_stays_cancelled_until_it_is_started_again(world: Any) -> None:
    training = world.project.training
    spec = training.spec(world.version, parameters={**TINY, "steps": 100_000})
    run = training.start(spec)
    assert training.wait(run.id, stop=lambda: True).state == "cancelled"
    assert training.poll(run.id).state == "cancelled"
    assert training.start(spec).state == "running"
    assert training.cancel(run.id).state == "cancelled"


def test_a_run_that_cannot_work_fails_with_its_reason(world: Any) -> None:
    training = world.project.training
    spec = training.spec(world.version, architecture="hf:there-is-no-such-folder")
    run = training.wait(training.start(spec).id)
    assert run.state == "failed"
    assert run.error is not None
    assert "there-is-no-such-folder" in run.error


def test_wrong_requests_are_refused_at_once(world: Any) -> None:
    training = world.project.training
    with pytest.raises(InvalidInput, match="learning_rte"):
        training.spec(world.version, parameters={"learning_rte": 1})
    with pytest.raises(InvalidInput, match="batch"):
        training.spec(world.version, parameters={"batch": 0})
    with pytest.raises(InvalidInput, match=r"there\.is\.no"):
        training.spec(world.version, architecture="there.is.no:such")
    with pytest.raises(NotFound):
        training.run("nothing")
