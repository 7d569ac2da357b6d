"""After the story: the scorekeeper's exams, the reference model, the reproduction."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autofocus.demo.steps import timed, train
from autofocus.errors import InvalidInput
from autofocus.workspace.workspace import Project, Workspace

if TYPE_CHECKING:
    from autofocus.demo.figures import DemoOptions
    from autofocus.demo.narrator import Narrator
    from autofocus.demo.plays import Play
    from autofocus.demo.world import World


def examine(
    play: Play,
    project: Project,
    world: World,
    first: str,
    champion: str,
    narrator: Narrator,
    seconds: dict[str, float],
) -> dict[str, float]:
    """The play's measure of the first and of the healed champion on the same fresh images."""
    narrator.chapter("5. What the scorekeeper says")
    found = {}
    with timed(seconds, "exams"):
        for name, shifted in (("shifted", True), ("clean", False)):
            exam = world.exam(play.exam_images, shifted=shifted)
            found[f"{name}_before"] = play.measure(project.predictor(first), exam)
            found[f"{name}_after"] = play.measure(project.predictor(champion), exam)
    return found


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
    """The play's measure of a model trained with all labels of the shifted stream.

    It is made in a workspace of its own, so that no truth gets into the demo's.
    """
    play, shown = options.play, scratch / "shifted"
    count = world.write_shifted_folder(shown)
    if count == 0:
        return {}
    narrator.say(f"Training a reference model with the labels of all {count} shifted images.")
    with (
        timed(seconds, "reference"),
        tempfile.TemporaryDirectory(dir=scratch) as folder,
        Workspace.open(Path(folder) / "reference") as workspace,
    ):
        project = workspace.create_project("reference", task=play.task, classes=world.classes)
        project.data.import_path(training)
        project.data.import_path(shown, split="train")
        version = project.data.commit("all labels", author=workspace.author)
        model = train(project, version.digest, options, narrator, what="Training the reference")
        predictor = project.predictor(model)
        return {
            f"{name}_reference": play.measure(
                predictor, world.exam(play.exam_images, shifted=shifted)
            )
            for name, shifted in (("shifted", True), ("clean", False))
        }
