"""Migrated tables are the tables that the code names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from autofocus.errors import Conflict
from autofocus.store import tables
from autofocus.store.annotations import classes_text
from autofocus.store.database import Database


def test_what_is_migrated_is_what_is_declared(database: Database) -> None:
    with database.begin() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    declared = {name: _shape(table) for name, table in tables.metadata.tables.items()}
    reflected = sa.MetaData()
    with database.read() as conn:
        reflected.reflect(conn)
    assert {n: _shape(t) for n, t in reflected.tables.items() if n in declared} == declared


def _shape(table: sa.Table) -> list[tuple[str, bool, bool]]:
    return sorted((c.name, bool(c.nullable), c.primary_key) for c in table.columns)


def test_a_workspace_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db")
    database.migrate()
    with database.begin() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer release"):
        database.migrate()
    database.close()


def test_labels_and_versions_of_the_first_release_get_their_classes_and_images(
    tmp_path: Path,
) -> None:
    database = Database.open(tmp_path / "x.db")
    _migrate_an_old_one(database)


def test_the_same_on_postgresql(postgres: str, postgres_url: Callable[[], str]) -> None:
    database = Database.open(postgres_url())
    with database.begin() as conn:
        conn.execute(sa.text("DROP SCHEMA public CASCADE"))
        conn.execute(sa.text("CREATE SCHEMA public"))
    _migrate_an_old_one(database)


def _migrate_an_old_one(database: Database) -> None:
    database.migrate("0002")
    names = ["open", 'half "open"', "Türe"]
    with database.begin() as conn:
        old = sa.MetaData()
        old.reflect(conn)
        conn.execute(
            sa.insert(old.tables["project"]).values(
                name="eyes", task="classification", classes=names, policy="", revision=3,
                paused=False, frozen="", created_at="2026",
            )
        )  # fmt: skip
        for i, name in enumerate([*names, "open"]):
            conn.execute(
                sa.insert(old.tables["annotation"]).values(
                    project="eyes", key=f"{i}", label={"label": name, "kind": "tag"}, author="ann",
                    source="human", created_at="2026", rev_from=i,
                )
            )  # fmt: skip
        conn.execute(
            sa.insert(old.tables["version"]).values(
                project="eyes", number=1, digest="0" * 64, revision=2, message="", author="ann",
                counts={"train": {"open": 2, "": 1}, "test": {"Türe": 1}}, created_at="2026",
            )
        )  # fmt: skip
    database.migrate()
    with database.read() as conn:
        query = sa.select(tables.annotation.c.classes).order_by(tables.annotation.c.key)
        found = conn.execute(query).scalars().all()
        assert found == [classes_text([name]) for name in [*names, "open"]]
        assert conn.execute(sa.select(tables.version.c.images)).scalar_one() == {
            "train": 3,
            "test": 1,
        }
    database.close()
