"""Cases and decisions over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from autofocus.api.access import InProject
from autofocus.api.shapes import Duel, HarmHistory, LoopStatus, shaped
from autofocus.types.codec import encode
from autofocus.types.production import Case

router = APIRouter(prefix="/projects/{project}", tags=["loop"])


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, and why; both are kept on record."""

    who: str
    why: str = ""


@router.get("/loop", **shaped(LoopStatus))
def status(project: InProject) -> dict[str, Any]:
    """Where the loop stands and who must act."""
    found: dict[str, Any] = encode(project.loop.status())
    return found


@router.post("/loop/pause")
def pause(project: InProject, body: Decision) -> dict[str, Any]:
    """Let the loop act no more until it is resumed."""
    project.loop.pause(who=body.who, why=body.why)
    return status(project)


@router.post("/loop/resume")
def resume(project: InProject, body: Decision) -> dict[str, Any]:
    """Let the loop act again; also lifts a freeze."""
    project.loop.resume(who=body.who, why=body.why)
    return status(project)


@router.get("/cases", **shaped(list[Case]))
def cases(project: InProject) -> list[dict[str, Any]]:
    """All cases, newest first."""
    return [encode(case) for case in project.loop.cases()]


@router.post("/cases", status_code=201)
def open_case(project: InProject, body: Decision, retrain: bool = False) -> dict[str, Any]:
    """Open a case by hand on the latest predictions, or to ``retrain`` on all labels so far."""
    case = project.loop.open_by_hand(who=body.who, why=body.why, retrain=retrain)
    return encode(case)  # type: ignore[no-any-return]


@router.get("/cases/{case}", **shaped(Case))
def case(project: InProject, case: str) -> dict[str, Any]:
    """One case with all its evidence."""
    return encode(project.loop.case(case))  # type: ignore[no-any-return]


@router.get("/cases/{case}/harm", **shaped(HarmHistory))
def harm(project: InProject, case: str) -> dict[str, Any]:
    """Evidence of harm and of harmlessness after every label of the verdict."""
    return project.loop.harm_history(case)


@router.get("/cases/{case}/duel", **shaped(Duel))
def duel(project: InProject, case: str) -> dict[str, Any]:
    """Champion against challenger: running evidence, and the requests they disagree on."""
    return project.loop.duel(case)


@router.get("/cases/{case}/drifted.png", response_class=Response)
def drifted(project: InProject, case: str) -> Response:
    """The contact sheet of the drifted images."""
    return Response(project.loop.contact_sheet(case), media_type="image/png")


@router.post("/cases/{case}/approve")
def approve(project: InProject, case: str, body: Decision) -> dict[str, Any]:
    """Say yes to the step the case waits for."""
    return encode(project.loop.approve(case, who=body.who, why=body.why))  # type: ignore[no-any-return]


@router.post("/cases/{case}/reject")
def reject(project: InProject, case: str, body: Decision) -> dict[str, Any]:
    """Say no to the step the case waits for; the case ends."""
    return encode(project.loop.reject(case, who=body.who, why=body.why))  # type: ignore[no-any-return]


@router.post("/cases/{case}/cancel")
def cancel(project: InProject, case: str, body: Decision) -> dict[str, Any]:
    """End a case where it stands."""
    return encode(project.loop.cancel(case, who=body.who, why=body.why))  # type: ignore[no-any-return]
