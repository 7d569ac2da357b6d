"""Every moment of the labels can be seen again."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autofocus.store import tables
from autofocus.store.annotations import (
    as_annotation,
    end_annotation,
    write_annotation,
)
from autofocus.store.database import Database, next_revision
from autofocus.types.clock import now
from autofocus.types.data import Annotation, Tag


@pytest.fixture
def eyes(database: Database) -> Database:
    """A database with the project ``eyes``."""
    with database.begin() as conn:
        conn.execute(
            sa.insert(tables.project).values(
                name="eyes", task="classification", classes=["open", "closed"], created_at=now()
            )
        )
    return database


def history(database: Database, key: str) -> list[Annotation]:
    query = sa.select(tables.annotation).order_by(tables.annotation.c.id)
    with database.read() as conn:
        rows = conn.execute(query.where(tables.annotation.c.key == key)).mappings().all()
    return [as_annotation(row) for row in rows]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["open", "closed", None])), max_size=8
    )
)
def test_every_moment_can_be_seen_again(eyes: Database, acts: list[tuple[str, str | None]]) -> None:
    """At any revision each image has the label that was in force after that act."""
    with eyes.begin() as conn:
        conn.execute(sa.delete(tables.annotation))
    now_in_force: dict[str, str] = {}
    expected: list[tuple[int, dict[str, str]]] = []
    for key, label in acts:
        with eyes.begin() as conn:
            revision = next_revision(conn, "eyes")
            if label is None:
                end_annotation(conn, project="eyes", key=key, revision=revision)
                now_in_force.pop(key, None)
            else:
                write_annotation(
                    conn, project="eyes", key=key, label=Tag(label), author="ada",
                    source="human", revision=revision,
                )  # fmt: skip
                now_in_force[key] = label
        expected.append((revision, dict(now_in_force)))
    everything = history(eyes, "a") + history(eyes, "b")
    for revision, labels in expected:
        seen = {
            a.key: a.label.label
            for a in everything
            if a.rev_from <= revision and (a.rev_to is None or a.rev_to > revision)
        }
        assert seen == labels
