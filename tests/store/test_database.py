"""The database: several processes at once, errors that say what to do, no password in sight."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from autofocus.errors import (
    AutofocusError,
    Conflict,
    Corrupted,
    InvalidInput,
    NotFound,
    StorageFull,
    Unavailable,
)
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.database import (
    Database,
    insert_ignore,
    insert_ignore_all,
    next_revision,
    record_event,
    upsert,
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


def test_an_error_inside_rolls_everything_back(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt), database.begin() as conn:
        insert_ignore(conn, tables.event, **_event("a"))
        raise KeyboardInterrupt
    with database.read() as conn:
        assert conn.execute(sa.select(tables.event)).all() == []


def _event(key: str) -> dict[str, object]:
    return {
        "key": key, "kind": "k", "project": "p", "what": "", "subject": "", "cause": "",
        "actor": "", "body": {}, "at": now(),
    }  # fmt: skip


def test_helpers_tell_what_they_did(database: Database) -> None:
    add_project(database)
    event = Event(kind="data.committed", project="eyes", key="eyes/1", what="Said once.")
    with database.begin() as conn:
        assert record_event(conn, event)
        assert not record_event(conn, event)
        insert_ignore_all(conn, tables.event, [_event("eyes/1"), _event("eyes/2")])
        insert_ignore_all(conn, tables.event, [])
        assert [next_revision(conn, "eyes") for _ in range(3)] == [1, 2, 3]
        with pytest.raises(NotFound, match="no project 'ears'"):
            next_revision(conn, "ears")
        for model in ("eyes-1", "eyes-2"):
            upsert(conn, tables.alias, project="eyes", name="champion", model=model, changed_at="")
        assert conn.execute(sa.select(tables.alias.c.model)).scalars().all() == ["eyes-2"]
    with database.read() as conn:
        said = conn.execute(sa.select(tables.event.c.key, tables.event.c.what)).all()
    assert sorted(said) == [("eyes/1", "Said once."), ("eyes/2", "")]


def test_a_read_sees_one_moment(database: Database) -> None:
    add_project(database)
    with database.read() as conn:
        first = conn.execute(sa.select(tables.project.c.name)).scalars().all()
        add_project(database, "ears")
        assert conn.execute(sa.select(tables.project.c.name)).scalars().all() == first
    assert sorted(names(database)) == ["ears", "eyes"]


def test_what_is_written_while_reading_is_not_kept(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.read() as conn:
        if database.engine.dialect.name == "postgresql":
            with pytest.raises(sa.exc.DBAPIError, match="read-only"):
                insert_ignore(conn, tables.event, **_event("a"))
        else:
            insert_ignore(conn, tables.event, **_event("a"))
        raise ZeroDivisionError
    with database.read() as conn:
        assert conn.execute(sa.select(tables.event)).all() == []


def test_counting_in_threads_loses_nothing(database: Database) -> None:
    add_project(database)
    seen: list[int] = []

    def count() -> None:
        for _ in range(10):
            with database.begin() as conn:
                seen.append(next_revision(conn, "eyes"))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 41))


def test_a_broken_rule_is_a_conflict(database: Database) -> None:
    add_project(database)
    with pytest.raises(Conflict, match="refused the change"):
        add_project(database)
    row = {"name": "champion", "model": "m", "changed_at": ""}
    with pytest.raises(Conflict), database.begin() as conn:
        conn.execute(sa.insert(tables.alias).values(project="nowhere", **row))


OPEN = """
import sys
from autofocus.store.database import Database
database = Database.open(sys.argv[1])
database.migrate()
"""


def test_processes_may_open_a_new_workspace_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / "x.db")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == [b""] * 3
    assert [process.returncode for process in processes] == [0, 0, 0]


SECRETS = {
    "escaped": ("postgresql://ada:{}@127.0.0.1:1/db", "s%40cr%2Ft%23"),
    "as it is": ("postgresql://ada:{}@127.0.0.1:1/db", "s@cr/t#?:%"),
    "in the query": ("postgresql://ada@127.0.0.1:1/db?password={}", "s3cret"),
    "driver unknown": ("postgresql+psycopg2://ada:{}@127.0.0.1/db", "s3cret"),
    "other database": ("mysql://ada:{}@127.0.0.1/db", "s3cret"),
    "port is no number": ("postgresql://ada:{}@127.0.0.1:port/db", "s3cret"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_no_error_shows_the_password(case: str) -> None:
    url, secret = SECRETS[case]
    with pytest.raises((Unavailable, InvalidInput)) as caught:
        Database.open(url.format(secret))
    error: BaseException | None = caught.value
    while error is not None:
        for part in ("s3cret", secret, "cr/t", "cr%2Ft"):
            assert part not in f"{error!r} {error}"
        error = error.__cause__


@pytest.mark.parametrize(
    ("url", "host", "port", "password"),
    [
        ("postgresql://ada:s%40cr%2Ft%23@h:5/db", "h", 5, "s@cr/t#"),
        ("postgres://ada:s@cr/t#?:@h/db", "h", None, "s@cr/t#?:"),
        ("postgresql://ada:100%@h/db", "h", None, "100%"),
        ("postgresql://ada@/db?host=/run/pg", None, None, None),
        ("postgresql://h:5432/db?application_name=a@b", "h", 5432, None),
    ],
)
def test_a_password_may_hold_any_character(
    url: str, host: str | None, port: int | None, password: str | None
) -> None:
    from autofocus.store.database import _parse

    parsed = _parse(url)
    assert (parsed.host, parsed.port, parsed.password) == (host, port, password)
    assert parsed.drivername == "postgresql+psycopg"


def test_postgres_takes_a_password_of_special_characters(postgres: str) -> None:
    admin = Database.open(postgres.format("postgres"))
    with admin.begin() as conn:
        conn.execute(sa.text("DROP ROLE IF EXISTS odd"))
        conn.execute(sa.text("CREATE ROLE odd LOGIN PASSWORD 's@cr/t#?:'"))
    database = Database.open(postgres.format("postgres").replace("postgres@", "odd:s@cr/t#?:@"))
    with database.read() as conn:
        assert conn.execute(sa.text("SELECT current_user")).scalar_one() == "odd"
    database.close()
    admin.close()


def test_a_dead_postgres_is_unavailable_and_comes_back(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("Is about a server.")
    me = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(Unavailable) as caught, database.read() as conn:
        conn.execute(sa.text(me))
    assert caught.value.code.retryable
    assert names(database) == []


def test_nobody_listens() -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        Database.open("postgresql://ada@127.0.0.1:1/db")
    assert "Check that it runs" in caught.value.hint


@pytest.mark.parametrize("url", ["http://x", "nonsense://", "postgresql://h:port/db", "://"])
def test_a_wrong_url_shows_a_right_one(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Database.open(url)
    assert "postgresql://user:password@host/database" in caught.value.hint


def test_places_that_cannot_hold_a_database(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Database.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Cannot make the folder"):
        Database.open(tmp_path / "file" / "x.db")
    (tmp_path / "other.db").write_bytes(b"certainly no database" * 100)
    with pytest.raises(Corrupted, match="is damaged") as caught:
        Database.open(tmp_path / "other.db")
    assert "backup" in caught.value.hint


def test_a_full_disk(tmp_path: Path) -> None:
    """SQLite's own limit on pages gives the same error as a full disk."""
    database = Database.open(tmp_path / "x.db")
    database.migrate()
    with pytest.raises(StorageFull) as caught, database.begin() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        for i in range(100):
            insert_ignore(conn, tables.event, **(_event(str(i)) | {"what": "x" * 4000}))
    assert "Free some space" in caught.value.hint
    add_project(database)
    assert names(database) == ["eyes"]
    database.close()


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
