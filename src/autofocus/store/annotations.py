"""Annotations with full history: a label is never changed, only followed by another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.store.tables import annotation
from autofocus.types.clock import now
from autofocus.types.codec import encode
from autofocus.types.data import Annotation, Label, LabelSource, as_label

# Built once: putting a statement together costs more than the database needs to run it.
_OF_REQUEST = sa.select(annotation.c.id).where(
    annotation.c.project == sa.bindparam("of_project"),
    annotation.c.request == sa.bindparam("of_request"),
)
_END = (
    sa.update(annotation)
    .where(
        annotation.c.project == sa.bindparam("of_project"),
        annotation.c.key == sa.bindparam("of_key"),
        annotation.c.rev_to.is_(None),
    )
    .values(rev_to=sa.bindparam("end"))
)
_BEGIN = sa.insert(annotation)
_BEGIN_ONE = _BEGIN.returning(annotation.c.id)


def write_annotation(
    conn: Connection,
    *,
    project: str,
    key: str,
    label: Label,
    author: str,
    source: LabelSource,
    revision: int,
    confidence: float | None = None,
    suggested_by: str | None = None,
    case: str | None = None,
    seconds: float | None = None,
    request: str | None = None,
) -> int:
    """Save a label in the caller's transaction and return its id.

    The label in force ends at ``revision`` and this one begins. With ``request``, saving the same
    answer twice is saving it once.
    """
    if request is not None:
        known = conn.execute(
            _OF_REQUEST, {"of_project": project, "of_request": request}
        ).scalar_one_or_none()
        if known is not None:
            return int(known)
    conn.execute(_END, {"of_project": project, "of_key": key, "end": revision})
    row = {
        "project": project,
        "key": key,
        "label": encode(label),
        "classes": classes_text(label.classes),
        "author": author,
        "source": source,
        "confidence": confidence,
        "suggested_by": suggested_by,
        "case": case,
        "seconds": seconds,
        "created_at": now(),
        "rev_from": revision,
        "request": request,
    }
    return int(conn.execute(_BEGIN_ONE, row).scalar_one())


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label to be saved, one of many."""

    key: str
    label: Label
    author: str
    source: LabelSource
    case: str | None = None


def write_annotations(
    conn: Connection, *, project: str, labels: Sequence[NewLabel], revision: int
) -> int:
    """Save labels of different images in the caller's transaction; returns how many.

    As :func:`write_annotation` for each, with two statements for all.
    """
    if not labels:
        return 0
    conn.execute(
        _END, [{"of_project": project, "of_key": new.key, "end": revision} for new in labels]
    )
    at = now()
    conn.execute(
        _BEGIN,
        [
            {
                "project": project,
                "key": new.key,
                "label": encode(new.label),
                "classes": classes_text(new.label.classes),
                "author": new.author,
                "source": new.source,
                "case": new.case,
                "created_at": at,
                "rev_from": revision,
            }
            for new in labels
        ],
    )
    return len(labels)


def end_annotation(conn: Connection, *, project: str, key: str, revision: int) -> bool:
    """Take the label in force away, keeping it in history; True if there was one."""
    result = conn.execute(_END, {"of_project": project, "of_key": key, "end": revision})
    return result.rowcount > 0


def as_annotation(row: Any) -> Annotation:
    """A row (mapping) of the table as value."""
    values = {f: row[f] for f in Annotation.__dataclass_fields__}
    values["label"] = as_label(row["label"])
    return Annotation(**values)


def classes_text(classes: Sequence[str]) -> str:
    """The column ``classes``: a JSON list without blanks, in ASCII."""
    return json.dumps(list(classes), separators=(",", ":"))


def has_class(column: Any, name: str, dialect: str) -> sa.ColumnElement[bool]:
    """Whether the column ``classes`` holds that class; NULL where there is no label.

    A quotation mark after a bracket or comma begins a name: inside of one it has a backslash in
    front. So what stands there is the name itself or another one, never a part of one.
    """
    find = sa.func.instr if dialect == "sqlite" else sa.func.strpos
    text = json.dumps(name)
    return sa.or_(find(column, f"[{text}") > 0, find(column, f",{text}") > 0)
