"""``Dataset``: a project's images, their labels in force, and its frozen versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.data.archives import TARS, unpacked
from autofocus.data.embedding_map import MOST, ImageMap
from autofocus.data.embeddings import Embedder, Embeddings, SimilarSamples
from autofocus.data.formats import catalogue
from autofocus.data.formats.base import (
    CountFrom,
    DrawnOn,
    Empty,
    ReadOptions,
    WriteOptions,
    Writer,
    one_of,
)
from autofocus.data.formats.carried import Loss, told
from autofocus.data.formats.csv_table import join_metadata
from autofocus.data.formats.matching import SPLIT_NAMES
from autofocus.data.formats.outgoing import write_record
from autofocus.data.importing import DEFAULT_RATIOS, Importer, ImportOptions, Progress, Ratios
from autofocus.data.label_rules import LabelRules
from autofocus.data.query import Query
from autofocus.data.search import Facets, FoundSamples, Search
from autofocus.data.sightings import Sightings
from autofocus.data.writing import NewImage, check_key, write_images
from autofocus.errors import Conflict, ImageRejected, InvalidInput, NotFound
from autofocus.events import Event
from autofocus.hooks import merge, plugin_manager
from autofocus.imaging.inspect import inspect
from autofocus.store import tables
from autofocus.store.annotations import has_class
from autofocus.store.database import insert_ignore, next_revision, record_event
from autofocus.store.manifests import Manifest, write_manifest
from autofocus.types.clock import now
from autofocus.types.data import (
    SPLITS,
    ImageFacts,
    ImportReport,
    Label,
    Page,
    Sample,
    Split,
    Task,
    Version,
    VersionChange,
    classes_of,
)
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    from autofocus.store.blobs import BlobAt
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore
    from autofocus.store.packs import PackStore

__all__ = ["Dataset", "NewImage"]

_MAX_PAGE = 10_000


class Dataset:
    """The images and versions of one project.

    ``embedder`` gives the model that similar images and ``predicted:`` go by, None without one.
    ``search_memory`` is how many bytes the rows may take in memory, so that searches are quick.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        packs: PackStore,
        project: str,
        *,
        classes: tuple[str, ...],
        task: Task = "classification",
        max_pixels: int = 64_000_000,
        author: str = "",
        embedder: Callable[[], Embedder | None] = lambda: None,
        search_memory: int = 1_000_000_000,
    ) -> None:
        self._database = database
        self._objects = objects
        self._packs = packs
        self.project = project
        self.classes = classes
        self.rules = LabelRules(project, task, classes)
        self.max_pixels = max_pixels
        self._author = author
        self.embeddings = Embeddings(
            database, objects, packs, project, embedder, lambda: self._search
        )
        self.sightings = Sightings(objects, packs, project, embedder)
        self._search = Search(database, self.rules, self.embeddings.answers, memory=search_memory)
        plugins = plugin_manager(builtins=(catalogue.BuiltinFormats(),))
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
        root: str | Path | None = None,
        by_reference: bool = False,
        count_from: str = "auto",
        drawn_on: str = "auto",
        empty: str = "negative",
        author: str | None = None,
        progress: Progress | None = None,
        shown: str = "",
    ) -> ImportReport:
        """Import images and labels below ``path``; every file left out has a line in the report.

        Each batch is committed by itself: after a crash, importing again goes on where it
        stopped. Splits come from folders or columns, else from a hash of the key in the
        ``ratios`` train : val : test. With ``group_by``, a metadata column, all images of a
        group are in one split, that of the group's images of earlier imports if there are any.
        Importing again adds and updates; what was labelled or moved since then stays, unless the
        new import says something new. ``metadata`` is a table of further columns by relative
        path, ``root`` the folder where a table's paths begin (default: the table's own).
        ``count_from`` (``0`` or ``1``) says what the lowest number means where a format leaves it
        open: pixels of Pascal VOC, classes of masks. ``drawn_on`` (``upright`` or ``stored``) says
        which pixels labels are for where EXIF turns an image, ``empty`` (``negative`` or
        ``unlabelled``) what an image is that a document lists with nothing in it.
        Raises NotFound, InvalidInput (nothing to import, unknown format, no declared class).
        """
        began = time.monotonic()
        path = Path(path).expanduser()
        forced = next((known for known in SPLITS if known == split), None)
        if split is not None and forced is None:
            raise InvalidInput(f"Split {split!r} is not one of {list(SPLITS)}.", field="split")
        for place in (path, *([] if root is None else [Path(root)])):
            if not place.exists():
                raise NotFound(f"There is no {place}.", hint="Check the spelling of the path.")
        if by_reference and path.name.lower().endswith((".zip", *TARS)):
            raise InvalidInput(
                "Images in an archive cannot stay where they are.",
                hint="Unpack it and import the folder, or import it without by-reference.",
            )
        author = author or self._author
        read = ReadOptions(
            self.classes,
            file_column,
            label_column,
            None if root is None else Path(root),
            self.rules.task,
            one_of(CountFrom, count_from, "count_from"),
            one_of(DrawnOn, drawn_on, "drawn_on"),
            one_of(Empty, empty, "empty"),
        )
        options = ImportOptions(forced, group_by, ratios, by_reference, author, read.drawn_on)
        with ExitStack() as stack:
            place = stack.enter_context(unpacked(path, keep={*self.classes, *SPLIT_NAMES}))
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="autofocus-inside-")))
            name, notices = catalogue.looked_at(place) if format == "auto" else (format, [])
            if name not in self._readers:
                raise InvalidInput(
                    f"Format {name!r} is unknown.", hint=f"Known: {', '.join(self._readers)}."
                )
            found = catalogue.read_as(
                name, self._readers[name], place, replace(read, scratch=scratch)
            )
            found.notices[:0] = notices
            if by_reference and any(item.path.is_relative_to(scratch) for item in found.items):
                raise InvalidInput(
                    f"Images inside of {name} files cannot stay where they are.",
                    hint="Import them without by-reference.",
                )
            if metadata is not None:
                join_metadata(found, Path(metadata))
            importer = Importer(self._database, self._packs, self.rules, self.max_pixels, options)
            report = importer.run(found, progress)
        report = replace(report, seconds=round(time.monotonic() - began, 3))
        with self._database.begin() as conn:
            record_event(
                conn,
                Event(
                    kind="data.imported",
                    project=self.project,
                    key=f"{self.project}/import/{now()}",
                    what=f"{report.accepted} images were imported from {shown or path}, "
                    f"{len(report.skipped)} skipped.",
                    actor=author,
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

        The same bytes under a known key change nothing but what ``label``, ``metadata`` and
        ``move`` say. Raises ImageRejected naming the image, InvalidInput for a class that is not
        declared or a key that cannot be one.
        """
        facts = []
        for new in images:
            check_key(new.key)
            try:
                fact = inspect(new.data, max_pixels=self.max_pixels)
            except ImageRejected as error:
                error.context["key"] = new.key
                raise
            if new.label is not None:
                self.rules.check(new.label, width=fact.width, height=fact.height)
            facts.append(fact)
        entries = self._packs.append([new.data for new in images])
        if conn is None:
            with self._database.begin() as own:
                return self._add(own, images, facts, entries)
        return self._add(conn, images, facts, entries)

    def _add(
        self,
        conn: Connection,
        images: Sequence[NewImage],
        facts: Sequence[ImageFacts],
        entries: Sequence[BlobAt],
    ) -> list[Sample]:
        self._packs.record(conn, entries)
        write_images(conn, self.project, images, facts, entries)
        return rows.samples_of(conn, self.project, [new.key for new in images])

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
        """Images by key after ``cursor``; ``label`` is a class or ``-`` for unlabelled.

        With shapes an image has every class of its shapes, or ``(none)``.
        """
        if not 1 <= limit <= _MAX_PAGE:
            raise InvalidInput(f"A page holds 1 to {_MAX_PAGE} images, not {limit}.", field="limit")
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
            classes = tables.annotation.c.classes
            dialect = self._database.engine.dialect.name
            empty = label == NOTHING and self.rules.drawn
            query = query.where(classes == "[]" if empty else has_class(classes, label, dialect))
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

    def search(
        self,
        query: Query | str = "",
        *,
        sort: str = "key",
        limit: int = 100,
        cursor: str | None = None,
        offset: int = 0,
        count: bool = True,
    ) -> FoundSamples:
        """Images that meet ``query`` (a value, or text as ``data.query`` describes it).

        ``sort`` is ``key``, ``added`` or a statistic, with ``-`` in front downwards. Go on with
        ``cursor``, which costs the same on every page, or jump to an ``offset``; ``count=False``
        saves counting all that were found. Raises InvalidInput naming the word that is wrong.
        """
        query = Query.parse(query) if isinstance(query, str) else query
        return self._search.find(
            query, sort=sort, limit=limit, cursor=cursor, offset=offset, count=count
        )

    def facets(self, query: Query | str = "") -> Facets:
        """How many of the images found have which class, split, metadata value and so on."""
        return self._search.facets(Query.parse(query) if isinstance(query, str) else query)

    def warm(self) -> bool:
        """Read the rows into memory now, so that the next search takes milliseconds.

        It happens by itself from the second search on. False if they need more memory than they
        may take: then searches ask the database.
        """
        return self._search.warm()

    def close(self) -> None:
        """Give that memory back."""
        self._search.close()

    def similar(
        self, key: str | Sequence[str], query: Query | str = "", *, limit: int = 100
    ) -> SimilarSamples:
        """Images that look to the champion like ``key``, or like any of several, among those that
        meet ``query``.

        Only images that it has looked at can be found: ``embeddings.compute()`` first. Raises
        NotFound for an unknown key or without a champion.
        """
        query = Query.parse(query) if isinstance(query, str) else query
        keys = dict.fromkeys([key] if isinstance(key, str) else key)
        return self.embeddings.similar([self.sample(k) for k in keys], query, limit=limit)

    def map(self, query: Query | str = "", *, most: int = MOST) -> ImageMap:
        """The images that meet ``query`` as points: what looks alike to the champion lies close.

        Raises NotFound without a champion or before it has looked: ``embeddings.compute()``.
        """
        query = Query.parse(query) if isinstance(query, str) else query
        return self.embeddings.map(query, most=most)

    def by_id(self, ids: Sequence[int]) -> list[Sample]:
        """Images by the ids of a map, in that order; those that are gone are left out."""
        return list(self._search.by_id(list(dict.fromkeys(ids))).values())

    def more_like(
        self,
        pictures: Mapping[str, Callable[[], bytes]],
        query: Query | str = "",
        *,
        without: Iterable[str] = (),
        limit: int = 100,
    ) -> SimilarSamples:
        """Images like any of ``pictures`` (by sha256, with how to read them), but neither these
        nor those of sha256 ``without``. Raises NotFound without a champion.
        """
        query = Query.parse(query) if isinstance(query, str) else query
        return self.embeddings.more_like(pictures, query, without=without, limit=limit)

    def looked_through(self, embedder: Embedder) -> Embeddings:
        """The embeddings of the images by another model than the champion."""
        return Embeddings(
            self._database,
            self._objects,
            self._packs,
            self.project,
            lambda: embedder,
            lambda: self._search,
        )

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
        with self._database.begin() as conn:
            revision = next_revision(conn, self.project)
            current = self._existing(conn, keys)
            moved = []
            for row in current.values():
                merged = {**row["metadata"], **(metadata or {})}
                if row["split"] != split or merged != row["metadata"]:
                    moved.append({**row, "split": split, "metadata": merged, "rev_from": revision})
            rows.close_rows(conn, [row.pop("id") for row in moved], revision)
            rows.insert_rows(conn, moved)
        return len(moved)

    def delete(self, keys: Sequence[str], *, forget: bool = False, author: str = "") -> int:
        """Take images out of the project; older versions keep them. Open questions about them
        are withdrawn. Returns how many images are gone.

        With ``forget`` their bytes are erased everywhere, leaving tombstones (privacy): the same
        picture under other keys and in other projects goes with them.
        """
        with self._database.read() as conn:
            named = {row["sha256"] for row in self._existing(conn, keys).values()}
        if forget:
            # Bytes first: after a crash the same call finds the keys again and goes on.
            for sha256 in sorted(named):
                self._packs.forget(sha256)
        gone = 0
        with self._database.begin() as conn:
            places = {self.project: set(keys)}
            if forget:
                for project, key in rows.places_of_images(conn, sorted(named)):
                    places.setdefault(project, set()).add(key)
            for project, there in sorted(places.items()):
                revision = next_revision(conn, project)
                current = rows.current_rows(conn, project, sorted(there))
                rows.close_rows(conn, [row["id"] for row in current.values()], revision)
                rows.end_labels(conn, project, list(current), revision)
                rows.withdraw_questions(conn, project, list(current))
                gone += len(current)
                record_event(
                    conn,
                    Event(
                        kind="data.deleted",
                        project=project,
                        key=f"{project}/deleted/{revision}",
                        what=f"{len(current)} images were {'erased' if forget else 'taken out'}.",
                        actor=author or self._author,
                        body={"keys": sorted(current), "forget": forget},
                    ),
                )
        return gone

    def _existing(self, conn: Connection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Current rows of all those keys; raises NotFound naming the first that has none."""
        current = rows.current_rows(conn, self.project, list(dict.fromkeys(keys)))
        missing = next((key for key in keys if key not in current), None)
        if missing is not None:
            raise NotFound(f"Project {self.project} has no image {missing!r}.", key=missing)
        return current

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
            content = rows.frozen(conn, self.project, revision)
        if not content:
            raise InvalidInput(
                f"Project {self.project} has no images to commit.",
                hint="Import some: autofocus data import FOLDER",
            )
        digest = write_manifest(self._objects, content, project=self.project)
        counts: dict[str, dict[str, int]] = {}
        images: dict[str, int] = {}
        for row in content:
            images[row.split] = images.get(row.split, 0) + 1
            by_class = counts.setdefault(row.split, {})
            for name in ("",) if row.label is None else classes_of(row.label) or (NOTHING,):
                by_class[name] = by_class.get(name, 0) + 1
        with self._database.begin() as conn:
            rows.lock_project(conn, self.project)  # two commits at once get two numbers
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
                images=images,
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
        # Not made: another process froze the same effect since this one looked.
        version = tables.version.c
        found = self._version_where(version.number == number if made else version.effect == effect)
        assert found is not None
        return found

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
        return Manifest.open(self._objects, version.digest, project=self.project)

    def diff(self, a: Version | str | int, b: Version | str | int) -> list[VersionChange]:
        """What changed from version ``a`` to ``b``, by key; costs only what changed.

        ``now`` is what a commit would freeze, ``none`` is before the first image.
        """
        first, second = self._revision_of(a), self._revision_of(b)
        low, high = sorted((first, second))
        with self._database.read() as conn:
            keys = rows.keys_changed_between(conn, self.project, low, high)
            before = rows.state_at(conn, self.project, keys, first)
            after = rows.state_at(conn, self.project, keys, second)
        return [c for key in keys for c in rows.change(key, before.get(key), after.get(key))]

    def _revision_of(self, name: Version | str | int) -> int:
        if isinstance(name, Version):
            return name.revision
        if name == "none":
            return 0
        if name == "now":
            with self._database.read() as conn:
                return rows.revision(conn, self.project)
        return self.version(name).revision

    @property
    def export_formats(self) -> list[str]:
        """The formats that :meth:`export` knows."""
        return sorted(self._writers)

    def export(
        self,
        version: Version | str | int,
        format: str,
        folder: str | Path,
        *,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Write a version into a new or empty folder; the report says what is not carried."""
        writer = self._writer(format)
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict(f"{folder} is not an empty folder.", hint="Name a new one.")
        manifest = self.manifest(version)
        lost = catalogue.losses(format, writer, manifest)
        folder.mkdir(parents=True, exist_ok=True)
        options = WriteOptions(self.classes, progress or (lambda done, total: None))
        written = writer(manifest, folder, options)
        report = {"format": format, **written, "not carried": told(lost)}
        write_record(folder, manifest, report)
        return {"folder": str(folder), "version": manifest.digest, **report}

    def not_carried(self, version: Version | str | int, format: str) -> list[Loss]:
        """What an export in ``format`` would not carry of a version, without writing anything.

        Raises InvalidInput for an unknown format and for one that has no place for its labels.
        """
        return catalogue.losses(format, self._writer(format), self.manifest(version))

    def _writer(self, format: str) -> Writer:
        if format not in self._writers:
            raise InvalidInput(
                f"Format {format!r} is unknown.", hint=f"Known: {', '.join(self._writers)}."
            )
        return self._writers[format]

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

    def _version_where(self, condition: Any) -> Version | None:
        query = sa.select(tables.version).where(tables.version.c.project == self.project, condition)
        with self._database.read() as conn:
            row = conn.execute(query).mappings().one_or_none()
        return None if row is None else rows.as_version(row)
