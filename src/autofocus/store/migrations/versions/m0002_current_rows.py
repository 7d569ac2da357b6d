"""One current row per key: the rule as an index, which also is the one that lookups by key need.

Without it SQLite takes the index on ``rev_to`` for them, and reads all current rows for each key.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("sample", "annotation"):
        op.create_index(
            f"uq_{table}_current",
            table,
            ["project", "key"],
            unique=True,
            sqlite_where=sa.text("rev_to IS NULL"),
            postgresql_where=sa.text("rev_to IS NULL"),
        )


def downgrade() -> None:
    for table in ("sample", "annotation"):
        op.drop_index(f"uq_{table}_current", table_name=table)
