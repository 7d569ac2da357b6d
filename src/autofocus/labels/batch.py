"""Many decisions of one annotator as one: saved together or not at all, and never twice."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.errors import Conflict, InvalidInput
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.database import record_event
from autofocus.types.data import Tag, as_label

if TYPE_CHECKING:
    from autofocus.labels.queue import Labels

Deed = Literal["answer", "skip", "reopen"]
MOST = 1000


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one task.

    ``seen`` is the id of the annotation that was in force when the annotator looked, 0 for none;
    None asks for no check. ``seconds`` is the time it took.
    """

    task: str
    do: Deed = "answer"
    label: str | None = None
    reason: str = "unsure"
    seconds: float | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What a batch did; ``annotations`` maps each answered task to the annotation in force."""

    request: str
    answered: int
    skipped: int
    reopened: int
    annotations: dict[str, int]
    repeated: bool = False


def decide(labels: Labels, decisions: Sequence[Decision], author: str, request: str) -> Decided:
    """See :meth:`autofocus.labels.queue.Labels.decide`."""
    _check(labels, decisions, author, request)
    digest = hashlib.sha256(
        json.dumps([author, [asdict(d) for d in decisions]], sort_keys=True).encode()
    ).hexdigest()
    key = f"{labels.project}/batch/{request}"
    with labels._database.begin() as conn:
        before = _before(conn, key, digest, request)
        if before is not None:
            return before
        conflicts = [
            found for d in decisions if (found := _conflict(labels, conn, d, author)) is not None
        ]
        if conflicts:
            first = conflicts[0]
            raise Conflict(
                f"{len(conflicts)} of {len(decisions)} decisions met another person's: "
                f"{first['author'] or 'somebody'} says {first['label'] or first['state']} for "
                f"{first['key']}.",
                hint="Nothing was saved. Look at both, and decide again for what you now saw.",
                conflicts=conflicts,
            )
        annotations: dict[str, int] = {}
        for place, d in enumerate(decisions):
            if d.do == "answer":
                assert d.label is not None
                annotations[d.task] = labels._answer(
                    conn,
                    d.task,
                    d.label,
                    author,
                    seconds=d.seconds,
                    request=f"{request}/{place}",
                ).id
            elif d.do == "skip":
                labels._skip(conn, d.task, author, d.reason)
            else:
                labels._reopen(conn, d.task, author, keep=True)
        counts = Counter(d.do for d in decisions)
        done = Decided(request, counts["answer"], counts["skip"], counts["reopen"], annotations)
        record_event(
            conn,
            Event(
                kind="labels.answered",
                project=labels.project,
                key=key,
                what=f"{author} {_in_words(done)}.",
                actor=author,
                body={**asdict(done), "digest": digest},
            ),
        )
        return done


def _check(labels: Labels, decisions: Sequence[Decision], author: str, request: str) -> None:
    """All that can be said without the database."""
    if not decisions:
        raise InvalidInput("A batch needs at least one decision, got none.", field="decisions")
    if len(decisions) > MOST:
        raise InvalidInput(
            f"A batch has at most {MOST} decisions, got {len(decisions)}.",
            hint="Send several batches.",
            field="decisions",
        )
    if not author:
        raise InvalidInput("A label needs an author, got an empty name.", field="author")
    if not 0 < len(request) <= 100:
        raise InvalidInput(
            "A batch needs a request name of 1 to 100 characters, so that it is saved once.",
            field="request",
        )
    twice = [task for task, n in Counter(d.task for d in decisions).items() if n > 1]
    if twice:
        raise InvalidInput(f"Task {twice[0]} is in the batch twice.", field="decisions")
    for d in decisions:
        if d.do not in get_args(Deed):
            raise InvalidInput(
                f"{d.do!r} is not one of {list(get_args(Deed))} (task {d.task}).", field="do"
            )
        if d.do == "answer":
            if d.label is None:
                raise InvalidInput(f"The answer to task {d.task} has no label.", field="label")
            labels._check(d.label, author, "human")


def _before(conn: Connection, key: str, digest: str, request: str) -> Decided | None:
    """The account of the same batch, if it was saved before."""
    event = tables.event
    body = conn.execute(sa.select(event.c.body).where(event.c.key == key)).scalar_one_or_none()
    if body is None:
        return None
    if body["digest"] != digest:
        raise Conflict(
            f"Request {request!r} saved other decisions before.",
            hint="Use a new request name for new decisions.",
        )
    kept = {name: body[name] for name in Decided.__dataclass_fields__}
    return Decided(**{**kept, "repeated": True})


def _conflict(
    labels: Labels, conn: Connection, decision: Decision, author: str
) -> dict[str, Any] | None:
    """What another person decided since this one looked, if that is something else."""
    row = labels._row(conn, decision.task, lock=True)
    table = tables.annotation
    of_key = (table.c.project == labels.project, table.c.key == row["key"])
    now = conn.execute(sa.select(table).where(*of_key, table.c.rev_to.is_(None))).mappings().first()
    told = {
        "task": decision.task,
        "key": row["key"],
        "sha256": row["sha256"],
        "state": row["state"],
        "do": decision.do,
        "yours": decision.label,
        "label": as_label(now["label"]).words if now else None,
        "author": now["author"] if now else row["assignee"],
        "annotation": int(now["id"]) if now else 0,
    }
    if row["state"] == "cancelled" and decision.do != "answer":
        return told
    if decision.do == "reopen":
        mine = row["state"] in ("open", "leased") or row["assignee"] == author
        return None if mine else told
    if decision.do == "skip":
        return told if row["state"] == "done" else None
    if row["state"] == "cancelled":
        return told
    image = rows.current_row(conn, labels.project, row["key"])
    if image is None or image["sha256"] != row["sha256"]:
        # The answer would be about another picture than the one that was shown.
        return {**told, "state": "replaced"}
    yours = Tag(decision.label or "-")
    if decision.seen is None or (now is not None and as_label(now["label"]) == yours):
        return None
    if (now["id"] if now else 0) == decision.seen:
        return None
    # Taking an answer back puts what was there before in force again, as a new annotation.
    seen = conn.execute(sa.select(table).where(*of_key, table.c.id == decision.seen)).mappings()
    before = seen.first()
    same = (
        now is not None
        and before is not None
        and (now["label"], now["author"]) == (before["label"], before["author"])
    )
    return None if same else told


def _in_words(done: Decided) -> str:
    parts = [
        f"{verb} {n} {'image' if n == 1 else 'images'}"
        for verb, n in (
            ("labelled", done.answered),
            ("skipped", done.skipped),
            ("took back", done.reopened),
        )
        if n
    ]
    return ", ".join(parts)
