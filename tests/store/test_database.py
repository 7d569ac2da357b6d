"""The database: its shape on both kinds, transactions, and errors in the user's words."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

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

ODD = "p@ss:w/rd %41#?&=ä"


def test_migrations_make_the_tables_of_this_release(database: Database) -> None:
    with database.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    database.migrate()


def test_two_processes_may_migrate_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from autofocus.store.database import Database;"
        "Database.open(sys.argv[1]).migrate()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "db")]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]


def add_project(conn: sa.Connection, name: str = "eyes") -> bool:
    return insert_ignore(
        conn, tables.project, name=name, task="classification", classes=["a"], created_at="now"
    )


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    def interrupted() -> None:
        with database.begin() as conn:
            add_project(conn)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with database.begin() as conn:
        assert add_project(conn)
    with database.begin() as conn:
        assert not add_project(conn)


def test_rows_are_inserted_once_or_overwritten(database: Database) -> None:
    rows = [{"sha256": c * 64, "size": 1} for c in "aab"]
    with database.begin() as conn:
        insert_ignore_all(conn, tables.blob, [])
        insert_ignore_all(conn, tables.blob, rows)
        insert_ignore_all(conn, tables.blob, rows)
        upsert(conn, tables.blob, sha256="a" * 64, size=7)
        upsert(conn, tables.blob, sha256="c" * 64, size=8)
        query = sa.select(tables.blob.c.size).order_by(tables.blob.c.sha256)
        assert list(conn.execute(query).scalars()) == [7, 1, 8]


def test_revisions_count_up_whoever_asks(database: Database) -> None:
    with database.begin() as conn:
        add_project(conn)
    seen: list[int] = []

    def ask() -> None:
        for _ in range(10):
            with database.begin() as conn:
                seen.append(next_revision(conn, "eyes"))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 31))
    with database.begin() as conn, pytest.raises(NotFound, match="no project 'nose'"):
        next_revision(conn, "nose")


def test_an_event_is_recorded_once(database: Database) -> None:
    event = Event(kind="data.imported", project="eyes", key="k", what="Something happened.")
    with database.begin() as conn:
        assert record_event(conn, event)
        assert not record_event(conn, event)


def test_a_broken_rule_is_a_conflict(database: Database) -> None:
    def twice() -> None:
        with database.begin() as conn:
            for _ in range(2):
                conn.execute(sa.insert(tables.blob).values(sha256="a", size=1))

    with pytest.raises(Conflict, match="refused the change"):
        twice()
    with database.read() as conn:
        assert conn.execute(sa.select(tables.blob)).all() == []


def test_a_dead_server_is_unavailable_and_the_password_stays_unsaid() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: nothing answers here
        port = taken.getsockname()[1]
        for url in (
            f"postgresql://ada:{quote(ODD, safe='')}@127.0.0.1:{port}/eyes",
            f"postgresql://ada@127.0.0.1:{port}/eyes?password={quote(ODD, safe='')}",
        ):
            with pytest.raises(Unavailable, match="does not answer") as caught:
                Database.open(url)
            assert "settings.yaml" in caught.value.hint
            assert_unsaid(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:p@ssw@host/db",
        "mysql://ada:secret@host/db?password=secret",
        "postgresql+nothing://ada:secret@host/db",
        "postgresql://ada:se:cret@secret@host:notaport/db",
        "postgresql://ada:secret@host:99x/db",
        "://secret",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(InvalidInput, match="database") as caught:
        Database.open(url)
    assert "For example" in caught.value.hint
    assert_unsaid(caught.value)


def assert_unsaid(error: AutofocusError) -> None:
    """No way of writing the password is in what a user is shown."""
    text = f"{error} {error.as_json()}"
    for secret in (ODD, quote(ODD, safe=""), "secret", "cret@", "p@ssw"):
        assert secret not in text


def test_a_user_and_password_with_special_characters(postgres: str) -> None:
    user = 'a@b:c/d "e"'
    admin = Database.open(postgres.format("postgres"))
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        quoted = '"' + user.replace('"', '""') + '"'
        path = conn.execute(sa.text("SHOW hba_file")).scalar_one()
        rules = ", ".join(map(_text, (f"local all {quoted} scram-sha-256", "local all all trust")))
        driver = conn.connection.driver_connection
        assert driver is not None
        driver.execute(f"CREATE ROLE {quoted} LOGIN PASSWORD {_text(ODD)}")
        driver.execute(f"COPY (SELECT unnest(ARRAY[{rules}])) TO {_text(path)}")
        driver.execute("SELECT pg_reload_conf()")
    admin.close()
    folder = postgres.partition("?host=")[2]
    where = f"@/postgres?host={folder}"
    Database.open(f"postgresql://{quote(user, safe='')}:{quote(ODD, safe='')}{where}").close()
    with pytest.raises(Unavailable) as caught:
        Database.open(f"postgresql://{quote(user, safe='')}:{quote(ODD + '!', safe='')}{where}")
    assert_unsaid(caught.value)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"these are my notes, not a database" * 100)
    with pytest.raises(Corrupted) as caught:
        Database.open(path)
    assert "do not delete" in caught.value.hint
    assert path.read_bytes().startswith(b"these are my notes")
    with pytest.raises(Unavailable):
        Database.open(tmp_path)
    with pytest.raises(Unavailable, match="Cannot make the folder"):
        Database.open(path / "below" / "db")


def test_a_full_disk_is_called_so(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "db")
    database.migrate()
    with database.begin() as conn:
        add_project(conn)

    def fill() -> None:
        with database.begin() as conn:
            pages = conn.execute(sa.text("PRAGMA page_count")).scalar_one()
            conn.execute(sa.text(f"PRAGMA max_page_count={pages + 2}"))
            for i in range(1000):
                add_project(conn, f"{i} {'x' * 1000}")

    with pytest.raises(StorageFull, match="No space left") as caught:
        fill()
    assert "Free some space" in caught.value.hint
    with database.read() as conn:
        assert list(conn.execute(sa.select(tables.project.c.name)).scalars()) == ["eyes"]
    database.close()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.begin() as writing:
        add_project(writing)
        with database.read() as conn:
            assert conn.execute(sa.select(tables.project)).all() == []
