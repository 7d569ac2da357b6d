"""The monitor over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from autofocus.api.access import InProject, InWorkspace, image_response
from autofocus.api.shapes import (
    Hardware,
    HistoryPoint,
    LatestPrediction,
    MonitorStatus,
    ServicePoint,
    TimelinePoint,
    Traffic,
    shaped,
)
from autofocus.types.codec import encode
from autofocus.types.production import Role, Signal

router = APIRouter(prefix="/projects/{project}", tags=["monitor"])
machine = APIRouter(tags=["monitor"])


@router.get("/monitor", **shaped(MonitorStatus))
def status(project: InProject) -> dict[str, Any]:
    """Evidence of change against the alarm line, estimated accuracy, traffic."""
    found: dict[str, Any] = encode(project.monitor.status())
    return found


@router.get("/monitor/history", **shaped(list[HistoryPoint]))
def history(project: InProject, limit: int = 500) -> list[dict[str, Any]]:
    """The recent history, oldest first."""
    return [encode(point) for point in project.monitor.history(limit=min(max(limit, 1), 10_000))]


@router.get("/monitor/timeline", **shaped(list[TimelinePoint]))
def timeline(project: InProject, points: int = 300) -> list[dict[str, Any]]:
    """The whole history over all champions in about ``points`` stored points, oldest first."""
    return [encode(point) for point in project.monitor.timeline(min(max(points, 2), 2000))]


@router.get("/traffic", **shaped(Traffic))
def traffic(project: InProject, rows: int = 2000) -> dict[str, Any]:
    """The newest answers: shares by role and class, latency, over time."""
    return project.monitor.traffic(min(max(rows, 1), 20_000))


@router.get("/predictions", **shaped(list[LatestPrediction]))
def predictions(
    project: InProject, limit: int = 24, role: Role | None = None, model: str | None = None
) -> list[dict[str, Any]]:
    """The newest predictions, newest first."""
    return project.monitor.latest(
        min(max(limit, 1), 500), roles=None if role is None else (role,), model=model
    )


@router.get("/predictions/{prediction}/image", response_class=Response)
def prediction_image(project: InProject, prediction: str) -> Response:
    """The request's image as it came; 404 where the server did not keep it."""
    return image_response(project.log.image(prediction))


@router.get("/signals", **shaped(list[Signal]))
def signals(project: InProject) -> list[dict[str, Any]]:
    """Alarms so far, newest first."""
    return [encode(signal) for signal in project.monitor.signals()]


@machine.get("/hardware", **shaped(Hardware))
def hardware(workspace: InWorkspace) -> dict[str, Any]:
    """The machine of the control plane, and how busy it is."""
    return workspace.hardware()


@machine.get("/service", **shaped(list[ServicePoint]))
def service(workspace: InWorkspace, hours: float = 24.0, points: int = 240) -> list[dict[str, Any]]:
    """Requests, failures and hardware of the inference servers over time, oldest first."""
    return workspace.service.history(min(max(hours, 0.1), 24.0 * 31), min(max(points, 2), 2000))
