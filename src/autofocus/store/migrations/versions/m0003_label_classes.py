"""The classes of a label beside it, and the images of a version beside its counts.

A label may hold shapes of several classes, and megabytes of points: searching and counting by
class must not read them. An image with shapes of two classes counts in both, so that the number of
images is no longer the sum of the counts.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_annotation = sa.table("annotation", sa.column("label", sa.JSON), sa.column("classes", sa.Text))
_version = sa.table(
    "version",
    sa.column("project", sa.String),
    sa.column("number", sa.Integer),
    sa.column("counts", sa.JSON),
    sa.column("images", sa.JSON),
)


def upgrade() -> None:
    op.add_column(
        "annotation", sa.Column("classes", sa.Text(), nullable=False, server_default="[]")
    )
    op.add_column("version", sa.Column("images", sa.JSON(), nullable=False, server_default="{}"))
    conn = op.get_bind()
    name = _annotation.c.label["label"].as_string()
    for label in conn.execute(sa.select(name).distinct()).scalars().all():
        conn.execute(
            sa.update(_annotation).where(name == label).values(classes=json.dumps([label]))
        )
    for row in conn.execute(sa.select(_version)).all():
        images = {split: sum(classes.values()) for split, classes in row.counts.items()}
        conn.execute(
            sa.update(_version)
            .where(_version.c.project == row.project, _version.c.number == row.number)
            .values(images=images)
        )


def downgrade() -> None:
    op.drop_column("version", "images")
    op.drop_column("annotation", "classes")
