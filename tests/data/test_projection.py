"""Columns in memory: fresh after every change, the same answers as from the rows, bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from autofocus.data import projection
from autofocus.data.columns import KeyColumn, NameIndex
from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.finding import raw_names
from autofocus.data.search import SORTS
from autofocus.store import tables
from autofocus.store.annotations import end_annotation, write_annotation
from autofocus.store.database import Database, next_revision
from autofocus.types.clock import now
from autofocus.types.data import SPLITS, Tag
from autofocus.types.geometry import Box, Shape, Shapes

Draw = Callable[..., bytes]


def asking(dataset: Dataset) -> Dataset:
    """The same images for a process that asks the rows."""
    return Dataset(
        dataset._database, dataset._objects, dataset._packs, dataset.project,
        classes=dataset.classes, task=dataset.rules.task, search_memory=0,
    )  # fmt: skip


def in_memory(dataset: Dataset) -> bool:
    return dataset._search._projection._columns is not None


# Values that databases write in ways of their own, or that are alike without being the same.
VALUES: list[Any] = [
    None, True, False, 0, 1, 3, -7, 2**53 + 1, 2**62, 3.0, 0.1, 0.1 + 0.2, 1e20, 1e-7, -0.0,
    "3", "3.0", "true", "null", "", "a b", 'quo"te', "größe", "\\", [], [1, "x"], {"a": 1.5},
]  # fmt: skip
NAMES = ["plain", "two words", 'quo"te', "größe", "meta.x", "back\\slash"]
QUERIES = [
    "", "class:a", "-class:a,b", "is:unlabelled", "split:train,pool", "-source:s1",
    "author:ada", "case:c-1", "-case:c-1", "key:ÄPFEL", "key:äpfel", "BILD", "width:3..5 -bild",
    "plain:3", "plain:3.0", "plain:0.3,0.30000000000000004", "plain:true,x", '"größe":3',
    'plain:"[1,\\"x\\"]","[1, \\"x\\"]"', "plain>2", '"two words"<=0.1', "-plain>2", "plain:1e20",
    "plain:1.0e+20,100000000000000000000", "-back", '"back\\\\slash":"[]",3', "unknown:1",
    "meta.meta.x:9007199254740993,4611686018427387904",
]  # fmt: skip


class Changes:
    """Everything that can happen to a project's images, drawn by numbers."""

    def __init__(self, dataset: Dataset, draw: Draw) -> None:
        self.dataset = dataset
        self.draw = draw
        self.made = 0

    def keys(self, rng: np.random.Generator, many: int) -> list[str]:
        there = [s.key for s in self.dataset.samples(limit=1000).items]
        return [str(k) for k in rng.permutation(there)[:many]]

    def add(self, rng: np.random.Generator, many: int = 4) -> None:
        images = []
        for _ in range(many):
            self.made += 1
            name = ("Bild", "ÄPFEL", "äpfel", "z")[int(rng.integers(4))]
            metadata = {
                column: VALUES[int(rng.integers(len(VALUES)))]
                for column in NAMES
                if rng.random() < 0.5
            }
            images.append(
                NewImage(
                    f"{name} {int(rng.integers(100))}-{self.made}.png",
                    self.draw(int(rng.integers(10)), side=3 + self.made % 4),
                    SPLITS[int(rng.integers(4))], metadata, source=f"s{self.made % 3}",
                    label=Tag("ab"[int(rng.integers(2))]) if rng.random() < 0.6 else None,
                    author=("ada", "bob")[int(rng.integers(2))],
                    case="c-1" if rng.random() < 0.3 else None,
                )
            )  # fmt: skip
        self.dataset.add_images(images)

    def move(self, rng: np.random.Generator) -> None:
        self.dataset.set_split(self.keys(rng, 3), SPLITS[int(rng.integers(4))])

    def remove(self, rng: np.random.Generator) -> None:
        self.dataset.delete(self.keys(rng, 2))

    def label(self, rng: np.random.Generator) -> None:
        with self.dataset._database.begin() as conn:
            revision = next_revision(conn, "fruit")
            for key in self.keys(rng, 3):
                write_annotation(
                    conn, project="fruit", key=key, label=Tag("ab"[int(rng.integers(2))]),
                    author="eve", source="human", revision=revision,
                )  # fmt: skip

    def unlabel(self, rng: np.random.Generator) -> None:
        with self.dataset._database.begin() as conn:
            revision = next_revision(conn, "fruit")
            for key in self.keys(rng, 2):
                end_annotation(conn, project="fruit", key=key, revision=revision)

    def ask(self, rng: np.random.Generator) -> None:
        """Questions for a case are no revision, and are searched all the same."""
        self.made += 1
        with self.dataset._database.begin() as conn:
            for key in self.keys(rng, 1):
                conn.execute(
                    sa.insert(tables.label_task).values(
                        id=f"t{self.made}", project="fruit", key=key, sha256="", reason="",
                        purpose="verdict", priority=1.0, case="c-1", state="open",
                        created_at=now(), details={},
                    )
                )  # fmt: skip


@settings(
    max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    steps=st.lists(
        st.sampled_from(["add", "move", "remove", "label", "unlabel", "ask"]), max_size=6
    ),
    queries=st.lists(st.sampled_from(QUERIES), min_size=4, max_size=4, unique=True),
    sort=st.sampled_from([sign + name for name in SORTS for sign in ("", "-")]),
    seed=st.integers(0, 2**32 - 1),
)
def test_after_any_changes_memory_says_what_the_rows_say(
    database: Database, new_dataset: Callable[..., Dataset], picture: Draw,
    steps: list[str], queries: list[str], sort: str, seed: int,
) -> None:  # fmt: skip
    with database.begin() as conn:  # the fixtures are shared by all examples
        for table in (tables.event, tables.label_task, tables.annotation, tables.sample):
            conn.execute(sa.delete(table))
        conn.execute(sa.delete(tables.project))
    dataset = new_dataset("fruit", ("a", "b"))
    rng = np.random.default_rng(seed)
    changes = Changes(dataset, picture)
    changes.add(rng, 20)
    assert dataset.warm()
    rows_asked = asking(dataset)
    for step in ["", *steps]:
        if step:
            getattr(changes, step)(rng)
        for text in queries:
            for offset in (0, 5, 17):
                said = dataset.search(text, sort=sort, limit=6, offset=offset)
                assert said == rows_asked.search(text, sort=sort, limit=6, offset=offset)
            assert dataset.facets(text) == rows_asked.facets(text)
            cursor = dataset.search(text, sort=sort, limit=2).next_cursor
            pages = [
                d.search(text, sort=sort, limit=3, cursor=cursor) for d in (dataset, rows_asked)
            ]
            assert pages[0] == pages[1]
        assert in_memory(dataset)


@pytest.mark.parametrize("text", QUERIES)
def test_every_kind_of_value_is_found_as_the_database_writes_it(
    new_dataset: Callable[..., Dataset], picture: Draw, text: str
) -> None:
    dataset = new_dataset("fruit", ("a", "b"))
    dataset.add_images(
        [
            NewImage(f"{i}.png", picture(i), "train", dict.fromkeys(NAMES, value))
            for i, value in enumerate(VALUES)
        ]
    )
    assert dataset.warm()
    rows_asked = asking(dataset)
    assert dataset.search(text) == rows_asked.search(text)
    assert dataset.facets(text) == rows_asked.facets(text)


def test_labels_of_shapes_count_in_all_their_classes(
    new_dataset: Callable[..., Dataset], picture: Draw
) -> None:
    dataset = new_dataset("boxes", ("cat", "dog"), task="detection")
    cat, dog = Shape("1", "cat", Box(1, 1, 4, 4)), Shape("2", "dog", Box(2, 2, 7, 7))
    labels = [None, Shapes(()), Shapes((cat,)), Shapes((cat, dog)), Shapes((dog,))]
    dataset.add_images(
        [
            NewImage(f"{i}.png", picture(i), "train", label=label, author="ada")
            for i, label in enumerate(labels)
        ]
    )
    assert dataset.warm()
    rows_asked = asking(dataset)
    for text in ("class:cat", "-class:cat", "class:dog,(none)", 'class:"(none)"', "is:labelled"):
        assert dataset.search(text) == rows_asked.search(text)
        assert dataset.facets(text) == rows_asked.facets(text)


def test_many_values_are_counted_alike(dataset: Dataset, picture: Draw) -> None:
    image = picture(1)
    dataset.add_images(
        [
            NewImage(
                f"{i:03}.png", image + bytes([i % 250]), "train",
                {"every": i, "some": i % 30, "mixed": i % 25 if i % 2 else str(i % 25)},
            )
            for i in range(120)
        ]
    )  # fmt: skip
    assert dataset.warm()
    fields = {f.field: f for f in dataset.facets("").facets}
    assert "meta.every" not in fields  # it names the image
    assert fields["meta.some"].more
    assert dataset.facets("") == asking(dataset).facets("")


def test_it_is_built_by_the_second_search_and_ends_with_the_dataset(
    dataset: Dataset, picture: Draw
) -> None:
    dataset.add_images([NewImage("a.png", picture(1), "train")])
    dataset.search("")
    assert not in_memory(dataset)
    dataset.search("")
    assert in_memory(dataset)
    dataset.close()
    assert not in_memory(dataset)
    assert dataset.search("").total == 1
    assert not in_memory(dataset)


def test_many_rows_are_read_in_the_background(
    dataset: Dataset, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BACKGROUND_FROM", 2)
    dataset.add_images([NewImage(f"{i}.png", picture(i), "train") for i in range(3)])
    for _ in range(2):
        assert dataset.search("").total == 3
    builder = dataset._search._projection._builder
    assert builder is not None
    builder.join()
    assert in_memory(dataset)
    assert dataset.search("").total == 3


def test_too_many_changes_are_read_anew(
    dataset: Dataset, picture: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "MAX_CHANGES", 2)
    assert dataset.warm()
    for start in (0, 10):
        dataset.add_images(
            [NewImage(f"{i}.png", picture(i), "train") for i in range(start, start + 5)]
        )
        assert dataset.search("").total == start // 2 + 5
        assert in_memory(dataset)


def test_what_would_take_too_much_memory_is_asked_of_the_rows(
    dataset: Dataset, picture: Draw
) -> None:
    small = Dataset(
        dataset._database, dataset._objects, dataset._packs, "eyes",
        classes=dataset.classes, search_memory=4000,
    )  # fmt: skip
    dataset.add_images([NewImage("a.png", picture(1), "train")])
    assert small.warm()
    dataset.add_images([NewImage(f"{i}.png", picture(i), "train") for i in range(60)])
    assert small.search("").total == 61
    assert not in_memory(small)
    assert not small.warm()


def test_threads_that_search_while_images_come_see_whole_moments(
    dataset: Dataset, picture: Draw
) -> None:
    dataset.add_images([NewImage("first.png", picture(0), "train")])
    assert dataset.warm()
    wrong: list[tuple[int, int]] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            # Images come by fives, with the label a, and split changes move all at once.
            page = dataset.search("5-", limit=500)
            if len(page.items) != page.total or (page.total or 0) % 5:
                wrong.append((len(page.items), page.total or -1))

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for batch in range(12):
        dataset.add_images(
            [NewImage(f"5-{batch}-{i}.png", picture(5 * batch + i), "train") for i in range(5)]
        )
        dataset.set_split([f"5-{batch}-{i}.png" for i in range(5)], "test")
    done.set()
    for looker in lookers:
        looker.join()
    assert wrong == []
    assert dataset.search("5- split:test").total == 60


@given(st.lists(st.text("aB\U0001f600\ue000ä", max_size=3), max_size=12, unique=True), st.data())
def test_keys_stand_in_the_order_of_their_code_points(keys: list[str], data: st.DataObject) -> None:
    column = KeyColumn()
    cut = data.draw(st.integers(0, len(keys)))
    column.append(keys[:cut])
    column.sort()
    for key in keys[cut:]:
        column.append([key])
        column.insert(len(column) - 1)
    assert [column[int(row)] for row in column.order] == sorted(keys)


def test_names_that_begin_alike_are_told_apart() -> None:
    names = ["00" * 32, "00" * 31 + "01", "ff" * 8 + "00" * 24, "ff" * 8 + "00" * 23 + "ff"]
    index = NameIndex(raw_names([names[0], names[2], names[0]]))
    assert index.places(raw_names(names)).tolist() == [0, -1, 1, -1]
    assert len(index.different) == 2
    assert NameIndex(raw_names([])).places(raw_names(names)).tolist() == [-1] * 4
