"""Runs, models and deployments over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from autofocus.api.access import InProject
from autofocus.api.shapes import ModelDetails, shaped
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


@router.post("/runs", status_code=202)
def start_run(project: InProject, body: RunRequest) -> dict[str, Any]:
    """Start a training run; it goes on in a process of its own."""
    spec = project.training.spec(
        project.data.version(body.version).digest,
        architecture=body.architecture,
        parameters=body.parameters,
        seed=body.seed,
        initial_bundle=project.models.model(body.from_model).bundle if body.from_model else None,
    )
    return encode(project.training.start(spec))  # type: ignore[no-any-return]


@router.get("/runs/{run}")
def run(project: InProject, run: str) -> dict[str, Any]:
    """One run as it stands now."""
    return encode(project.training.poll(run))  # type: ignore[no-any-return]


@router.get("/runs/{run}/curves")
def curves(project: InProject, run: str) -> dict[str, Any]:
    """The run's metrics over its steps."""
    found: dict[str, Any] = encode(project.training.curves(run))
    return found


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
