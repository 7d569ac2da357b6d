"""Labels are followed by labels, never changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from autofocus.data.dataset import Dataset
from autofocus.errors import Conflict
from autofocus.store import tables
from autofocus.store.annotations import (
    NewLabel,
    as_annotation,
    end_annotation,
    write_annotation,
    write_annotations,
)
from autofocus.store.database import Database
from autofocus.types.data import Annotation, Tag


@pytest.fixture(autouse=True)
def project(new_dataset: Callable[..., Dataset]) -> None:
    new_dataset()


def history(database: Database, key: str) -> list[Annotation]:
    table = tables.annotation
    query = sa.select(table).where(table.c.key == key).order_by(table.c.id)
    with database.read() as conn:
        return [as_annotation(row) for row in conn.execute(query).mappings()]


def test_the_label_before_ends_where_the_next_begins(database: Database) -> None:
    with database.begin() as conn:
        for revision, label in ((3, "open"), (5, "closed")):
            write_annotation(
                conn, project="eyes", key="k", label=Tag(label), author="ada", source="human",
                revision=revision, confidence=0.5, suggested_by="eyes-1", case="c", seconds=2.5,
            )  # fmt: skip
        assert end_annotation(conn, project="eyes", key="k", revision=8)
        assert not end_annotation(conn, project="eyes", key="k", revision=9)
    found = history(database, "k")
    assert [(a.label.label, a.rev_from, a.rev_to) for a in found] == [
        ("open", 3, 5),
        ("closed", 5, 8),
    ]
    assert (found[0].suggested_by, found[0].case, found[0].seconds) == ("eyes-1", "c", 2.5)


def test_one_request_is_one_label(database: Database) -> None:
    def save(key: str) -> int:
        with database.begin() as conn:
            return write_annotation(
                conn, project="eyes", key=key, label=Tag("open"), author="ada", source="human",
                revision=1, request="r",
            )  # fmt: skip

    assert save("k") == save("k")
    assert len(history(database, "k")) == 1


def test_many_at_once(database: Database) -> None:
    with database.begin() as conn:
        assert write_annotations(conn, project="eyes", labels=[], revision=1) == 0
        for revision, label in ((1, "open"), (2, "closed")):
            labels = [NewLabel(f"k{i}", Tag(label), "ada", "import") for i in range(5)]
            assert write_annotations(conn, project="eyes", labels=labels, revision=revision) == 5
    assert [(a.label.label, a.rev_to) for a in history(database, "k3")] == [
        ("open", 2),
        ("closed", None),
    ]


def test_two_labels_in_force_are_refused(database: Database) -> None:
    labels = [NewLabel("k", Tag(label), "ada", "import") for label in ("open", "closed")]
    with pytest.raises(Conflict), database.begin() as conn:
        write_annotations(conn, project="eyes", labels=labels, revision=1)
