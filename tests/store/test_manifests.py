"""Frozen versions: a digest of content, and images without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.errors import Corrupted, NotFound
from autofocus.store.database import Database
from autofocus.store.manifests import Manifest, ManifestRow, manifest_key, write_manifest
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore
from autofocus.types.codec import digest

ROWS = st.lists(
    st.builds(
        ManifestRow,
        key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
        sha256=st.integers(0, 30).map(digest),
        label=st.one_of(
            st.none(),
            st.sampled_from(["open", "closed", "zu"]).map(lambda c: {"kind": "tag", "label": c}),
        ),
        split=st.sampled_from(["train", "val", "test", "pool"]),
        metadata=st.dictionaries(st.text(max_size=4), st.integers(0, 9), max_size=2),
        width=st.integers(1, 99),
        height=st.integers(1, 99),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row.key,
)


class Memory(ObjectStore):
    """Objects in a dictionary: hypothesis asks for many stores."""

    def __init__(self) -> None:
        super().__init__("memory", folder=None, remote=None)
        self.held: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        self.held[key] = data

    def get(self, key: str) -> bytes:
        if key not in self.held:
            raise NotFound(f"There is no object {key!r}.")
        return self.held[key]

    def exists(self, key: str) -> bool:
        return key in self.held


@given(rows=ROWS, data=st.data())
def test_the_digest_is_of_content_alone(rows: list[ManifestRow], data: st.DataObject) -> None:
    name = write_manifest(Memory(), rows)
    others = [
        replace(row, key=f"other/{row.key}", metadata={"x": 1}, width=7, pack="p", offset=3)
        for row in data.draw(st.permutations(rows))
    ]
    assert write_manifest(Memory(), others) == name


@given(rows=ROWS, data=st.data())
def test_the_digest_changes_with_content(rows: list[ManifestRow], data: st.DataObject) -> None:
    name = write_manifest(Memory(), rows)
    i = data.draw(st.integers(0, len(rows) - 1))
    change: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"sha256": "f" * 64},
                {"label": {"kind": "tag", "label": "new"}},
                {"split": "val" if rows[i].split == "train" else "train"},
            ]
        )
    )
    assert write_manifest(Memory(), [*rows[:i], replace(rows[i], **change), *rows[i + 1 :]]) != name
    assert write_manifest(Memory(), [*rows, replace(rows[i], key="one more")]) != name
    assert write_manifest(Memory(), [*rows[:i], *rows[i + 1 :]]) != name


@given(rows=ROWS)
def test_what_is_frozen_is_what_is_opened(rows: list[ManifestRow]) -> None:
    store = Memory()
    manifest = Manifest.open(_without_folder(store), write_manifest(store, rows))
    ordered = sorted(rows, key=lambda row: row.key)
    assert [manifest.row(i) for i in range(len(manifest))] == ordered
    assert manifest.classes() == [None if r.label is None else r.label["label"] for r in ordered]
    manifest.verify()
    for labelled in (None, True, False):
        for split in ("train", "pool"):
            assert list(manifest.select(split, labelled=labelled)) == [
                i
                for i, row in enumerate(ordered)
                if row.split == split and labelled in (None, row.label is not None)
            ]


def _without_folder(store: Memory) -> ObjectStore:
    store.local_path = lambda key: None  # type: ignore[method-assign]
    return store


def row_of(packs: PackStore, database: Database, data: bytes, key: str) -> ManifestRow:
    (at,) = packs.append([data])
    with database.begin() as conn:
        packs.record(conn, [at])
    return ManifestRow(key, at.sha256, None, "train", {}, 1, 1, at.pack, at.offset, at.size)


def test_images_need_no_database(database: Database, objects: ObjectStore) -> None:
    packs = PackStore(database, objects)
    rows = [row_of(packs, database, b"one", "1"), row_of(packs, database, b"two", "2")]
    name = write_manifest(objects, rows)
    packs.close()
    database.close()
    manifest = Manifest.open(ObjectStore.open(objects.url), name)
    assert [manifest.image(0), manifest.image(1)] == [b"one", b"two"]


def test_an_erased_image_is_told_from_the_others(
    database: Database, objects: ObjectStore, packs: PackStore
) -> None:
    rows = [row_of(packs, database, b"one", "1"), row_of(packs, database, b"two", "2")]
    manifest = Manifest.open(objects, write_manifest(objects, rows))
    packs.forget(rows[0].sha256)
    with pytest.raises(NotFound):
        manifest.image(0)
    assert manifest.image(1) == b"two"


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage"])
def test_a_damaged_manifest_is_called_so(objects: ObjectStore, damage: str) -> None:
    name = write_manifest(objects, [ManifestRow("k", "0" * 64, None, "train", {}, 1, 1)])
    data = objects.get(manifest_key(name))
    damaged = {"empty": b"", "cut": data[: len(data) // 2], "garbage": b"x" * len(data)}[damage]
    objects.put(manifest_key(name), damaged)
    with pytest.raises(Corrupted, match="damaged"):
        Manifest.open(objects, name)


def test_a_manifest_with_other_content_is_found_out(objects: ObjectStore) -> None:
    row = ManifestRow("k", "0" * 64, None, "train", {}, 1, 1)
    name, other = (write_manifest(objects, [replace(row, split=s)]) for s in ("train", "val"))
    objects.put(manifest_key(name), objects.get(manifest_key(other)))
    with pytest.raises(Corrupted, match="holds other content"):
        Manifest.open(objects, name).verify()


def test_a_version_that_is_not_there(objects: ObjectStore) -> None:
    with pytest.raises(NotFound, match="no version aaaaaaaaaaaa"):
        Manifest.open(objects, "a" * 64)
    remote = Memory()
    with pytest.raises(NotFound):
        Manifest.open(_without_folder(remote), "a" * 64)
