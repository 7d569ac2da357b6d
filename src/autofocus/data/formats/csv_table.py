"""A table beside its images: path, class, split, and any other column as metadata."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import Carries, Format, Found, Item, ReadOptions, WriteOptions
from autofocus.data.formats.matching import SPLIT_NAMES, locate
from autofocus.data.formats.merging import merge_same_keys
from autofocus.data.formats.sketch import Sketch
from autofocus.data.tabular import label_column, read_table, scalar
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Skipped, Tag

_OWN_COLUMNS = ("file", "label", "split")


def detect(sketch: Sketch) -> str | None:
    """``labels.csv`` at the top of a folder, or a table itself."""
    if len(sketch.files) == 1 and sketch.files[0].suffix.lower() in (".csv", ".tsv"):
        return f"{sketch.files[0]} is a table"
    tables = [file for file in sketch.named("labels.csv") if len(file.parts) == 1]
    return f"{tables[0]} is a table beside its images" if tables else None


def read(path: Path, options: ReadOptions) -> Found:
    """A table beside its images: path, and if there are such columns class and split."""
    path = table_in(path, (".csv", ".tsv"), "labels.csv")
    root = options.root or path.parent
    table = read_table(path, file_column=options.file_column)
    classes = label_column(path, table, options.label_column)
    splits = next((c for c in table.columns if c.lower() == "split"), None)
    found = Found("csv", [], table.skipped)
    for line in table.lines:
        values = dict(line.values)
        label = values.pop(classes, "") if classes else ""
        split_name = values.pop(splits, "") if splits else ""
        if split_name and split_name.lower() not in SPLIT_NAMES:
            reason = f"{path.name} line {line.number}: split {split_name!r} is not train, val, "
            found.skipped.append(Skipped(line.key, "split", f"{reason}test or pool"))
            continue
        target = locate(root, line.key) or locate(root / "images", line.key)
        if target is None:
            found.unmatched_labels.append(line.key)
            continue
        metadata = {name: scalar(value) for name, value in values.items()}
        split = SPLIT_NAMES[split_name.lower()] if split_name else None
        key = line.key if line.key.endswith(target.suffix) else f"{line.key}{target.suffix}"
        found.items.append(Item(key, target, Tag(label) if label else None, split, metadata))
    merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} files that {path.name} names is there.",
            hint=f"Paths were looked up in {root}.",
        )
    return found


def join_metadata(found: Found, path: Path) -> None:
    """Add a table's columns to the images of the same relative path."""
    table = read_table(path, first_column=True)
    columns = {
        line.key: {name: scalar(value) for name, value in line.values.items()}
        for line in table.lines
    }
    found.skipped += table.skipped
    items = []
    for item in found.items:
        extra = columns.pop(item.key, None)
        items.append(item if extra is None else replace(item, metadata={**item.metadata, **extra}))
    found.items = items
    if columns:
        found.notices.append(
            f"{len(columns)} line(s) of {path.name} name no image here, e.g. {next(iter(columns))}"
        )


def table_in(path: Path, suffixes: tuple[str, ...], usual: str) -> Path:
    """The table itself, or the one in a folder."""
    if not path.is_dir():
        return path
    if (path / usual).is_file():
        return path / usual
    tables = sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes)
    if len(tables) == 1:
        return tables[0]
    raise InvalidInput(
        f"{path} holds {len(tables)} files ending in {' or '.join(suffixes)}; one was expected.",
        hint="Name the file itself.",
    )


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``images/<key>`` and ``labels.csv`` with class, split and metadata columns."""
    rows = [manifest.row(i) for i in range(len(manifest))]
    names = sorted({name for row in rows for name in row.metadata})
    # A metadata column called like one of ours would be read back as ours.
    columns = [f"metadata_{name}" if name.lower() in _OWN_COLUMNS else name for name in names]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*_OWN_COLUMNS, *columns])
        for image in outgoing.images(manifest, folder, options):
            row = image.row
            values = [row.metadata.get(n) for n in names]
            cells = ("" if v is None else v for v in values)
            table.writerow([image.name, image.tag or "", row.split, *cells])
    renamed = [name for name, column in zip(names, columns, strict=True) if name != column]
    report: dict[str, Any] = {"images": len(rows), "table": "labels.csv"}
    if renamed:
        report["renamed"] = f"the metadata columns {', '.join(renamed)}"
    return report


FORMAT = Format(
    "csv",
    "CSV",
    "a table with the columns file, label, split and any others as metadata",
    read,
    detect,
    write,
    Carries(
        tag=True, unlabelled=True, splits=True,
        metadata="columns, read back as the number or word that a cell looks like",
    ),
)  # fmt: skip
