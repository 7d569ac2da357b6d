"""The database: facts as rows, on SQLite or PostgreSQL; a commit is the only moment of truth."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

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
from autofocus.types.clock import now

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
# The index beside the write-ahead log; without it not even reading begins.
_SQLITE_NEEDS_BYTES = 2**16
_EXAMPLES = "For example postgresql://user:password@host/database, or a file path for SQLite."


class Database:
    """An open database; use :meth:`begin` to write and :meth:`read` to read.

    SQLite runs in WAL mode with ``synchronous=FULL``: several processes may read while one
    writes, and what is committed survives a power cut.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, location: str | os.PathLike[str]) -> Database:
        """Open a file path (SQLite) or a URL (``postgresql://``, ``sqlite://``).

        Raises InvalidInput for a URL that is none, Unavailable if nothing answers.
        """
        text = os.fspath(location)
        if "://" not in text:
            path = Path(text).absolute()
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise Unavailable(
                    f"Cannot make the folder {path.parent} for the database: {exc.strerror}.",
                    hint="Name a place that you may write to.",
                ) from exc
            url = URL.create("sqlite", database=str(path))
        else:
            url = _parse(text)
        postgres = url.get_backend_name() == "postgresql"
        patience = {"connect_timeout": url.query.get("connect_timeout", CONNECT_SECONDS)}
        engine = sa.create_engine(
            url, pool_pre_ping=postgres, connect_args=patience if postgres else {}
        )
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        database = cls(engine)
        with database.read() as conn:
            conn.execute(sa.text("SELECT 1"))
        return database

    @property
    def _file(self) -> Path | None:
        url = self.engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    @property
    def shown(self) -> str:
        """The place in words that may be printed: without any secret."""
        return _shown(self.engine.url)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: commits at the end, rolls back on any error.

        SQLite takes its write lock at once (``BEGIN IMMEDIATE``), so that a read inside cannot
        turn into a deadlock later.
        """
        with (
            self._translated(),
            self.engine.connect().execution_options(write=True) as conn,
            conn.begin(),
        ):
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view: all statements inside see one moment; nothing may be written."""
        with self._translated(), self.engine.connect() as conn:
            if self.engine.dialect.name == "postgresql":
                # SQLite's transactions are like this by themselves.
                conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield conn

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to this release's shape; harmless when they are already.

        An older ``revision`` takes rows that were written then. Raises Conflict if unknown.
        """
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "autofocus.store:migrations")
        config.set_main_option("path_separator", "os")
        with self.begin() as conn:
            if self.engine.dialect.name == "postgresql":
                # Two processes that open a new workspace at once must not both create tables.
                conn.execute(sa.text("SELECT pg_advisory_xact_lock(727001)"))
            config.attributes["connection"] = conn
            try:
                command.upgrade(config, revision)
            except CommandError as exc:
                raise Conflict(
                    f"The tables in {self.shown} are of a newer release of Autofocus: {exc}.",
                    hint="Install that release or a later one: pip install --upgrade autofocus",
                ) from exc

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as exc:
            raise _translate(exc, self.shown, self._file) from exc
        except sa.exc.TimeoutError as exc:
            raise Unavailable(
                f"No connection to {self.shown} became free in time.", hint="Try again."
            ) from exc


def _parse(text: str) -> URL:
    """The URL, with a password that may hold any character, escaped or not."""
    # Neither the cause nor the text is shown: both can hold the password, or a part of it.
    unreadable = InvalidInput("The database URL cannot be read.", hint=_EXAMPLES)
    scheme, _, rest = text.partition("://")
    who, at, place = rest.rpartition("@")
    user, colon, password = who.partition(":")
    if at and colon and not re.search(r"[@/?#]", user):
        text = f"{scheme}://{user}:{quote(unquote(password), safe='')}@{place}"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise unreadable from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidInput(
            f"The database {_shown(url)} is neither SQLite nor PostgreSQL.", hint=_EXAMPLES
        )
    try:
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError) as exc:
        raise InvalidInput(
            f"The database URL {_shown(url)} names a driver that is not here.", hint=_EXAMPLES
        ) from exc
    return url


def _shown(url: URL) -> str:
    secret = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(secret).render_as_string()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver must not begin transactions by itself: _begin_sqlite does.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    write = conn.get_execution_options().get("write", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _translate(exc: DBAPIError, where: str, file: Path | None) -> AutofocusError:
    """The error in the user's words. ``where`` never holds the password; ``file`` is SQLite's."""
    text = str(exc.orig)
    lower = text.lower()
    full = "disk is full" in lower or "no space left" in lower or "disk full" in lower
    if full or ("i/o error" in lower and file is not None and _no_room(file)):
        return StorageFull(
            f"No space left for the database {where}.",
            hint="Free some space and try again; nothing that was acknowledged is lost.",
        )
    if "malformed" in lower or "not a database" in lower:
        return Corrupted(
            f"{where} is damaged: {text}.", hint="Restore it from a backup; do not delete it."
        )
    if isinstance(exc, sa.exc.IntegrityError):
        return Conflict(f"The database refused the change: {text.splitlines()[0]}.")
    # SQLite reports statements that cannot be understood under the same name.
    ours = "no such" in lower or "syntax error" in lower
    if isinstance(exc, (sa.exc.OperationalError, sa.exc.InterfaceError)) and not ours:
        if "locked" in lower:
            return Unavailable(
                f"{where} was busy for more than {BUSY_SECONDS} seconds.", hint="Try again."
            )
        if "deadlock" in lower or "could not serialize" in lower:
            return Unavailable(
                f"Another change in {where} came between; nothing was changed.", hint="Try again."
            )
        return Unavailable(
            f"The database {where} does not answer: {text.splitlines()[0]}.",
            hint="Check that it runs, and the URL, user and permissions in settings.yaml.",
        )
    return AutofocusError(f"The database {where} refused: {text.splitlines()[0]}.")


def _no_room(file: Path) -> bool:
    """Whether SQLite cannot even make the files beside its own that reading needs."""
    try:
        return shutil.disk_usage(file.parent).free < _SQLITE_NEEDS_BYTES
    except OSError:
        return False


def one_row(conn: Connection, query: sa.Select[Any]) -> dict[str, Any] | None:
    """The row that a query can find at most one of, by column; None if there is none."""
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def insert_ignore(conn: Connection, table: sa.Table, **values: Any) -> bool:
    """Insert a row unless its key is taken; True if it was inserted."""
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    result = conn.execute(
        insert(table).values(**values).on_conflict_do_nothing(),
        # Without it psycopg's count is not kept for an INSERT, and every answer would be False.
        execution_options={"preserve_rowcount": True},
    )
    return result.rowcount == 1


def insert_ignore_all(conn: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows in one go, leaving out those whose key is taken."""
    if rows:
        insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
        conn.execute(insert(table).on_conflict_do_nothing(), list(rows))


def upsert(conn: Connection, table: sa.Table, **values: Any) -> None:
    """Insert a row, or overwrite the row of the same primary key."""
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    keys = [column.name for column in table.primary_key]
    statement = insert(table).values(**values)
    rest = {name: statement.excluded[name] for name in values if name not in keys}
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


def record_event(conn: Connection, event: Event) -> bool:
    """Store an event in the transaction of its effect; a key seen before is not stored again."""
    return insert_ignore(
        conn,
        tables.event,
        key=event.key,
        kind=event.kind,
        project=event.project,
        what=event.what,
        subject=event.subject,
        cause=event.cause,
        actor=event.actor,
        body=dict(event.body),
        at=event.at or now(),
    )


# Built once: it is part of every save, and putting it together costs more than running it.
_ADVANCE = (
    sa.update(tables.project)
    .where(tables.project.c.name == sa.bindparam("of_project"))
    .values(revision=tables.project.c.revision + 1)
    .returning(tables.project.c.revision)
)


def next_revision(conn: Connection, project: str) -> int:
    """Advance the project's revision counter and return it; raises NotFound without a project."""
    revision = conn.execute(_ADVANCE, {"of_project": project}).scalar_one_or_none()
    if revision is None:
        raise NotFound(f"There is no project {project!r}.")
    return int(revision)
