"""Hugging Face image folders: ``metadata.jsonl`` beside the images, a row an image."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import Carries, Format, Found, Item, ReadOptions, WriteOptions
from autofocus.data.formats.documents import read_lines, read_text
from autofocus.data.formats.drawing import Drawing
from autofocus.data.formats.matching import SPLIT_NAMES, Images, without_split
from autofocus.data.formats.merging import merge_same_keys
from autofocus.data.formats.rows import class_names, image_of, read_row, row_of
from autofocus.data.formats.sketch import Sketch
from autofocus.data.tabular import scalar
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Skipped, Split

_TABLES = ("metadata.jsonl", "metadata.csv")
_CARD = re.compile(r"\A---\s*\n(.*?)\n---\s*(\n|\Z)", re.DOTALL)


def detect(sketch: Sketch) -> str | None:
    """``metadata.jsonl`` or ``metadata.csv`` somewhere."""
    tables = sketch.named(*_TABLES)
    return f"{tables[0]} is the metadata of a Hugging Face image folder" if tables else None


def read(path: Path, options: ReadOptions) -> Found:
    """A folder with tables of metadata; each counts for its own folder and those below."""
    top = path if path.is_dir() else path.parent
    found = Found("huggingface", [])
    sketch = Sketch.of(top)
    images = Images.below(options.root or top)
    tables = sketch.named(*_TABLES) if path.is_dir() else [PurePosixPath(path.name)]
    if not tables:
        raise InvalidInput(
            f"{path} holds neither metadata.jsonl nor metadata.csv.",
            hint="For a folder per class use format imagefolder.",
        )
    names = _card(sketch)
    used: set[str] = set()
    for table in tables:
        for number, row in _rows(top / table, found):
            name = image_of(row)
            if name is None:
                where = f"{table} line {number}"
                found.skipped.append(Skipped(where, "line", "has no file_name"))
                continue
            there = images.find((table.parent / name).as_posix()) or images.find(name, table.parent)
            if there is None:
                found.unmatched_labels.append((table.parent / name).as_posix())
                continue
            key, image = there
            used.add(key)
            label, frame, metadata = read_row(Drawing(found, key), row, names, options.classes)
            split: Split | None = SPLIT_NAMES.get(str(row.get("split", "")).lower())
            split = split or without_split(PurePosixPath(key).parts[:-1], options.classes)[0]
            found.items.append(Item(key, image, label, split, metadata, frame))
    merge_same_keys(found)
    rest = [key for key in images.keys if key not in used]
    for key in rest:
        split = without_split(PurePosixPath(key).parts[:-1], options.classes)[0]
        found.items.append(Item(key, images.path(key), None, split))
    if rest:
        found.notices.append(
            f"{len(rest)} image(s) are in no metadata, e.g. {rest[0]}: taken without a label"
        )
    found.skipped += images.listing.skipped
    if not used:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} files that the metadata names is there.",
            hint="file_name counts from the folder of the metadata file.",
        )
    return found


def _rows(path: Path, found: Found) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix == ".jsonl":
        for number, row in read_lines(path):
            if isinstance(row, dict):
                yield number, row
            else:
                where = f"{path.name} line {number}"
                found.skipped.append(Skipped(where, "line", "is no JSON object"))
        return
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
        for line in reader:
            yield (
                reader.line_num,
                {
                    k: v if k.endswith("file_name") else scalar(v or "")
                    for k, v in line.items()
                    if k is not None and not isinstance(v, list)
                },
            )
    except csv.Error as exc:
        raise InvalidInput(f"{path} cannot be read as a table: {exc}.") from exc


def _card(sketch: Sketch) -> dict[str, list[str]]:
    """Names of class numbers from the YAML at the top of README.md."""
    for file in sketch.named("readme.md"):
        try:
            head = _CARD.match(read_text(sketch.path / file))
            data = yaml.safe_load(head[1]) if head else None
        except (InvalidInput, yaml.YAMLError):
            continue
        info = data.get("dataset_info") if isinstance(data, dict) else None
        if isinstance(info, list):
            info = info[0] if info else None
        if isinstance(info, dict):
            return class_names(info.get("features"))
    return {}


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``<split>/<key>`` and ``<split>/metadata.jsonl``."""
    import orjson

    lines: dict[str, list[bytes]] = {}
    shapes = 0
    for image in outgoing.images(manifest, folder, options, "{split}/{key}"):
        row = {"file_name": image.name.partition("/")[2], **row_of(image)}
        lines.setdefault(image.row.split, []).append(orjson.dumps(row))
        shapes += len(image.shapes)
    for split, rows in lines.items():
        outgoing.write(folder / split / "metadata.jsonl", b"\n".join(rows) + b"\n")
    return {"images": len(manifest), "shapes": shapes}


FORMAT = Format(
    "huggingface",
    "Hugging Face image folder",
    "metadata.jsonl or metadata.csv with file_name, label, objects (bbox, categories)",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True, attributes=True, image_tags=True,
        crowd=True, order=True, ids=True, suggested_by=True, empty=True, unlabelled=True,
        splits=True, metadata=True,
    ),
)  # fmt: skip
