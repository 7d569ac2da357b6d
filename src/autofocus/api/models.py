"""Runs, models and deployments over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request

from autofocus.api.access import InProject
from autofocus.api.background import Background
from autofocus.api.shapes import ModelDetails, RunProgress, Work, shaped
from autofocus.errors import Conflict
from autofocus.types.codec import encode
from autofocus.types.models import Model, Run
from autofocus.types.production import Deployment

router = APIRouter(prefix="/projects/{project}", tags=["models"])


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A training run to start."""

    version: str = "latest"
    architecture: str = "compact"
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    from_model: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, and why; both are kept on record."""

    who: str
    why: str


@router.get("/runs", **shaped(list[Run]))
def runs(project: InProject) -> list[dict[str, Any]]:
    """Training runs, newest first."""
    return [encode(run) for run in project.training.runs()]


@router.post("/runs", **shaped(Run, status=202), status_code=202)
def start_run(project: InProject, body: RunRequest) -> dict[str, Any]:
    """Start a training run in a process of its own; when it is done its model is tested."""
    spec = project.training.spec(
        project.data.version(body.version).digest,
        architecture=body.architecture,
        parameters=body.parameters,
        seed=body.seed,
        initial_bundle=project.models.model(body.from_model).bundle if body.from_model else None,
    )
    return encode(project.training.start(spec))  # type: ignore[no-any-return]


@router.get("/runs/{run}", **shaped(Run))
def run(project: InProject, run: str) -> dict[str, Any]:
    """One run as it stands now."""
    return encode(project.training.poll(run))  # type: ignore[no-any-return]


@router.get("/runs/{run}/progress", **shaped(RunProgress))
def progress(project: InProject, run: str) -> dict[str, Any]:
    """One run as it stands now, how far it is, and its metrics over its steps."""
    found = project.training.poll(run)
    done, steps = project.training.steps(run)
    told: dict[str, Any] = encode(RunProgress(found, done, steps, project.training.curves(run)))
    return told


@router.get("/runs/{run}/curves")
def curves(project: InProject, run: str) -> dict[str, Any]:
    """The run's metrics over its steps."""
    found: dict[str, Any] = encode(project.training.curves(run))
    return found


@router.post("/runs/{run}/cancel", **shaped(Run))
def cancel_run(project: InProject, run: str) -> dict[str, Any]:
    """End a run; one that has ended stays what it is. A case's training ends with its case."""
    if project.training.run(run).case:
        raise Conflict(
            f"{run} trains for {project.training.run(run).case}.",
            hint="Cancel the case: its training ends with it.",
        )
    return encode(project.training.cancel(run))  # type: ignore[no-any-return]


@router.get("/models", **shaped(list[Model]))
def models(project: InProject) -> list[dict[str, Any]]:
    """Models, newest first."""
    return [encode(model) for model in project.models.list()]


@router.get("/models/{model}", **shaped(ModelDetails))
def model(project: InProject, model: str) -> dict[str, Any]:
    """One model (by id or alias) with its lineage and reports."""
    found = project.models.model(model)
    return {
        "model": encode(found),
        "lineage": encode(project.models.lineage_of_model(found.id)),
        "reports": encode(project.models.reports(found.id)),
    }


@router.post("/models/{model}/test", **shaped(Work, status=202), status_code=202)
def start_test(
    project: InProject, model: str, request: Request, champion: str | None = None
) -> dict[str, Any]:
    """Test a model on the test images of its version, in the background.

    Paired with ``champion`` on the same images (an id or alias; without one the champion of now).
    The report joins the model's reports.
    """
    work: Background = request.app.state.testing
    found = project.models.model(model)
    other = None if champion is None else project.models.model(champion).id
    work.start(found.id, lambda: project.test_model(found.id, champion=other))
    return state_of_test(project, model, request)


@router.get("/models/{model}/test", **shaped(Work))
def state_of_test(project: InProject, model: str, request: Request) -> dict[str, Any]:
    """Whether a test of the model goes on, and what was wrong with the last one."""
    work: Background = request.app.state.testing
    return encode(Work(*work.state(project.models.model(model).id)))  # type: ignore[no-any-return]


@router.post("/models/{model}/promote")
def promote(project: InProject, model: str, body: Decision) -> dict[str, Any]:
    """Make a model champion at once."""
    found = project.models.model(model)
    return encode(project.promote(found.id, who=body.who, why=body.why))  # type: ignore[no-any-return]


@router.post("/rollback")
def rollback(project: InProject, body: Decision) -> dict[str, Any]:
    """Put the previous champion back."""
    return encode(project.rollback(who=body.who, why=body.why))  # type: ignore[no-any-return]


@router.get("/deployment", **shaped(Deployment | None))
def deployment(project: InProject) -> dict[str, Any] | None:
    """Who serves, with which split; null before the first promotion."""
    found = project.deployments.read(project.name)
    return None if found is None else encode(found)


@router.get("/servers")
def servers(project: InProject) -> list[dict[str, Any]]:
    """Inference servers with a fresh heartbeat."""
    return [encode(status) for status in project.deployments.servers()]
