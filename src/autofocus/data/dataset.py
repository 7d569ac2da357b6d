"""``Dataset``: a project's images, their labels in force, and its frozen versions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.data.exporters import BuiltinWriters, Writer, write_record
from autofocus.data.sources import (
    BuiltinReaders,
    Found,
    Item,
    ReadOptions,
    detect_format,
    read_rows,
    unpacked,
)
from autofocus.errors import AutofocusError, Conflict, ImageRejected, InvalidInput, NotFound
from autofocus.events import Event
from autofocus.hooks import merge, plugin_manager
from autofocus.imaging.inspect import inspect
from autofocus.store import tables
from autofocus.store.annotations import end_annotation, write_annotation
from autofocus.store.database import insert_ignore, next_revision, record_event
from autofocus.store.manifests import Manifest, write_manifest
from autofocus.types.clock import now
from autofocus.types.data import (
    SPLITS,
    ImageFacts,
    ImportReport,
    Label,
    LabelSource,
    Page,
    Sample,
    Skipped,
    Split,
    Tag,
    Version,
    VersionChange,
)

if TYPE_CHECKING:
    from autofocus.store.blobs import BlobAt
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore
    from autofocus.store.packs import PackStore

Progress = Callable[[int, int], None]
Ratios = tuple[float, float, float]

BATCH = 256
DEFAULT_RATIOS: Ratios = (0.7, 0.1, 0.2)
_DECODERS = 2


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to add: its bytes under a key that is unique in the project."""

    key: str
    data: bytes
    split: Split
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str = "upload"
    label: Label | None = None
    label_source: LabelSource = "human"
    author: str = ""
    case: str | None = None


class Dataset:
    """The images and versions of one project."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        packs: PackStore,
        project: str,
        *,
        classes: tuple[str, ...],
        max_pixels: int = 64_000_000,
        author: str = "",
    ) -> None:
        self._database = database
        self._objects = objects
        self._packs = packs
        self.project = project
        self.classes = classes
        self._max_pixels = max_pixels
        self._author = author
        plugins = plugin_manager(builtins=(BuiltinReaders(), BuiltinWriters()))
        self._readers = merge(plugins.hook.import_formats())
        self._writers: dict[str, Writer] = merge(plugins.hook.export_formats())

    # -- in ------------------------------------------------------------------------------

    def import_path(
        self,
        path: str | Path,
        *,
        format: str = "auto",
        split: str | None = None,
        metadata: str | Path | None = None,
        group_by: str | None = None,
        ratios: Ratios = DEFAULT_RATIOS,
        file_column: str | None = None,
        label_column: str | None = None,
        by_reference: bool = False,
        author: str | None = None,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Import images and labels below ``path``; every file left out has a line in the report.

        Each batch is committed by itself: after a crash, importing again goes on where it
        stopped. Splits come from folders or columns, else from a hash of the key (of the value
        of ``group_by``, if given, so that groups stay together) in the ``ratios`` train : val :
        test. Raises NotFound, InvalidInput (nothing to import, unknown format or class).
        """
        began = time.monotonic()
        path = Path(path).expanduser()
        forced = next((known for known in SPLITS if known == split), None)
        if split is not None and forced is None:
            raise InvalidInput(f"Split {split!r} is not one of {list(SPLITS)}.", field="split")
        if not path.exists():
            raise NotFound(f"There is no {path}.", hint="Check the spelling of the path.")
        if by_reference and path.suffix.lower() == ".zip":
            raise InvalidInput("Images in an archive cannot stay where they are.")
        with unpacked(path) as place:
            name = detect_format(place) if format == "auto" else format
            if name not in self._readers:
                raise InvalidInput(
                    f"Format {name!r} is unknown.", hint=f"Known: {', '.join(self._readers)}."
                )
            options = ReadOptions(self.classes, file_column, label_column)
            found: Found = self._readers[name](place, options)
            if metadata is not None:
                _join_metadata(found, Path(metadata))
            _check_group(found.items, group_by)
            self._check_classes(found)
            report = self._import_items(
                found, forced, group_by, ratios, by_reference, author or self._author, progress
            )
        report = replace(report, seconds=round(time.monotonic() - began, 3))
        with self._database.begin() as conn:
            record_event(
                conn,
                Event(
                    kind="data.imported",
                    project=self.project,
                    key=f"{self.project}/import/{now()}",
                    what=f"{report.accepted} images were imported from {path}, "
                    f"{len(report.skipped)} skipped.",
                    actor=author or self._author,
                    body={"accepted": report.accepted, "labelled": report.labelled},
                ),
            )
        return report

    def add_image(
        self,
        key: str,
        data: bytes,
        *,
        split: Split,
        metadata: Mapping[str, Any],
        source: str,
        label: Label | None = None,
        author: str = "",
        case: str | None = None,
    ) -> Sample:
        """Add one image; the same key with the same bytes is added once. Raises ImageRejected."""
        new = NewImage(
            key, data, split, metadata, source, label, author=author or self._author, case=case
        )
        return self.add_images([new])[0]

    def add_images(
        self, images: Sequence[NewImage], *, conn: Connection | None = None
    ) -> list[Sample]:
        """Add images in one transaction (the caller's, if given), all or none.

        Raises ImageRejected naming the image, InvalidInput for a class that is not declared.
        """
        facts = []
        for new in images:
            self._check_label(new.label)
            try:
                facts.append(inspect(new.data, max_pixels=self._max_pixels))
            except ImageRejected as error:
                error.context["key"] = new.key
                raise
        entries = self._packs.append([new.data for new in images])
        if conn is None:
            with self._database.begin() as own:
                self._add(own, images, facts, entries)
        else:
            self._add(conn, images, facts, entries)
        return [
            Sample(
                self.project,
                new.key,
                entry.sha256,
                fact,
                new.split,
                dict(new.metadata),
                new.source,
                new.label,
            )
            for new, fact, entry in zip(images, facts, entries, strict=True)
        ]

    # -- looking -------------------------------------------------------------------------

    def samples(
        self,
        *,
        split: str | None = None,
        label: str | None = None,
        source: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Images by key after ``cursor``; ``label`` is a class or ``-`` for unlabelled."""
        query = rows.current(self.project).order_by(tables.sample.c.key).limit(limit)
        if split is not None:
            query = query.where(tables.sample.c.split == split)
        if source is not None:
            query = query.where(tables.sample.c.source == source)
        if cursor is not None:
            query = query.where(tables.sample.c.key > cursor)
        if label == "-":
            query = query.where(tables.annotation.c.id.is_(None))
        elif label is not None:
            query = query.where(tables.annotation.c.label["label"].as_string() == label)
        with self._database.read() as conn:
            found = tuple(rows.as_sample(row) for row in conn.execute(query).mappings())
        return Page(found, found[-1].key if len(found) == limit else None)

    def sample(self, key: str) -> Sample:
        """The image of that key; raises NotFound."""
        query = rows.current(self.project).where(tables.sample.c.key == key)
        with self._database.read() as conn:
            row = conn.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(f"Project {self.project} has no image {key!r}.", key=key)
        return rows.as_sample(row)

    def image(self, name: str) -> bytes:
        """The original bytes of an image by sha256 or key; raises NotFound, Corrupted."""
        if len(name) == 64 and all(c in "0123456789abcdef" for c in name):
            return self._packs.read(name)
        return self._packs.read(self.sample(name).sha256)

    def facts(self, names: set[str]) -> dict[str, dict[str, Any]]:
        """Perceptual hash and cheap statistics of images by sha256."""
        with self._database.read() as conn:
            return rows.facts_of(conn, self.project, names)

    # -- changing ------------------------------------------------------------------------

    def set_split(
        self, keys: Sequence[str], split: Split, *, metadata: Mapping[str, Any] | None = None
    ) -> int:
        """Move images to a split (and add metadata); returns how many changed."""
        if split not in SPLITS:
            raise InvalidInput(f"Split {split!r} is not one of {list(SPLITS)}.", field="split")
        changed = 0
        with self._database.begin() as conn:
            revision = next_revision(conn, self.project)
            for key in keys:
                row = rows.current_row(conn, self.project, key)
                if row is None:
                    raise NotFound(f"Project {self.project} has no image {key!r}.", key=key)
                merged = {**row["metadata"], **(metadata or {})}
                if row["split"] == split and merged == row["metadata"]:
                    continue
                rows.close(conn, self.project, key, revision)
                values = {**row, "split": split, "metadata": merged, "rev_from": revision}
                del values["id"]
                conn.execute(sa.insert(tables.sample).values(**values))
                changed += 1
        return changed

    def delete(self, keys: Sequence[str], *, forget: bool = False, author: str = "") -> int:
        """Take images out of the project; older versions keep them.

        With ``forget`` their bytes are erased everywhere, leaving tombstones (privacy).
        """
        gone = []
        with self._database.begin() as conn:
            revision = next_revision(conn, self.project)
            for key in keys:
                row = rows.current_row(conn, self.project, key)
                if row is None:
                    raise NotFound(f"Project {self.project} has no image {key!r}.", key=key)
                rows.close(conn, self.project, key, revision)
                end_annotation(conn, project=self.project, key=key, revision=revision)
                gone.append(row["sha256"])
            record_event(
                conn,
                Event(
                    kind="data.deleted",
                    project=self.project,
                    key=f"{self.project}/deleted/{revision}",
                    what=f"{len(gone)} images were {'erased' if forget else 'taken out'}.",
                    actor=author or self._author,
                    body={"keys": list(keys), "forget": forget},
                ),
            )
        if forget:
            for sha256 in set(gone):
                self._packs.forget(sha256)
        return len(gone)

    # -- versions ------------------------------------------------------------------------

    def commit(self, message: str, *, author: str = "", effect: str | None = None) -> Version:
        """Freeze the images and labels as they are now.

        ``effect`` names the commit by its inputs: a second call with the same name returns the
        first one's version. Raises Conflict if nothing changed, InvalidInput if there is nothing.
        """
        author = author or self._author
        if effect is not None:
            known = self._version_where(tables.version.c.effect == effect)
            if known is not None:
                return known
        with self._database.read() as conn:
            revision = rows.revision(conn, self.project)
            content = rows.frozen(conn, self.project)
        if not content:
            raise InvalidInput(
                f"Project {self.project} has no images to commit.",
                hint="Import some: autofocus data import FOLDER",
            )
        digest = write_manifest(self._objects, content)
        counts: dict[str, dict[str, int]] = {}
        for row in content:
            name = row.label["label"] if row.label is not None else ""
            by_class = counts.setdefault(row.split, {})
            by_class[name] = by_class.get(name, 0) + 1
        with self._database.begin() as conn:
            latest = rows.latest_version(conn, self.project)
            if latest is not None and latest["digest"] == digest:
                if effect is None:
                    raise Conflict(
                        f"Nothing changed since v{latest['number']} ({latest['message']}).",
                        hint=f"Use v{latest['number']}, or import or label something first.",
                    )
                return rows.as_version(latest)
            number = 1 if latest is None else latest["number"] + 1
            made = insert_ignore(
                conn,
                tables.version,
                project=self.project,
                number=number,
                digest=digest,
                parent=None if latest is None else latest["digest"],
                revision=revision,
                message=message,
                author=author,
                counts=counts,
                created_at=now(),
                effect=effect,
            )
            if made:
                record_event(
                    conn,
                    Event(
                        kind="data.committed",
                        project=self.project,
                        key=f"{self.project}/version/{number}",
                        what=f"Version v{number} was frozen: {message}.",
                        subject=digest,
                        cause=effect or "",
                        actor=author,
                        body={"counts": counts},
                    ),
                )
        return self.version(digest)

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        query = (
            sa.select(tables.version)
            .where(tables.version.c.project == self.project)
            .order_by(tables.version.c.number.desc())
        )
        with self._database.read() as conn:
            return [rows.as_version(row) for row in conn.execute(query).mappings()]

    def version(self, name: str | int) -> Version:
        """A version by ``v3``, ``3``, digest (or its first digits), or ``latest``."""
        text = str(name)
        if text == "latest":
            found = self.versions()[:1]
        elif text.removeprefix("v").isdigit() and len(text) < 10:
            number = int(text.removeprefix("v"))
            found = [v for v in self.versions() if v.number == number]
        else:
            found = [v for v in self.versions() if len(text) >= 6 and v.digest.startswith(text)]
        if not found:
            raise NotFound(
                f"Project {self.project} has no version {text!r}.",
                hint="List them: autofocus data log. Freeze one: autofocus data commit NAME.",
            )
        return found[0]

    def manifest(self, version: Version | str | int) -> Manifest:
        """An open version; needs no database from here on."""
        if not isinstance(version, Version):
            version = self.version(version)
        return Manifest.open(self._objects, version.digest)

    def diff(self, a: Version | str | int, b: Version | str | int) -> list[VersionChange]:
        """What changed from version ``a`` to ``b``, by key; costs only what changed."""
        first = a if isinstance(a, Version) else self.version(a)
        second = b if isinstance(b, Version) else self.version(b)
        low, high = sorted((first.revision, second.revision))
        with self._database.read() as conn:
            keys = rows.keys_changed_between(conn, self.project, low, high)
            before = rows.state_at(conn, self.project, keys, first.revision)
            after = rows.state_at(conn, self.project, keys, second.revision)
        return [c for key in keys for c in rows.change(key, before.get(key), after.get(key))]

    def export(
        self,
        version: Version | str | int,
        format: str,
        folder: str | Path,
        *,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Write a version into a new or empty folder; the report says what is not carried."""
        if format not in self._writers:
            raise InvalidInput(
                f"Format {format!r} is unknown.", hint=f"Known: {', '.join(self._writers)}."
            )
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict(f"{folder} is not an empty folder.", hint="Name a new one.")
        folder.mkdir(parents=True, exist_ok=True)
        manifest = self.manifest(version)
        report = self._writers[format](manifest, folder, progress or (lambda done, total: None))
        write_record(folder, manifest, report)
        return {"folder": str(folder), "version": manifest.digest, **report}

    # -- keeping -------------------------------------------------------------------------

    def verify(self, progress: Progress | None = None) -> Iterator[str]:
        """Read every stored image again; yields what is wrong."""
        for sha256, problem in self._packs.verify(progress):
            yield f"{sha256}: {problem}"

    def gc(self) -> dict[str, int]:
        """Erase the bytes that no version and no current row of any project needs."""
        with self._database.read() as conn:
            live = rows.live_images(conn)
            digests = conn.execute(sa.select(tables.version.c.digest).distinct()).scalars().all()
        for digest in digests:
            live.update(Manifest.open(self._objects, digest).column("sha256"))
        return {"bytes": self._packs.gc(live)}

    # -- inner ---------------------------------------------------------------------------

    def _check_label(self, label: Label | None) -> None:
        if label is not None and label.label not in self.classes:
            raise InvalidInput(
                f"Class {label.label!r} is not declared in project {self.project}.",
                hint=f"Declared are: {', '.join(self.classes)}.",
                field="label",
            )

    def _check_classes(self, found: Found) -> None:
        named = {item.label for item in found.items if item.label is not None}
        if named and not named & set(self.classes):
            raise InvalidInput(
                f"None of the classes found ({', '.join(sorted(named)[:10])}) is declared in "
                f"project {self.project}.",
                hint=f"Declared are: {', '.join(self.classes)}. Rename the folders, or make a "
                "project with these classes.",
            )

    def _import_items(
        self,
        found: Found,
        split: Split | None,
        group_by: str | None,
        ratios: Ratios,
        by_reference: bool,
        author: str,
        progress: Progress | None,
    ) -> ImportReport:
        skipped = list(found.skipped)
        counts = {"accepted": 0, "unchanged": 0, "labelled": 0, "duplicates": 0}
        with self._database.read() as conn:
            known_images = rows.images_of(conn, self.project)
        total = len(found.items)
        with ThreadPoolExecutor(_DECODERS, thread_name_prefix="import") as pool:
            for start in range(0, total, BATCH):
                batch = found.items[start : start + BATCH]
                looks = list(pool.map(self._look, batch))
                images: list[NewImage] = []
                facts: list[ImageFacts] = []
                for item, look in zip(batch, looks, strict=True):
                    if isinstance(look, Skipped):
                        skipped.append(look)
                        continue
                    data, fact = look
                    label = None if item.label is None else Tag(item.label)
                    if label is not None and label.label not in self.classes:
                        skipped.append(
                            Skipped(
                                item.key,
                                "label",
                                f"class {label.label!r} is not declared "
                                f"({', '.join(self.classes)}): taken without a label",
                            )
                        )
                        label = None
                    chosen = (
                        split
                        or item.split
                        or assign_split(
                            str(item.metadata[group_by]) if group_by else item.key, ratios
                        )
                    )
                    images.append(
                        NewImage(
                            item.key, data, chosen, item.metadata, "import", label, "import",
                            author,
                        )
                    )  # fmt: skip
                    facts.append(fact)
                paths = {item.key: item.path for item in batch}
                if by_reference:
                    entries = [self._packs.reference(paths[new.key]) for new in images]
                else:
                    entries = self._packs.append([new.data for new in images])
                for entry in entries:
                    counts["duplicates"] += entry.sha256 in known_images
                with self._database.begin() as conn:
                    done = self._add(conn, images, facts, entries)
                for name, value in done.items():
                    counts[name] += value
                # What was there before under the same key is unchanged, not a duplicate.
                counts["duplicates"] -= done["unchanged"]
                known_images.update(entry.sha256 for entry in entries)
                if progress is not None:
                    progress(start + len(batch), total)
        return ImportReport(
            self.project,
            found.format,
            counts["accepted"],
            counts["unchanged"],
            counts["labelled"],
            tuple(skipped),
            tuple(found.unmatched_labels),
            max(0, counts["duplicates"]),
            tuple(found.notices),
        )

    def _look(self, item: Item) -> tuple[bytes, ImageFacts] | Skipped:
        try:
            data = item.path.read_bytes()
            return data, inspect(data, max_pixels=self._max_pixels)
        except AutofocusError as error:
            return Skipped(item.key, error.code.name, error.message)
        except OSError as exc:
            return Skipped(item.key, "unreadable", f"cannot be read: {exc.strerror}")

    def _add(
        self,
        conn: Connection,
        images: Iterable[NewImage],
        facts: Iterable[ImageFacts],
        entries: Sequence[BlobAt],
    ) -> dict[str, int]:
        """Write rows of new or changed images and labels in one revision."""
        counts = {"accepted": 0, "unchanged": 0, "labelled": 0}
        self._packs.record(conn, entries)
        revision = next_revision(conn, self.project)
        for new, fact, entry in zip(images, facts, entries, strict=True):
            there = rows.current_row(conn, self.project, new.key)
            metadata = dict(new.metadata)
            if (
                there is not None
                and there["sha256"] == entry.sha256
                and there["metadata"] == metadata
                and there["split"] == new.split
            ):
                counts["unchanged"] += 1
            else:
                if there is not None:
                    rows.close(conn, self.project, new.key, revision)
                rows.insert(
                    conn, self.project, new.key, entry.sha256, fact, new.split, metadata,
                    new.source, revision,
                )  # fmt: skip
                counts["accepted"] += 1
            if (
                new.label is not None
                and rows.label_in_force(conn, self.project, new.key) != new.label
            ):
                write_annotation(
                    conn, project=self.project, key=new.key, label=new.label, author=new.author,
                    source=new.label_source, revision=revision, case=new.case,
                )  # fmt: skip
                counts["labelled"] += 1
        return counts

    def _version_where(self, condition: Any) -> Version | None:
        query = sa.select(tables.version).where(tables.version.c.project == self.project, condition)
        with self._database.read() as conn:
            row = conn.execute(query).mappings().one_or_none()
        return None if row is None else rows.as_version(row)


def assign_split(name: str, ratios: Ratios = DEFAULT_RATIOS) -> Split:
    """The split of a key or group by a hash of its name: the same on every machine, for ever."""
    total = sum(ratios)
    if total <= 0 or min(ratios) < 0:
        raise InvalidInput(f"Split ratios must not be negative and not all 0, got {ratios}.")
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64 * total
    if draw < ratios[0]:
        return "train"
    return "val" if draw < ratios[0] + ratios[1] else "test"


def _join_metadata(found: Found, table: Path) -> None:
    """Add a table's columns to the images of the same relative path."""
    columns = dict(read_rows(table))
    items = []
    for item in found.items:
        extra = columns.pop(item.key, None)
        items.append(item if extra is None else replace(item, metadata={**item.metadata, **extra}))
    found.items = items
    if columns:
        found.notices.append(
            f"{len(columns)} line(s) of {table.name} name no image here, e.g. {next(iter(columns))}"
        )


def _check_group(items: Sequence[Item], group_by: str | None) -> None:
    if group_by is None:
        return
    missing = next((item.key for item in items if item.metadata.get(group_by) is None), None)
    if missing is not None:
        raise InvalidInput(
            f"{missing} has no value in column {group_by!r}, which groups are made by.",
            hint="Give every image one, in the table or with --metadata.",
        )
