"""Walking back from a model: run, version, labels and their authors, case, parents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.errors import NotFound
from autofocus.store import tables

_MAX_LABELS = 1000


def model_lineage(conn: Connection, project: str, model: str) -> dict[str, Any]:
    """Everything that made a model what it is, as JSON-safe values.

    ``labels`` lists the answers that the model's case and its earlier tries asked for, each with
    author and time;
    ``parents`` goes back to the first model. Raises NotFound.
    """
    row = _one(conn, tables.model, tables.model.c.id == model)
    if row is None:
        raise NotFound(f"Project {project} has no model {model!r}.")
    version = (
        conn.execute(
            sa.select(tables.version)
            .where(tables.version.c.project == project, tables.version.c.digest == row["version"])
            .order_by(tables.version.c.number)
        )
        .mappings()
        .first()
    )
    parents = []
    parent, seen = row["parent"], {model}
    while parent is not None and parent not in seen:
        seen.add(parent)
        above = _one(conn, tables.model, tables.model.c.id == parent)
        if above is None:
            break
        parents.append({"model": above["id"], "version": above["version"], "case": above["case"]})
        parent = above["parent"]
    case = _one(conn, tables.case, tables.case.c.id == row["case"]) if row["case"] else None
    moves = conn.execute(
        sa.select(tables.alias_history)
        .where(
            tables.alias_history.c.project == project,
            sa.or_(tables.alias_history.c.model == model, tables.alias_history.c.before == model),
        )
        .order_by(tables.alias_history.c.id)
    ).mappings()
    return {
        "model": row,
        "run": _one(conn, tables.run, tables.run.c.id == row["run"]) if row["run"] else None,
        "version": None if version is None else dict(version),
        "case": case,
        "signal": _one(conn, tables.signal, tables.signal.c.id == case["signal"])
        if case and case["signal"]
        else None,
        "labels": _labels(conn, project, case, version),
        "authors": _authors(conn, project, version),
        "aliases": [dict(move) for move in moves],
        "parents": parents,
    }


def _one(conn: Connection, table: sa.Table, condition: Any) -> dict[str, Any] | None:
    found = conn.execute(sa.select(table).where(condition)).mappings().one_or_none()
    return None if found is None else dict(found)


def _labels(
    conn: Connection, project: str, case: dict[str, Any] | None, version: Any
) -> list[dict[str, Any]]:
    """The labels that the case and its earlier tries asked for, in force in the version."""
    if case is None or version is None:
        return []
    table = tables.annotation
    tries = sa.select(tables.case.c.id).where(
        tables.case.c.project == project,
        sa.or_(
            tables.case.c.id == case["id"],
            sa.and_(tables.case.c.signal == case["signal"], tables.case.c.number < case["number"]),
        ),
    )
    rows = conn.execute(
        sa.select(table)
        .where(table.c.project == project, table.c.case.in_(tries), *_in_force(version))
        .order_by(table.c.id)
        .limit(_MAX_LABELS)
    ).mappings()
    wanted = ("id", "key", "label", "author", "source", "created_at", "suggested_by")
    return [{name: row[name] for name in wanted} for row in rows]


def _authors(conn: Connection, project: str, version: Any) -> dict[str, int]:
    """How many of the version's labels each author made."""
    if version is None:
        return {}
    table = tables.annotation
    rows = conn.execute(
        sa.select(table.c.author, sa.func.count())
        .where(table.c.project == project, *_in_force(version))
        .group_by(table.c.author)
        .order_by(table.c.author)
    )
    return {author: int(count) for author, count in rows}


def _in_force(version: Any) -> tuple[Any, ...]:
    table, revision = tables.annotation, version["revision"]
    return (
        table.c.rev_from <= revision,
        sa.or_(table.c.rev_to.is_(None), table.c.rev_to > revision),
    )
