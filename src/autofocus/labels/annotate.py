"""One image's label saved as a whole: the door for shapes, where every action is saved at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.errors import Conflict, InvalidInput, NotFound
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.annotations import as_annotation, write_annotation
from autofocus.store.database import next_revision, record_event
from autofocus.types.clock import now
from autofocus.types.codec import encode
from autofocus.types.data import Annotation, Label, LabelSource
from autofocus.types.geometry import Shapes

if TYPE_CHECKING:
    from autofocus.labels.queue import Labels

MOST_SECONDS = 7 * 24 * 3600.0


def annotate(
    labels: Labels,
    key: str,
    label: Label,
    author: str,
    *,
    seen: int | None,
    request: str | None,
    seconds: float | None,
    source: LabelSource,
) -> Annotation:
    """See :meth:`autofocus.labels.queue.Labels.annotate`."""
    labels._check_author(author, source)
    _check(request, seconds)
    with labels._database.begin() as conn:
        # Of two people who save at once, the second sees what the first one saved.
        rows.lock_project(conn, labels.project)
        before = _of_request(conn, labels.project, request, key, label)
        if before is not None:
            return before
        image = rows.current_row(conn, labels.project, key)
        if image is None:
            raise NotFound(f"Project {labels.project} has no image {key!r}.", key=key)
        try:
            labels._dataset.rules.check(label, width=image["width"], height=image["height"])
        except InvalidInput as error:
            error.context["key"] = key
            raise
        in_force = annotation_in_force(conn, labels.project, key)
        _check_seen(conn, labels.project, key, label, seen, in_force)
        asked = _open_tasks(conn, labels.project, key, image["sha256"])
        if in_force is not None and (in_force.label, in_force.author) == (label, author):
            found = in_force
        else:
            number = write_annotation(
                conn,
                project=labels.project,
                key=key,
                label=label,
                author=author,
                source=source,
                revision=next_revision(conn, labels.project),
                suggested_by=_suggested_by(label),
                case=next((task["case"] for task in asked if task["case"]), None),
                seconds=seconds,
                request=request,
            )
            found = labels._annotation(conn, number)
            _record(conn, labels.project, found, [task["id"] for task in asked])
        for task in asked:
            conn.execute(
                sa.update(tables.label_task)
                .where(tables.label_task.c.id == task["id"])
                .values(state="done", done_at=now(), annotation=found.id, assignee=author)
            )
        return found


def annotation_in_force(conn: Connection, project: str, key: str) -> Annotation | None:
    """The label of an image now, with who gave it and when."""
    table = tables.annotation
    query = sa.select(table).where(
        table.c.project == project, table.c.key == key, table.c.rev_to.is_(None)
    )
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else as_annotation(row)


def _check(request: str | None, seconds: float | None) -> None:
    if request is not None and not 0 < len(request) <= 100:
        raise InvalidInput(
            "A save needs a request name of 1 to 100 characters, so that it is saved once.",
            field="request",
        )
    if seconds is not None and not (math.isfinite(seconds) and 0 <= seconds <= MOST_SECONDS):
        raise InvalidInput(f"{seconds} seconds is no time that a label takes.", field="seconds")


def _of_request(
    conn: Connection, project: str, request: str | None, key: str, label: Label
) -> Annotation | None:
    """What this request saved before.

    Also where somebody has saved over it since: whoever sends it again must not take the other
    one's annotation for their own, and is told at their next save.
    """
    if request is None:
        return None
    table = tables.annotation
    query = sa.select(table).where(table.c.project == project, table.c.request == request)
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        return None
    found = as_annotation(row)
    if (found.key, found.label) != (key, label):
        raise Conflict(
            f"Request {request!r} saved another label ({found.label.words} for {found.key}).",
            hint="Use a new request name for a new label.",
            key=key,
        )
    return found


def _check_seen(
    conn: Connection,
    project: str,
    key: str,
    label: Label,
    seen: int | None,
    in_force: Annotation | None,
) -> None:
    """Raise Conflict if another label is in force than the one that was looked at."""
    if seen is None or seen == (in_force.id if in_force else 0):
        return
    if in_force is not None and in_force.label == label:
        return
    # Taking an answer back puts what was there before in force again, as a new annotation.
    table = tables.annotation
    query = sa.select(table).where(
        table.c.project == project, table.c.key == key, table.c.id == seen
    )
    row = conn.execute(query).mappings().one_or_none()
    if row is not None and in_force is not None:
        looked_at = as_annotation(row)
        if (looked_at.label, looked_at.author) == (in_force.label, in_force.author):
            return
    who = "somebody took the label away" if in_force is None else f"{in_force.author} saved one"
    raise Conflict(
        f"While you looked at {key}, {who}.",
        hint="Nothing was saved. Look at both labels, and save again with what you now saw.",
        key=key,
        annotation=None if in_force is None else encode(in_force),
    )


def _open_tasks(conn: Connection, project: str, key: str, sha256: str) -> list[dict[str, Any]]:
    """The questions about the picture that is there now and that nobody answered yet."""
    table = tables.label_task
    query = (
        sa.select(table.c.id, table.c.case)
        .where(
            table.c.project == project,
            table.c.key == key,
            table.c.sha256 == sha256,
            table.c.state.in_(("open", "leased")),
        )
        .order_by(table.c.priority.desc(), table.c.created_at, table.c.id)
        .with_for_update()
    )
    return [dict(row) for row in conn.execute(query).mappings()]


def _suggested_by(label: Label) -> str | None:
    """The model whose suggestions were accepted, where it is one."""
    if not isinstance(label, Shapes):
        return None
    models = {shape.suggested_by for shape in label.shapes if shape.suggested_by}
    return models.pop() if len(models) == 1 else None


def _record(conn: Connection, project: str, made: Annotation, tasks: list[str]) -> None:
    record_event(
        conn,
        Event(
            kind="labels.answered",
            project=project,
            key=f"{project}/label/{made.id}",
            what=f"{made.author} says {made.label.words} for {made.key}.",
            subject=made.key,
            cause=made.case or (tasks[0] if tasks else ""),
            actor=made.author,
            body={
                "task": tasks[0] if tasks else "",
                "label": made.label.words,
                "annotation": made.id,
            },
        ),
    )
