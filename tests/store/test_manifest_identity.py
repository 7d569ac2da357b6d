"""One name for one content; keys and places of each project beside it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.errors import Corrupted, NotFound
from autofocus.store.database import Database
from autofocus.store.manifests import (
    Manifest,
    ManifestRow,
    content_digest,
    manifest_key,
    write_manifest,
)
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore


def row(key: str, data: bytes = b"", **values: object) -> ManifestRow:
    name = hashlib.sha256(data or key.encode()).hexdigest()
    blank = ManifestRow(key, name, {"label": "a"}, "train", {}, 8, 8)
    return replace(blank, **values)  # type: ignore[arg-type]


CONTENT = st.tuples(
    st.sampled_from([hashlib.sha256(bytes([i])).hexdigest() for i in range(5)]),
    st.sampled_from([None, '{"label":"a"}', '{"label":"b"}']),
    st.sampled_from(["train", "val", "test"]),
)


@given(a=st.lists(CONTENT, max_size=6), b=st.lists(CONTENT, max_size=6))
def test_the_digest_is_one_to_one_with_content(
    a: list[tuple[str, str | None, str]], b: list[tuple[str, str | None, str]]
) -> None:
    """As multisets: an image that is there twice counts twice."""

    def ordered(rows: list[tuple[str, str | None, str]]) -> list[str]:
        return sorted(map(repr, rows))

    assert (content_digest(a) == content_digest(b)) == (ordered(a) == ordered(b))


def test_the_digest_stays_what_it_was() -> None:
    """Names of frozen versions are for ever."""
    rows = [("0" * 64, '{"label":"a"}', "train"), ("f" * 64, None, "test")]
    assert content_digest(rows) == GOLDEN


GOLDEN = "e5755846077a2a8eabd01617765686d57680c583bbc46cf6c4a193a0e7b9625e"


def test_the_same_content_is_stored_once(objects: ObjectStore) -> None:
    rows = [row("a"), row("b")]
    digest = write_manifest(objects, rows, project="eyes")
    assert write_manifest(objects, reversed(rows), project="ears") == digest
    assert objects.list("manifests/") == [manifest_key(digest)]


def test_projects_keep_their_own_keys(objects: ObjectStore) -> None:
    """The same images and labels, imported from another folder into another project."""
    mine = row("open/1.png", b"face", metadata={"camera": "left"})
    yours = row("1.png", b"face")
    digest = write_manifest(objects, [mine], project="eyes")
    assert write_manifest(objects, [yours], project="ears") == digest
    assert Manifest.open(objects, digest, project="eyes").row(0) == mine
    assert Manifest.open(objects, digest, project="ears").row(0) == yours
    assert Manifest.open(objects, digest).row(0) == mine


def test_an_image_that_was_brought_back_is_found_at_its_new_place(objects: ObjectStore) -> None:
    old = row("a", pack="x.pack", offset=0, size=3)
    digest = write_manifest(objects, [old], project="eyes")
    assert write_manifest(objects, [replace(old, offset=70)], project="eyes") == digest
    assert Manifest.open(objects, digest, project="eyes").row(0).offset == 70
    assert objects.list("manifests/") == [manifest_key(digest)]


def test_an_erased_image_is_told_from_a_damaged_one(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    images = [b"first", b"second"]
    entries = packs.append(images)
    with database.begin() as conn:
        packs.record(conn, entries)
    packs.close()
    digest = write_manifest(
        objects,
        [
            row(str(i), images[i], pack=e.pack, offset=e.offset, size=e.size)
            for i, e in enumerate(entries)
        ],
    )
    manifest = Manifest.open(objects, digest)
    assert [manifest.image(i) for i in range(2)] == images
    packs.forget(entries[0].sha256)
    with pytest.raises(NotFound, match="was erased"):
        manifest.image(0)
    assert manifest.image(1) == b"second"
    path = objects.local_path(f"packs/{entries[1].pack}")
    assert path is not None
    with path.open("r+b") as file:
        file.seek(entries[1].offset)
        file.write(b"S")
    with pytest.raises(Corrupted):
        manifest.image(1)
    with path.open("r+b") as file:
        file.truncate(entries[1].offset)
    with pytest.raises(Corrupted):
        manifest.image(1)


@pytest.mark.parametrize("data", [b"", b"nonsense" * 20])
def test_a_damaged_manifest_is_repaired_by_freezing_again(
    objects: ObjectStore, data: bytes
) -> None:
    digest = write_manifest(objects, [row("a")])
    good = objects.get(manifest_key(digest))
    for damaged in (data, good[: len(good) // 2], good[:-1]):
        objects.put(manifest_key(digest), damaged)
        with pytest.raises(Corrupted, match="is damaged"):
            Manifest.open(objects, digest)
    assert write_manifest(objects, [row("a")]) == digest
    assert len(Manifest.open(objects, digest)) == 1
