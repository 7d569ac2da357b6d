"""Migrated tables are the tables that the code names."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from autofocus.errors import Conflict
from autofocus.store import tables
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
