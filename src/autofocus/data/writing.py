"""Writing images and their labels as rows: one batch, one revision, a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.errors import InvalidInput
from autofocus.store.annotations import NewLabel, write_annotations
from autofocus.store.blobs import BlobAt
from autofocus.store.database import next_revision
from autofocus.types.data import ImageFacts, Label, LabelSource, Split

MAX_KEY = 1024


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to add: its bytes under a key that is unique in the project.

    ``move`` says that ``split`` was asked for, not merely drawn: an image that is there already
    is moved to it.
    """

    key: str
    data: bytes
    split: Split
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str = "upload"
    label: Label | None = None
    label_source: LabelSource = "human"
    author: str = ""
    case: str | None = None
    move: bool = False


@dataclass(slots=True)
class Written:
    """What a batch changed. ``kept`` are keys whose label in force an import did not undo,
    ``twins`` are pairs of keys with the same bytes, the new one first."""

    accepted: int = 0
    unchanged: int = 0
    labelled: int = 0
    kept: list[str] = field(default_factory=list)
    twins: list[tuple[str, str]] = field(default_factory=list)

    def __iadd__(self, other: Written) -> Written:
        self.accepted += other.accepted
        self.unchanged += other.unchanged
        self.labelled += other.labelled
        self.kept += other.kept
        self.twins += other.twins
        return self


def check_key(key: str) -> None:
    """Raise InvalidInput unless ``key`` may name an image: it becomes a path in exports."""
    path = PurePosixPath(key)
    bad = not key or path.is_absolute() or ".." in path.parts or "\\" in key
    if bad or len(key) > MAX_KEY or path.as_posix() != key or not key.isprintable():
        raise InvalidInput(
            f"{key[:100]!r} cannot be the key of an image.",
            hint=f"Use a relative path with '/' of at most {MAX_KEY} printable characters, "
            "without '..'.",
            field="key",
        )


def write_images(
    conn: Connection,
    project: str,
    images: Sequence[NewImage],
    facts: Sequence[ImageFacts],
    entries: Sequence[BlobAt],
) -> Written:
    """Write rows of new or changed images, and labels that say something new, in one revision.

    * The same bytes under a known key are no new image; metadata is added to, never taken away.
    * Other bytes under a known key end the label in force: it was given to another picture.
    * An import repeats what was imported before; it does not undo what was said since.
    """
    written = Written()
    revision = next_revision(conn, project)  # also keeps other writers of the project out
    keys = [new.key for new in images]
    current = rows.current_rows(conn, project, keys)
    labels = rows.labels_in_force(conn, project, keys)
    owners = rows.keys_of_images(conn, project, [entry.sha256 for entry in entries])
    disputed = [
        new.key
        for new in images
        if new.label_source == "import" and labels.get(new.key) not in (None, new.label)
    ]
    imported = rows.labels_ever(conn, project, disputed, "import")
    closing: list[int] = []
    fresh: dict[str, dict[str, Any]] = {}
    replaced: list[str] = []
    spoken: dict[str, NewLabel] = {}
    for new, fact, entry in zip(images, facts, entries, strict=True):
        there = fresh.get(new.key) or current.get(new.key)
        same_bytes = there is not None and there["sha256"] == entry.sha256
        metadata = {**(there["metadata"] if there and same_bytes else {}), **new.metadata}
        split = there["split"] if there is not None and not new.move else new.split
        if (
            there is not None
            and same_bytes
            and there["metadata"] == metadata
            and there["split"] == split
        ):
            written.unchanged += 1
        else:
            source = there["source"] if there is not None and same_bytes else new.source
            if there is not None and "id" in there:
                closing.append(there["id"])
            fresh[new.key] = rows.sample_row(
                project, new.key, entry.sha256, fact, split, metadata, source, revision
            )
            written.accepted += 1
            if not same_bytes:
                twin = next((key for key in owners.get(entry.sha256, ()) if key != new.key), None)
                if twin is not None:
                    written.twins.append((new.key, twin))
                owners.setdefault(entry.sha256, []).append(new.key)
        if there is not None and not same_bytes and new.key in labels:
            replaced.append(new.key)
            del labels[new.key]
            imported.pop(new.key, None)
        before = labels.get(new.key)
        if new.label is None or new.label == before:
            continue
        if new.label in imported.get(new.key, ()):
            written.kept.append(new.key)
            continue
        labels[new.key] = new.label
        spoken[new.key] = NewLabel(new.key, new.label, new.author, new.label_source, case=new.case)
    rows.close_rows(conn, closing, revision)
    rows.insert_rows(conn, list(fresh.values()))
    rows.end_labels(conn, project, replaced, revision)
    written.labelled = write_annotations(
        conn, project=project, labels=list(spoken.values()), revision=revision
    )
    return written
