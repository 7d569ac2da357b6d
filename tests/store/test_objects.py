"""Objects by key, in a folder and in a store behind the network's interface."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from autofocus.errors import InvalidInput, NotFound, Unavailable
from autofocus.store.objects import ObjectStore


@pytest.fixture(params=["folder", "remote"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return ObjectStore.open(tmp_path / "objects")
    return ObjectStore("s3://bucket", folder=None, remote=MemoryStore())


def test_objects_come_back(either: ObjectStore) -> None:
    either.put("a/b/c.bin", b"0123456789")
    assert either.get("a/b/c.bin") == b"0123456789"
    assert either.get_range("a/b/c.bin", 3, 4) == b"3456"
    assert either.exists("a/b/c.bin")
    either.put("a/b/c.bin", b"new")
    assert either.get("a/b/c.bin") == b"new"
    either.put("a/empty", b"")
    assert either.get("a/empty") == b""
    either.put("b", b"x")
    assert either.list("a/") == ["a/b/c.bin", "a/empty"]
    assert either.list("none/") == []
    either.delete("a/b/c.bin")
    either.delete("a/b/c.bin")
    assert not either.exists("a/b/c.bin")


def test_what_is_not_there(either: ObjectStore) -> None:
    with pytest.raises(NotFound, match="no object 'a/b'"):
        either.get("a/b")
    with pytest.raises(NotFound):
        either.get_range("a/b", 0, 1)
    either.put("a/b/c", b"")
    with pytest.raises(NotFound):
        either.get("a/b")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a/..", "a\0b"])
def test_keys_stay_inside(either: ObjectStore, key: str) -> None:
    for call in (either.get, either.exists, either.delete, either.local_path):
        with pytest.raises(InvalidInput, match="not a key"):
            call(key)
    with pytest.raises(InvalidInput):
        either.put(key, b"x")
    with pytest.raises(InvalidInput):
        either.get_range(key, 0, 1)


def test_a_put_is_whole_or_nothing(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("k", b"before")

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(Unavailable, match="Input/output error"):
            objects.put("k", b"after")
    assert objects.get("k") == b"before"
    assert objects.list("") == ["./k"] or objects.list("") == ["k"]
    assert [path.name for path in Path(objects.url).iterdir()] == ["k"]


def test_readers_never_see_half(objects: ObjectStore) -> None:
    values = [bytes([i]) * 200_000 for i in range(3)]
    objects.put("k", values[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for value in values:
                objects.put("k", value)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(objects.get("k") in values for _ in range(200))
    finally:
        stop.set()
        writer.join()


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a place for objects") as caught:
        ObjectStore.open("ftp://host/x")
    assert "s3://" in caught.value.hint
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable, match="Cannot use"):
        ObjectStore.open(tmp_path / "file")
    with pytest.raises(Unavailable):
        ObjectStore.open(tmp_path / "file" / "below")


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    objects = ObjectStore.open((tmp_path / "with space").as_uri())
    objects.put("k", b"x")
    assert (tmp_path / "with space" / "k").read_bytes() == b"x"
    assert objects.local_path("k") == tmp_path / "with space" / "k"


def test_a_store_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "keep-this-quiet",
        "AWS_REGION": "nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    from obstore.store import S3Store

    store = S3Store("bucket", retry_config={"max_retries": 0})
    objects = ObjectStore("s3://bucket", folder=None, remote=store)
    with pytest.raises(Unavailable, match="refused 'k'") as caught:
        objects.get("k")
    assert "credentials" in caught.value.hint
    assert "keep-this-quiet" not in str(caught.value)
