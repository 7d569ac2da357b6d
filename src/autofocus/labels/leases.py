"""Who works on what: questions in an order, leased to one annotator, and to nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.errors import InvalidInput
from autofocus.labels.asking import REVIEW
from autofocus.store import tables
from autofocus.types.clock import now, parse
from autofocus.types.data import LabelTask
from autofocus.types.geometry import read_shapes

if TYPE_CHECKING:
    from autofocus.labels.queue import Labels

Kind = Literal["label", "review"]
Order = Literal["useful", "sure", "unsure", "disagreement"]
MOST = 1000
# The surest first, in steps of a twentieth: within a step images of one class stand together,
# because the eye finds the wrong one among twenty of a kind.
_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Share:
    """An annotator's part of the queue.

    Of the questions of that kind that nobody answered, ``tasks`` are some of the annotator's own,
    ``mine`` all of them, ``open`` are anybody's, ``others`` are leased to other people.
    """

    tasks: tuple[LabelTask, ...]
    mine: int
    open: int
    others: int


def select_state(project: str, state: str) -> sa.Select[Any]:
    """Tasks in a state; an expired lease counts as open."""
    table = tables.label_task
    query = sa.select(table).where(table.c.project == project)
    if state == "open":
        expired = sa.and_(table.c.state == "leased", table.c.leased_until < now())
        return query.where(sa.or_(table.c.state == "open", expired))
    return query.where(table.c.state == state)


def narrowed(query: Any, kind: str, case: str | None) -> Any:
    """Only questions of a kind (empty: all) and of a case; raises InvalidInput."""
    table = tables.label_task
    if kind not in ("", *get_args(Kind)):
        raise InvalidInput(f"Kind {kind!r} is not one of {list(get_args(Kind))}.", field="kind")
    if kind:
        review = table.c.purpose == REVIEW
        query = query.where(review if kind == "review" else ~review)
    return query if case is None else query.where(table.c.case == case)


def ordered(query: sa.Select[Any], order: str) -> sa.Select[Any]:
    """In one of the orders of work; raises InvalidInput."""
    table = tables.label_task
    useful = (table.c.priority.desc(), table.c.created_at, table.c.id)
    sure = sa.func.coalesce(table.c.suggestion_confidence, -1.0)
    if order == "useful":
        return query.order_by(*useful)
    if order == "sure":
        step = sa.cast(sure / _STEP - 0.5, sa.Integer)
        return query.order_by(step.desc(), table.c.suggestion, sure.desc(), *useful)
    if order == "unsure":
        return query.order_by(sure, *useful)
    if order == "disagreement":
        return query.order_by(sa.func.coalesce(table.c.disagreement, -2.0).desc(), *useful)
    raise InvalidInput(f"Order {order!r} is not one of {list(get_args(Order))}.", field="order")


def lease(
    labels: Labels,
    annotator: str,
    *,
    limit: int,
    kind: str,
    case: str | None,
    order: str,
    more: bool,
    lease_seconds: float,
) -> Share:
    """See :meth:`autofocus.labels.queue.Labels.share`."""
    _check(annotator, lease_seconds)
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"A share is 1 to {MOST} tasks, got {limit}.", field="limit")
    table = tables.label_task
    own = narrowed(_own(labels.project, annotator), kind, case)
    free = narrowed(select_state(labels.project, "open"), kind, case).where(
        # The annotator's own expired ones are found above.
        sa.or_(table.c.state == "open", table.c.assignee != annotator)
    )
    own, free = ordered(own, order), ordered(free, order)
    if labels._database.engine.dialect.name == "postgresql":
        # SQLite's write transaction is exclusive already.
        own, free = own.with_for_update(), free.with_for_update(skip_locked=True)
    with labels._database.begin() as conn:
        found: list[Any] = []
        if more:
            _renew(conn, labels.project, annotator, lease_seconds)
        else:
            found = list(conn.execute(own.limit(limit)).mappings())
        if len(found) < limit:
            found += conn.execute(free.limit(limit - len(found))).mappings()
        take(conn, [row["id"] for row in found], annotator, lease_seconds)
        mine, open_, others = _counts(conn, labels.project, annotator, kind, case)
    tasks = [as_task({**row, "state": "leased", "assignee": annotator}) for row in found]
    return Share(tuple(tasks), mine, open_, others)


def renew(labels: Labels, annotator: str, lease_seconds: float) -> int:
    """See :meth:`autofocus.labels.queue.Labels.renew`."""
    _check(annotator, lease_seconds)
    with labels._database.begin() as conn:
        return _renew(conn, labels.project, annotator, lease_seconds)


def release(labels: Labels, annotator: str, tasks: Sequence[str] | None) -> int:
    """See :meth:`autofocus.labels.queue.Labels.release`."""
    table = tables.label_task
    query = (
        sa.update(table)
        .where(
            table.c.project == labels.project,
            table.c.state == "leased",
            table.c.assignee == annotator,
        )
        .values(state="open", assignee=None, leased_until=None)
    )
    with labels._database.begin() as conn:
        if tasks is None:
            return conn.execute(query).rowcount
        parts = [list(tasks[i : i + 500]) for i in range(0, len(tasks), 500)]
        return sum(conn.execute(query.where(table.c.id.in_(part))).rowcount for part in parts)


def take(conn: Connection, ids: Sequence[str], annotator: str, lease_seconds: float) -> None:
    """Lease tasks to an annotator, from now on."""
    table = tables.label_task
    for start in range(0, len(ids), 500):
        conn.execute(
            sa.update(table)
            .where(table.c.id.in_(ids[start : start + 500]))
            .values(state="leased", assignee=annotator, leased_until=_until(lease_seconds))
        )


def as_task(row: Any) -> LabelTask:
    """A row (mapping) of the table as value."""
    kept = ("set_aside", "suggested_shapes")  # among the details
    values = {name: row[name] for name in LabelTask.__dataclass_fields__ if name not in kept}
    aside = row["details"].get("skipped", "") if row["state"] == "skipped" else ""
    drawn = row["details"].get("suggested_shapes")
    shapes = None if drawn is None else read_shapes(drawn)
    return LabelTask(**values, set_aside=str(aside), suggested_shapes=shapes)


def _own(project: str, annotator: str) -> sa.Select[Any]:
    table = tables.label_task
    return sa.select(table).where(
        table.c.project == project, table.c.state == "leased", table.c.assignee == annotator
    )


def _renew(conn: Connection, project: str, annotator: str, lease_seconds: float) -> int:
    table = tables.label_task
    return conn.execute(
        sa.update(table)
        .where(table.c.project == project, table.c.state == "leased", table.c.assignee == annotator)
        .values(leased_until=_until(lease_seconds))
    ).rowcount


def _counts(
    conn: Connection, project: str, annotator: str, kind: str, case: str | None
) -> tuple[int, int, int]:
    table = tables.label_task
    held = sa.case(
        (table.c.state == "open", "open"),
        (table.c.assignee == annotator, "mine"),
        (table.c.leased_until < now(), "open"),
        else_="others",
    ).label("held")
    query = sa.select(held, sa.func.count()).where(
        table.c.project == project, table.c.state.in_(("open", "leased"))
    )
    found = {who: int(n) for who, n in conn.execute(narrowed(query, kind, case).group_by(held))}
    return found.get("mine", 0), found.get("open", 0), found.get("others", 0)


def _until(lease_seconds: float) -> str:
    return (parse(now()) + timedelta(seconds=lease_seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check(annotator: str, lease_seconds: float) -> None:
    if not annotator:
        raise InvalidInput("A share needs an annotator, got an empty name.", field="annotator")
    if lease_seconds <= 0:
        raise InvalidInput("A lease needs a positive time.", field="lease_seconds")
