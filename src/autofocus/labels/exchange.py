"""Labels in and out as files: for images that are in the project already."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from autofocus.data import rows
from autofocus.data.formats.catalogue import detect_format
from autofocus.data.formats.coco import coco_labels
from autofocus.data.tabular import label_column as find_label_column
from autofocus.data.tabular import read_table
from autofocus.errors import Conflict, InvalidInput
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.annotations import NewLabel, as_annotation, write_annotations
from autofocus.store.database import next_revision, record_event
from autofocus.types.data import ImportReport, Skipped, Tag

if TYPE_CHECKING:
    from autofocus.store.database import Database


def import_labels(
    database: Database,
    project: str,
    classes: tuple[str, ...],
    path: Path,
    *,
    author: str,
    file_column: str | None = None,
    label_column: str | None = None,
) -> ImportReport:
    """Read labels for images that are in the project; see ``Labels.import_labels``."""
    began = time.monotonic()
    if not author:
        raise InvalidInput("A label needs an author, got an empty name.", field="author")
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", hint="Use autofocus data import for images.")
    name = detect_format(path)
    unmatched: list[str] = []
    if name == "csv":
        pairs, skipped = _csv_labels(path, file_column, label_column)
    else:
        named, skipped, unmatched = coco_labels(path)
        pairs = [(key, label) for key, label in named if label is not None]
    if pairs and not any(label in classes for _, label in pairs):
        raise InvalidInput(
            f"Not one class of {path.name} is declared in project {project}, e.g. {pairs[0][1]!r}.",
            hint=f"Declared are: {', '.join(classes)}.",
        )
    with database.begin() as conn:
        revision = next_revision(conn, project)
        matched, nobody = _match(pairs, rows.current_keys(conn, project))
        in_force = rows.labels_in_force(conn, project, list(matched))
        new: list[NewLabel] = []
        unchanged = 0
        for key, wanted in matched.items():
            if len(wanted) > 1:
                names = ", ".join(sorted(wanted))
                skipped.append(Skipped(key, "label", f"has several classes ({names})"))
                continue
            label = Tag(next(iter(wanted)))
            if label.label not in classes:
                reason = f"class {label.label!r} is not declared ({', '.join(classes)})"
                skipped.append(Skipped(key, "label", reason))
            elif in_force.get(key) == label:
                unchanged += 1
            else:
                new.append(NewLabel(key, label, author, "import"))
        write_annotations(conn, project=project, labels=new, revision=revision)
        if new:
            record_event(
                conn,
                Event(
                    kind="labels.answered",
                    project=project,
                    key=f"{project}/labels/{revision}",
                    what=f"{author} imported {len(new)} labels from {path.name}.",
                    subject=path.name,
                    actor=author,
                    body={"labels": len(new)},
                ),
            )
    return ImportReport(
        project,
        name,
        0,
        unchanged,
        len(new),
        tuple(skipped),
        (*unmatched, *nobody),
        0,
        seconds=round(time.monotonic() - began, 3),
    )


def export_labels(database: Database, project: str, path: Path) -> int:
    """Write the labels in force as CSV; returns how many. Raises Conflict if the file exists."""
    if path.exists():
        raise Conflict(f"{path} exists.", hint="Name a new file.")
    table = tables.annotation
    query = (
        sa.select(table)
        .where(table.c.project == project, table.c.rev_to.is_(None))
        .order_by(table.c.key)
    )
    with database.read() as conn:
        found = [as_annotation(row) for row in conn.execute(query).mappings()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "author", "source", "created_at", "case"])
        for a in found:
            writer.writerow([a.key, a.label.words, a.author, a.source, a.created_at, a.case or ""])
    return len(found)


def _csv_labels(
    path: Path, file_column: str | None, wanted: str | None
) -> tuple[list[tuple[str, str]], list[Skipped]]:
    table = read_table(path, file_column=file_column)
    column = find_label_column(path, table, wanted)
    if column is None:
        raise InvalidInput(
            f"{path.name} has no column of classes; it has {table.columns}.",
            hint="Name it label, or say which it is (label_column).",
        )
    pairs, skipped = [], list(table.skipped)
    for line in table.lines:
        label = line.values[column]
        if label:
            pairs.append((line.key, label))
        else:
            skipped.append(Skipped(line.key, "label", "has no label in the table"))
    return pairs, skipped


def _match(
    pairs: Sequence[tuple[str, str]], keys: Sequence[str]
) -> tuple[dict[str, set[str]], list[str]]:
    """Classes by the key that a path means, and paths that mean none.

    A path means the key that is equal to it, else the only key that differs by its suffix.
    """
    known = set(keys)
    stems: dict[str, list[str]] = {}
    for key in keys:
        stems.setdefault(_without_suffix(key), []).append(key)
    matched: dict[str, set[str]] = {}
    nobody = []
    for path, label in pairs:
        same_stem = stems.get(_without_suffix(path), [])
        if path in known:
            matched.setdefault(path, set()).add(label)
        elif len(same_stem) == 1:
            matched.setdefault(same_stem[0], set()).add(label)
        else:
            nobody.append(path)
    return matched, nobody


def _without_suffix(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}"
