"""Copies of bundles beside a server: shared, sound, and nowhere else."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autofocus.errors import Corrupted, InvalidInput, NotFound
from autofocus.store.bundles import MANIFEST, open_bundle, publish_bundle
from autofocus.store.objects import ObjectStore
from autofocus.types.codec import canonical_json
from autofocus.types.models import ModelBundle

FILES = {"model.onnx": b"graph" * 100, "card.md": b"# Eyes"}


def write(folder: Path, files: dict[str, bytes] = FILES) -> ModelBundle:
    folder.mkdir(parents=True)
    bundle = ModelBundle(
        task="classification",
        classes=("open", "closed"),
        architecture="compact",
        preprocessing={"height": 64, "width": 64},
        temperature=1.0,
        embedding_size=8,
        whitened_size=4,
        weights_digest="1" * 64,
        run_spec_digest="2" * 64,
        version="3" * 64,
        metrics={"accuracy": 0.9},
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST).write_bytes(canonical_json(bundle))
    return bundle


@pytest.fixture
def bundle(objects: ObjectStore, tmp_path: Path) -> ModelBundle:
    """A published bundle."""
    written = write(tmp_path / "made")
    assert publish_bundle(objects, tmp_path / "made") == written.digest
    return written


def test_a_copy_needs_no_store(objects: ObjectStore, bundle: ModelBundle, tmp_path: Path) -> None:
    """A server goes on when its store is away."""
    open_bundle(objects, bundle.digest, tmp_path / "cache")
    empty = ObjectStore.open(tmp_path / "empty")
    assert open_bundle(empty, bundle.digest, tmp_path / "cache")[0] == bundle
    with pytest.raises(NotFound, match="no model bundle"):
        open_bundle(empty, bundle.digest, tmp_path / "other")


def test_what_is_no_bundle_is_not_published(objects: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="it has no"):
        publish_bundle(objects, tmp_path / "empty")
    write(tmp_path / "changed")
    (tmp_path / "changed" / "card.md").write_bytes(b"other")
    with pytest.raises(InvalidInput, match="sha256 differs"):
        publish_bundle(objects, tmp_path / "changed")
    (tmp_path / "changed" / "card.md").unlink()
    with pytest.raises(InvalidInput, match="not there"):
        publish_bundle(objects, tmp_path / "changed")
    assert objects.list("bundles/") == []


@pytest.mark.parametrize("name", ["../outside", "/etc/x", "a/b", "..", MANIFEST])
def test_a_bundle_writes_nowhere_else(objects: ObjectStore, tmp_path: Path, name: str) -> None:
    bundle = write(tmp_path / "made")
    evil = replace(bundle, files={name: hashlib.sha256(b"x").hexdigest()})
    (tmp_path / "made" / MANIFEST).write_bytes(canonical_json(evil))
    with pytest.raises(InvalidInput):
        publish_bundle(objects, tmp_path / "made")
    objects.put(f"bundles/{evil.digest}/{MANIFEST}", canonical_json(evil))
    with pytest.raises(Corrupted):
        open_bundle(objects, evil.digest, tmp_path / "cache")
    assert not (tmp_path / "outside").exists()


OPEN = """
import sys
from pathlib import Path
from autofocus.store.bundles import open_bundle
from autofocus.store.objects import ObjectStore
open_bundle(ObjectStore.open(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
assert "sqlalchemy" not in sys.modules
"""


def test_servers_share_a_cache(objects: ObjectStore, bundle: ModelBundle, tmp_path: Path) -> None:
    """And load no database code for it."""
    command = [sys.executable, "-c", OPEN, objects.url, bundle.digest, str(tmp_path / "cache")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == [b""] * 3
    found = json.loads((tmp_path / "cache" / "bundles" / bundle.digest / MANIFEST).read_text())
    assert found["architecture"] == "compact"
