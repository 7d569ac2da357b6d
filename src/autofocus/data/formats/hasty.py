"""Hasty's JSON 1.1: moving in from the annotation tool of that name. Read only.

A box is left, top, right, bottom. A mask is run lengths along the rows of its box, beginning with
pixels outside. Attributes go by name, ``z_index`` is the order of drawing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from autofocus.data.formats.base import Format, Found, Frame, Item, ReadOptions, frame_of
from autofocus.data.formats.documents import read_json
from autofocus.data.formats.drawing import Drawing
from autofocus.data.formats.index_png import mask_of
from autofocus.data.formats.matching import Images, without_split
from autofocus.data.formats.merging import merge_same_keys
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Geometry, Polygon

# Statuses of images that nobody has looked at to the end.
_UNTOUCHED = ("NEW", "SKIPPED")
_MOST_PIXELS = 2**28


def detect(sketch: Sketch) -> str | None:
    """A JSON document with ``label_classes`` and ``images``."""
    for file, data in sketch.documents():
        if _is_hasty(data):
            return f"{file} is an export of Hasty"
    return None


def _is_hasty(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(data.get("images"), list)
        and isinstance(data.get("label_classes"), list)
    )


def read(path: Path, options: ReadOptions) -> Found:
    """An export, and the images below the same folder as ``dataset/name``."""
    top = path if path.is_dir() else path.parent
    found = Found("hasty", [])
    images = Images.below(options.root or top)
    documents = 0
    for name in Sketch.of(path).ending(".json"):
        data = read_json(top / name)
        if not _is_hasty(data):
            continue
        documents += 1
        version = str(data.get("export_format_version", ""))
        if version != "1.1":
            found.notices.append(f"{name} says it is version {version or 'none'}; 1.1 is known")
        for image in data["images"]:
            if isinstance(image, dict):
                _image(image, name, images, found, options)
    if not documents:
        raise InvalidInput(f"{path} holds no export of Hasty.", hint="Export as JSON 1.1.")
    merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} images that Hasty names is there.",
            hint="Export the images too, and put them below the same folder.",
        )
    return found


def _image(
    image: Mapping[str, Any], file: PurePosixPath, images: Images, found: Found,
    options: ReadOptions,
) -> None:  # fmt: skip
    name, dataset = str(image.get("image_name", "")), str(image.get("dataset_name", ""))
    there = images.find(f"{dataset}/{name}", file.parent) or images.find(name, file.parent)
    if there is None:
        found.unmatched_labels.append(f"{dataset}/{name}")
        return
    key, target = there
    frame = frame_of(image.get("width"), image.get("height"))
    split, _ = without_split((dataset, *PurePosixPath(key).parts[:-1]), options.classes)
    status = str(image.get("image_status", ""))
    drawing = Drawing(found, key)
    label = _label(drawing, image, frame, listed=bool(status) and status.upper() not in _UNTOUCHED)
    metadata = {"image_status": status} if status else {}
    found.items.append(Item(key, target, label, split, metadata, frame))


def _label(
    drawing: Drawing, image: Mapping[str, Any], frame: Frame | None, *, listed: bool
) -> Label | None:
    marked = [entry for entry in image.get("labels") or () if isinstance(entry, dict)]
    for entry in sorted(marked, key=lambda e: e.get("z_index") or 0):
        attributes = entry.get("attributes")
        drawing.add(
            str(entry.get("class_name") or ""),
            lambda e=entry: _geometry(e, frame),  # type: ignore[misc]
            id=entry.get("id"),
            attributes=attributes if isinstance(attributes, dict) else {},
        )
    tags = []
    for tag in image.get("tags") or ():
        name = tag.get("tag_name", tag.get("name")) if isinstance(tag, dict) else tag
        if name:
            tags.append(str(name))
    if len(tags) == 1 and not marked:
        return Tag(tags[0])
    for name in tags:
        drawing.tag(name)
    return drawing.label(listed=listed)


def _geometry(entry: Mapping[str, Any], frame: Frame | None) -> Geometry:
    if entry.get("polygon"):
        return Polygon((tuple((float(x), float(y)) for x, y in entry["polygon"]),))
    left, top, right, bottom = entry["bbox"]
    if entry.get("mask"):
        if frame is None:
            raise InvalidInput("A mask needs the width and height of its image.")
        return _mask(entry["mask"], (left, top, right, bottom), frame)
    return Box.from_corners(left, top, right, bottom)


def _mask(runs: Any, box: tuple[Any, Any, Any, Any], frame: Frame) -> Geometry:
    """Runs along the rows of the box, or of the image, whichever they fill."""
    counts = np.array([int(run) for run in runs], np.int64)
    left, top, right, bottom = (int(v) for v in box)
    size = (int(frame.height), int(frame.width))
    places = (
        (left, top, right - left, bottom - top),
        (left, top, right - left + 1, bottom - top + 1),
        (0, 0, size[1], size[0]),
    )
    total = int(counts.sum())
    if (counts < 0).any() or total > _MOST_PIXELS:
        raise InvalidInput("The mask has runs that no image is large enough for.")
    for x, y, width, height in places:
        if width > 0 and height > 0 and width * height == total:
            pixels = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(height, width)
            return mask_of(pixels, (slice(y, y + height), slice(x, x + width)), *size)
    raise InvalidInput(
        f"The mask's runs hold {total} pixels, which fill neither its box ({right - left} x "
        f"{bottom - top}) nor the image."
    )


FORMAT = Format(
    "hasty",
    "Hasty JSON 1.1",
    "boxes, polygons, masks, attributes, tags, image status (as metadata)",
    read,
    detect,
)
