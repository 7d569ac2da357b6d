"""Everything a workspace knows as one tar file, and back: rows of one moment, and all objects.

Rows are written as JSON lines, so a backup of SQLite restores into PostgreSQL and the other way
round. The last member lists every other one with its size and sha256: a torn or altered file is
refused as a whole. Settings stay out: they may hold secrets and name places of the old machine.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import json
import os
import secrets
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.errors import Conflict, Corrupted, InvalidInput, NotFound, StorageFull, Unavailable
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.types.clock import now

FORMAT = 1
_CONTENTS = "contents.json"
_ROWS, _OBJECTS = "rows/", "objects/"
_AT_ONCE = 1000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup file holds. ``by_reference`` images are named in it, their bytes are not."""

    path: str
    made_at: str
    bytes: int
    rows: int
    objects: int
    by_reference: int


def write_backup(
    database: Database, objects: ObjectStore, path: Path, *, progress: Progress | None = None
) -> Backup:
    """Write all rows of one moment and all objects to ``path``; the workspace stays in use.

    Raises Conflict if ``path`` exists or images were removed meanwhile, StorageFull.
    """
    if path.exists():
        raise Conflict(f"{path} exists.", hint="Name a new file.", path=str(path))
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _file_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                found = _write(database, objects, file, path, progress)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return found


def _write(
    database: Database, objects: ObjectStore, file: IO[bytes], path: Path, progress: Progress | None
) -> Backup:
    contents: dict[str, dict[str, Any]] = {}
    rows = 0
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        with database.read() as conn, tempfile.TemporaryFile() as spool:
            # Rows first: objects only come while they are copied, so every row finds its own.
            revision = conn.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
            packs, by_reference = _packs(conn)
            for table in _tables(conn):
                spool.seek(0)
                spool.truncate()
                for row in conn.execution_options(yield_per=_AT_ONCE).execute(sa.select(table)):
                    spool.write(_line(row._mapping))
                    rows += 1
                size = spool.tell()
                spool.seek(0)
                contents[f"{_ROWS}{table.name}.jsonl"] = _add(
                    tar, f"{_ROWS}{table.name}.jsonl", spool, size
                )
        keys = objects.list("")
        for done, key in enumerate(keys):
            try:
                with _open_object(objects, key) as (source, size):
                    contents[_OBJECTS + key] = _add(tar, _OBJECTS + key, source, size)
            except NotFound:  # compacted or collected since the list was made
                if key.removeprefix("packs/") in packs:
                    raise Conflict(
                        f"The pack {key!r} was removed while the backup was made.",
                        hint="Try again when `autofocus data gc` is done.",
                    ) from None
            if progress is not None:
                progress(done + 1, len(keys))
        missing = sorted(p for p in packs if f"{_OBJECTS}packs/{p}" not in contents)
        if missing:
            raise Corrupted(
                f"{len(missing)} packs of images are not in the store, the first is {missing[0]}.",
                hint="See what is damaged: autofocus data verify",
            )
        listing = {
            "format": FORMAT,
            "made_at": now(),
            "tables": revision,
            "by_reference": by_reference,
            "rows": rows,
            "contents": contents,
        }
        text = json.dumps(listing, indent=1).encode()
        _add(tar, _CONTENTS, io.BytesIO(text), len(text))
    return _described(path, listing, file.tell())


def read_contents(path: Path) -> dict[str, Any]:
    """The list at the end of a backup; raises NotFound, InvalidInput or Corrupted."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", path=str(path))
    try:
        with tarfile.open(path, "r:") as tar:
            last = None
            for member in tar:
                last = member
            source = tar.extractfile(last) if last is not None and last.name == _CONTENTS else None
            listing = None if source is None else json.loads(source.read())
    except (tarfile.TarError, EOFError, ValueError) as exc:
        raise Corrupted(
            f"{path} cannot be read as a backup: {exc}.",
            hint="It is torn, or not made by `autofocus backup`.",
            path=str(path),
        ) from exc
    if not isinstance(listing, dict):
        raise Corrupted(
            f"{path} ends before its list of contents.",
            hint="It is torn, or not made by `autofocus backup`.",
            path=str(path),
        )
    if listing.get("format") != FORMAT:
        raise InvalidInput(
            f"{path} has format {listing.get('format')!r}, this release reads {FORMAT}.",
            hint="Install the release that made it, or a later one.",
            path=str(path),
        )
    return listing


def read_backup(
    path: Path, database: Database, objects: ObjectStore, *, progress: Progress | None = None
) -> Backup:
    """Put a backup into an empty database and store; nothing shows before the last row is in.

    Raises Conflict if either holds something, Corrupted if a member is not what was written.
    """
    listing = read_contents(path)
    contents: dict[str, dict[str, Any]] = listing["contents"]
    database.migrate(str(listing["tables"]))
    with database.read() as conn:
        for table in _tables(conn):
            if conn.execute(sa.select(table).limit(1)).first() is not None:
                raise Conflict(
                    f"The database {database.shown} is not empty: table {table.name} has rows.",
                    hint="Restore into a new folder or an empty database.",
                )
    done = 0
    with _file_errors(path), tarfile.open(path, "r:") as tar:
        for member in tar:
            if member.name.startswith(_OBJECTS):
                data = _checked(tar, member, contents, path)
                objects.put(member.name.removeprefix(_OBJECTS), data)
                done += 1
            if progress is not None:
                progress(min(done + 1, len(contents)), len(contents))
        absent = set(contents) - set(tar.getnames())
        if absent:
            raise Corrupted(f"{path} lacks {min(absent)!r}.", path=str(path))
        with database.begin() as conn:
            for table in _tables(conn):
                name = f"{_ROWS}{table.name}.jsonl"
                if name in contents:
                    lines = _checked(tar, tar.getmember(name), contents, path).splitlines()
                    _insert(conn, table, [_row(table, line) for line in lines])
    database.migrate()
    return _described(path, listing, path.stat().st_size)


# -- rows ------------------------------------------------------------------------------------------


def _tables(conn: Connection) -> list[sa.Table]:
    """The tables as they are there, those first that others refer to."""
    found = sa.MetaData()
    found.reflect(conn)
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, sa.JSON) and column.nullable:
                column.type = sa.JSON(none_as_null=True)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _packs(conn: Connection) -> tuple[set[str], int]:
    """Packs that rows point into, and how many images are kept by reference."""
    packs = conn.execute(sa.text("SELECT DISTINCT pack FROM blob WHERE pack <> ''")).scalars()
    query = sa.text("SELECT count(*) FROM blob WHERE uri <> '' AND deleted_at IS NULL")
    return set(packs), int(conn.execute(query).scalar_one())


def _line(row: Any) -> bytes:
    return json.dumps(dict(row), default=_bytes_as_text).encode() + b"\n"


def _bytes_as_text(value: object) -> dict[str, str]:
    if isinstance(value, bytes | memoryview):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    raise TypeError(f"no way to write {type(value).__name__}")


def _row(table: sa.Table, line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    for column in table.columns:
        value = row.get(column.name)
        if isinstance(column.type, sa.LargeBinary) and value is not None:
            row[column.name] = base64.b64decode(value["base64"])
    return row


def _insert(conn: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        conn.execute(sa.insert(table), rows[start : start + _AT_ONCE])
    if conn.dialect.name == "postgresql" and rows:
        for column in table.primary_key.columns:
            name = {"table": table.name, "column": column.name}
            sequence = conn.execute(
                sa.text("SELECT pg_get_serial_sequence(:table, :column)"), name
            ).scalar_one()
            if sequence is not None:
                conn.execute(
                    sa.text("SELECT setval(:sequence, :last)"),
                    {"sequence": sequence, "last": max(row[column.name] for row in rows)},
                )


# -- members ---------------------------------------------------------------------------------------


@contextmanager
def _open_object(objects: ObjectStore, key: str) -> Iterator[tuple[IO[bytes], int]]:
    """An object as a stream and its size now: a pack may still grow behind it."""
    path = objects.local_path(key)
    if path is None:
        data = objects.get(key)
        yield io.BytesIO(data), len(data)
        return
    try:
        source = path.open("rb")
    except FileNotFoundError as exc:
        raise NotFound(f"There is no object {key!r} any more.", key=key) from exc
    with source:
        yield source, os.fstat(source.fileno()).st_size


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> dict[str, Any]:
    """Append a member; returns its size and sha256."""
    hashed = _Hashed(source)
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, hashed)
    return {"size": size, "sha256": hashed.digest.hexdigest()}


class _Hashed:
    """A stream that knows the sha256 of what was read from it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        return data


def _checked(
    tar: tarfile.TarFile, member: tarfile.TarInfo, contents: dict[str, dict[str, Any]], path: Path
) -> bytes:
    expected = contents.get(member.name)
    source = tar.extractfile(member)
    data = b"" if source is None else source.read()
    if expected is None or hashlib.sha256(data).hexdigest() != expected["sha256"]:
        raise Corrupted(
            f"{member.name!r} in {path} is not what was written.",
            hint="The file was damaged; use another backup.",
            path=str(path),
        )
    return data


def _described(path: Path, listing: dict[str, Any], size: int) -> Backup:
    return Backup(
        path=str(path),
        made_at=listing["made_at"],
        bytes=size,
        rows=listing["rows"],
        objects=sum(name.startswith(_OBJECTS) for name in listing["contents"]),
        by_reference=listing["by_reference"],
    )


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as exc:
        raise Corrupted(f"{path} cannot be read as a backup: {exc}.", path=str(path)) from exc
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"No space left for {path}.", hint="Name a place with more room.", path=str(path)
            ) from exc
        raise Unavailable(f"Cannot use {path}: {exc.strerror}.", path=str(path)) from exc
