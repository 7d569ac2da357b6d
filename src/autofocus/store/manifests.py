"""Frozen versions as memory-mapped columnar files, named by an order-independent digest.

The digest covers what a model can learn from and nothing else: each row's image hash, label and
split. Rows fall into 65,536 buckets by the first bytes of their own hash; a bucket's hash covers
its sorted rows, the digest covers the buckets. So it needs no order, and two versions that differ
in a few rows differ in a few buckets.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from autofocus.errors import Corrupted, InvalidInput, NotFound
from autofocus.store.blobs import BlobAt, read_blob
from autofocus.store.objects import ObjectStore
from autofocus.types.codec import canonical_json
from autofocus.types.data import Label, Split, as_label, classes_of

if TYPE_CHECKING:
    import numpy.typing as npt

BUCKETS = 65_536
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("sha256", pa.string()),
        ("label", pa.string()),  # canonical JSON of the label, null = not labelled
        ("split", pa.string()),
        ("metadata", pa.string()),  # canonical JSON
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("pack", pa.string()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("uri", pa.string()),
    ]
)
PLACES = ["pack", "offset", "size", "uri"]


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One image of a version; ``label`` is the encoded label or None."""

    key: str
    sha256: str
    label: dict[str, Any] | None
    split: Split
    metadata: dict[str, Any]
    width: int
    height: int
    pack: str = ""
    offset: int = 0
    size: int = 0
    uri: str = ""


def content_digest(rows: Iterable[tuple[str, str | None, str]]) -> str:
    """Digest of (image sha256, label as canonical JSON or None, split), in any order."""
    buckets: dict[int, list[bytes]] = {}
    for sha256, label, split in rows:
        row = hashlib.sha256(f"{sha256}\n{split}\n{label or ''}".encode()).digest()
        buckets.setdefault(int.from_bytes(row[:2], "big"), []).append(row)
    tree = hashlib.sha256(b"autofocus version 1\n")
    for number in sorted(buckets):
        tree.update(number.to_bytes(2, "big"))
        tree.update(hashlib.sha256(b"".join(sorted(buckets[number]))).digest())
    return tree.hexdigest()


def write_manifest(objects: ObjectStore, rows: Iterable[ManifestRow], *, project: str = "") -> str:
    """Store a version and return its digest; the same content is stored once.

    Keys and metadata are not part of the digest. Where a version of the same digest has others
    (the same images in another project, imported from another folder), ``project`` gets a file of
    its own beside it. A file that differs only in where the bytes are is replaced: an image that
    was erased and brought back has another place.
    """
    ordered = sorted(rows, key=lambda row: (row.key, row.sha256))
    # Rows share what is alike, and a value that is shared is written once.
    written: dict[int, str] = {}

    def text(value: dict[str, Any]) -> str:
        found = written.get(id(value))
        if found is None:
            found = written[id(value)] = canonical_json(value).decode()
        return found

    labels = [None if row.label is None else text(row.label) for row in ordered]
    digest = content_digest(
        (row.sha256, label, row.split) for row, label in zip(ordered, labels, strict=True)
    )
    columns: dict[str, list[Any]] = {
        name: [getattr(row, name) for row in ordered]
        for name in SCHEMA.names
        if name not in ("label", "metadata")
    }
    columns["label"] = labels
    columns["metadata"] = [text(row.metadata) for row in ordered]
    table = pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    name = manifest_key(digest)
    there = objects.get(name) if objects.exists(name) else None
    if there is not None and project and not _same_but_for_places(there, table):
        name = manifest_key(digest, project)
        there = objects.get(name) if objects.exists(name) else None
    if there != data:
        objects.put(name, data)
    return digest


def _same_but_for_places(data: bytes, table: pa.Table) -> bool:
    try:
        other = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    except pa.ArrowInvalid:
        return True  # damaged: what is written now repairs it
    return bool(other.drop_columns(PLACES).equals(table.drop_columns(PLACES)))


def manifest_key(digest: str, project: str = "") -> str:
    """Where a version's manifest is in the object store, or a project's own reading of it."""
    return f"manifests/{digest}.{project}.arrow" if project else f"manifests/{digest}.arrow"


class Manifest:
    """An open version: columns without copying, images by range. Needs no database."""

    def __init__(self, objects: ObjectStore, digest: str, table: Any) -> None:
        self._objects = objects
        self.digest = digest
        self.table = table
        # Zero-copy views; strings become Python objects only where a row is asked for.
        self._columns = {name: table.column(name) for name in SCHEMA.names}

    @classmethod
    def open(cls, objects: ObjectStore, digest: str, *, project: str = "") -> Manifest:
        """Memory-map a version, with the keys of ``project``; raises NotFound or Corrupted."""
        name = manifest_key(digest)
        if project and objects.exists(manifest_key(digest, project)):
            name = manifest_key(digest, project)
        path = objects.local_path(name)
        try:
            if path is not None:
                source = pa.memory_map(str(path))
            else:
                source = pa.BufferReader(objects.get(name))
            table = pa.ipc.open_file(source).read_all()
        except (FileNotFoundError, NotFound) as exc:
            raise NotFound(f"There is no version {digest[:12]} in {objects.url}.") from exc
        except pa.ArrowInvalid as exc:
            raise Corrupted(f"The manifest of version {digest[:12]} is damaged: {exc}.") from exc
        return cls(objects, digest, table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def row(self, i: int) -> ManifestRow:
        """The i-th image's row, in order of keys."""
        values = {name: column[i].as_py() for name, column in self._columns.items()}
        values["label"] = None if values["label"] is None else json.loads(values["label"])
        values["metadata"] = json.loads(values["metadata"])
        return ManifestRow(**values)

    def column(self, name: str) -> list[Any]:
        """A whole column as Python values."""
        values: list[Any] = self._columns[name].to_pylist()
        return values

    def classes(self) -> list[str | None]:
        """The one class of each image, None where it is not labelled.

        Raises InvalidInput for a version of labels with shapes, which have any number.
        """
        found: list[str | None] = []
        for i, text in enumerate(self.column("label")):
            label = None if text is None else json.loads(text)
            if label is not None and label.get("kind") == "shapes":
                raise InvalidInput(
                    f"Version {self.digest[:12]} labels shapes, e.g. in "
                    f"{self._columns['key'][i].as_py()}; one class for each image was expected.",
                )
            found.append(None if label is None else label["label"])
        return found

    def class_sets(self) -> list[tuple[str, ...] | None]:
        """The classes of each image, sorted; () where nothing is in it, None without a label."""
        return [
            None if text is None else classes_of(json.loads(text)) for text in self.column("label")
        ]

    def label(self, i: int) -> Label | None:
        """The i-th image's label."""
        text = self._columns["label"][i].as_py()
        return None if text is None else as_label(json.loads(text))

    def select(self, split: Split, *, labelled: bool | None = None) -> npt.NDArray[np.int64]:
        """Row numbers of a split, in order of keys; ``labelled`` True or False narrows it."""
        mask = np.asarray(self._columns["split"].to_pylist(), dtype=object) == split
        if labelled is not None:
            has = np.asarray(self._columns["label"].is_valid().to_pylist(), dtype=bool)
            mask &= has == labelled
        return np.flatnonzero(mask)

    def image(self, i: int) -> bytes:
        """The i-th image's bytes, checked; raises NotFound if it was deleted, Corrupted."""
        at = {n: self._columns[n][i].as_py() for n in ("sha256", "size", "pack", "offset", "uri")}
        try:
            return read_blob(self._objects, BlobAt(**at))
        except Corrupted as exc:
            # Forgetting overwrites with zeros, and a frozen version goes on naming the place.
            if at["uri"] or bytes(at["size"]) != self._objects.get_range(
                f"packs/{at['pack']}", at["offset"], at["size"]
            ):
                raise
            raise NotFound(
                f"Image {at['sha256'][:12]} of version {self.digest[:12]} was erased: its place "
                "holds only zeros.",
                hint="Freeze a version without it: autofocus data commit NAME.",
            ) from exc

    def verify(self) -> None:
        """Raise Corrupted unless the content is what the name says."""
        found = content_digest(
            zip(self.column("sha256"), self.column("label"), self.column("split"), strict=True)
        )
        if found != self.digest:
            raise Corrupted(f"Version {self.digest[:12]} holds other content ({found[:12]}).")
