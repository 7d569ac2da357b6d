"""Model bundles: what is opened is what was published, byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from autofocus.errors import Corrupted, InvalidInput, NotFound
from autofocus.store.bundles import open_bundle, publish_bundle
from autofocus.store.objects import ObjectStore
from autofocus.types.codec import encode
from autofocus.types.models import ModelBundle

FILES = {"model.onnx": b"graph", "weights.safetensors": b"numbers" * 100}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    bundle = ModelBundle(
        task="classification", classes=("open", "closed"), architecture="tiny", preprocessing={},
        temperature=1.0, embedding_size=4, whitened_size=2, weights_digest="w" * 64,
        run_spec_digest="r" * 64, version="v" * 64, metrics={"accuracy": 0.9},
        files={name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()},
    )  # fmt: skip
    (folder / "bundle.json").write_text(json.dumps(encode(bundle)))
    return folder


def test_published_and_opened(objects: ObjectStore, built: Path, tmp_path: Path) -> None:
    digest = publish_bundle(objects, built)
    assert publish_bundle(objects, built) == digest
    for _ in range(2):
        bundle, folder = open_bundle(objects, digest, tmp_path / "cache")
        assert bundle.digest == digest
        assert bundle.metrics == {"accuracy": 0.9}
        assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert [path.name for path in folder.parent.iterdir()] == [digest]


@pytest.mark.parametrize("name", [*FILES, "bundle.json"])
def test_a_damaged_byte_in_the_store(
    objects: ObjectStore, built: Path, tmp_path: Path, name: str
) -> None:
    digest = publish_bundle(objects, built)
    data = bytearray(objects.get(f"bundles/{digest}/{name}"))
    data[len(data) // 2] ^= 1
    objects.put(f"bundles/{digest}/{name}", bytes(data))
    with pytest.raises(Corrupted):
        open_bundle(objects, digest, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("bundles/*"))


@pytest.mark.parametrize("damaged", [b"", b"numberz" * 100])
@pytest.mark.parametrize("name", ["weights.safetensors", "bundle.json"])
def test_a_damaged_copy_is_fetched_again(
    objects: ObjectStore, built: Path, tmp_path: Path, name: str, damaged: bytes
) -> None:
    """A power cut may leave a copy whose name is there and whose bytes are not."""
    digest = publish_bundle(objects, built)
    _, folder = open_bundle(objects, digest, tmp_path / "cache")
    (folder / name).write_bytes(damaged)
    bundle, folder = open_bundle(objects, digest, tmp_path / "cache")
    assert bundle.digest == digest
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES


def test_half_a_bundle_is_none(objects: ObjectStore, built: Path, tmp_path: Path) -> None:
    digest = publish_bundle(objects, built)
    objects.delete(f"bundles/{digest}/bundle.json")
    with pytest.raises(NotFound, match=f"no model bundle {digest[:12]}"):
        open_bundle(objects, digest, tmp_path / "cache")


def test_what_is_not_what_it_says_is_not_published(objects: ObjectStore, built: Path) -> None:
    (built / "model.onnx").write_bytes(b"other")
    with pytest.raises(InvalidInput, match="sha256 differs"):
        publish_bundle(objects, built)
    (built / "model.onnx").unlink()
    with pytest.raises(InvalidInput, match="is not there"):
        publish_bundle(objects, built)
    assert objects.list("bundles/") == []
