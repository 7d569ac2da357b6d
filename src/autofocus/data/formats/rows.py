"""Labels as rows of tables, as Hugging Face data sets hold them; shared by three formats.

``objects`` is a mapping of lists of one length: ``bbox`` (x, y, width, height in pixels) and
``categories`` are the convention; ``segmentation`` (as in COCO, null for a box), ``id``,
``attributes`` (JSON), ``crowd`` and ``suggested_by`` are ours. No ``objects`` at all says that
nobody looked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autofocus.data.formats.base import Frame, frame_of
from autofocus.data.formats.coco import drawn_as, drawn_from
from autofocus.data.formats.drawing import Drawing, Flat, flat
from autofocus.data.formats.outgoing import Written
from autofocus.errors import InvalidInput
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Geometry

LABELS = ("label", "labels", "class", "category", "cls")
_CLASSES = ("categories", "category", "label", "labels", "category_id", "class")
_BOXES = ("bbox", "bboxes", "boxes")
OWN = frozenset(
    ("file_name", "image", "objects", "tags", "split", "width", "height", "metadata", "image_id",
     *LABELS)
)  # fmt: skip

Names = Mapping[str, Sequence[str]]


def row_of(image: Written) -> dict[str, Any]:
    """An image's label, size and metadata as JSON-safe values."""
    objects = None
    if image.label is not None and image.tag is None:
        objects = {
            "bbox": [
                [b.x, b.y, b.width, b.height] for b in (s.geometry.bounds for s in image.shapes)
            ],
            "categories": [s.label for s in image.shapes],
            "segmentation": [drawn_as(s.geometry) or None for s in image.shapes],
            "id": [s.id for s in image.shapes],
            "attributes": [json.dumps(dict(s.attributes)) for s in image.shapes],
            "crowd": [s.crowd for s in image.shapes],
            "suggested_by": [s.suggested_by for s in image.shapes],
        }
    return {
        "label": image.tag,
        "objects": objects,
        "tags": list(image.tags),
        "width": image.row.width,
        "height": image.row.height,
        "metadata": image.row.metadata,
    }


def read_row(
    drawing: Drawing, row: Mapping[str, Any], names: Names, classes: Sequence[str]
) -> tuple[Label | None, Frame | None, Flat]:
    """Label, size and metadata of a row; ``names`` has the classes of columns of numbers."""
    metadata = _metadata(row)
    frame = frame_of(row.get("width"), row.get("height"))
    tags = row.get("tags")
    for tag in tags if isinstance(tags, list | tuple) else ():
        drawing.tag(str(tag))
    objects = _listed(row.get("objects"))
    if objects is not None:
        _draw(drawing, objects, names, classes)
        return drawing.label(listed=True), frame, metadata
    value = next((row[name] for name in LABELS if row.get(name) not in (None, "", [])), None)
    if value is None:
        return drawing.label(listed=False), frame, metadata
    column = next(name for name in LABELS if row.get(name) not in (None, "", []))
    if isinstance(value, list):
        told = [_class(drawing, v, column, names, classes) for v in value]
        if len(told) > 1:
            drawing.refuse(f"has several classes ({', '.join(map(str, told))})")
            return None, frame, metadata
        value = value[0]
    name = _class(drawing, value, column, names, classes)
    return (None if name is None else Tag(name)), frame, metadata


def _metadata(row: Mapping[str, Any]) -> Flat:
    found = {k: v for k, v in row.items() if k not in OWN and not k.endswith("file_name")}
    more = row.get("metadata")
    if isinstance(more, str) and more:
        try:
            more = json.loads(more)
        except ValueError:
            found["metadata"] = more
    if isinstance(more, dict):
        found.update(more)
    plain = {k: v for k, v in found.items() if not isinstance(v, bytes)}
    return flat(plain)


def _listed(objects: Any) -> dict[str, Sequence[Any]] | None:
    """A mapping of lists, also from a list of mappings; None for neither."""
    if isinstance(objects, str):
        try:
            objects = json.loads(objects)
        except ValueError:
            return None
    if isinstance(objects, Mapping):
        return {k: v for k, v in objects.items() if isinstance(v, list | tuple)}
    if isinstance(objects, list):
        kept = [o for o in objects if isinstance(o, Mapping)]
        names = {name for o in kept for name in o}
        return {name: [o.get(name) for o in kept] for name in sorted(names)}
    return None


def _draw(
    drawing: Drawing, objects: Mapping[str, Sequence[Any]], names: Names, classes: Sequence[str]
) -> None:
    boxes = next((objects[name] for name in _BOXES if name in objects), None)
    column = next((name for name in _CLASSES if name in objects), None)
    count = max((len(values) for values in objects.values()), default=0)
    for i in range(count):
        if column is None or i >= len(objects[column]):
            drawing.refuse(f"object {i + 1} has no class")
            continue
        name = _class(drawing, objects[column][i], f"objects.{column}", names, classes)
        if name is None:
            continue
        drawing.add(
            name,
            _geometry(drawing, boxes, _at(objects, "segmentation", i), i),
            id=_at(objects, "id", i),
            attributes=_attributes(_at(objects, "attributes", i)),
            suggested_by=_at(objects, "suggested_by", i),
            crowd=bool(_at(objects, "crowd", i) or _at(objects, "iscrowd", i)),
        )


def _geometry(
    drawing: Drawing, boxes: Sequence[Any] | None, drawn: Any, i: int
) -> Callable[[], Geometry]:
    def make() -> Geometry:
        value = json.loads(drawn) if isinstance(drawn, str) else drawn
        if value:
            return drawn_from(drawing.found, value)
        if boxes is None or i >= len(boxes):
            raise InvalidInput("It has neither bbox nor segmentation.")
        x, y, width, height = boxes[i]
        return Box(x, y, width, height)

    return make


def _at(objects: Mapping[str, Sequence[Any]], name: str, i: int) -> Any:
    values = objects.get(name)
    return values[i] if values is not None and i < len(values) else None


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {"attributes": value}
    return dict(value) if isinstance(value, Mapping) else {}


def _class(
    drawing: Drawing, value: Any, column: str, names: Names, classes: Sequence[str]
) -> str | None:
    """A class by name or number; numbers count in the file's list, else in the project's order."""
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value)
    listed = names.get(column) or names.get(column.rpartition(".")[2])
    if listed is None:
        drawing.found.tally(
            f"class number(s) have no names in the file: taken in the project's order, 0 as "
            f"{classes[0] if classes else 'none'}"
        )
        listed = classes
    if 0 <= value < len(listed):
        return listed[value]
    drawing.refuse(f"class number {value} has no name")
    return None


def class_names(features: Any) -> dict[str, list[str]]:
    """The names of ClassLabel columns by column, from a description of features in any form.

    As in the metadata of a Parquet file (``{"label": {"names": [...], "_type": "ClassLabel"}}``)
    or in a card's YAML (``[{"name": "label", "dtype": {"class_label": {"names": {...}}}}]``).
    """
    found: dict[str, list[str]] = {}

    def look(name: str, value: Any) -> None:
        if isinstance(value, list):
            for entry in value:
                inner = str(entry.get("name", "")) if isinstance(entry, Mapping) else ""
                look(f"{name}.{inner}" if name and inner else inner or name, entry)
            return
        if not isinstance(value, Mapping):
            return
        names = value.get("names")
        if isinstance(names, Mapping):
            names = [names[key] for key in sorted(names, key=lambda key: int(key))]
        if isinstance(names, list) and all(isinstance(n, str) for n in names):
            found[name.strip(".")] = names
            return
        for key, entry in value.items():
            if key in ("dtype", "class_label", "feature", "sequence", "struct", "list"):
                look(name, entry)
            elif key not in ("name", "_type"):
                look(f"{name}.{key}" if name else str(key), entry)

    look("", features)
    return found


def image_of(row: Mapping[str, Any]) -> str | None:
    """The name of a row's image."""
    if isinstance(row.get("file_name"), str):
        return str(row["file_name"])
    for key, value in row.items():
        if key.endswith("file_name") and isinstance(value, str):
            return value
    return None


def suffix_path(path: Path) -> Path:
    """A path that is free: itself, or with a number."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free
