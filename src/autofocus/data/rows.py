"""Reading and writing the rows of samples with their validity intervals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.store import tables
from autofocus.store.manifests import ManifestRow
from autofocus.types.clock import now
from autofocus.types.data import (
    ImageFacts,
    Label,
    Sample,
    Split,
    Version,
    VersionChange,
    as_label,
)

_LOOKUP = 500  # values in one IN (...), below every database's limit
_FACTS = tuple(ImageFacts.__dataclass_fields__)

State = tuple[str, dict[str, Any] | None, str]  # sha256, label as it is stored, split


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
        None if value is None else as_label(value),
    )


def samples_of(conn: Connection, project: str, keys: Sequence[str]) -> list[Sample]:
    """The current samples of those keys, in their order."""
    found = {
        row["key"]: as_sample(row)
        for part in _parts(keys)
        for row in conn.execute(current(project).where(tables.sample.c.key.in_(part))).mappings()
    }
    return [found[key] for key in keys]


def as_version(row: Any) -> Version:
    """A row of the version table as value."""
    return Version(**{name: row[name] for name in Version.__dataclass_fields__})


def current_row(conn: Connection, project: str, key: str) -> dict[str, Any] | None:
    """The current row of a key, if there is one."""
    return current_rows(conn, project, [key]).get(key)


def current_rows(conn: Connection, project: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The current rows of those keys that have one."""
    table = tables.sample
    query = sa.select(table).where(table.c.project == project, table.c.rev_to.is_(None))
    return {
        row["key"]: dict(row)
        for part in _parts(keys)
        for row in conn.execute(query.where(table.c.key.in_(part))).mappings()
    }


def current_keys(conn: Connection, project: str) -> list[str]:
    """The keys of all current images."""
    table = tables.sample
    query = sa.select(table.c.key).where(table.c.project == project, table.c.rev_to.is_(None))
    return list(conn.execute(query.order_by(table.c.key)).scalars())


def current_images(conn: Connection, project: str) -> list[str]:
    """sha256 of all current images, each once, in the order in which they came."""
    table = tables.sample
    query = (
        sa.select(table.c.sha256)
        .where(table.c.project == project, table.c.rev_to.is_(None))
        .group_by(table.c.sha256)
        .order_by(sa.func.min(table.c.id))
    )
    return list(conn.execute(query).scalars())


def sample_row(
    project: str,
    key: str,
    sha256: str,
    facts: ImageFacts,
    split: Split,
    metadata: Mapping[str, Any],
    source: str,
    revision: int,
) -> dict[str, Any]:
    """A row that is valid from ``revision`` on."""
    return {
        "project": project,
        "key": key,
        "sha256": sha256,
        "metadata": dict(metadata),
        "source": source,
        "split": split,
        "rev_from": revision,
        "rev_to": None,
        "created_at": now(),
        **{name: getattr(facts, name) for name in _FACTS},
    }


def insert_rows(conn: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """New rows of samples."""
    if values:
        conn.execute(sa.insert(tables.sample), list(values))


def close_rows(conn: Connection, ids: Sequence[int], revision: int) -> None:
    """End the validity of rows."""
    table = tables.sample
    for part in _parts(ids):
        conn.execute(sa.update(table).where(table.c.id.in_(part)).values(rev_to=revision))


def label_in_force(conn: Connection, project: str, key: str) -> Label | None:
    """The label of a key now."""
    return labels_in_force(conn, project, [key]).get(key)


def labels_in_force(conn: Connection, project: str, keys: Sequence[str]) -> dict[str, Label]:
    """The labels of those keys that have one now."""
    table = tables.annotation
    query = sa.select(table.c.key, table.c.label).where(
        table.c.project == project, table.c.rev_to.is_(None)
    )
    return {
        row.key: as_label(row.label)
        for part in _parts(keys)
        for row in conn.execute(query.where(table.c.key.in_(part)))
    }


def labels_ever(
    conn: Connection, project: str, keys: Sequence[str], source: str
) -> dict[str, list[Label]]:
    """The labels that a source ever gave to each key's image as it is now."""
    label, sample = tables.annotation, tables.sample
    query = (
        sa.select(label.c.key, label.c.label)
        .join(
            sample,
            sa.and_(
                sample.c.project == label.c.project,
                sample.c.key == label.c.key,
                sample.c.rev_from <= label.c.rev_from,
                sa.or_(sample.c.rev_to.is_(None), sample.c.rev_to > label.c.rev_from),
            ),
        )
        .where(label.c.project == project, label.c.source == source)
    )
    # Bytes may have changed and changed back; only labels given to the bytes of now count.
    now_there = sample.alias("now_there")
    query = query.join(
        now_there,
        sa.and_(
            now_there.c.project == label.c.project,
            now_there.c.key == label.c.key,
            now_there.c.rev_to.is_(None),
            now_there.c.sha256 == sample.c.sha256,
        ),
    )
    found: dict[str, list[Label]] = {}
    for part in _parts(keys):
        for row in conn.execute(query.where(label.c.key.in_(part))):
            found.setdefault(row.key, []).append(as_label(row.label))
    return found


def end_labels(conn: Connection, project: str, keys: Sequence[str], revision: int) -> None:
    """Take labels in force away, keeping them in history."""
    table = tables.annotation
    query = sa.update(table).where(table.c.project == project, table.c.rev_to.is_(None))
    for part in _parts(keys):
        conn.execute(query.where(table.c.key.in_(part)).values(rev_to=revision))


def keys_of_images(conn: Connection, project: str, names: Sequence[str]) -> dict[str, list[str]]:
    """The keys under which images are there now, by sha256."""
    found: dict[str, list[str]] = {}
    for there, key, sha256 in _places(conn, names):
        if there == project:
            found.setdefault(sha256, []).append(key)
    return found


def places_of_images(conn: Connection, names: Sequence[str]) -> set[tuple[str, str]]:
    """(project, key) of every current image with one of those sha256, in all projects."""
    return {(project, key) for project, key, _ in _places(conn, names)}


def _places(conn: Connection, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    table = tables.sample
    query = sa.select(table.c.project, table.c.key, table.c.sha256, table.c.rev_to)
    for part in _parts(names):
        # The few old rows are left out here: asked for in SQL, SQLite would go by rev_to.
        for project, key, sha256, rev_to in conn.execute(
            query.where(table.c.sha256.in_(part)).order_by(table.c.id)
        ):
            if rev_to is None:
                yield project, key, sha256


def withdraw_questions(conn: Connection, project: str, keys: Sequence[str]) -> None:
    """Cancel the open labelling tasks about images that are gone."""
    table = tables.label_task
    query = sa.update(table).where(
        table.c.project == project, table.c.state.in_(("open", "leased"))
    )
    for part in _parts(keys):
        conn.execute(query.where(table.c.key.in_(part)).values(state="cancelled", done_at=now()))


def splits_of_groups(conn: Connection, project: str, column: str) -> dict[str, Split]:
    """The split in which each value of a metadata column is now; the first one where several."""
    table = tables.sample
    query = (
        sa.select(table.c.metadata, table.c.split)
        .where(table.c.project == project, table.c.rev_to.is_(None), table.c.split != "pool")
        .order_by(table.c.id)
    )
    found: dict[str, Split] = {}
    for row in conn.execute(query):
        value = row.metadata.get(column)
        if value is not None:
            found.setdefault(str(value), row.split)
    return found


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _LOOKUP):
        yield values[start : start + _LOOKUP]


def revision(conn: Connection, project: str) -> int:
    """The project's revision now."""
    return int(
        conn.execute(
            sa.select(tables.project.c.revision).where(tables.project.c.name == project)
        ).scalar_one()
    )


def lock_project(conn: Connection, project: str) -> None:
    """Keep other writers of the project waiting until this transaction ends."""
    conn.execute(
        sa.select(tables.project.c.name).where(tables.project.c.name == project).with_for_update()
    )


def as_text(conn: Connection, column: Any) -> Any:
    """A JSON column as the text that was written."""
    if conn.dialect.name == "sqlite":
        return sa.type_coerce(column, sa.Text)
    return sa.cast(column, sa.Text)


def frozen(conn: Connection, project: str, at: int) -> list[ManifestRow]:
    """The content at a revision as rows of a manifest; images whose bytes were deleted are left
    out.

    Labels are matched here and not by a join: SQLite, without statistics, would look for each
    image's label among all labels in force.
    """
    sample, label, blob = tables.sample, tables.annotation, tables.blob
    # Most labels and metadata are written alike: each text is read once, into one value.
    read: dict[str, Any] = {}

    def value(text: str) -> Any:
        found = read.get(text)
        if found is None:
            found = read[text] = json.loads(text)
        return found

    labels = {
        row.key: value(row.text)
        for row in conn.execute(
            sa.select(label.c.key, as_text(conn, label.c.label).label("text")).where(
                label.c.project == project, *_valid(label, at)
            )
        )
    }
    query = (
        sa.select(
            sample.c.key, sample.c.sha256, sample.c.split,
            as_text(conn, sample.c.metadata).label("text"), sample.c.width,
            sample.c.height, blob.c.pack, blob.c.pack_offset, blob.c.size, blob.c.uri,
        )
        .join(blob, sa.and_(blob.c.sha256 == sample.c.sha256, blob.c.deleted_at.is_(None)))
        .where(sample.c.project == project, *_valid(sample, at))
    )  # fmt: skip
    return [
        ManifestRow(key, sha256, labels.get(key), split, value(text), *rest)
        for key, sha256, split, text, *rest in conn.execute(query)
    ]


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
    sample, label = tables.sample, tables.annotation
    images: dict[str, tuple[str, str]] = {}
    labels: dict[str, dict[str, Any]] = {}
    for part in _parts(keys):
        for key, rev_from, rev_to, sha256, split in conn.execute(
            _history(sample, project, part).add_columns(sample.c.sha256, sample.c.split)
        ):
            if rev_from <= at and (rev_to is None or rev_to > at):
                images[key] = (sha256, split)
        for key, rev_from, rev_to, value in conn.execute(
            _history(label, project, part).add_columns(label.c.label)
        ):
            if rev_from <= at and (rev_to is None or rev_to > at):
                labels[key] = value
    return {key: (sha256, labels.get(key), split) for key, (sha256, split) in images.items()}


def _history(table: sa.Table, project: str, keys: Sequence[str]) -> sa.Select[Any]:
    """All rows of a few keys; asked for a revision in SQL, SQLite would go by that."""
    return sa.select(table.c.key, table.c.rev_from, table.c.rev_to).where(
        table.c.project == project, table.c.key.in_(keys)
    )


def _valid(table: sa.Table, at: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.rev_from <= at, sa.or_(table.c.rev_to.is_(None), table.c.rev_to > at))


def change(key: str, before: State | None, after: State | None) -> list[VersionChange]:
    """How one key changed; nothing if it is the same again."""
    if before is None and after is None:
        return []
    if before is None:
        assert after is not None
        return [VersionChange(key, after[0], "added", None, _words(after))]
    if after is None:
        return [VersionChange(key, before[0], "removed", _words(before), None)]
    changes = []
    if before[0] != after[0]:
        changes.append(VersionChange(key, after[0], "replaced", before[0], after[0]))
    if before[1] != after[1]:
        told = _words(before), _words(after)
        if told[0] == told[1]:
            told = told[0], f"{told[1]}, drawn anew"
        changes.append(VersionChange(key, after[0], "relabelled", *told))
    if before[2] != after[2]:
        changes.append(VersionChange(key, after[0], "moved", before[2], after[2]))
    return changes


def _words(state: State) -> str | None:
    return None if state[1] is None else as_label(state[1]).words


def facts_of(conn: Connection, project: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """Perceptual hash and statistics by image sha256."""
    table = tables.sample
    columns = [table.c[n] for n in ("sha256", "phash", "brightness", "contrast", "blur", "entropy")]
    query = sa.select(*columns).where(table.c.project == project)
    found = conn.execute(query).mappings()
    return {row["sha256"]: dict(row) for row in found if row["sha256"] in names}
