"""The whole history of a project's monitor in a few hundred points, however long it is.

The table of points grows with the traffic, so it is never read as a whole: the points of every
reference are found by seeking along its primary key, one seek for each point wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from autofocus.store import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from autofocus.store.database import Database

# References that a timeline goes back at most: each promotion begins one.
GENERATIONS = 40

_POINT = tables.monitor_point.c


def timeline(database: Database, project: str, points: int = 300) -> list[dict[str, Any]]:
    """About ``points`` stored points over all models, oldest first; none is made up.

    Each reference (a promotion, or what a person declared normal) gets a share of them by the
    images it saw, at least its first and its last. Keys as in ``history``, and ``generation``.
    """
    with database.read() as conn:
        spans = _spans(conn, project)
        total = sum(last - first for _, _, first, last in spans)
        found: list[dict[str, Any]] = []
        for model, generation, first, last in spans:
            share = max(2, round(points * (last - first) / max(total, 1)))
            step = max(1, (last - first) // max(share - 1, 1))
            wanted = _seek(conn, project, model, generation, first, step)
            if last not in wanted:
                wanted.append(last)
            found += [
                {k: v for k, v in body.items() if k != "cursor"} | {"generation": generation}
                for body in _bodies(conn, project, model, generation, wanted)
            ]
    return found


def _spans(conn: Connection, project: str) -> list[tuple[str, int, int, int]]:
    """(model, generation, first rows, last rows) of the newest references, oldest first."""
    c = tables.monitor_state.c
    states = conn.execute(
        sa.select(c.model, c.generation)
        .where(c.project == project)
        .order_by(c.updated_at.desc())
        .limit(GENERATIONS)
    ).all()
    spans = []
    for model, generation in reversed(states):
        here = (_POINT.project == project, _POINT.model == model, _POINT.generation == generation)
        # Two seeks: asked for both ends at once, SQLite would read all between them.
        first = conn.execute(sa.select(sa.func.min(_POINT.rows)).where(*here)).scalar_one()
        last = conn.execute(sa.select(sa.func.max(_POINT.rows)).where(*here)).scalar_one()
        if first is not None:
            spans.append((str(model), int(generation), int(first), int(last)))
    return spans


def _seek(
    conn: Connection, project: str, model: str, generation: int, first: int, step: int
) -> list[int]:
    """The stored ``rows`` at least ``step`` apart, from ``first`` on, without reading the rest."""
    here = (_POINT.project == project, _POINT.model == model, _POINT.generation == generation)
    seen = sa.select(sa.literal(first, sa.BigInteger).label("rows")).cte("seen", recursive=True)
    following = (
        sa.select(sa.func.min(_POINT.rows))
        .where(*here, _POINT.rows >= seen.c.rows + step)
        .correlate(seen)
        .scalar_subquery()
    )
    seen = seen.union_all(sa.select(following).where(seen.c.rows.is_not(None)))
    rows = conn.execute(sa.select(seen.c.rows).where(seen.c.rows.is_not(None))).scalars()
    return [int(n) for n in rows]


def _bodies(
    conn: Connection, project: str, model: str, generation: int, rows: list[int]
) -> list[dict[str, Any]]:
    query = (
        sa.select(_POINT.body)
        .where(
            _POINT.project == project,
            _POINT.model == model,
            _POINT.generation == generation,
            _POINT.rows.in_(rows),
        )
        .order_by(_POINT.rows)
    )
    return list(conn.execute(query).scalars())
