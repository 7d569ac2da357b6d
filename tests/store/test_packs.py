"""Bytes of images: what was acknowledged is there, whatever happened meanwhile."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock, Timeout
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autofocus.errors import Corrupted, NotFound
from autofocus.store import tables
from autofocus.store.blobs import BlobAt, read_blob
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore

CHILD = Path(__file__).with_name("pack_child.py")


def put(database: Database, packs: PackStore, images: list[bytes]) -> list[BlobAt]:
    entries = packs.append(images)
    with database.begin() as conn:
        packs.record(conn, entries)
    return entries


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack_files(objects: ObjectStore) -> list[Path]:
    folder = objects.local_path("packs")
    assert folder is not None
    return sorted(folder.glob("*.pack"))


@contextmanager
def child(
    database: Database, objects: ObjectStore, what: str, *more: str
) -> Iterator[subprocess.Popen[str]]:
    location = database.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, str(CHILD), location, objects.url, what, *more],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(st.binary(max_size=60), max_size=6), max_size=6))
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]
) -> None:
    """Packs of 100 bytes, so that batches cross from one into the next."""
    folder = tmp_path_factory.mktemp("packs")
    database = Database.open(folder / "db")
    with database.begin() as conn:
        tables.blob.create(conn)
    objects = ObjectStore.open(folder / "store")
    packs = PackStore(database, objects, pack_bytes=100)
    for batch in batches:
        entries = put(database, packs, batch)
        assert [entry.sha256 for entry in entries] == [name_of(data) for data in batch]
        assert [read_blob(objects, entry) for entry in entries] == batch
    everything = {data for batch in batches for data in batch}
    assert {packs.read(name_of(data)) for data in everything} == everything
    assert not list(packs.verify())
    stored = sum(path.stat().st_size for path in pack_files(objects))
    assert stored == sum(map(len, everything))
    packs.close()
    database.close()


def test_equal_bytes_are_stored_once(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    first = put(database, packs, [b"one", b"two", b"one"])
    assert first[0] == first[2]
    assert put(database, packs, [b"two", b"one"]) == [first[1], first[0]]
    assert sum(path.stat().st_size for path in pack_files(objects)) == 6


def test_an_image_larger_than_a_pack_has_its_own(database: Database, objects: ObjectStore) -> None:
    packs = PackStore(database, objects, pack_bytes=10)
    images = [b"a", b"b" * 50, b"c", b"d" * 9, b"e" * 2]
    put(database, packs, images)
    assert [packs.read(name_of(data)) for data in images] == images
    packs.close()


def test_a_full_pack_is_not_given_away_before_its_rows_are_there(
    database: Database, objects: ObjectStore
) -> None:
    """Another process must not take bytes without rows for the torn tail of a crash."""
    packs = PackStore(database, objects, pack_bytes=100)
    other = PackStore(database, objects, pack_bytes=100)
    entries = packs.append([b"x" * 60])
    packs.append([b"y" * 60])
    put(database, other, [b"z" * 30])
    with database.begin() as conn:
        packs.record(conn, entries)
    assert packs.read(entries[0].sha256) == b"x" * 60
    packs.close()
    other.close()


def test_what_has_no_row_is_dropped_at_the_next_opening(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    put(database, packs, [b"kept"])
    packs.append([b"never committed"])
    packs.close()
    (path,) = pack_files(objects)
    with path.open("ab") as file:
        file.write(b"half an im")
    put(database, packs, [b"after"])
    assert path.read_bytes() == b"keptafter"
    assert packs.read(name_of(b"kept")) == b"kept"
    with pytest.raises(NotFound):
        packs.read(name_of(b"never committed"))


def test_a_rollback_leaves_nothing_to_read(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    entries = packs.append([b"data"])

    def interrupted() -> None:
        with database.begin() as conn:
            packs.record(conn, entries)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert packs.locate([name_of(b"data")]) == []
    put(database, packs, [b"data"])
    assert packs.read(name_of(b"data")) == b"data"


def test_killed_amid_ingest_loses_nothing_acknowledged(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    acknowledged: list[str] = []
    for number in range(2):
        with child(database, objects, "forever", str(number)) as process:
            assert process.stdout is not None
            for line in process.stdout:
                acknowledged.append(line.strip())
                if len(acknowledged) % 40 == 0:
                    process.send_signal(signal.SIGKILL)
                    break
            acknowledged += [line.strip() for line in process.stdout if len(line) == 65]
    assert len(acknowledged) >= 80
    for name in acknowledged:
        assert name_of(packs.read(name)) == name
    put(database, packs, [b"goes on"])
    assert not list(packs.verify())
    assert name_of(packs.read(acknowledged[-1])) == acknowledged[-1]


def test_two_processes_ingest_at_once(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    with (
        child(database, objects, "some", "1") as first,
        child(database, objects, "some", "2") as second,
    ):
        names = [line.strip() for p in (first, second) for line in p.stdout or ()]
        assert (first.wait(), second.wait()) == (0, 0)
    assert len(names) == 120
    assert not list(packs.verify())
    assert {name_of(packs.read(name)) for name in names} == set(names)


def test_threads_share_a_store(database: Database, objects: ObjectStore) -> None:
    packs = PackStore(database, objects, pack_bytes=300)
    failed: list[BaseException] = []

    def ingest(number: int) -> None:
        try:
            for i in range(12):
                put(database, packs, [f"{number} {i} {j}".encode() * 5 for j in range(4)])
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failed.append(error)

    threads = [threading.Thread(target=ingest, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert not list(packs.verify())
    with database.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(tables.blob)).scalar_one() == 144
    packs.close()


def test_a_full_disk_keeps_what_was_there(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    with child(database, objects, "full") as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert lines[0] == "StorageFull"
    before, after = lines[1:]
    assert name_of(packs.read(before)) == before
    assert name_of(packs.read(after)) == after
    assert not list(packs.verify())


def test_forgetting_leaves_a_tombstone(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    secret, other = b"a face" * 1000, b"a tree"
    (at, _) = put(database, packs, [secret, other])
    packs.forget(at.sha256)
    assert b"a face" not in pack_files(objects)[0].read_bytes()
    with pytest.raises(NotFound, match="was deleted on"):
        packs.read(at.sha256)
    assert packs.read(name_of(other)) == other
    assert not list(packs.verify())
    packs.forget(at.sha256)
    with pytest.raises(NotFound, match="no image"):
        packs.forget("0" * 64)
    put(database, packs, [secret])
    assert packs.read(at.sha256) == secret


def test_garbage_is_freed_and_nothing_else(database: Database, objects: ObjectStore) -> None:
    packs = PackStore(database, objects, pack_bytes=100)
    images = [bytes([i]) * 40 for i in range(7)]
    put(database, packs, images)
    live = {name_of(images[0]), name_of(images[6])}
    before = len(pack_files(objects))
    packs.close()
    assert packs.gc(live) == 5 * 40
    assert len(pack_files(objects)) < before
    for data in images:
        if name_of(data) in live:
            assert packs.read(name_of(data)) == data
        else:
            with pytest.raises(NotFound):
                packs.read(name_of(data))
    assert packs.gc(live) == 0
    put(database, packs, images)
    assert [packs.read(name_of(data)) for data in images] == images
    packs.close()


def test_garbage_is_not_taken_from_under_a_writer(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    put(database, packs, [b"dead"])
    other = PackStore(database, objects)
    other.gc(set())
    put(database, packs, [b"alive"])
    assert packs.read(name_of(b"alive")) == b"alive"


def test_damage_is_found(database: Database, objects: ObjectStore, packs: PackStore) -> None:
    good, bad = put(database, packs, [b"good", b"damaged"])
    with pack_files(objects)[0].open("r+b") as file:
        file.seek(bad.offset + 2)
        file.write(b"X")
    seen: list[tuple[int, int]] = []
    ((name, problem),) = packs.verify(lambda done, total: seen.append((done, total)))
    assert name == bad.sha256
    assert "not what was stored" in problem
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(Corrupted):
        packs.read(bad.sha256)
    assert packs.read(good.sha256) == b"good"
    pack_files(objects)[0].unlink()
    assert {name for name, _ in packs.verify()} == {good.sha256, bad.sha256}


def test_an_image_by_reference_stays_at_its_place(
    database: Database, packs: PackStore, tmp_path: Path
) -> None:
    path = tmp_path / "it's here #1 %41.png"
    path.write_bytes(b"picture")
    entry = packs.reference(path)
    with database.begin() as conn:
        packs.record(conn, [entry])
    assert packs.read(entry.sha256) == b"picture"
    path.write_bytes(b"another")
    with pytest.raises(Corrupted):
        packs.read(entry.sha256)
    path.unlink()
    with pytest.raises(NotFound, match="kept by reference"):
        packs.read(entry.sha256)
    path.write_bytes(b"picture")
    packs.forget(entry.sha256)
    assert path.exists()


def test_a_writer_that_waits_does_not_keep_others(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    packs.append([b"mine, not committed yet"])
    other = PackStore(database, objects)
    began = time.monotonic()
    put(database, other, [b"yours"])
    assert time.monotonic() - began < 5
    assert len(pack_files(objects)) == 2
    other.close()


def test_a_long_ingest_holds_few_files_open(database: Database, objects: ObjectStore) -> None:
    packs = PackStore(database, objects, pack_bytes=10)
    for start in range(0, 120, 20):
        put(database, packs, [b"%08d" % i for i in range(start, start + 20)])
    assert not list(packs.verify())
    assert len(pack_files(objects)) == 120
    locked = [p for p in pack_files(objects) if not _is_free(p)]
    assert len(locked) < 20
    packs.close()


def _is_free(path: Path) -> bool:
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
