"""Places that are no store, and disks that are full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autofocus.errors import InvalidInput, NotFound, StorageFull
from autofocus.store.objects import ObjectStore


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "http://host", "s3://", "s3:/bucket/x", "gs:/bucket", "://x"]
)
def test_a_wrong_url_shows_right_ones(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        ObjectStore.open(url)
    assert "s3://bucket/prefix" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


FILL = """
import resource, signal, sys
from autofocus.errors import StorageFull
from autofocus.store.objects import ObjectStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    ObjectStore.open(sys.argv[1]).put("a/b", bytes(2000))
except StorageFull as error:
    print(error.hint)
"""


def test_a_full_disk_leaves_the_old_object(tmp_path: Path) -> None:
    store = ObjectStore.open(tmp_path)
    store.put("a/b", b"old")
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "Free some space" in done.stdout
    assert store.get("a/b") == b"old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_really_full_disk(tiny_disk: Path) -> None:
    store = ObjectStore.open(tiny_disk / "store")
    store.put("a", b"old")
    with pytest.raises(StorageFull, match="No space left"):
        store.put("a", os.urandom(2**24))
    assert store.get("a") == b"old"
    assert store.list("") == ["a"]
    store.put("b", bytes(2**19))
    assert store.exists("b")


def test_a_folder_that_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no folder") as caught:
        ObjectStore.open(tmp_path / "typo", create=False)
    assert "of a workspace" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
