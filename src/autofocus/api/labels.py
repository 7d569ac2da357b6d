"""The labelling queue over HTTP: what a person or a script needs to answer a case."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from autofocus.api.access import InProject
from autofocus.api.shapes import LabelQueue, LabelShare, LabelStats, LabelTaskToShow, shaped
from autofocus.errors import InvalidInput
from autofocus.labels.asking import Asked
from autofocus.labels.assistant import AssistantStatus
from autofocus.labels.batch import Decided, Decision
from autofocus.labels.quality import Agreement, LabelQuality
from autofocus.types.codec import encode
from autofocus.types.data import Annotation, LabelSource, LabelTask
from autofocus.workspace.workspace import Project

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Many decisions as one; ``request`` makes sending them twice harmless."""

    decisions: tuple[Decision, ...]
    author: str
    request: str


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """Who wants how many tasks, of which kind and in which order, for how long.

    With ``more`` only tasks come that the annotator does not have yet.
    """

    annotator: str
    limit: int = 200
    kind: str = ""
    case: str | None = None
    order: str = "useful"
    more: bool = False
    lease_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Renewal:
    """Who keeps what is leased, and for how long."""

    annotator: str
    lease_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Leaver:
    """Who gives back what is leased: all of it, or these tasks."""

    annotator: str
    tasks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AskRequest:
    """Which images people shall label: those that meet a query, or those named."""

    author: str = ""
    query: str = "is:unlabelled"
    keys: tuple[str, ...] | None = None
    limit: int = 20_000


def _tasks(project: Project, tasks: Sequence[LabelTask]) -> list[dict[str, Any]]:
    there = project.labels.labels_now([task.key for task in tasks])
    shown = []
    for task in tasks:
        seen, classes = there.get(task.key, (0, ()))
        shown.append(
            {
                **encode(task),
                "image_url": f"/api/projects/{project.name}/images/{task.sha256}",
                "seen": seen,
                "label": ", ".join(classes) or None,
            }
        )
    return shown


def _task(project: Project, task: LabelTask) -> dict[str, Any]:
    return _tasks(project, [task])[0]


@router.get("/queue", **shaped(LabelQueue))
def queue(
    project: InProject,
    state: str = "open",
    case: str | None = None,
    kind: str = "",
    order: str = "useful",
    cursor: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """Tasks in the order in which answers help most, or in another one."""
    page = project.labels.queue(
        state=state,
        case=case,
        kind=kind,
        order=order,
        cursor=cursor,
        limit=min(max(limit, 1), 1000),
    )
    return {
        "items": _tasks(project, page.items),
        "next_cursor": page.next_cursor,
    }


@router.post("/next")
def next_task(project: InProject, body: NextRequest) -> dict[str, Any]:
    """Lease the next task; two annotators never get the same one. ``task`` is null at the end."""
    task = project.labels.next(body.annotator, case=body.case)
    return {"task": None if task is None else _task(project, task)}


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
    return _task(project, project.labels.reopen(body.task, body.author))


@router.post("/batch", **shaped(Decided))
def batch(project: InProject, body: Batch) -> dict[str, Any]:
    """Answer, skip and take back many tasks: all or none, once per ``request``.

    409 with ``context.conflicts`` where somebody else decided in between; nothing is saved then.
    """
    done = project.labels.decide(body.decisions, body.author, body.request)
    return encode(done)  # type: ignore[no-any-return]


@router.post("/lease", **shaped(LabelShare))
def lease(project: InProject, body: ShareRequest) -> dict[str, Any]:
    """An annotator's share of the queue, renewed and filled up; nobody else gets these tasks."""
    share = project.labels.share(
        body.annotator,
        limit=body.limit,
        kind=body.kind,
        case=body.case,
        order=body.order,
        more=body.more,
        lease_seconds=body.lease_seconds,
    )
    return {
        "items": _tasks(project, share.tasks),
        "mine": share.mine,
        "open": share.open,
        "others": share.others,
    }


@router.post("/renew")
def renew(project: InProject, body: Renewal) -> dict[str, Any]:
    """Keep all that is leased to an annotator."""
    return {"renewed": project.labels.renew(body.annotator, lease_seconds=body.lease_seconds)}


@router.post("/release")
def release(project: InProject, body: Leaver) -> dict[str, Any]:
    """Give an annotator's share, or a part of it, back to everybody."""
    return {"released": project.labels.release(body.annotator, body.tasks)}


@router.post("/ask", **shaped(Asked))
def ask(project: InProject, body: AskRequest) -> dict[str, Any]:
    """Ask people to label images; asking twice is asking once."""
    done = project.labels.ask(
        body.query,
        keys=body.keys,
        author=body.author or project.workspace.author,
        limit=body.limit,
    )
    project.assistant.tick(at_once=True)
    return encode(done)  # type: ignore[no-any-return]


@router.get("/assistant", **shaped(AssistantStatus))
def assistant(project: InProject) -> dict[str, Any]:
    """What the labelling assistant knows, and when it learns again."""
    return encode(project.assistant.status())  # type: ignore[no-any-return]


@router.post("/assistant", **shaped(AssistantStatus, status=202), status_code=202)
def train_assistant(project: InProject) -> dict[str, Any]:
    """Let the labelling assistant learn now, in a process of its own."""
    project.assistant.start()
    return assistant(project)


@router.get("/stats", **shaped(LabelStats))
def stats(project: InProject) -> dict[str, Any]:
    """Counts by state, class and author."""
    found: dict[str, Any] = encode(project.labels.stats())
    return found


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """How many of the worst labels are to be reviewed."""

    limit: int = 100


@dataclass(frozen=True, slots=True)
class ReviewAsked:
    """How many questions are new in the queue."""

    asked: int


@router.get("/quality", **shaped(LabelQuality))
def quality(project: InProject, limit: int = 100) -> dict[str, Any]:
    """Which labels are probably wrong, worst first, among the images the champion looked at.

    ``POST data/embeddings`` lets it look at the rest.
    """
    found = project.labels.quality()
    kept = dataclasses.replace(found, suspects=found.suspects[: min(max(limit, 0), 10_000)])
    return encode(kept)  # type: ignore[no-any-return]


@router.post("/review", **shaped(ReviewAsked))
def review(project: InProject, body: ReviewRequest) -> dict[str, Any]:
    """Put the worst labels that nobody reviewed into the queue, with the purpose ``review``."""
    if not 1 <= body.limit <= 10_000:
        raise InvalidInput(f"Ask for 1 to 10000 reviews, not {body.limit}.", field="limit")
    found = project.labels.quality()
    wanted = [s for s in found.suspects if not s.reviewed][: body.limit]
    return {"asked": project.labels.review(wanted, model=found.model) if wanted else 0}


@router.get("/agreement", **shaped(list[Agreement]))
def agreement(project: InProject) -> list[dict[str, Any]]:
    """How often every two people agree on the images that both labelled."""
    return [encode(pair) for pair in project.labels.agreement()]


@router.get("/history")
def history(project: InProject, key: str) -> list[dict[str, Any]]:
    """Every label an image ever had, newest first."""
    return [encode(annotation) for annotation in project.labels.history(key)]
