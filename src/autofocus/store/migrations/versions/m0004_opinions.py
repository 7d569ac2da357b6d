"""Whose a suggestion is, and what the labelling assistant itself thinks of a question."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "suggested_by": sa.String(128),
    "opinion": sa.String(255),
    "opinion_confidence": sa.Float(),
    "disagreement": sa.Float(),
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("label_task", sa.Column(name, kind))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("label_task", name)
