"""The monitor over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from autofocus.api.access import InProject
from autofocus.types.codec import encode

router = APIRouter(prefix="/projects/{project}", tags=["monitor"])


@router.get("/monitor")
def status(project: InProject) -> dict[str, Any]:
    """Evidence of change against the alarm line, estimated accuracy, traffic."""
    found: dict[str, Any] = encode(project.monitor.status())
    return found


@router.get("/monitor/history")
def history(project: InProject, limit: int = 500) -> list[dict[str, Any]]:
    """The recent history, oldest first."""
    return [encode(point) for point in project.monitor.history(limit=min(max(limit, 1), 10_000))]


@router.get("/signals")
def signals(project: InProject) -> list[dict[str, Any]]:
    """Alarms so far, newest first."""
    return [encode(signal) for signal in project.monitor.signals()]
