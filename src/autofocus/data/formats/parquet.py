"""Parquet: tables with the images inside, a row an image, as Hugging Face's hub stores them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from autofocus.data.archives import MAX_BYTES
from autofocus.data.files import image_suffix
from autofocus.data.formats import outgoing
from autofocus.data.formats.base import Carries, Format, Found, Item, ReadOptions, WriteOptions
from autofocus.data.formats.drawing import Drawing
from autofocus.data.formats.matching import Images, safe_path, split_in, without_split
from autofocus.data.formats.rows import class_names, image_of, read_row, row_of
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import SPLITS

_BATCH = 64
_SHARD_BYTES = 2**28
_IMAGES = ("image", "img", "picture", "jpg", "png", "image_bytes")
_OBJECTS = pa.struct(
    [
        ("bbox", pa.list_(pa.list_(pa.float64()))),
        ("categories", pa.list_(pa.string())),
        ("segmentation", pa.list_(pa.string())),  # COCO's, as JSON: outlines and run lengths
        ("id", pa.list_(pa.string())),
        ("attributes", pa.list_(pa.string())),
        ("crowd", pa.list_(pa.bool_())),
        ("suggested_by", pa.list_(pa.string())),
    ]
)
_SCHEMA = pa.schema(
    [
        ("file_name", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("label", pa.string()),
        ("objects", _OBJECTS),
        ("tags", pa.list_(pa.string())),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("metadata", pa.string()),
    ]
)


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """Files ending in ``.parquet``."""
    tables = sketch.ending(".parquet")
    return f"{tables[0]} is a Parquet file" if tables else None


def read(path: Path, options: ReadOptions) -> Found:
    """A Parquet file or a folder of them; images are inside, or beside by their path."""
    top = path if path.is_dir() else path.parent
    found = Found("parquet", [])
    images = Images.below(options.root or top)
    taken: set[str] = set()
    held = 0
    for name in Sketch.of(path).ending(".parquet"):
        split = without_split(name.parts[:-1])[0] or split_in(name.stem.split("-")[0])
        names: Mapping[str, list[str]] = {}
        for number, row, names in _rows(top / name):
            where = f"{name.with_suffix('')}/{number}"
            there = _image(row, where, images, options)
            if there is None:
                found.unmatched_labels.append(image_of(row) or where)
                continue
            key, image = there
            key = key if key not in taken else f"{where}{image.suffix}"
            taken.add(key)
            held += image.stat().st_size
            if held > MAX_BYTES:
                raise InvalidInput(f"{path} holds more than {MAX_BYTES / 1e9:.0f} GB of images.")
            label, frame, metadata = read_row(Drawing(found, key), row, names, options.classes)
            found.items.append(Item(key, image, label, split, metadata, frame))
    if not found.items:
        raise InvalidInput(
            f"There is no image in {path}.",
            hint="Expected a column image with bytes, or file_name with images beside.",
        )
    return found


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any], Mapping[str, list[str]]]]:
    try:
        with pq.ParquetFile(path) as file:
            names = _names(file.schema_arrow)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    yield number, row, names
                    number += 1
    except (pa.ArrowException, OSError) as exc:
        raise InvalidInput(f"{path.name} cannot be read as Parquet: {exc}.") from exc


def _names(schema: Any) -> Mapping[str, list[str]]:
    """Names of class numbers, from what Hugging Face keeps in the schema."""
    told = (schema.metadata or {}).get(b"huggingface")
    if told is None:
        return {}
    try:
        return class_names(json.loads(told)["info"]["features"])
    except (ValueError, KeyError, TypeError):
        return {}


def _image(
    row: Mapping[str, Any], where: str, images: Images, options: ReadOptions
) -> tuple[str, Path] | None:
    """(key, file) of a row's image, unpacked if it is inside."""
    value = next((row[name] for name in _IMAGES if row.get(name) is not None), None)
    data = value.get("bytes") if isinstance(value, dict) else value
    path = value.get("path") if isinstance(value, dict) else None
    named = image_of(row) or (path if isinstance(path, str) else None)
    if not isinstance(data, bytes) or not data:
        return images.find(named) if named else None
    if options.scratch is None:
        raise InvalidInput("Images inside of Parquet need a place to unpack them.")
    target = options.scratch / f"{where}{image_suffix(data[:16]) or '.img'}"
    outgoing.write(target, data)
    safe = safe_path(named) if named else None
    return (f"{where}{target.suffix}" if safe is None else safe.as_posix()), target


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``data/<split>-00000.parquet``, ...: images inside, at most 256 MB of them in a file."""
    (folder / "data").mkdir()
    shapes = files = done = 0
    for split in SPLITS:
        numbers = manifest.select(split).tolist()
        if not numbers:
            continue
        shard = 0
        writer: Any = None
        held, rows = 0, []
        try:
            for i in numbers:
                row, data = manifest.row(i), manifest.image(i)
                image = outgoing.Written(row, manifest.label(i), row.key, data)
                rows.append(_row(image))
                held += len(data)
                shapes += len(image.shapes)
                done += 1
                options.progress(done, len(manifest))
                if writer is None:
                    name = f"data/{split}-{shard:05d}.parquet"
                    writer = pq.ParquetWriter(folder / name, _SCHEMA)
                    files += 1
                if len(rows) == _BATCH or held >= _SHARD_BYTES:
                    writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
                    rows = []
                if held >= _SHARD_BYTES:
                    writer.close()
                    writer, held, shard = None, 0, shard + 1
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
        finally:
            if writer is not None:
                writer.close()
    return {"images": len(manifest), "shapes": shapes, "files": files}


def _row(image: outgoing.Written) -> dict[str, Any]:
    row = row_of(image)
    objects = row["objects"]
    if objects is not None:
        drawn = objects["segmentation"]
        objects["segmentation"] = [None if d is None else json.dumps(d) for d in drawn]
    key = outgoing.with_suffix(image.row.key, image.data)
    return {
        **row,
        "file_name": key,
        "image": {"bytes": image.data, "path": PurePosixPath(key).name},
        "metadata": json.dumps(image.row.metadata, ensure_ascii=False),
    }


FORMAT = Format(
    "parquet",
    "Parquet",
    "tables with images inside or beside, label, objects; class names of Hugging Face",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True, attributes=True, image_tags=True,
        crowd=True, order=True, ids=True, suggested_by=True, empty=True, unlabelled=True,
        splits=True, metadata=True, keys=True,
    ),
)  # fmt: skip
