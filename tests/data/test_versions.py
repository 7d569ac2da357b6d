"""Versions: frozen, named by content, compared at the cost of what changed, carried out and in."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autofocus.data.dataset import Dataset, NewImage
from autofocus.errors import Conflict, ImageRejected, InvalidInput, NotFound
from autofocus.store import tables
from autofocus.store.database import Database
from autofocus.types.data import Split, Tag, Version

Draw = Callable[..., bytes]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def images(picture: Draw, count: int = 6, start: int = 0) -> list[NewImage]:
    splits: tuple[Split, ...] = ("train", "val", "test")
    return [
        NewImage(
            f"{i}.png", picture(i), splits[i % 3], {"camera": f"c{i % 2}"},
            label=None if i % 6 == 5 else Tag("open" if i % 2 else "closed"), author="ada",
        )
        for i in range(start, start + count)
    ]  # fmt: skip


def test_a_version_holds_what_is_there(dataset: Dataset, picture: Draw) -> None:
    dataset.add_images(images(picture))
    version = dataset.commit("first", author="grace")
    assert (version.name, version.author, version.parent) == ("v1", "grace", None)
    assert version.counts == {
        "train": {"closed": 1, "open": 1},
        "val": {"open": 1, "closed": 1},
        "test": {"closed": 1, "": 1},
    }
    manifest = dataset.manifest("v1")
    assert manifest.column("key") == [f"{i}.png" for i in range(6)]
    assert [manifest.image(i) for i in range(6)] == [picture(i) for i in range(6)]
    assert manifest.row(1).metadata == {"camera": "c1"}
    for name in ("v1", "1", 1, "latest", version.digest, version.digest[:8]):
        assert dataset.version(name) == version
    for name in ("v2", "nothing", version.digest[:4]):
        with pytest.raises(NotFound, match="no version"):
            dataset.version(name)


def test_nothing_to_commit(dataset: Dataset, picture: Draw) -> None:
    with pytest.raises(InvalidInput, match="no images"):
        dataset.commit("empty")
    dataset.add_images(images(picture))
    dataset.commit("first")
    with pytest.raises(Conflict, match="Nothing changed since v1"):
        dataset.commit("again")


def test_an_effect_is_committed_once(dataset: Dataset, picture: Draw) -> None:
    dataset.add_images(images(picture))
    first = dataset.commit("by the loop", effect="case-1/version")
    dataset.add_images(images(picture, 2, start=6))
    assert dataset.commit("by the loop", effect="case-1/version") == first
    second = dataset.commit("by the loop", effect="case-2/version")
    assert (second.number, second.parent) == (2, first.digest)
    with dataset._database.read() as conn:
        kinds = conn.execute(sa.select(tables.event.c.kind)).scalars().all()
    assert kinds.count("data.committed") == 2


def test_two_commits_at_once_are_two_versions(
    dataset: Dataset, database: Database, picture: Draw
) -> None:
    dataset.add_images(images(picture))
    start = threading.Barrier(4)
    made: list[Version] = []
    refused: list[Conflict] = []

    def commit(number: int) -> None:
        dataset_of_thread = Dataset(
            database, dataset._objects, dataset._packs, "eyes", classes=dataset.classes
        )
        start.wait()
        try:
            made.append(dataset_of_thread.commit("at once"))
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=commit, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([v.number for v in made], len(refused)) == ([1], 3)


def test_every_kind_of_change_is_in_the_diff(dataset: Dataset, picture: Draw) -> None:
    dataset.add_images(images(picture))
    v1 = dataset.commit("one")
    dataset.delete(["0.png"])
    dataset.set_split(["1.png"], "test")
    dataset.add_images([NewImage("2.png", picture(2), "test", label=Tag("open"), author="ada")])
    dataset.add_images([NewImage("3.png", picture(33), "train", label=Tag("open"), author="ada")])
    dataset.add_images(images(picture, 1, start=6))
    dataset.set_split(["4.png"], "train")
    dataset.set_split(["4.png"], "val")  # and back: no change
    v2 = dataset.commit("two")
    found = {(c.key, c.change): (c.before, c.after) for c in dataset.diff(v1, v2)}
    shas = {s.key: s.sha256 for s in dataset.samples().items}
    assert found.pop(("3.png", "replaced"))[1] == shas["3.png"]
    assert found == {
        ("0.png", "removed"): ("closed", None),
        ("1.png", "moved"): ("val", "test"),
        ("2.png", "relabelled"): ("closed", "open"),
        ("6.png", "added"): (None, "closed"),
    }
    back = {(c.key, c.change) for c in dataset.diff("v2", "v1")}
    assert ("0.png", "added") in back
    assert ("6.png", "removed") in back
    assert dataset.diff(v1, v1) == []


_made = count()


class _Model:
    """What a project's content should be, kept as a plain dictionary."""

    def __init__(self) -> None:
        self.images: dict[str, tuple[int, str | None, Split]] = {}

    def state(self) -> set[tuple[str, int, str | None, Split]]:
        return {(key, *value) for key, value in self.images.items()}


_KEYS = st.sampled_from(["a", "b", "c", "d"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"), _KEYS, st.integers(0, 5), st.sampled_from([None, "open", "closed"])
        ),
        st.tuples(st.just("move"), _KEYS, st.sampled_from(["train", "val", "test"])),
        st.tuples(st.just("delete"), _KEYS),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=_STEPS, second=_STEPS)
def test_diffs_agree_with_a_plain_dictionary(
    new_dataset: Callable[..., Dataset],
    picture: Draw,
    first: list[tuple[str, ...]],
    second: list[tuple[str, ...]],
) -> None:
    dataset, model = new_dataset(f"p{next(_made)}"), _Model()
    dataset.add_image("z", picture(99), split="train", metadata={}, source="upload")
    model.images["z"] = (99, None, "train")
    versions, states = [], []
    for steps in (first, second):
        for step in steps:
            _apply(dataset, model, picture, step)
        versions.append(dataset.commit("x", effect=f"{dataset.project}/{len(versions)}"))
        states.append(dict(model.images))
        manifest = dataset.manifest(versions[-1])
        assert sorted(
            zip(
                manifest.column("sha256"),
                manifest.classes(),
                manifest.column("split"),
                strict=True,
            ),
            key=str,
        ) == sorted(((sha256(picture(v[0])), *v[1:]) for v in model.images.values()), key=str)
    before, after = states
    expected = set()
    for key in before.keys() | after.keys():
        a, b = before.get(key), after.get(key)
        if a is None or b is None:
            if a is not b:
                expected.add((key, "added" if a is None else "removed"))
            continue
        kinds = ("replaced", "relabelled", "moved")
        expected |= {(key, kind) for kind, x, y in zip(kinds, a, b, strict=True) if x != y}
    if versions[0].revision != versions[1].revision:
        assert {(c.key, c.change) for c in dataset.diff(*versions)} == expected


def _apply(dataset: Dataset, model: _Model, picture: Draw, step: tuple[object, ...]) -> None:
    key = str(step[1])
    there = model.images.get(key)
    if step[0] == "add":
        seed, label = int(str(step[2])), step[3]
        tag = None if label is None else Tag(str(label))
        dataset.add_images([NewImage(key, picture(seed), "train", label=tag, author="ada")])
        old_label = there[1] if there is not None and there[0] == seed else None
        split = "train" if there is None else there[2]
        model.images[key] = (seed, str(label) if label else old_label, split)
    elif there is None:
        with pytest.raises(NotFound):
            dataset.set_split([key], "val") if step[0] == "move" else dataset.delete([key])
    elif step[0] == "move":
        dataset.set_split([key], step[2])  # type: ignore[arg-type]
        model.images[key] = (there[0], there[1], step[2])  # type: ignore[assignment]
    else:
        dataset.delete([key])
        del model.images[key]


@pytest.mark.parametrize("format", ["csv", "imagefolder"])
def test_what_goes_out_comes_in_again(
    new_dataset: Callable[..., Dataset], tmp_path: Path, picture: Draw, format: str
) -> None:
    dataset = new_dataset()
    dataset.add_images(images(picture))
    dataset.add_images(
        [
            NewImage("production/p-host.local-000000000007", picture(50, kind="jpg"), "pool"),
            NewImage("deep/a/b.png", picture(51), "test", {"label": "mine"}),
            NewImage("deep__a/b.png", picture(52), "test"),
            NewImage("deep/a__b.png", picture(53), "test"),
            NewImage("Deep/A/b.png", picture(54), "test"),
        ]
    )
    version = dataset.commit("out")
    steps: list[tuple[int, int]] = []
    report = dataset.export(
        "v1", format, tmp_path / "out", progress=lambda done, total: steps.append((done, total))
    )
    assert steps[-1] == (11, 11)
    assert report["images"] == 11
    assert "history" in report["not carried"]
    assert "metadata of 7 images" in report["not carried"]
    assert ("which become columns" in report["not carried"]) == (format == "csv")
    other = new_dataset("other")
    back = other.import_path(tmp_path / "out")
    assert (back.format, back.accepted, back.skipped) == (format, 11, ())
    assert other.commit("in").digest == version.digest
    if format == "csv":
        assert other.sample("images/1.png").metadata["camera"] == "c1"
        mine = [s.metadata["metadata_label"] for s in other.samples().items]
        assert sorted(mine, key=str) == [*[None] * 10, "mine"]


def test_exports_do_not_overwrite(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    dataset.add_images(images(picture))
    dataset.commit("one")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(Conflict, match="not an empty folder"):
        dataset.export("v1", "csv", tmp_path / "full")
    with pytest.raises(InvalidInput, match="Known: csv, coco"):
        dataset.export("v1", "nothing", tmp_path / "out")


def test_added_images_are_checked(dataset: Dataset, picture: Draw) -> None:
    good = NewImage("a.png", picture(1), "train")
    with pytest.raises(ImageRejected) as refused:
        dataset.add_images([good, NewImage("b.png", b"no image", "train")])
    assert refused.value.context["key"] == "b.png"
    with pytest.raises(InvalidInput, match="squint"):
        dataset.add_images([NewImage("a.png", picture(1), "train", label=Tag("squint"))])
    for key in ("", "/a.png", "../a.png", "a/../../b.png", "a\\b.png", "a\0.png", "a//b.png"):
        with pytest.raises(InvalidInput, match="cannot be the key"):
            dataset.add_images([NewImage(key, picture(1), "train")])
    assert not dataset.samples().items


def test_an_image_is_added_once(dataset: Dataset, picture: Draw) -> None:
    def add() -> object:
        return dataset.add_image(
            "production/p-1", picture(1), split="pool", metadata={"case": "c"}, source="production"
        )

    first = add()
    dataset.set_split(["production/p-1"], "train")
    again = add()
    assert first != again
    assert dataset.sample("production/p-1") == again
    assert dataset.sample("production/p-1").split == "train"


def test_pages_of_samples(dataset: Dataset, picture: Draw) -> None:
    dataset.add_images(images(picture, 10))
    keys, cursor = [], None
    while True:
        page = dataset.samples(limit=4, cursor=cursor)
        keys += [s.key for s in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert keys == [f"{i}.png" for i in range(10)]
    assert {s.key for s in dataset.samples(label="-").items} == {"5.png"}
    assert all(s.label == Tag("open") for s in dataset.samples(label="open").items)
    assert {s.split for s in dataset.samples(split="val").items} == {"val"}
    assert len(dataset.samples(source="upload").items) == 10
    with pytest.raises(InvalidInput, match="page holds"):
        dataset.samples(limit=0)


def test_a_forgotten_picture_is_gone_everywhere(
    new_dataset: Callable[..., Dataset], picture: Draw
) -> None:
    one, two = new_dataset("one"), new_dataset("two")
    one.add_images([NewImage("a.png", picture(1), "train"), NewImage("b.png", picture(2), "train")])
    one.add_images([NewImage("again.png", picture(1), "test")])
    two.add_images([NewImage("same.png", picture(1), "train")])
    one.commit("before")
    assert one.delete(["a.png"], forget=True) == 3
    assert [s.key for s in one.samples().items] == ["b.png"]
    assert not two.samples().items
    with pytest.raises(NotFound, match="deleted"):
        one.image(sha256(picture(1)))
    assert one.commit("after").counts == {"train": {"": 1}}
    with pytest.raises(NotFound, match=r"no image 'a.png'"):
        one.delete(["a.png"])


def test_garbage_is_what_no_version_needs(dataset: Dataset, picture: Draw) -> None:
    dataset.add_images(images(picture, 3))
    dataset.commit("keeps three")
    dataset.add_images([NewImage("x.png", picture(100), "train")])
    dataset.delete(["x.png", "0.png"])
    assert dataset.gc()["bytes"] == len(picture(100))
    assert [dataset.manifest("v1").image(i) for i in range(3)] == [picture(i) for i in range(3)]
    assert list(dataset.verify()) == []
