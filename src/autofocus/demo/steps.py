"""Steps that the story and the checks after it share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autofocus.errors import JobFailed

if TYPE_CHECKING:
    from autofocus.demo.figures import DemoOptions
    from autofocus.demo.narrator import Narrator
    from autofocus.workspace.workspace import Project


def train(
    project: Project,
    version: str,
    options: DemoOptions,
    narrator: Narrator,
    *,
    what: str = "Training",
) -> str:
    """Train on a version and register; returns the model's id. An interrupt ends the job."""
    spec = project.training.spec(
        version, parameters=dict(options.play.training_parameters), seed=options.seed
    )
    run = project.training.start(spec)
    try:
        with narrator.progress(what) as advance:
            run = project.training.wait(run.id, progress=advance)
    except KeyboardInterrupt:
        project.training.cancel(run.id)
        raise
    if run.state != "done":
        raise JobFailed(
            f"Training run {run.id} ended as {run.state}: {run.error or 'no reason given'}.",
            hint=f"autofocus --workspace {project.workspace.root} runs",
        )
    return str(project.models.register(run, parent=None, case=None).id)


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how long the block took."""
    begun = time.monotonic()
    try:
        yield
    finally:
        seconds[name] = time.monotonic() - begun
