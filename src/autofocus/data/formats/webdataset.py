"""WebDataset: tar files of samples, whose files share a key and differ by what follows it.

The key is the path up to the first dot of the *file's name*: dots in folders are part of it.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from autofocus.data.archives import extract_tar
from autofocus.data.files import IMAGE_SUFFIXES, image_suffix
from autofocus.data.formats import outgoing
from autofocus.data.formats.base import Carries, Format, Found, Item, ReadOptions, WriteOptions
from autofocus.data.formats.documents import read_json, read_text
from autofocus.data.formats.drawing import Drawing
from autofocus.data.formats.matching import safe_path, split_in, without_split
from autofocus.data.formats.rows import read_row, row_of
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import SPLITS, Skipped, Split
from autofocus.types.geometry import Shapes

_SHARD_SAMPLES = 10_000
_SHARD_BYTES = 2**30
_PARTS = (".json", ".cls", ".txt")


@dataclass(slots=True)
class _Sample:
    images: list[Path] = field(default_factory=list)
    parts: dict[str, Path] = field(default_factory=dict)


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """Tar files, or the files of one unpacked: images beside ``.cls`` of the same key."""
    shards = sketch.ending(".tar")
    if shards:
        return f"{shards[0]} is a tar file"
    keys = {key_of(image)[0] for image in sketch.images}
    for file in sketch.ending(".cls"):
        if key_of(file)[0] in keys:
            return f"{file} is the class of an image of that key"
    for file, data in sketch.documents():
        if key_of(file)[0] in keys and isinstance(data, dict) and _is_row(data):
            return f"{file} is the row of an image of that key"
    return None


def _is_row(data: Mapping[str, Any]) -> bool:
    return "shapes" not in data and any(name in data for name in ("objects", "label", "caption"))


def key_of(path: PurePosixPath) -> tuple[str, str]:
    """(key, rest of the name) of a member."""
    stem, _, rest = path.name.partition(".")
    return (path.parent / stem).as_posix(), rest.lower()


def read(path: Path, options: ReadOptions) -> Found:
    """A tar file, a folder of them, or of the files of one."""
    found = Found("webdataset", [])
    top = path if path.is_dir() else path.parent
    shards = Sketch.of(path).ending(".tar")
    taken: set[str] = set()
    if shards:
        if options.scratch is None:
            raise InvalidInput("Tar files need a place to unpack them.", hint="Unpack them first.")
        for shard in shards:
            place = options.scratch / shard.with_suffix("")
            place.mkdir(parents=True, exist_ok=True)
            extract_tar(top / shard, place)
            split = without_split(shard.parts[:-1])[0] or split_in(
                shard.stem.rstrip("0123456789-_{}.")
            )
            _samples(place, shard.with_suffix("").as_posix(), split, found, options, taken)
    else:
        _samples(top, "", None, found, options, taken)
    if not found.items:
        raise InvalidInput(f"There is no image in {path}.", hint="Expected samples with an image.")
    return found


def _samples(
    root: Path, shard: str, split: Split | None, found: Found, options: ReadOptions,
    taken: set[str],
) -> None:  # fmt: skip
    samples: dict[str, _Sample] = {}
    for file in Sketch.of(root).files:
        key, rest = key_of(file)
        if file.suffix.lower() in IMAGE_SUFFIXES:
            samples.setdefault(key, _Sample()).images.append(root / file)
        elif f".{rest}" in _PARTS:
            samples.setdefault(key, _Sample()).parts[f".{rest}"] = root / file
        else:
            found.tally(f"file(s) ending in .{rest or 'nothing'} are not taken")
    for key, sample in samples.items():
        if not sample.images:
            found.unmatched_labels.append(f"{shard}/{key}".lstrip("/"))
            continue
        for image in sample.images:
            name = f"{shard}/{image.relative_to(root).as_posix()}".lstrip("/")
            _take(name, image, sample, split, found, options, taken)


def _take(
    name: str, image: Path, sample: _Sample, split: Split | None, found: Found,
    options: ReadOptions, taken: set[str],
) -> None:  # fmt: skip
    try:
        row = _row(sample)
    except InvalidInput as error:
        found.skipped.append(Skipped(name, "label", error.message))
        row = {}
    given = row.get("file_name")
    safe = safe_path(given) if isinstance(given, str) else None
    # A name that two samples give would make one image of two.
    key = safe.as_posix() if safe is not None and safe.as_posix() not in taken else name
    taken.add(key)
    if len(sample.images) > 1 and row:
        found.skipped.append(
            Skipped(key, "label", f"its sample has {len(sample.images)} images and one label: "
                    "taken without it")
        )  # fmt: skip
        row = {}
    label, frame, metadata = read_row(Drawing(found, key), row, {}, options.classes)
    folder, _ = without_split(PurePosixPath(name).parts[:-1], options.classes)
    found.items.append(Item(key, image, label, split or folder, metadata, frame))


def _row(sample: _Sample) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if ".json" in sample.parts:
        data = read_json(sample.parts[".json"])
        if isinstance(data, dict):
            row = data
    if ".cls" in sample.parts and row.get("label") is None and row.get("objects") is None:
        text = read_text(sample.parts[".cls"]).strip()
        row["label"] = int(text) if text.isdigit() else text
    elif ".txt" in sample.parts:
        row.setdefault("text", read_text(sample.parts[".txt"]).strip())
    return row


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``<split>-000000.tar``, ...: an image, its row as JSON, and its class as ``.cls``."""
    done = shapes = shards = 0
    for split in SPLITS:
        left = manifest.select(split).tolist()
        number = 0
        while left:
            with tarfile.open(folder / f"{split}-{number:06d}.tar", "w") as shard:
                size = taken = 0
                for i in left[:_SHARD_SAMPLES]:
                    size += _sample(shard, i, manifest)
                    taken += 1
                    label = manifest.label(i)
                    shapes += len(label.shapes) if isinstance(label, Shapes) else 0
                    done += 1
                    options.progress(done, len(manifest))
                    if size >= _SHARD_BYTES:
                        break
                left = left[taken:]
            number += 1
        shards += number
    return {"images": len(manifest), "shapes": shapes, "shards": shards}


def _sample(shard: tarfile.TarFile, i: int, manifest: Manifest) -> int:
    """Add an image with its row; returns the image's bytes."""
    row, data = manifest.row(i), manifest.image(i)
    image = outgoing.Written(row, manifest.label(i), row.key, data)
    key = f"{i:09d}"
    _add(shard, f"{key}{image_suffix(data[:16]) or '.img'}", data)
    told = {"file_name": outgoing.with_suffix(row.key, data), **row_of(image)}
    _add(shard, f"{key}.json", orjson.dumps(told))
    if image.tag is not None:
        _add(shard, f"{key}.cls", image.tag.encode())
    return len(data)


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    shard.addfile(member, io.BytesIO(data))


FORMAT = Format(
    "webdataset",
    "WebDataset",
    "tar files with images and .json (label, objects) or .cls of the same key",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True, attributes=True, image_tags=True,
        crowd=True, order=True, ids=True, suggested_by=True, empty=True, unlabelled=True,
        splits=True, metadata=True, keys=True,
    ),
)  # fmt: skip
