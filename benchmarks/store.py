"""What the store costs against the floor beneath it: the disk and the hash.

Each figure stands beside the least that the same promise can cost, measured in turns in the same
run and on the same disk: ingest beside reading, hashing and appending to one file with the same
number of fsyncs; saving a label beside one fsync; versions beside the images' own bytes.

    python benchmarks/store.py [--images 4000] [--bytes 10000] [--rows 50000] [--rounds 5]
        [--folder DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from autofocus.store import tables
from autofocus.store.annotations import NewLabel, write_annotation, write_annotations
from autofocus.store.database import Database, next_revision
from autofocus.store.manifests import Manifest, ManifestRow, write_manifest
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore
from autofocus.types.clock import now
from autofocus.types.data import Tag

BATCH = 256
VERSIONS = 20
LABELS = 200


class Bench:
    """A folder with source images, and what was measured there."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options
        self.rows: list[dict[str, object]] = []
        rng = np.random.default_rng(0)
        (folder / "source").mkdir()
        self.sources = []
        for i in range(options.images):
            path = folder / "source" / f"{i:06d}.bin"
            path.write_bytes(rng.bytes(options.bytes))
            self.sources.append(path)

    def workspace(self, name: str) -> tuple[Database, ObjectStore]:
        """A new database with one project, and a new object store."""
        root = self.folder / name
        database = Database.open(root / "db")
        database.migrate()
        with database.begin() as conn:
            conn.execute(
                sa.insert(tables.project).values(
                    name="eyes", task="classification", classes=["a", "b"], created_at=now()
                )
            )
        return database, ObjectStore.open(root / "store")

    def note(self, what: str, got: float, floor: float, unit: str, target: float | None) -> None:
        """One line of the table; the target is a ratio, or without a floor the figure itself."""
        self.rows.append(
            {
                "what": what, "got": got, "floor": floor, "unit": unit,
                "ratio": got / floor if floor else None, "target": target,
            }
        )  # fmt: skip


def batches(paths: Sequence[Path]) -> list[Sequence[Path]]:
    """The images as an import takes them."""
    return [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]


def floor_ingest(bench: Bench, turn: int) -> None:
    """Read, hash, append to one file, fsync once a batch."""
    with (bench.folder / f"floor-{turn}").open("ab", buffering=0) as file:
        for batch in batches(bench.sources):
            for path in batch:
                data = path.read_bytes()
                hashlib.sha256(data).digest()
                file.write(data)
            os.fsync(file.fileno())


def file_per_image(bench: Bench, turn: int) -> None:
    """Read, hash, and one durable object for each image: what packs are there to avoid."""
    objects = ObjectStore.open(bench.folder / f"files-{turn}")
    for path in bench.sources[: bench.options.images // 8]:
        data = path.read_bytes()
        objects.put(f"images/{hashlib.sha256(data).hexdigest()}", data)


def ingest(bench: Bench, database: Database, objects: ObjectStore) -> None:
    """The same through packs, with rows committed after each batch."""
    packs = PackStore(database, objects)
    for batch in batches(bench.sources):
        entries = packs.append([path.read_bytes() for path in batch])
        with database.begin() as conn:
            packs.record(conn, entries)
    packs.close()


def seconds(call: Callable[[], None]) -> float:
    """Wall time of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure_ingest(bench: Bench) -> None:
    """Wall time for all images, the median of the rounds."""
    floor, packed, files = [], [], []
    for turn in range(bench.options.rounds):
        database, objects = bench.workspace(f"ingest-{turn}")
        floor.append(seconds(lambda turn=turn: floor_ingest(bench, turn)))
        packed.append(seconds(lambda d=database, o=objects: ingest(bench, d, o)))
        files.append(8 * seconds(lambda turn=turn: file_per_image(bench, turn)))
        database.close()
        for name in (f"floor-{turn}", f"files-{turn}", f"ingest-{turn}"):
            path = bench.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    least = statistics.median(floor)
    bench.note("ingest", statistics.median(packed), least, "s", 1.2)
    bench.note("one file per image (scaled up)", statistics.median(files), least, "s", None)


def measure_labels(bench: Bench) -> None:
    """One label by a person: revision and annotation in one transaction; few and many there."""
    database, _ = bench.workspace("labels")
    for there in (0, 20_000):
        if there:
            new = [NewLabel(f"k{i}", Tag("a"), "ada", "import") for i in range(there)]
            with database.begin() as conn:
                revision = next_revision(conn, "eyes")
                write_annotations(conn, project="eyes", labels=new, revision=revision)
        saves, syncs = [], []
        with (bench.folder / "synced").open("ab", buffering=0) as file:
            for i in range(LABELS):
                syncs.append(seconds(lambda f=file: append_synced(f.fileno())))
                saves.append(seconds(lambda i=i: save_label(database, f"k{i}")))
        bench.note(
            f"save one label, {there:,} there",
            1000 * statistics.median(saves),
            1000 * statistics.median(syncs),
            "ms",
            1.5,
        )
    database.close()


def append_synced(handle: int) -> None:
    """The least that a durable save can cost."""
    os.write(handle, bytes(200))
    os.fsync(handle)


def save_label(database: Database, key: str) -> None:
    """As the queue's answer does, without its own rows."""
    with database.begin() as conn:
        revision = next_revision(conn, "eyes")
        write_annotation(
            conn, project="eyes", key=key, label=Tag("b"), author="ada", source="human",
            revision=revision,
        )  # fmt: skip


def measure_versions(bench: Bench) -> None:
    """Freezing, opening, and the size of twenty versions that differ in 1 % of labels."""
    count = bench.options.rows
    objects = ObjectStore.open(bench.folder / "versions")
    rows = [
        ManifestRow(
            f"train/{i:06d}.png", hashlib.sha256(str(i).encode()).hexdigest(), {"label": "a"},
            "train", {}, 64, 64, "0123456789abcdef.pack", i * bench.options.bytes,
            bench.options.bytes,
        )
        for i in range(count)
    ]  # fmt: skip
    freezing, opening = [], []
    for version in range(VERSIONS if count <= 5000 else 3):
        for i in range(version, count, 100):
            label = {"label": f"b{version}"}
            old = rows[i]
            rows[i] = ManifestRow(
                old.key, old.sha256, label, old.split, old.metadata, old.width, old.height,
                old.pack, old.offset, old.size,
            )  # fmt: skip
        began = time.perf_counter()
        digest = write_manifest(objects, rows)
        freezing.append(time.perf_counter() - began)
        for _ in range(20):
            opening.append(seconds(lambda d=digest: _open(objects, d)))
    bench.note(f"open a version of {count:,}", 1000 * statistics.median(opening), 0.0, "ms", 5.0)
    bench.note(f"freeze a version of {count:,}", statistics.median(freezing), 0.0, "s", None)
    sizes = [path.stat().st_size for path in (bench.folder / "versions" / "manifests").iterdir()]
    raw = count * bench.options.bytes
    total = (raw + VERSIONS * statistics.mean(sizes)) / 2**20
    bench.note(f"{VERSIONS} versions, from {len(sizes)} written", total, raw / 2**20, "MiB", 1.02)
    bench.note("bytes of a manifest's row", statistics.mean(sizes) / count, 0.0, "bytes", None)


def _open(objects: ObjectStore, digest: str) -> None:
    Manifest.open(objects, digest)


def show(bench: Bench) -> None:
    """The table, on the terminal."""
    options = bench.options
    title = f"{options.images:,} images of {options.bytes:,} bytes; two columns measured in turns"
    table = Table("what", "measured", "floor", "ratio", "target", title=title)
    for row in bench.rows:
        ratio, target = row["ratio"], row["target"]
        table.add_row(
            str(row["what"]),
            f"{row['got']:.3g} {row['unit']}",
            f"{row['floor']:.3g} {row['unit']}" if row["floor"] else "",
            f"{ratio:.2f}" if isinstance(ratio, float) else "",
            f"≤ {target}" + ("" if ratio else f" {row['unit']}") if target else "",
        )
    Console().print(table)


def main() -> None:
    """Measure, show, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--bytes", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(Path(folder), options)
        measure_ingest(bench)
        measure_labels(bench)
        measure_versions(bench)
    show(bench)
    if options.json is not None:
        options.json.write_text(json.dumps(bench.rows, indent=2))


if __name__ == "__main__":
    main()
