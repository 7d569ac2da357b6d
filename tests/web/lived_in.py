"""A workspace in the middle of its story, for tests that look at every page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from loop_story import Story
from loop_world import World

from autofocus.types.production import Case


@dataclass(frozen=True, slots=True)
class LivedIn:
    """A project with a case whose challenger answers in shadow, and labels that are wanted."""

    root: Path
    project: str
    case: str
    champion: str
    challenger: str
    prediction: str


def light_training(patch: pytest.MonkeyPatch) -> None:
    """Let training jobs be the small world's, here and in processes started from here."""
    from autofocus.loop import loop as loop_module
    from autofocus.training import runs

    patch.setattr(loop_module, "LOOK_AGAIN_SECONDS", 0.0)
    patch.setattr(runs, "TASK", runs.TASK)  # the world makes it a light one
    patch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "loop"), prepend=":")


def live_in(root: Path) -> LivedIn:
    """Drive the small world into the shadow of its first challenger."""
    world = World(root)
    try:
        story = Story(world)
        case = story.go_to("shadow")
        # Requests that both answer, and the questions about those they answer differently.
        for _ in range(4):
            world.serve(25, glass=0.5)
            story.tick()
        world.answer(limit=3)
        story.tick()
        world.policy(harm={"tolerance": 0.03})
        prediction = world.project.monitor.latest(1, roles=("champion",))[0]["id"]
        assert case.challenger is not None
        return LivedIn(root, world.project.name, case.id, case.model, case.challenger, prediction)
    finally:
        world.close()


def heal(root: Path) -> Case:
    """Drive the small world to the end of its first case, which promotes its challenger."""
    world = World(root)
    try:
        story = Story(world)
        story.go(lambda: bool(world.loop.cases()) and story.case.outcome is not None)
        assert story.case.outcome == "promoted"
        return story.case
    finally:
        world.close()
