"""Detectors and segmenters as real runs: they learn, reproduce, fine-tune and predict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes import CLASSES, scene

from autofocus import Workspace
from autofocus.data.dataset import NewImage
from autofocus.serving.predictor import OnnxPredictor
from autofocus.types.data import Split
from autofocus.types.geometry import Box, Shapes, iou
from autofocus.types.models import Run
from autofocus.workspace.workspace import Project

PLAN: tuple[tuple[Split, int], ...] = (("train", 100), ("val", 20), ("test", 24))
SMALL = {"batch": 8, "looks": 4, "image_size": 64}


def scenes(task: str, split: Split, count: int, start: int, **options: Any) -> list[NewImage]:
    images = []
    for i in range(count):
        data, label = scene(start + i, masks=task == "segmentation", **options)
        key = f"{split}/{start + i}.png"
        images.append(NewImage(key, data, split, {}, "import", label, "import", "test"))
    return images


def make(workspace: Workspace, task: str) -> tuple[Project, str]:
    project = workspace.create_project("scenes", task=task, classes=CLASSES)
    for place, (split, count) in enumerate(PLAN):
        project.data.add_images(scenes(task, split, count, 1000 * place))
    return project, project.data.commit("first", author="test").digest


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


def finished(project: Project, version: str, **options: Any) -> Run:
    training = project.training
    run = training.wait(training.start(training.spec(version, **options)).id)
    assert run.state == "done", run.error
    return run


def mean_f1(predictor: OnnxPredictor, images: list[tuple[bytes, Shapes]]) -> float:
    """The test's own yardstick: the F1 of each image at an overlap of a half."""
    values = []
    answers = predictor.predict([data for data, _ in images]).detections
    for (_, truth), seen in zip(images, answers, strict=True):
        sure = [d for d in seen if d.score >= predictor.threshold]
        free = list(truth.shapes)
        right = 0
        for d in sure:
            taken = next(
                (s for s in free if s.label == d.label and iou(s.geometry, d.geometry) >= 0.5), None
            )
            if taken is not None:
                free.remove(taken)
                right += 1
        total = len(sure) + len(truth.shapes)
        values.append(2 * right / total if total else 1.0)
    return float(np.mean(values))


def predictor_of(project: Project, run: Run) -> OnnxPredictor:
    model = project.models.register(run, parent=None, case=None)
    found = project.predictor(model.id)
    assert isinstance(found, OnnxPredictor)
    return found


def test_a_detector_learns_reproduces_and_answers_in_pixels_of_the_original(
    workspace: Workspace,
) -> None:
    project, version = make(workspace, "detection")
    run = finished(project, version, parameters={**SMALL, "steps": 120})
    predictor = predictor_of(project, run)
    bundle = predictor.bundle
    assert bundle.metrics["map50"] > 0.8
    assert bundle.metrics["n"] == 24
    assert 0.05 <= bundle.threshold <= 0.95
    assert predictor.check_golden() < 1e-4
    with np.load(predictor.folder / "reference.npz") as reference:
        assert (reference["truth"] == -1).all()
        assert reference["quality"].shape == (44,)
        assert reference["quality"].mean() > 0.7

    fresh = [scene(5000 + i) for i in range(20)]
    assert mean_f1(predictor, fresh) > 0.75
    # A wide picture is letterboxed: objects look smaller, and the boxes are those of the picture.
    wide = [scene(6000 + i, width=88, height=64) for i in range(20)]
    assert mean_f1(predictor, wide) > 0.6
    batch = predictor.predict([data for data, _ in fresh])
    for seen in batch.detections:
        scores = [d.score for d in seen]
        assert scores == sorted(scores, reverse=True)
        assert all(isinstance(d.geometry, Box) for d in seen)
    for row, seen in zip(batch.probabilities, batch.detections, strict=True):
        best = {name: max([d.score for d in seen if d.label == name], default=0.0)
                for name in CLASSES}  # fmt: skip
        # An unsure class in the place of a surer one is seen less surely than it is there.
        assert float(row.max()) == pytest.approx(max(best.values()), abs=0.011)
        assert all(row[i] >= best[name] - 1e-6 for i, name in enumerate(CLASSES))


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_a_run_reproduces_bit_by_bit(workspace: Workspace, task: str) -> None:
    project, version = make(workspace, task)
    run = finished(project, version, parameters={**SMALL, "steps": 6})
    assert project.training.reproduce(run.id)["identical"]


@pytest.mark.slow
def test_a_detector_is_fine_tuned_on_new_images(workspace: Workspace) -> None:
    project, version = make(workspace, "detection")
    first = finished(project, version, parameters={**SMALL, "steps": 120})
    dark = [scene(7000 + i, dark=True) for i in range(30)]
    before = mean_f1(predictor_of(project, first), dark)
    new = [
        NewImage(f"production/{i}.png", data, "train", {}, "production", label, "human", "test")
        for i, (data, label) in enumerate(scene(8000 + i, dark=True) for i in range(16))
    ]
    project.data.add_images(new)
    second = project.data.commit("dark ones", author="test").digest
    run = finished(
        project,
        second,
        parameters={"batch": 8, "looks": 4, "finetune_steps": 80},
        initial_bundle=first.bundle,
    )
    assert run.spec.initial_bundle == first.bundle
    tuned = predictor_of(project, run)
    assert tuned.bundle.lineage["images"]["new"] == 16
    after = mean_f1(tuned, dark)
    assert after > before + 0.1 or after > 0.9, (before, after)
    assert mean_f1(tuned, [scene(9000 + i) for i in range(20)]) > 0.7


def test_a_segmenter_learns_and_tells_touching_objects_apart(workspace: Workspace) -> None:
    project, version = make(workspace, "segmentation")
    run = finished(project, version, parameters={**SMALL, "steps": 100})
    predictor = predictor_of(project, run)
    assert predictor.bundle.metrics["miou"] > 0.8
    assert predictor.bundle.metrics["f1"] > 0.8
    assert predictor.check_golden() < 1e-4
    assert mean_f1(predictor, [scene(5000 + i, masks=True) for i in range(20)]) > 0.75
    # In pixels of the original, which is wider and larger than what the model sees.
    wide = [scene(6000 + i, masks=True, width=120, height=88) for i in range(12)]
    answers = predictor.predict([data for data, _ in wide]).detections
    for (_, truth), seen in zip(wide, answers, strict=True):
        assert all(d.geometry.kind == "mask" for d in seen)
        assert {(d.geometry.height, d.geometry.width) for d in seen} <= {(88, 120)}  # type: ignore[union-attr]
        assert truth.shapes == () or seen


@pytest.mark.slow
def test_a_background_class_comes_out_as_one_mask(workspace: Workspace) -> None:
    """Plates are areas here: what touches is one, discs stay single."""
    project = workspace.create_project(
        "scenes", task="segmentation", classes=CLASSES, background=["plate"]
    )
    for place, (split, count) in enumerate(PLAN):
        project.data.add_images(scenes("segmentation", split, count, 1000 * place))
    version = project.data.commit("first", author="test").digest
    run = finished(project, version, parameters={**SMALL, "steps": 100})
    predictor = predictor_of(project, run)
    assert predictor.bundle.background == ("plate",)
    assert predictor.bundle.metrics["quality"] > 0.8
    discs = 0
    for seen in predictor.predict([scene(i, masks=True)[0] for i in range(5000, 5020)]).detections:
        labels = [d.label for d in seen]
        assert labels.count("plate") <= 1
        discs = max(discs, labels.count("disc"))
    assert discs > 1


def test_from_the_command_line(workspace: Workspace, tmp_path: Path) -> None:
    project, _ = make(workspace, "detection")
    workspace.close()
    fresh = [scene(5000 + i)[0] for i in range(2)]
    for i, data in enumerate(fresh):
        (tmp_path / f"{i}.png").write_bytes(data)

    def autofocus(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "autofocus", "--workspace", str(workspace.root),
             "--json", *arguments],
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    settings = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    made = autofocus("train", "--promote", *settings, "--set", "steps=80")
    assert made["promoted"]
    images = [str(tmp_path / f"{i}.png") for i in range(2)]
    answers = autofocus("predict", *images, "--overlay", str(tmp_path / "seen"))
    assert len(answers) == 2
    for answer in answers:
        assert all(d["score"] >= answer["threshold"] for d in answer["detections"])
        assert Path(answer["overlay"]).read_bytes()[:2] == b"\xff\xd8"
    assert any(answer["detections"] for answer in answers)
    assert project.name == "scenes"
