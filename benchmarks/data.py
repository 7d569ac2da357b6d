"""What images, labels and versions cost: beside the floor beneath them, and beside DVC.

Each figure stands beside the least that the same promise can cost, measured in turns in the same
run and on the same disk: ingest beside reading, hashing and appending to one file with the same
number of fsyncs; saving a label beside one fsync; versions beside the images' own bytes; an epoch
beside decoding the same files from a folder. DVC does the same work on the same images, with one
label file an image; where it is not found it is installed into a folder that is thrown away.

    python benchmarks/data.py [--images 2000] [--rows 50000] [--search-rows 1000000] [--rounds 3]
        [--no-dvc] [--folder DIR] [--json FILE] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from autofocus.data.dataset import Dataset
from autofocus.data.embeddings import Looked, part_type
from autofocus.demo.eyes import Drawing, render_many
from autofocus.imaging.decode import decode
from autofocus.store import tables
from autofocus.store.annotations import NewLabel, write_annotations
from autofocus.store.database import Database, insert_ignore_all, next_revision
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore
from autofocus.types.clock import now
from autofocus.types.data import Tag
from autofocus.workspace.workspace import Project, Workspace

BATCH = 256
VERSIONS = 20
LABELS = 100
QUERIES = ["class:open split:train", "author:ada brightness<110", "hour:8..12 -camera:door"]


class Bench:
    """A folder with source images, and what was measured there."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options
        self.rows: list[dict[str, object]] = []
        (folder / "source").mkdir()
        self.sources = []
        drawings = [Drawing(seed=i, closed=i % 2 == 1, glasses=False) for i in range(60)]
        pictures = render_many(drawings, size=256)
        for i in range(options.images):
            path = folder / "source" / f"{i:06d}.jpg"
            # Every file has other bytes: a comment behind the picture's end.
            path.write_bytes(pictures[i % len(pictures)] + b"%d" % i)
            self.sources.append(path)
        self.raw = sum(path.stat().st_size for path in self.sources)

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

    def note(
        self, what: str, got: float, floor: float, unit: str, target: float | None = None
    ) -> None:
        """One line of the table; the target is a ratio, or without a floor the figure itself."""
        self.rows.append(
            {
                "what": what, "got": got, "floor": floor, "unit": unit,
                "ratio": got / floor if floor else None, "target": target, "dvc": None,
            }
        )  # fmt: skip

    def dvc(self, what: str, got: float) -> None:
        """What DVC took for that line, in its unit."""
        for row in self.rows:
            if str(row["what"]).startswith(what):
                row["dvc"] = got
                return
        raise ValueError(what)


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


def seconds(call: Callable[[], object]) -> float:
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


def fill(project: Project, count: int) -> None:
    """Rows of that many images with labels and metadata, without bytes."""
    rng = np.random.default_rng(0)
    at = now()
    names = ("open", "closed")
    with project.workspace.database.begin() as conn:
        revision = next_revision(conn, project.name)
        for start in range(0, count, 20_000):
            part = range(start, min(count, start + 20_000))
            draw = rng.normal([120, 40, 200, 6], [30, 9, 60, 0.5], (len(part), 4))
            hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in part]
            conn.execute(
                sa.insert(tables.sample),
                [
                    {
                        "project": project.name, "key": f"day{i // 5000:03}/{i:07}.jpg",
                        "sha256": name, "width": 64, "height": 48 + i % 8, "format": "JPEG",
                        "orientation": 1, "phash": "0" * 16, "brightness": float(b),
                        "contrast": float(c), "blur": float(s), "entropy": float(e),
                        "metadata": {"camera": ("door", "hall", "yard")[i % 3], "hour": i % 24},
                        "source": "import" if i % 20 else "production",
                        "split": ("train", "train", "train", "val", "test", "pool")[i % 6],
                        "rev_from": revision, "created_at": at,
                    }
                    for i, name, (b, c, s, e) in zip(part, hashes, draw, strict=True)
                ],
            )  # fmt: skip
            insert_ignore_all(
                conn,
                tables.blob,
                [
                    {"sha256": name, "size": 10_000, "pack": "0" * 16, "pack_offset": 10_000 * i}
                    for i, name in zip(part, hashes, strict=True)
                ],
            )
            labels = [
                NewLabel(f"day{i // 5000:03}/{i:07}.jpg", Tag(names[i % 2]),
                         ("ada", "grace", "alan")[i % 3], "human")
                for i in part if i % 5
            ]  # fmt: skip
            write_annotations(conn, project=project.name, labels=labels, revision=revision)


def measure_labels(bench: Bench, project: Project, there: int) -> None:
    """One label by a person, with its event, as the page saves it."""
    saves, syncs = [], []
    with (bench.folder / "synced").open("ab", buffering=0) as file:
        for i in range(LABELS):
            syncs.append(seconds(lambda f=file: append_synced(f.fileno())))
            key = f"day000/{i:07}.jpg"
            saves.append(seconds(lambda k=key: project.labels.label(k, "closed", "ada")))
    bench.note(
        f"save one label, {there:,} images",
        1000 * statistics.median(saves),
        1000 * statistics.median(syncs),
        "ms",
        1.5,
    )


def append_synced(handle: int) -> None:
    """The least that a durable save can cost."""
    os.write(handle, bytes(200))
    os.fsync(handle)


def relabel(project: Project, count: int, turn: int, there: int) -> None:
    """Other labels for ``count`` images, spread over all."""
    step = there // count
    label = Tag("open" if turn % 2 else "closed")
    keys = [f"day{i // 5000:03}/{i:07}.jpg" for i in range(0, step * count, step)]
    with project.workspace.database.begin() as conn:
        write_annotations(
            conn, project=project.name, revision=next_revision(conn, project.name),
            labels=[NewLabel(key, label, f"round {turn}", "human") for key in keys],
        )  # fmt: skip


def measure_versions(bench: Bench) -> None:
    """Committing 1 % of the labels, difference, opening, and what twenty versions take."""
    count = bench.options.rows
    with Workspace.open(bench.folder / "versions") as workspace:
        for there in (count // 10, count):
            project = workspace.create_project(f"p{there}", classes=["open", "closed"])
            fill(project, there)
            measure_labels(bench, project, there)
            project.data.commit("v1")
        commits, opening = [], []
        changed = max(1, count // 100)
        for turn in range(4):
            relabel(project, changed, turn, count)
            commits.append(seconds(lambda t=turn: project.data.commit(f"round {t}")))
            for _ in range(10):
                opening.append(seconds(lambda: project.data.manifest("v1")))
        bench.note(
            f"commit 1 % of the labels of {count:,}, per 500",
            1000 * statistics.median(commits) * 500 / changed, 0.0, "ms", 8.0,
        )  # fmt: skip
        for there in (count // 10, count):
            of = workspace.project(f"p{there}")
            relabel(of, 50, 9, there)
            before = of.data.version("latest")
            took = statistics.median(
                seconds(lambda d=of.data, v=before: d.diff(v, "now")) for _ in range(5)
            )
            bench.note(f"difference of 50 labels among {there:,}", 1000 * took, 0.0, "ms")
        bench.note(
            f"open an old version of {count:,}", 1000 * statistics.median(opening), 0, "ms", 5.0
        )
        sizes = [p.stat().st_size for p in (workspace.root / "store" / "manifests").iterdir()]
        row = max(sizes) / count
    raw = count * bench.raw / bench.options.images
    total = raw + VERSIONS * row * count
    bench.note(f"{VERSIONS} versions of {count:,}, from 5", total / 2**20, raw / 2**20, "MiB", 1.02)


def measure_epoch(bench: Bench) -> None:
    """Every image of a version read and decoded, beside the same files from their folder."""
    with Workspace.open(bench.folder / "epoch") as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        took = seconds(lambda: project.data.import_path(bench.folder / "source", split="train"))
        bench.note(f"import {bench.options.images:,} images", took, 0.0, "s")
        manifest = project.data.manifest(project.data.commit("all"))
        ours, floor = [], []
        for _ in range(bench.options.rounds):
            floor.append(seconds(lambda: [decode(p.read_bytes()) for p in bench.sources]))
            ours.append(seconds(lambda: [decode(manifest.image(i)) for i in range(len(manifest))]))
    bench.note("epoch with decode", statistics.median(ours), statistics.median(floor), "s")


def measure_search(bench: Bench) -> None:
    """First page and count over many rows, in memory and by SQL."""
    count = bench.options.search_rows
    with Workspace.open(bench.folder / "search") as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        fill(project, count)
        sql, warm = [], []
        rows = Dataset(
            workspace.database, workspace.objects, workspace.packs, "eyes",
            classes=("open", "closed"), search_memory=0,
        )  # fmt: skip
        for query in QUERIES:
            sql.append(seconds(lambda q=query: rows.search(q)))
        took = seconds(project.data.warm)
        for query in QUERIES:
            times = []
            for i in range(7):
                # Another bound each time: nothing found before is found again.
                asked = f"{query} width<{100 + i}"
                times.append(seconds(lambda q=asked: project.data.search(q)))
            warm.append(statistics.median(times))
        bench.note(f"page and count over {count:,}", 1000 * max(warm), 0.0, "ms", 20.0)
        bench.note("the same by SQL, in a one-shot process", 1000 * max(sql), 0.0, "ms")
        bench.note("reading the rows into memory, in the background", took, 0.0, "s")
        vectors = Looked(("open", "closed"))
        part = np.zeros(count, part_type(64))
        part["sha256"] = [
            hashlib.sha256(str(i).encode()).hexdigest().encode() for i in range(count)
        ]
        rng = np.random.default_rng(0)
        for start in range(0, count, 100_000):
            end = min(count, start + 100_000)
            part["embedding"][start:end] = rng.normal(0, 0.125, (end - start, 64))
        looked = vectors.with_parts([part])
        wanted = rng.normal(0, 0.125, (1, 64)).astype(np.float32)
        every = np.arange(count)
        took = statistics.median(seconds(lambda: looked.closeness(wanted, every)) for _ in range(5))
        bench.note(f"exact similarity over {count:,} x 64", 1000 * took, 0.0, "ms")


# -- DVC ---------------------------------------------------------------------------------------


def find_dvc(folder: Path) -> Path | None:
    """The program, installed into ``folder`` if there is none; None if that fails."""
    there = shutil.which("dvc")
    if there is not None:
        return Path(there)
    subprocess.run([sys.executable, "-m", "venv", folder / "dvc-venv"], check=True)
    pip = [folder / "dvc-venv" / "bin" / "pip", "install", "--quiet", "dvc"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        print("DVC could not be installed, so it is left out:", done.stderr.strip()[-300:])
        return None
    return folder / "dvc-venv" / "bin" / "dvc"


def measure_dvc(bench: Bench, program: Path) -> str:
    """The same images with one label file each, in a repository; returns its version."""
    root = bench.folder / "dvc"
    (root / "data").mkdir(parents=True)
    for i, path in enumerate(bench.sources):
        shutil.copy(path, root / "data" / path.name)
        (root / "data" / f"{path.stem}.txt").write_text("open" if i % 2 else "closed")

    def call(*command: object) -> str:
        done = subprocess.run(
            [str(part) for part in command], cwd=root, check=True, capture_output=True, text=True,
            env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        )  # fmt: skip
        return done.stdout

    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    call("git", "init", "--quiet")
    call(program, "init", "--quiet")

    def commit(name: str) -> None:
        call(program, "add", "--quiet", "data")
        call("git", "add", "--all")
        call("git", *who, "commit", "--quiet", "--message", name)
        call("git", "tag", name)

    bench.dvc("import", seconds(lambda: commit("v1")))
    # One label, and its version: the least that DVC can make safe.
    (root / "data" / "000000.txt").write_text("changed")
    bench.dvc("save one label", 1000 * seconds(lambda: commit("one")))
    changed = max(1, len(bench.sources) // 100)
    for path in bench.sources[:changed]:
        (root / "data" / f"{path.stem}.txt").write_text("again")
    took = seconds(lambda: commit("v2"))
    bench.dvc("commit", 1000 * took * 500 / changed)
    bench.dvc("difference", 1000 * seconds(lambda: call(program, "diff", "v1", "v2")))

    def back() -> None:
        call("git", "checkout", "--quiet", "v1")
        call(program, "checkout", "--quiet")

    bench.dvc("open", 1000 * seconds(back))
    return call(program, "--version").strip()


# -- showing -----------------------------------------------------------------------------------


def cells(row: dict[str, object]) -> list[str]:
    """A line as text: what, measured, floor, ratio, target, DVC."""
    ratio, target = row["ratio"], row["target"]
    return [
        str(row["what"]),
        f"{row['got']:.3g} {row['unit']}",
        f"{row['floor']:.3g} {row['unit']}" if row["floor"] else "",
        f"{ratio:.2f}" if isinstance(ratio, float) else "",
        f"≤ {target:g}" + ("" if ratio else f" {row['unit']}") if target else "",
        "" if row["dvc"] is None else f"{row['dvc']:.3g} {row['unit']}",
    ]


HEADS = ("what", "measured", "floor", "ratio", "target", "DVC")


def main() -> None:
    """Measure, show, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--search-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-dvc", action="store_true")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--markdown", type=Path, default=None, help="the table for the docs")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(Path(folder), options)
        measure_ingest(bench)
        measure_epoch(bench)
        measure_versions(bench)
        measure_search(bench)
        program = None if options.no_dvc else find_dvc(bench.folder)
        version = "" if program is None else measure_dvc(bench, program)
    title = (
        f"{options.images:,} images of {bench.raw / options.images:,.0f} bytes, "
        f"{os.cpu_count()} cores, load {load:.1f} before"
        + (f", DVC {version} on the images" if version else ", without DVC")
    )
    table = Table(*HEADS, title=title)
    for row in bench.rows:
        table.add_row(*cells(row))
    Console(width=140).print(table)
    if options.json is not None:
        options.json.write_text(json.dumps({"title": title, "rows": bench.rows}, indent=2))
    if options.markdown is not None:
        lines = [title, "", "| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
        lines += ["| " + " | ".join(cells(row)) + " |" for row in bench.rows]
        options.markdown.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
