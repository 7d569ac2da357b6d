"""After the story: the scorekeeper's exams, the reference model, the reproduction."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autofocus.demo.eyes import CLASSES
from autofocus.demo.steps import timed, train
from autofocus.errors import InvalidInput
from autofocus.workspace.workspace import Project, Workspace

if TYPE_CHECKING:
    from autofocus.demo.figures import DemoOptions
    from autofocus.demo.narrator import Narrator
    from autofocus.demo.world import Exam, World

EXAM_IMAGES = 1000
BATCH = 100


def examine(
    project: Project,
    world: World,
    first: str,
    champion: str,
    narrator: Narrator,
    seconds: dict[str, float],
) -> dict[str, float]:
    """Accuracy of the first and of the healed champion on the same fresh images."""
    narrator.chapter("5. What the scorekeeper says")
    found = {}
    with timed(seconds, "exams"):
        for name, glasses in (("shifted", True), ("clean", False)):
            exam = world.exam(EXAM_IMAGES, glasses=glasses)
            found[f"{name}_before"] = accuracy(project, first, exam)
            found[f"{name}_after"] = accuracy(project, champion, exam)
    return found


def accuracy(project: Project, model: str, exam: Exam) -> float:
    """Share of an exam that a registered model answers rightly."""
    predictor = project.predictor(model)
    right = 0
    for i in range(0, len(exam.images), BATCH):
        answers = predictor.predict(exam.images[i : i + BATCH]).probabilities.argmax(axis=1)
        right += sum(
            predictor.classes[a] == label
            for a, label in zip(answers, exam.labels[i : i + BATCH], strict=True)
        )
    return right / len(exam.images)


def reproduce(
    project: Project, champion: str, narrator: Narrator, seconds: dict[str, float]
) -> bool:
    """Train the champion again from its record; whether the weights are the same bit by bit."""
    run = project.models.model(champion).run
    if run is None:
        raise InvalidInput(f"{champion} has no run on record, it was brought in from outside.")
    with timed(seconds, "reproduce"), narrator.progress("Reproducing the champion") as go:
        told: dict[str, Any] = project.training.reproduce(run, progress=go)
    identical = bool(told["identical"])
    narrator.say(f"{champion} {'reproduced bit by bit' if identical else 'did NOT reproduce'}.")
    return identical


def reference(
    world: World,
    training: Path,
    scratch: Path,
    options: DemoOptions,
    narrator: Narrator,
    seconds: dict[str, float],
) -> dict[str, float]:
    """Accuracy of a model trained with all labels of the shifted stream.

    It is made in a workspace of its own, so that no truth gets into the demo's.
    """
    shown = scratch / "shifted"
    count = world.write_shifted_folder(shown)
    if count == 0:
        return {}
    narrator.say(f"Training a reference model with the labels of all {count} shifted images.")
    with (
        timed(seconds, "reference"),
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        Workspace.open(Path(folder) / "reference") as workspace,
    ):
        project = workspace.create_project("reference", classes=CLASSES)
        project.data.import_path(training)
        project.data.import_path(shown, split="train")
        version = project.data.commit("all labels", author=workspace.author)
        model = train(project, version.digest, options, narrator, what="Training the reference")
        return {
            "shifted_reference": accuracy(project, model, world.exam(EXAM_IMAGES, glasses=True)),
            "clean_reference": accuracy(project, model, world.exam(EXAM_IMAGES, glasses=False)),
        }
