"""What a search costs at 100,000 images, on SQLite or PostgreSQL.

    python benchmarks/search.py [--rows 100000] [--rounds 5] [--database URL] [--keep FOLDER]

Images are drawn eyes; each drawing is used many times with a comment of its own, so that every
image has other bytes. ``--keep`` leaves the workspace in FOLDER, to look at it with
``autofocus up`` or to time the page's scrolling (``benchmarks/scrolling.py``).
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from autofocus.config.settings import Settings
from autofocus.data.dataset import Dataset
from autofocus.data.writing import NewImage, write_images
from autofocus.demo.eyes import Drawing, render_many
from autofocus.imaging.inspect import inspect
from autofocus.types.data import SPLITS, Tag
from autofocus.workspace.workspace import Workspace

DRAWINGS = 400
BATCH = 2000
QUERIES = [
    "",
    "split:test",
    "class:open split:train",
    "is:unlabelled",
    "author:ada brightness<110",
    "camera:door",
    "hour:8..12 -camera:door",
    "0099",
    "-source:import",
]


def commented(jpeg: bytes, number: int) -> bytes:
    """The same JPEG with a comment: other bytes, the same picture."""
    text = b"image %d" % number
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + jpeg[2:]


def fill(workspace: Workspace, rows: int) -> Dataset:
    """A project of that many images, through the store's own write path."""
    project = workspace.create_project("eyes", classes=["open", "closed"])
    rng = np.random.default_rng(7)
    drawings = [Drawing(seed=i, closed=i % 2 == 1, glasses=i % 10 == 0) for i in range(DRAWINGS)]
    pictures = render_many(drawings)
    facts = [inspect(picture) for picture in pictures]
    for start in range(0, rows, BATCH):
        images, known = [], []
        for i in range(start, min(rows, start + BATCH)):
            which = int(rng.integers(DRAWINGS))
            drawing = drawings[which]
            label = Tag("closed" if drawing.closed else "open") if rng.random() < 0.8 else None
            images.append(
                NewImage(
                    f"day{i // 5000:02}/{i:06}.jpg",
                    commented(pictures[which], i),
                    SPLITS[int(rng.choice(4, p=[0.7, 0.1, 0.1, 0.1]))],
                    {
                        "camera": ("door", "hall", "yard")[i % 3],
                        "hour": int(rng.integers(24)),
                        "glasses": drawing.glasses,
                    },
                    source="import" if i % 20 else "production",
                    label=label,
                    author=("ada", "grace", "alan")[int(rng.integers(3))],
                )
            )
            known.append(
                dataclasses.replace(
                    facts[which], brightness=facts[which].brightness + rng.normal(0, 8)
                )
            )
        entries = workspace.packs.append([image.data for image in images])
        with workspace.database.begin() as conn:
            workspace.packs.record(conn, entries)
            write_images(conn, "eyes", images, known, entries)
    return project.data


def milliseconds(rounds: int, call: object) -> float:
    """The median time of a call."""
    assert callable(call)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", default="")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autofocus-search-") as folder:
        root = options.keep or Path(folder) / "w"
        with Workspace.open(root, settings=Settings(database=options.database)) as workspace:
            began = time.perf_counter()
            data = fill(workspace, options.rows)
            print(f"{options.rows} images written in {time.perf_counter() - began:.1f} s")
            table = Table("query", "found", "first page", "last page", "by blur", "facets")
            for query in QUERIES:
                total = data.search(query).total or 0
                last = max(0, total - 200)
                figures = [
                    lambda q=query: data.search(q, limit=200),
                    lambda q=query, o=last: data.search(q, limit=200, offset=o, count=False),
                    lambda q=query: data.search(q, limit=200, sort="blur", count=False),
                    lambda q=query: data.facets(q),
                ]
                times = [milliseconds(options.rounds, call) for call in figures]
                table.add_row(query or "(all)", f"{total}", *(f"{t:.0f} ms" for t in times))
            Console().print(table)


if __name__ == "__main__":
    main()
