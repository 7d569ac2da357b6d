"""The labelling queue over HTTP: what a person or a script needs to answer a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from autofocus.api.access import InProject
from autofocus.api.shapes import LabelQueue, LabelStats, LabelTaskToShow, shaped
from autofocus.types.codec import encode
from autofocus.types.data import Annotation, LabelSource, LabelTask

router = APIRouter(prefix="/projects/{project}/labels", tags=["labels"])


@dataclass(frozen=True, slots=True)
class NextRequest:
    """Who wants a task, and of which case."""

    annotator: str
    case: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a task; ``request`` makes sending it twice harmless."""

    task: str
    label: str
    author: str
    source: LabelSource = "human"
    seconds: float | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a task cannot be answered."""

    task: str
    author: str
    reason: str = "unsure"


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Which task is to be open again, and who says so."""

    task: str
    author: str


def _task(project: str, task: LabelTask) -> dict[str, Any]:
    return {**encode(task), "image_url": f"/api/projects/{project}/images/{task.sha256}"}


@router.get("/queue", **shaped(LabelQueue))
def queue(
    project: InProject,
    state: str = "open",
    case: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """Tasks in the order in which answers help most."""
    page = project.labels.queue(
        state=state, case=case, cursor=cursor, limit=min(max(limit, 1), 1000)
    )
    return {
        "items": [_task(project.name, task) for task in page.items],
        "next_cursor": page.next_cursor,
    }


@router.post("/next")
def next_task(project: InProject, body: NextRequest) -> dict[str, Any]:
    """Lease the next task; two annotators never get the same one. ``task`` is null at the end."""
    task = project.labels.next(body.annotator, case=body.case)
    return {"task": None if task is None else _task(project.name, task)}


@router.post("/answer", **shaped(Annotation))
def answer(project: InProject, body: Answer) -> dict[str, Any]:
    """Answer a task; answering again corrects it, history is kept."""
    annotation = project.labels.answer(
        body.task,
        body.label,
        body.author,
        source=body.source,
        seconds=body.seconds,
        request=body.request,
    )
    return encode(annotation)  # type: ignore[no-any-return]


@router.post("/skip")
def skip(project: InProject, body: Skip) -> dict[str, Any]:
    """Leave a task unanswered."""
    project.labels.skip(body.task, body.author, body.reason)
    return {"task": body.task, "state": "skipped"}


@router.post("/reopen", **shaped(LabelTaskToShow))
def reopen(project: InProject, body: TakeBack) -> dict[str, Any]:
    """Take an answer or a skip back; the task is open again, history is kept."""
    return _task(project.name, project.labels.reopen(body.task, body.author))


@router.get("/stats", **shaped(LabelStats))
def stats(project: InProject) -> dict[str, Any]:
    """Counts by state, class and author."""
    found: dict[str, Any] = encode(project.labels.stats())
    return found


@router.get("/history")
def history(project: InProject, key: str) -> list[dict[str, Any]]:
    """Every label an image ever had, newest first."""
    return [encode(annotation) for annotation in project.labels.history(key)]
