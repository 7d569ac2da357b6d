"""Transactions: one moment for a reader, and errors that say what a caller can do."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from autofocus.errors import (
    AutofocusError,
    Unavailable,
)
from autofocus.store import tables
from autofocus.store.database import (
    Database,
    insert_ignore,
)
from autofocus.types.clock import now


def add_project(database: Database, name: str = "eyes") -> None:
    with database.begin() as conn:
        conn.execute(
            sa.insert(tables.project).values(
                name=name, task="classification", classes=["a", "b"], created_at=now()
            )
        )


def names(database: Database) -> list[str]:
    with database.read() as conn:
        return list(conn.execute(sa.select(tables.project.c.name)).scalars())


def test_sqlite_survives_power_cuts_and_other_processes(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db")
    with database.read() as conn:
        settings = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert settings == ["wal", 2, 1, 30_000]
    database.close()


def _event(key: str) -> dict[str, object]:
    return {
        "key": key, "kind": "k", "project": "p", "what": "", "subject": "", "cause": "",
        "actor": "", "body": {}, "at": now(),
    }  # fmt: skip


def test_a_read_sees_one_moment(database: Database) -> None:
    add_project(database)
    with database.read() as conn:
        first = conn.execute(sa.select(tables.project.c.name)).scalars().all()
        add_project(database, "ears")
        assert conn.execute(sa.select(tables.project.c.name)).scalars().all() == first
    assert sorted(names(database)) == ["ears", "eyes"]


def test_what_is_written_while_reading_is_not_kept(database: Database) -> None:
    # PostgreSQL refuses it, SQLite forgets it.
    with suppress(AutofocusError), database.read() as conn:
        insert_ignore(conn, tables.event, **_event("a"))
    with database.read() as conn:
        assert conn.execute(sa.select(tables.event)).all() == []


def test_a_dead_postgres_is_unavailable_and_comes_back(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("Is about a server.")
    me = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(Unavailable) as caught, database.read() as conn:
        conn.execute(sa.text(me))
    assert caught.value.code.retryable
    assert names(database) == []


def test_a_writer_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autofocus.store.database.BUSY_SECONDS", 0.1)
    database, other = (Database.open(tmp_path / "x.db") for _ in range(2))
    database.migrate()
    with pytest.raises(Unavailable, match="busy"), database.begin(), other.begin():
        pass
    database.close()
    other.close()


def test_every_error_is_ours(database: Database) -> None:
    with pytest.raises(AutofocusError, match="refused"), database.read() as conn:
        conn.execute(sa.text("SELECT nonsense"))
