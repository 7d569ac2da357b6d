"""Projects, policy, health, events and lineage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request

from autofocus import __version__
from autofocus.api.access import InProject, InWorkspace, as_page
from autofocus.api.shapes import (
    AnsweredProject,
    LineageOfPrediction,
    Overview,
    StoredEvent,
    shaped,
)
from autofocus.types.codec import encode

router = APIRouter(tags=["projects"])


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project to make."""

    name: str
    classes: list[str]
    task: str = "classification"
    policy: str = ""
    background: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Health:
    """That the control plane answers, and where its inference server is."""

    status: str
    version: str
    workspace: str
    inference_url: str
    projects: list[str] = field(default_factory=list)


@router.get("/health")
def health(request: Request, workspace: InWorkspace) -> Health:
    """Alive, with the address of the inference server."""
    return Health(
        status="ok",
        version=__version__,
        workspace=str(workspace.root),
        inference_url=request.app.state.inference_url,
        projects=[info.name for info in workspace.projects()],
    )


@router.get("/projects", **shaped(list[AnsweredProject]))
def list_projects(workspace: InWorkspace) -> list[dict[str, Any]]:
    """All projects."""
    return [encode(info) for info in workspace.projects()]


@router.post("/projects", status_code=201)
def create_project(body: NewProject, workspace: InWorkspace) -> dict[str, Any]:
    """Make a project."""
    project = workspace.create_project(
        body.name,
        task=body.task,
        classes=body.classes,
        background=body.background,
        policy=body.policy,
    )
    return encode(project.info)  # type: ignore[no-any-return]


@router.get("/projects/{project}", **shaped(Overview))
def overview(project: InProject) -> dict[str, Any]:
    """The project at a glance: who serves, evidence, open case, queue, servers."""
    return project.overview()


@router.get("/events")
def events(
    workspace: InWorkspace, project: str | None = None, after: int = 0, limit: int = 100
) -> dict[str, Any]:
    """Events with id above ``after``, oldest first."""
    return as_page(workspace.events(project=project, after=after, limit=min(max(limit, 1), 1000)))


@router.get("/events/latest", **shaped(list[StoredEvent]))
def latest_events(
    workspace: InWorkspace, project: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """The newest events, newest first."""
    found = workspace.latest_events(project=project, limit=min(max(limit, 1), 1000))
    return [encode(event) for event in found]


@router.get("/predictions/{prediction}")
def prediction(workspace: InWorkspace, prediction: str) -> dict[str, Any]:
    """One logged prediction."""
    found: dict[str, Any] = encode(workspace.project_of_prediction(prediction).log.find(prediction))
    return found


@router.get("/predictions/{prediction}/lineage", **shaped(LineageOfPrediction))
def lineage(workspace: InWorkspace, prediction: str) -> dict[str, Any]:
    """From a prediction back to model, run, version, labels, people and case."""
    found: dict[str, Any] = encode(workspace.lineage(prediction))
    return found
