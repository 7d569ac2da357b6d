"""Bytes of images in append-only pack files, addressed by their sha256.

One fsync a batch, rows after it: a row never points at bytes that are not on disk. Bytes whose
rows were never committed (a crash, a rollback) are dropped from the end of the pack when it is
next opened for writing. Bytes never move, so frozen manifests may name pack and offset.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import RawIOBase
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.engine import Connection

from autofocus.errors import AutofocusError, NotFound, StorageFull, Unavailable
from autofocus.store.blobs import BlobAt, read_blob
from autofocus.store.database import Database, insert_ignore_all
from autofocus.store.objects import ObjectStore, sync_folder
from autofocus.store.tables import blob
from autofocus.types.clock import now

PACK_BYTES = 256 * 1024 * 1024
_LOOKUP = 500  # values in one IN (...), below every database's limit
_PUNCH_HOLE_KEEP_SIZE = 0x03
_HELD = 16  # packs left full that stay locked; no batch in memory is larger than so many


class PackStore:
    """Stores images' bytes; threads may share one, processes each open their own."""

    def __init__(
        self, database: Database, objects: ObjectStore, *, pack_bytes: int = PACK_BYTES
    ) -> None:
        self._database = database
        self._objects = objects
        self._pack_bytes = pack_bytes
        self._mutex = threading.RLock()
        self._file: RawIOBase | None = None
        self._name = ""
        # Of the pack that is written, and of those left full: their rows may not be committed yet.
        self._locks: dict[str, FileLock] = {}

    # -- writing -------------------------------------------------------------------------

    def append(self, images: Sequence[bytes]) -> list[BlobAt]:
        """Put ``images`` on disk and say where; one fsync for all, known bytes are not repeated.

        The result becomes true when the caller commits it with :meth:`record`. Raises
        StorageFull; then nothing of the batch is kept.
        """
        names = [hashlib.sha256(data).hexdigest() for data in images]
        known = {entry.sha256: entry for entry in self.locate(names)}
        new = {n: data for n, data in zip(names, images, strict=True) if n not in known}
        if new:
            with self._mutex:
                written = self._append_local(new) if self._is_local else self._append_remote(new)
            known.update(written)
        return [known[name] for name in names]

    def reference(self, path: Path) -> BlobAt:
        """An image that stays where it is; its hash is checked whenever it is read."""
        data = path.read_bytes()
        return BlobAt(hashlib.sha256(data).hexdigest(), len(data), uri=path.absolute().as_uri())

    def record(self, conn: Connection, entries: Iterable[BlobAt]) -> None:
        """Commit where bytes are, in the caller's transaction."""
        named = {entry.sha256: entry for entry in entries}
        insert_ignore_all(
            conn,
            blob,
            [
                {
                    "sha256": entry.sha256,
                    "size": entry.size,
                    "pack": entry.pack,
                    "pack_offset": entry.offset,
                    "uri": entry.uri,
                }
                for entry in named.values()
            ],
        )
        # Bytes deleted for privacy and brought in again by a person's own act.
        erased = sa.select(blob.c.sha256).where(blob.c.deleted_at.is_not(None))
        names = list(named)
        for start in range(0, len(names), _LOOKUP):
            part = names[start : start + _LOOKUP]
            for name in conn.execute(erased.where(blob.c.sha256.in_(part))).scalars().all():
                entry = named[name]
                conn.execute(
                    sa.update(blob)
                    .where(blob.c.sha256 == name)
                    .values(
                        pack=entry.pack, pack_offset=entry.offset, uri=entry.uri, deleted_at=None
                    )
                )

    def close(self) -> None:
        """Let other processes write to the packs; what is not committed by now is dropped."""
        with self._mutex:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._name = ""
            for lock in self._locks.values():
                lock.release()
            self._locks.clear()

    # -- reading -------------------------------------------------------------------------

    def locate(self, names: Sequence[str]) -> list[BlobAt]:
        """Where the bytes of those sha256 are; unknown and deleted ones are left out."""
        found = []
        with self._database.read() as conn:
            for start in range(0, len(names), _LOOKUP):
                rows = conn.execute(
                    sa.select(blob).where(
                        blob.c.sha256.in_(names[start : start + _LOOKUP]),
                        blob.c.deleted_at.is_(None),
                    )
                )
                found += [BlobAt(r.sha256, r.size, r.pack, r.pack_offset, r.uri) for r in rows]
        return found

    def read(self, sha256: str) -> bytes:
        """The image's bytes; raises NotFound (also if it was deleted), Corrupted."""
        with self._database.read() as conn:
            row = conn.execute(sa.select(blob).where(blob.c.sha256 == sha256)).one_or_none()
        if row is None:
            raise NotFound(f"There is no image {sha256[:12]} in this workspace.")
        if row.deleted_at is not None:
            raise NotFound(f"Image {sha256[:12]} was deleted on {row.deleted_at}.")
        entry = BlobAt(row.sha256, row.size, row.pack, row.pack_offset, row.uri)
        return read_blob(self._objects, entry)

    def verify(
        self, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Read everything again; yields (sha256, what is wrong)."""
        with self._database.read() as conn:
            rows = conn.execute(
                sa.select(blob)
                .where(blob.c.deleted_at.is_(None))
                .order_by(blob.c.pack, blob.c.pack_offset)
            ).all()
        for i, row in enumerate(rows):
            try:
                read_blob(
                    self._objects,
                    BlobAt(row.sha256, row.size, row.pack, row.pack_offset, row.uri),
                )
            except AutofocusError as error:
                yield row.sha256, error.message
            if progress is not None:
                progress(i + 1, len(rows))

    # -- forgetting ----------------------------------------------------------------------

    def forget(self, sha256: str) -> None:
        """Erase an image's bytes and leave a tombstone; raises NotFound.

        By-reference images are forgotten here and left untouched at their place.
        """
        with self._database.begin() as conn:
            row = conn.execute(sa.select(blob).where(blob.c.sha256 == sha256)).one_or_none()
            if row is None:
                raise NotFound(f"There is no image {sha256[:12]} in this workspace.")
            conn.execute(
                sa.update(blob).where(blob.c.sha256 == sha256).values(deleted_at=now(), uri="")
            )
        # After the commit: a crash between leaves a tombstone over bytes that gc erases later.
        if row.pack and row.deleted_at is None:
            self._erase(row.pack, row.pack_offset, row.size)

    def gc(self, live: set[str]) -> int:
        """Erase everything but ``live`` (sha256); returns the bytes freed."""
        with self._mutex, self._database.begin() as conn:
            rows = conn.execute(sa.select(blob)).all()
            dead = [row for row in rows if row.sha256 not in live and row.deleted_at is None]
            for row in dead:
                conn.execute(sa.delete(blob).where(blob.c.sha256 == row.sha256))
        needed = {row.pack for row in rows if row.sha256 in live and row.deleted_at is None}
        for row in dead:
            if row.pack and row.pack in needed:
                self._erase(row.pack, row.pack_offset, row.size)
        for pack in {row.pack for row in dead if row.pack} - needed:
            if not self._delete_pack(pack):
                for row in dead:
                    if row.pack == pack:
                        self._erase(pack, row.pack_offset, row.size)
        for row in rows:
            if row.deleted_at is not None and row.pack in needed:
                self._erase(row.pack, row.pack_offset, row.size)
        return sum(row.size for row in dead if row.pack)

    # -- packs ---------------------------------------------------------------------------

    @property
    def _is_local(self) -> bool:
        return self._objects.local_path("packs") is not None

    def _append_local(self, new: dict[str, bytes]) -> dict[str, BlobAt]:
        entries: dict[str, BlobAt] = {}
        pending = dict(new)
        while pending:
            file = self._writable_pack(len(next(iter(pending.values()))))
            start = file.seek(0, os.SEEK_END)
            offset = start
            taken = []
            for name, data in pending.items():
                if offset and offset + len(data) > self._pack_bytes:
                    break
                entries[name] = BlobAt(name, len(data), self._name, offset)
                taken.append(name)
                offset += len(data)
            try:
                for name in taken:
                    _write_all(file, pending[name])
                os.fsync(file.fileno())
            except OSError as exc:
                os.ftruncate(file.fileno(), start)
                if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise StorageFull(
                        f"No space left to store {len(new)} image(s).",
                        hint="Free some space and run the import again: what was accepted stays.",
                    ) from exc
                raise Unavailable(f"Cannot write to pack {self._name}: {exc.strerror}.") from exc
            for name in taken:
                del pending[name]
            if pending:
                self._leave_pack()
        return entries

    def _leave_pack(self) -> None:
        """Begin another pack next time; this one stays locked, its rows may not be there yet."""
        if self._file is not None:
            self._file.close()
            self._file = None
        while len(self._locks) > _HELD:
            self._locks.pop(next(iter(self._locks))).release()

    def _append_remote(self, new: dict[str, bytes]) -> dict[str, BlobAt]:
        pack = hashlib.sha256("".join(sorted(new)).encode()).hexdigest()[:32] + ".pack"
        entries, offset = {}, 0
        for name, data in new.items():
            entries[name] = BlobAt(name, len(data), pack, offset)
            offset += len(data)
        self._objects.put(f"packs/{pack}", b"".join(new.values()))
        return entries

    def _writable_pack(self, need: int) -> RawIOBase:
        """The pack this process appends to: its own, one nobody holds, or a new one.

        It has room for ``need`` bytes or is empty.
        """
        if self._file is not None and not self._is_full(self._file.seek(0, os.SEEK_END), need):
            return self._file
        self._leave_pack()
        folder = self._objects.local_path("packs")
        assert folder is not None
        folder.mkdir(parents=True, exist_ok=True)
        candidates = [p.name for p in sorted(folder.glob("*.pack"))]
        candidates.append(f"{secrets.token_hex(8)}.pack")
        for name in candidates:
            path = folder / name
            if name in self._locks:
                continue
            if path.exists() and self._is_full(path.stat().st_size, need):
                continue
            lock = FileLock(folder / f"{name}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            # Only the holder of the lock appends, and its rows are committed before it lets go:
            # whatever lies beyond the last row is the torn tail of a crash.
            with self._database.read() as conn:
                end = conn.execute(
                    sa.select(sa.func.max(blob.c.pack_offset + blob.c.size)).where(
                        blob.c.pack == name
                    )
                ).scalar_one()
            is_new = not path.exists()
            # Not buffered: after a full disk nothing may be left that closing would write.
            file = path.open("ab", buffering=0)
            os.ftruncate(file.fileno(), int(end or 0))
            if is_new:
                sync_folder(folder)
            self._file, self._name, self._locks[name] = file, name, lock
            return file
        raise Unavailable("No pack can be written.", hint="Look at the permissions of the store.")

    def _is_full(self, size: int, need: int) -> bool:
        return size > 0 and size + need > self._pack_bytes

    def _delete_pack(self, pack: str) -> bool:
        """Remove a pack unless somebody writes to it; False if it stays."""
        path = self._objects.local_path(f"packs/{pack}")
        if path is not None:
            if pack in self._locks:
                return False
            lock = FileLock(f"{path}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return False
            try:
                self._objects.delete(f"packs/{pack}")
            finally:
                lock.release()
        else:
            self._objects.delete(f"packs/{pack}")
        return True

    def _erase(self, pack: str, offset: int, size: int) -> None:
        path = self._objects.local_path(f"packs/{pack}")
        if path is None:
            data = bytearray(self._objects.get(f"packs/{pack}"))
            data[offset : offset + size] = bytes(size)
            self._objects.put(f"packs/{pack}", bytes(data))
            return
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(bytes(size))
            file.flush()
            _punch_hole(file.fileno(), offset, size)
            os.fsync(file.fileno())


def _write_all(file: RawIOBase, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


def _punch_hole(handle: int, offset: int, size: int) -> None:
    """Give the zeroed space back to the file system where that is possible (Linux)."""
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is not None:
        fallocate(handle, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_longlong(offset), ctypes.c_longlong(size))
