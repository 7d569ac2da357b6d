"""Reading and writing the rows of samples with their validity intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.store import tables
from autofocus.store.manifests import ManifestRow
from autofocus.types.clock import now
from autofocus.types.codec import decode
from autofocus.types.data import ImageFacts, Label, Sample, Split, Tag, Version, VersionChange

_LOOKUP = 500  # values in one IN (...), below every database's limit
_FACTS = tuple(ImageFacts.__dataclass_fields__)

State = tuple[str, str | None, str]  # sha256, class, split


def current(project: str) -> sa.Select[Any]:
    """All current samples of a project with the label in force, as a query."""
    sample, label = tables.sample, tables.annotation
    joined = sample.outerjoin(
        label,
        sa.and_(
            label.c.project == sample.c.project,
            label.c.key == sample.c.key,
            label.c.rev_to.is_(None),
        ),
    )
    return (
        sa.select(sample, label.c.label.label("label_value"))
        .select_from(joined)
        .where(sample.c.project == project, sample.c.rev_to.is_(None))
    )


def as_sample(row: Any) -> Sample:
    """A row of :func:`current` as value."""
    value = row["label_value"]
    return Sample(
        row["project"],
        row["key"],
        row["sha256"],
        ImageFacts(**{name: row[name] for name in _FACTS}),
        row["split"],
        row["metadata"],
        row["source"],
        None if value is None else decode(Tag, value),
    )


def as_version(row: Any) -> Version:
    """A row of the version table as value."""
    return Version(**{name: row[name] for name in Version.__dataclass_fields__})


def current_row(conn: Connection, project: str, key: str) -> dict[str, Any] | None:
    """The current row of a key, if there is one."""
    table = tables.sample
    found = (
        conn.execute(
            sa.select(table).where(
                table.c.project == project, table.c.key == key, table.c.rev_to.is_(None)
            )
        )
        .mappings()
        .one_or_none()
    )
    return None if found is None else dict(found)


def insert(
    conn: Connection,
    project: str,
    key: str,
    sha256: str,
    facts: ImageFacts,
    split: Split,
    metadata: Mapping[str, Any],
    source: str,
    revision: int,
) -> None:
    """A new current row."""
    conn.execute(
        sa.insert(tables.sample).values(
            project=project, key=key, sha256=sha256, metadata=dict(metadata), source=source,
            split=split, rev_from=revision, rev_to=None, created_at=now(),
            **{name: getattr(facts, name) for name in _FACTS},
        )
    )  # fmt: skip


def close(conn: Connection, project: str, key: str, revision: int) -> None:
    """End the validity of a key's current row."""
    table = tables.sample
    conn.execute(
        sa.update(table)
        .where(table.c.project == project, table.c.key == key, table.c.rev_to.is_(None))
        .values(rev_to=revision)
    )


def label_in_force(conn: Connection, project: str, key: str) -> Label | None:
    """The label of a key now."""
    table = tables.annotation
    value = conn.execute(
        sa.select(table.c.label).where(
            table.c.project == project, table.c.key == key, table.c.rev_to.is_(None)
        )
    ).scalar_one_or_none()
    return None if value is None else decode(Tag, value)


def revision(conn: Connection, project: str) -> int:
    """The project's revision now."""
    return int(
        conn.execute(
            sa.select(tables.project.c.revision).where(tables.project.c.name == project)
        ).scalar_one()
    )


def frozen(conn: Connection, project: str) -> list[ManifestRow]:
    """The current content as rows of a manifest; images whose bytes were deleted are left out."""
    blob = tables.blob
    query = current(project).subquery()
    joined = sa.select(query, blob.c.pack, blob.c.pack_offset, blob.c.size, blob.c.uri).join(
        blob, sa.and_(blob.c.sha256 == query.c.sha256, blob.c.deleted_at.is_(None))
    )
    return [
        ManifestRow(
            r.key, r.sha256, r.label_value, r.split, r.metadata, r.width, r.height, r.pack,
            r.pack_offset, r.size, r.uri,
        )
        for r in conn.execute(joined)
    ]  # fmt: skip


def latest_version(conn: Connection, project: str) -> dict[str, Any] | None:
    """The newest version's row."""
    found = (
        conn.execute(
            sa.select(tables.version)
            .where(tables.version.c.project == project)
            .order_by(tables.version.c.number.desc())
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    return None if found is None else dict(found)


def images_of(conn: Connection, project: str) -> set[str]:
    """sha256 of every current image of a project."""
    table = tables.sample
    query = sa.select(table.c.sha256).where(table.c.project == project, table.c.rev_to.is_(None))
    return set(conn.execute(query).scalars())


def live_images(conn: Connection) -> set[str]:
    """sha256 of every current image of every project."""
    query = sa.select(tables.sample.c.sha256).where(tables.sample.c.rev_to.is_(None))
    return set(conn.execute(query).scalars())


def keys_changed_between(conn: Connection, project: str, low: int, high: int) -> list[str]:
    """Keys with a sample or label that began or ended in revisions ``low < r <= high``."""
    keys: set[str] = set()
    for table in (tables.sample, tables.annotation):
        for column in (table.c.rev_from, table.c.rev_to):
            keys.update(
                conn.execute(
                    sa.select(table.c.key).where(
                        table.c.project == project, column > low, column <= high
                    )
                ).scalars()
            )
    return sorted(keys)


def state_at(conn: Connection, project: str, keys: Sequence[str], at: int) -> dict[str, State]:
    """Content of those keys at a revision; keys that were not there are left out."""
    images: dict[str, tuple[str, str]] = {}
    labels: dict[str, str] = {}
    for start in range(0, len(keys), _LOOKUP):
        part = keys[start : start + _LOOKUP]
        for row in conn.execute(_valid(tables.sample, project, part, at)).mappings():
            images[row["key"]] = (row["sha256"], row["split"])
        for row in conn.execute(_valid(tables.annotation, project, part, at)).mappings():
            labels[row["key"]] = row["label"]["label"]
    return {key: (sha256, labels.get(key), split) for key, (sha256, split) in images.items()}


def _valid(table: sa.Table, project: str, keys: Sequence[str], at: int) -> sa.Select[Any]:
    return sa.select(table).where(
        table.c.project == project,
        table.c.key.in_(keys),
        table.c.rev_from <= at,
        sa.or_(table.c.rev_to.is_(None), table.c.rev_to > at),
    )


def change(key: str, before: State | None, after: State | None) -> list[VersionChange]:
    """How one key changed; nothing if it is the same again."""
    if before is None and after is None:
        return []
    if before is None:
        assert after is not None
        return [VersionChange(key, after[0], "added", None, after[1])]
    if after is None:
        return [VersionChange(key, before[0], "removed", before[1], None)]
    changes = []
    if before[0] != after[0]:
        changes.append(VersionChange(key, after[0], "replaced", before[0], after[0]))
    if before[1] != after[1]:
        changes.append(VersionChange(key, after[0], "relabelled", before[1], after[1]))
    if before[2] != after[2]:
        changes.append(VersionChange(key, after[0], "moved", before[2], after[2]))
    return changes


def facts_of(conn: Connection, project: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """Perceptual hash and statistics by image sha256."""
    table = tables.sample
    columns = [table.c[n] for n in ("sha256", "phash", "brightness", "contrast", "blur", "entropy")]
    query = sa.select(*columns).where(table.c.project == project)
    found = conn.execute(query).mappings()
    return {row["sha256"]: dict(row) for row in found if row["sha256"] in names}
