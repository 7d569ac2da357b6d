"""Questions, and how images come to be asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.errors import InvalidInput
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.database import insert_ignore_all, record_event
from autofocus.types.clock import now
from autofocus.types.codec import encode

if TYPE_CHECKING:
    from autofocus.data.embeddings import Looked
    from autofocus.labels.queue import Labels
    from autofocus.types.data import Sample
    from autofocus.types.geometry import Shapes

REVIEW = "review"
# What people ask for themselves; only these get the assistant's suggestions and order. What the
# loop asks to judge a model is shown without any: the answer must not be led.
MANUAL = "manual"
MOST = 100_000
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Question:
    """An image to be labelled, as the loop or a person asks it.

    ``id`` names the question by its inputs: asking it twice is asking it once. ``suggested_by``
    names the model that suggests, ``suggested_shapes`` is its suggestion drawn. ``details`` is
    given back with the answer and shown to nobody.
    """

    id: str
    key: str
    sha256: str
    reason: str
    purpose: str
    priority: float = 0.0
    propensity: float | None = None
    case: str | None = None
    suggestion: str | None = None
    suggestion_confidence: float | None = None
    suggested_by: str | None = None
    suggested_shapes: Shapes | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many images were found, and how many questions about them are new."""

    found: int
    asked: int


def request(labels: Labels, questions: Sequence[Question], cause: str, conn: Connection) -> int:
    """See :meth:`autofocus.labels.queue.Labels.request`."""
    table = tables.label_task
    wanted = {q.id: q for q in questions}
    names = list(wanted)
    known: set[str] = set()
    for start in range(0, len(names), _CHUNK):
        part = names[start : start + _CHUNK]
        known.update(conn.execute(sa.select(table.c.id).where(table.c.id.in_(part))).scalars())
    fresh = [q for q in wanted.values() if q.id not in known]
    at = now()
    insert_ignore_all(
        conn,
        table,
        [
            {
                "id": q.id,
                "project": labels.project,
                "key": q.key,
                "sha256": q.sha256,
                "reason": q.reason,
                "purpose": q.purpose,
                "priority": q.priority,
                "propensity": q.propensity,
                "case": q.case,
                "suggestion": q.suggestion,
                "suggestion_confidence": q.suggestion_confidence,
                "suggested_by": q.suggested_by,
                "state": "open",
                "created_at": at,
                "details": {**q.details, **_drawn(q)},
            }
            for q in fresh
        ],
    )
    if fresh:
        first = questions[0]
        new = len(fresh)
        record_event(
            conn,
            Event(
                kind="labels.requested",
                project=labels.project,
                # The first new one: asking for more is another event than asking before.
                key=f"{(first if first.case else fresh[0]).id}/requested",
                what=f"{new} {'label is' if new == 1 else 'labels are'} wanted: {first.reason}.",
                subject=first.case or "",
                cause=cause or first.case or "",
                actor="loop" if first.case else "system",
                body={"count": new, "purpose": first.purpose},
            ),
        )
    return len(fresh)


def _drawn(question: Question) -> dict[str, Any]:
    shapes = question.suggested_shapes
    return {} if shapes is None else {"suggested_shapes": encode(shapes)}


def ask(
    labels: Labels, query: str, *, keys: Sequence[str] | None, author: str, limit: int
) -> Asked:
    """See :meth:`autofocus.labels.queue.Labels.ask`."""
    if not author:
        raise InvalidInput("Whoever asks needs a name, got an empty one.", field="author")
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"Ask about 1 to {MOST} images, not {limit}.", field="limit")
    found = _samples(labels, query, keys, limit)
    in_force = labels.in_force([sample.key for sample in found])
    looked = labels._dataset.embeddings.answers()
    model = labels._dataset.embeddings.model if looked is not None else ""
    questions = [
        _question(labels, sample, in_force.get(sample.key, 0), author, looked, model)
        for sample in found
    ]
    return Asked(len(found), labels.request(questions, cause=author) if questions else 0)


def _samples(
    labels: Labels, query: str, keys: Sequence[str] | None, limit: int
) -> Sequence[Sample]:
    if keys is not None:
        wanted = list(dict.fromkeys(keys))[:limit]
        with labels._database.read() as conn:
            there = rows.current_rows(conn, labels.project, wanted)
            missing = [key for key in wanted if key not in there]
            if missing:
                raise InvalidInput(
                    f"Project {labels.project} has no image {missing[0]!r}"
                    f"{f' and {len(missing) - 1} more of those named' if missing[1:] else ''}.",
                    field="keys",
                )
            return rows.samples_of(conn, labels.project, wanted)
    found: list[Sample] = []
    cursor: str | None = None
    while len(found) < limit:
        page = labels._dataset.search(
            query, limit=min(1000, limit - len(found)), cursor=cursor, count=False
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _question(
    labels: Labels,
    sample: Sample,
    annotation: int,
    author: str,
    looked: Looked | None,
    model: str,
) -> Question:
    # A label that is there is part of the name: who asks again after it means it anew.
    named = "\n".join((labels.project, sample.key, sample.sha256, str(annotation or "")))
    digest = hashlib.sha256(named.encode()).hexdigest()
    place = None if looked is None else looked.at(sample.sha256)
    seen = looked is not None and place is not None and looked.label[place] >= 0
    confidence = float(looked.confidence[place]) if seen and looked is not None else None
    return Question(
        id=f"{labels.project}-ask-{digest[:20]}",
        key=sample.key,
        sha256=sample.sha256,
        reason=f"asked for by {author}",
        purpose=MANUAL,
        # Mixed by content, or the first ten would be of one folder and thus of one class.
        priority=(1 - confidence if confidence is not None else 0.0)
        + int(digest[20:28], 16) / 16**8 * (0.001 if confidence is not None else 1.0),
        suggestion=looked.classes[looked.label[place]] if seen and looked is not None else None,
        suggestion_confidence=None if confidence is None else round(confidence, 6),
        suggested_by=model if seen else None,
    )
