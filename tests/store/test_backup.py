"""A backup holds everything, restores on either database, and is refused when it is damaged."""

from __future__ import annotations

import hashlib
import io
import json
import resource
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from autofocus.data.dataset import Dataset, NewImage
from autofocus.errors import (
    AutofocusError,
    Conflict,
    Corrupted,
    InvalidInput,
    NotFound,
    StorageFull,
)
from autofocus.store import tables
from autofocus.store.backup import read_backup, write_backup
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore
from autofocus.types.clock import now
from autofocus.types.data import Tag
from autofocus.workspace.workspace import Workspace


def fill(dataset: Dataset, picture: Callable[..., bytes], first: int = 0, count: int = 6) -> None:
    dataset.add_images(
        [
            NewImage(f"{i}.png", picture(i), "train", label=Tag("open" if i % 2 else "closed"))
            for i in range(first, first + count)
        ]
    )
    dataset.commit(f"images from {first}", author="ada")


def everything(database: Database) -> dict[str, list[Any]]:
    with database.read() as conn:
        return {
            table.name: sorted(repr(dict(row)) for row in conn.execute(sa.select(table)).mappings())
            for table in tables.metadata.sorted_tables
        }


@pytest.fixture
def saved(
    dataset: Dataset, database: Database, objects: ObjectStore, tmp_path: Path,
    picture: Callable[..., bytes],
) -> Path:  # fmt: skip
    fill(dataset, picture)
    with database.begin() as conn:
        conn.execute(
            sa.insert(tables.monitor_state).values(
                project="eyes", model="eyes-1", generation=1, cursor={"s1": 7},
                state=b"\x00\xff bytes", rows=7, updated_at=now(),
            )
        )  # fmt: skip
    path = tmp_path / "saved.tar"
    found = write_backup(database, objects, path)
    assert found.rows == sum(map(len, everything(database).values()))
    assert found.objects == len(objects.list(""))
    return path


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_restored_on_either_database_everything_is_there_and_goes_on(
    saved: Path, target: str, database: Database, new_database: Callable[[str], Database],
    tmp_path: Path, picture: Callable[..., bytes],
) -> None:  # fmt: skip
    other = new_database(target)
    objects = ObjectStore.open(tmp_path / "other")
    read_backup(saved, other, objects)
    assert everything(other) == everything(database)
    packs = PackStore(other, objects)
    again = Dataset(
        other, objects, packs, "eyes", classes=("open", "closed"), max_pixels=1_000_000,
        author="ada",
    )  # fmt: skip
    for i in range(6):
        assert packs.read(hashlib.sha256(picture(i)).hexdigest()) == picture(i)
    fill(again, picture, first=6)  # new rows take new numbers
    assert [v.number for v in again.versions()] == [2, 1]
    packs.close()


def test_a_workspace_restores_into_a_folder_and_only_into_an_empty_one(
    tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    with Workspace.open(tmp_path / "here") as workspace:
        workspace.create_project("eyes", classes=["open", "closed"])
        fill(workspace.project("eyes").data, picture)
        workspace.backup(tmp_path / "b.tar")
        with pytest.raises(Conflict, match="exists"):
            workspace.backup(tmp_path / "b.tar")
    Workspace.restore(tmp_path / "b.tar", tmp_path / "there")
    with Workspace.open(tmp_path / "there", create=False) as workspace:
        data = workspace.project("eyes").data
        assert list(data.verify()) == []
        assert data.version("v1").counts["train"] == {"closed": 3, "open": 3}
    with pytest.raises(Conflict, match="workspace already"):
        Workspace.restore(tmp_path / "b.tar", tmp_path / "there")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(Conflict, match="not empty"):
        Workspace.restore(tmp_path / "b.tar", tmp_path / "full")
    assert sorted(p.name for p in (tmp_path / "full").iterdir()) == ["mine.txt"]


def _members(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        found = []
        for member in tar:
            source = tar.extractfile(member)
            assert source is not None
            found.append((member, source.read()))
        return found


def _write(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def _one_bit_in_a_pack(path: Path) -> None:
    members = _members(path)
    i = next(i for i, (m, _) in enumerate(members) if m.name.startswith("objects/packs/"))
    data = bytearray(members[i][1])
    data[len(data) // 2] ^= 1
    members[i] = (members[i][0], bytes(data))
    _write(path, members)


def _a_row_less(path: Path) -> None:
    members = _members(path)
    i = next(i for i, (m, _) in enumerate(members) if m.name == "rows/sample.jsonl")
    members[i] = (members[i][0], b"".join(members[i][1].splitlines(keepends=True)[:-1]))
    _write(path, members)


def _an_object_less(path: Path) -> None:
    members = _members(path)
    _write(path, [m for m in members if not m[0].name.startswith("objects/packs/")])


def _of_a_later_release(path: Path) -> None:
    members = _members(path)
    listing = json.loads(members[-1][1])
    members[-1] = (members[-1][0], json.dumps({**listing, "format": 99}).encode())
    _write(path, members)


def _of_later_tables(path: Path) -> None:
    members = _members(path)
    listing = json.loads(members[-1][1])
    members[-1] = (members[-1][0], json.dumps({**listing, "tables": "m9999"}).encode())
    _write(path, members)


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        (_torn, Corrupted, "torn"),
        (lambda path: path.write_text("no tar at all"), Corrupted, "not made by"),
        (Path.unlink, NotFound, "no file"),
        (_one_bit_in_a_pack, Corrupted, "not what was written"),
        (_a_row_less, Corrupted, "not what was written"),
        (_an_object_less, Corrupted, "lacks"),
        (_of_a_later_release, InvalidInput, "99"),
        (_of_later_tables, Conflict, "newer release"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_refused_and_the_good_one_still_restores(
    saved: Path, damage: Callable[[Path], None], error: type[AutofocusError], says: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    good = saved.read_bytes()
    damage(saved)
    with pytest.raises(error, match=says):
        Workspace.restore(saved, tmp_path / "new")
    saved.write_bytes(good)
    Workspace.restore(saved, tmp_path / "new")
    with Workspace.open(tmp_path / "new", create=False) as workspace:
        assert list(workspace.project("eyes").data.verify()) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_missing_pack_is_no_backup(
    dataset: Dataset, database: Database, objects: ObjectStore, tmp_path: Path,
    picture: Callable[..., bytes],
) -> None:  # fmt: skip
    fill(dataset, picture)
    for key in objects.list("packs/"):
        objects.delete(key)
    with pytest.raises(Corrupted, match="data verify"):
        write_backup(database, objects, tmp_path / "b.tar")
    assert [p for p in tmp_path.iterdir() if "b.tar" in p.name] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_disk_leaves_no_half_backup(
    dataset: Dataset, database: Database, objects: ObjectStore, tmp_path: Path,
    picture: Callable[..., bytes],
) -> None:  # fmt: skip
    fill(dataset, picture, count=40)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageFull, match="No space left"):
            write_backup(database, objects, tmp_path / "b.tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p for p in tmp_path.iterdir() if "b.tar" in p.name] == []
