"""The monitor over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from autofocus.api.access import InProject
from autofocus.api.shapes import HistoryPoint, MonitorStatus, shaped
from autofocus.types.codec import encode
from autofocus.types.production import Signal

router = APIRouter(prefix="/projects/{project}", tags=["monitor"])


@router.get("/monitor", **shaped(MonitorStatus))
def status(project: InProject) -> dict[str, Any]:
    """Evidence of change against the alarm line, estimated accuracy, traffic."""
    found: dict[str, Any] = encode(project.monitor.status())
    return found


@router.get("/monitor/history", **shaped(list[HistoryPoint]))
def history(project: InProject, limit: int = 500) -> list[dict[str, Any]]:
    """The recent history, oldest first."""
    return [encode(point) for point in project.monitor.history(limit=min(max(limit, 1), 10_000))]


@router.get("/signals", **shaped(list[Signal]))
def signals(project: InProject) -> list[dict[str, Any]]:
    """Alarms so far, newest first."""
    return [encode(signal) for signal in project.monitor.signals()]
