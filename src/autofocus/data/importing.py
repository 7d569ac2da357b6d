"""Taking what a reader found into a project, batch by batch; nothing is dropped without a line."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autofocus.data import rows
from autofocus.data.formats.base import DrawnOn, Found, Item
from autofocus.data.label_rules import LabelRules
from autofocus.data.placing import Placing
from autofocus.data.writing import NewImage, Written, check_key, write_images
from autofocus.errors import AutofocusError, InvalidInput
from autofocus.imaging.inspect import inspect
from autofocus.store.blobs import BlobAt
from autofocus.types.data import ImageFacts, ImportReport, Label, Skipped, Split
from autofocus.types.geometry import Shapes

if TYPE_CHECKING:
    from autofocus.store.database import Database
    from autofocus.store.packs import PackStore

Progress = Callable[[int, int], None]
Ratios = tuple[float, float, float]

DEFAULT_RATIOS: Ratios = (0.7, 0.1, 0.2)
BATCH = 256
# Bounds what an import holds in memory: a batch is full with this many bytes of files, too.
BATCH_BYTES = 64 * 2**20
MAX_FILE_BYTES = 256 * 2**20
_DECODERS = 2

_Look = tuple[bytes, ImageFacts] | Skipped


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How images are taken; see ``Dataset.import_path``."""

    split: Split | None
    group_by: str | None
    ratios: Ratios
    by_reference: bool
    author: str
    drawn_on: DrawnOn = "auto"


class Importer:
    """One import into one project."""

    def __init__(
        self,
        database: Database,
        packs: PackStore,
        rules: LabelRules,
        max_pixels: int,
        options: ImportOptions,
    ) -> None:
        self._database = database
        self._packs = packs
        self._project = rules.project
        self._classes = rules.classes
        self._rules = rules
        self._max_pixels = max_pixels
        self._options = options

    def run(self, found: Found, progress: Progress | None = None) -> ImportReport:
        """Take everything; each batch is committed by itself, its bytes before its rows."""
        self._check_classes(found)
        splits = self._splits(found.items)
        placing = Placing(self._rules, self._options.drawn_on, list(found.skipped))
        skipped = placing.skipped
        total = len(found.items)
        done, written = 0, Written()
        for batch, looks in self._looked(found.items):
            taken: list[tuple[Item, bytes, ImageFacts]] = []
            for item, look in zip(batch, looks, strict=True):
                if isinstance(look, Skipped):
                    skipped.append(look)
                else:
                    taken.append((item, *look))
            images = [
                self._new(item, data, splits, placing.label(item, facts))
                for item, data, facts in taken
            ]
            if self._options.by_reference:
                entries = [_in_place(item.path, data) for item, data, _ in taken]
            else:
                entries = self._packs.append([data for _, data, _ in taken])
            with self._database.begin() as conn:
                self._packs.record(conn, entries)
                written += write_images(
                    conn, self._project, images, [facts for _, _, facts in taken], entries
                )
            done += len(batch)
            if progress is not None:
                progress(done, total)
        return ImportReport(
            self._project,
            found.format,
            written.accepted,
            written.unchanged,
            written.labelled,
            tuple(skipped),
            tuple(found.unmatched_labels),
            len(written.twins),
            (*found.told(), *placing.told(), *_notices(written)),
        )

    # -- labels and splits -----------------------------------------------------------------

    def _check_classes(self, found: Found) -> None:
        named = {
            name
            for item in found.items
            if isinstance(item.label, Shapes) or (item.label is not None and not self._rules.drawn)
            for name in item.label.classes
        }
        if named and not named & set(self._classes):
            raise InvalidInput(
                f"None of the classes found ({', '.join(sorted(named)[:10])}) is declared in "
                f"project {self._project}.",
                hint=f"Declared are: {', '.join(self._classes)}. Rename the folders, or make a "
                "project with these classes.",
            )

    def _splits(self, items: Sequence[Item]) -> Mapping[str, Split]:
        """The split of each group that has one already, here or in the project."""
        column = self._options.group_by
        if column is None:
            return {}
        missing = next((item.key for item in items if item.metadata.get(column) is None), None)
        if missing is not None:
            raise InvalidInput(
                f"{missing} has no value in column {column!r}, which groups are made by.",
                hint="Give every image one, in the table or in a metadata table.",
            )
        given: dict[str, Split] = {}
        for item in items:
            split = self._options.split or item.split
            group = str(item.metadata[column])
            if split is not None and given.setdefault(group, split) != split:
                raise InvalidInput(
                    f"Group {group!r} of column {column!r} is in the splits {given[group]} and "
                    f"{split}.",
                    hint="Leave out the splits or group_by: together they contradict each other.",
                )
        with self._database.read() as conn:
            return {**rows.splits_of_groups(conn, self._project, column), **given}

    def _new(
        self, item: Item, data: bytes, splits: Mapping[str, Split], label: Label | None
    ) -> NewImage:
        given = self._options.split or item.split
        column = self._options.group_by
        group = item.key if column is None else str(item.metadata[column])
        split = given or splits.get(group) or assign_split(group, self._options.ratios)
        return NewImage(
            item.key, data, split, item.metadata, "import", label, "import",
            self._options.author, move=given is not None,
        )  # fmt: skip

    # -- looking ---------------------------------------------------------------------------

    def _looked(self, items: Sequence[Item]) -> Iterator[tuple[list[Item], list[_Look]]]:
        """Batches and what is in them; the next batch is decoded while one is written."""
        with ThreadPoolExecutor(_DECODERS, thread_name_prefix="import") as pool:
            ahead: deque[tuple[list[Item], list[Future[_Look]]]] = deque()
            try:
                for batch in _batches(items):
                    ahead.append((batch, [pool.submit(self._look, item) for item in batch]))
                    if len(ahead) > 1:
                        first, futures = ahead.popleft()
                        yield first, [future.result() for future in futures]
                while ahead:
                    first, futures = ahead.popleft()
                    yield first, [future.result() for future in futures]
            finally:
                for _, futures in ahead:
                    for future in futures:
                        future.cancel()

    def _look(self, item: Item) -> _Look:
        try:
            check_key(item.key)
            size = item.path.stat().st_size
            if size > MAX_FILE_BYTES:
                return Skipped(item.key, "too_large", f"the file has {size / 2**20:.0f} MiB")
            data = item.path.read_bytes()
            return data, inspect(data, max_pixels=self._max_pixels)
        except AutofocusError as error:
            return Skipped(item.key, str(error.context.get("reason", error.code.name)), str(error))
        except OSError as exc:
            return Skipped(item.key, "unreadable", f"cannot be read: {exc.strerror}")


def assign_split(name: str, ratios: Ratios = DEFAULT_RATIOS) -> Split:
    """The split of a key or group by a hash of its name: the same on every machine, for ever."""
    total = sum(ratios)
    if total <= 0 or min(ratios) < 0:
        raise InvalidInput(f"Split ratios must not be negative and not all 0, got {ratios}.")
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64 * total
    if draw < ratios[0]:
        return "train"
    return "val" if draw < ratios[0] + ratios[1] else "test"


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    held = 0
    for item in items:
        try:
            size = min(item.path.stat().st_size, MAX_FILE_BYTES)
        except OSError:
            size = 0  # its look will say why
        if batch and (len(batch) == BATCH or held + size > BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += size
    if batch:
        yield batch


def _in_place(path: Path, data: bytes) -> BlobAt:
    """An image that stays where it is; its hash is checked whenever it is read."""
    return BlobAt(hashlib.sha256(data).hexdigest(), len(data), uri=path.absolute().as_uri())


def _notices(written: Written) -> list[str]:
    notices = []
    if written.twins:
        new, old = written.twins[0]
        notices.append(
            f"{len(written.twins)} image(s) hold the same bytes as another, e.g. {new} as {old}"
        )
    if written.kept:
        notices.append(
            f"{len(written.kept)} image(s) keep the label that was given since the last import, "
            f"e.g. {written.kept[0]}"
        )
    return notices
