"""LabelMe (wkentaro's): a JSON file beside each image, with points in pixels.

Not the XML of MIT's LabelMe, which shares the name only. Beyond the format, under ``autofocus``,
is what only we have; LabelMe keeps keys that it does not know.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import (
    Carries,
    Format,
    Found,
    Frame,
    Item,
    ReadOptions,
    WriteOptions,
    frame_of,
)
from autofocus.data.formats.documents import read_json
from autofocus.data.formats.drawing import Drawing, ellipse
from autofocus.data.formats.index_png import mask_of
from autofocus.data.formats.matching import SPLIT_NAMES, Images, without_split
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types import rle
from autofocus.types.data import Label, Skipped, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon, Shape

_OWN = "autofocus"
_ERRORS = (OSError, SyntaxError, ValueError, EOFError, binascii.Error)
_NO_AREA = ("point", "points", "line", "linestrip")


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """A JSON file with ``shapes`` and ``imagePath``."""
    for file, data in sketch.documents():
        if is_labelme(data):
            return f"{file} is a LabelMe file"
    return None


def is_labelme(data: Any) -> bool:
    """Whether a document is LabelMe's."""
    return isinstance(data, dict) and isinstance(data.get("shapes"), list) and "imagePath" in data


def read(path: Path, options: ReadOptions) -> Found:
    """A folder of images and their JSON files, or one such file."""
    top = path if path.is_dir() else path.parent
    names = Sketch.of(path).ending(".json")
    found = Found("labelme", [])
    images = Images.below(options.root or top)
    used: set[str] = set()
    files = 0
    for name in names:
        try:
            data = read_json(top / name)
        except InvalidInput as error:
            found.skipped.append(Skipped(name.as_posix(), "label", error.message))
            continue
        if not is_labelme(data):
            found.notices.append(f"{name} is no LabelMe file and was passed over")
            continue
        files += 1
        there = images.find(str(data["imagePath"]), name.parent) or images.beside(name)
        if there is None:
            inside = "; its picture is inside of the file" if data.get("imageData") else ""
            found.unmatched_labels.append(f"{name} ({data['imagePath']}{inside})")
            continue
        key, image = there
        used.add(key)
        split, _ = without_split(PurePosixPath(key).parts[:-1], options.classes)
        label = _label(Drawing(found, key), data)
        own = data[_OWN] if isinstance(data.get(_OWN), dict) else {}
        metadata = own.get("metadata")
        found.items.append(
            Item(
                key, image, label, split or SPLIT_NAMES.get(str(own.get("split"))),
                metadata if isinstance(metadata, dict) else {}, _frame(data),
            )
        )  # fmt: skip
    if not files:
        raise InvalidInput(
            f"{path} holds no LabelMe file.", hint="Expected JSON with shapes and imagePath."
        )
    if path.is_dir():
        _others(found, images, used, options)
    found.skipped += images.listing.skipped
    if not found.items:
        raise InvalidInput(
            f"None of the images of {files} LabelMe file(s) is there.",
            hint=f"Looked in {images.root} and below.",
        )
    return found


def _others(found: Found, images: Images, used: set[str], options: ReadOptions) -> None:
    rest = [key for key in images.keys if key not in used]
    for key in rest:
        split, _ = without_split(PurePosixPath(key).parts[:-1], options.classes)
        found.items.append(Item(key, images.path(key), None, split))
    if rest:
        found.notices.append(f"{len(rest)} image(s) have no LabelMe file: taken without a label")


def _label(drawing: Drawing, data: Mapping[str, Any]) -> Label | None:
    size = _frame(data)
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for i, shape in enumerate(data["shapes"]):
        if not isinstance(shape, dict):
            drawing.refuse(f"shape {i + 1} is no mapping")
            continue
        group = shape.get("group_id")
        kind = shape.get("shape_type") or "polygon"
        # Outlines of one class and group are the parts of one object.
        joins = group is not None and kind == "polygon"
        groups.setdefault((shape.get("label"), group) if joins else i, []).append(shape)
    for parts in groups.values():
        shape = parts[0]
        kind = shape.get("shape_type") or "polygon"
        if kind in _NO_AREA:
            drawing.refuse(f"{kind} of {shape.get('label')}: it has no area")
            continue
        if kind in ("circle", "oriented_rectangle"):
            drawing.found.tally(f"{kind}(s) are taken as polygons")
        own = shape[_OWN] if isinstance(shape.get(_OWN), dict) else {}
        drawing.add(
            str(shape.get("label") or ""),
            lambda p=parts, k=kind: _geometry(p, k, size),  # type: ignore[misc]
            id=own.get("id"),
            attributes=_attributes(shape, own),
            suggested_by=own.get("suggested_by"),
            crowd=bool(own.get("crowd")),
        )
    flags = data.get("flags")
    told = [str(name) for name, on in flags.items() if on] if isinstance(flags, dict) else []
    own = data[_OWN] if isinstance(data.get(_OWN), dict) else {}
    if len(told) == 1 and not data["shapes"] and own.get("kind") != "shapes":
        return Tag(told[0])
    for name in told:
        drawing.tag(name)
    return drawing.label(listed=True)


def _attributes(shape: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(own.get("attributes"), dict):
        return dict(own["attributes"])
    found: dict[str, Any] = {}
    flags = shape.get("flags")
    if isinstance(flags, dict):
        # LabelMe's files hold them as true and false; older ones as numbers.
        found.update({str(name): bool(on) for name, on in flags.items()})
    if isinstance(shape.get("description"), str) and shape["description"]:
        found["description"] = shape["description"]
    return found


def _geometry(parts: Sequence[Mapping[str, Any]], kind: str, size: Frame | None) -> Geometry:
    points = _points(parts[0])
    if kind == "rectangle":
        if len(points) == 4:  # newer releases write the four corners
            points = (
                (min(x for x, _ in points), min(y for _, y in points)),
                (max(x for x, _ in points), max(y for _, y in points)),
            )
        (x0, y0), (x1, y1) = points
        return Box.from_corners(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if kind == "circle":
        (x, y), (u, v) = points
        radius = math.hypot(u - x, v - y)
        return ellipse(x, y, radius, radius)
    if kind == "mask":
        return _mask(parts[0], points, size)
    if kind not in ("polygon", "oriented_rectangle"):
        raise InvalidInput(f"Shapes of type {kind!r} are unknown.")
    return Polygon(tuple(_points(part) for part in parts))


def _points(shape: Mapping[str, Any]) -> Part:
    return tuple((float(x), float(y)) for x, y in shape["points"])


def _mask(shape: Mapping[str, Any], points: Part, size: Frame | None) -> Mask:
    """A PNG of the pixels in a box whose corner may lie at a fraction of a pixel."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"])), formats=("PNG",)) as image:
            pixels = np.asarray(image.convert("L")) > 0
    except _ERRORS as exc:
        raise InvalidInput(f"Its mask is no PNG that can be read: {exc}.") from exc
    if size is None:
        raise InvalidInput("A mask needs imageWidth and imageHeight in its file.")
    height, width = int(size.height), int(size.width)
    left, top = round(points[0][0]), round(points[0][1])
    # What lies outside of the image is cut, not wrapped around.
    inner = pixels[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
    left, top = max(left, 0), max(top, 0)
    window = (slice(top, top + inner.shape[0]), slice(left, left + inner.shape[1]))
    return mask_of(inner, window, height, width)


def _frame(data: Mapping[str, Any]) -> Frame | None:
    return frame_of(data.get("imageWidth"), data.get("imageHeight"))


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``<split>/<key>`` and a JSON file beside each labelled image."""
    shapes = 0
    for image in outgoing.images(manifest, folder, options, "{split}/{key}", apart=True):
        row = image.row
        if image.label is None:
            continue
        flags = dict.fromkeys([image.tag] if image.tag else image.tags, True)
        own: dict[str, Any] = {"split": row.split, "kind": image.label.kind}
        if row.metadata:
            own["metadata"] = row.metadata
        document = {
            "version": "5.5.0",
            "flags": flags,
            "shapes": [
                part for number, s in enumerate(image.shapes, 1) for part in _written(s, number)
            ],
            "imagePath": PurePosixPath(image.name).name,
            "imageData": None,
            "imageHeight": row.height,
            "imageWidth": row.width,
            _OWN: own,
        }
        shapes += len(image.shapes)
        outgoing.write_json(folder / PurePosixPath(image.name).with_suffix(".json"), document)
    return {"images": len(manifest), "shapes": shapes}


def _written(shape: Shape, number: int) -> list[dict[str, Any]]:
    geometry = shape.geometry
    flags = {n: v for n, v in shape.attributes.items() if isinstance(v, bool)}
    own: dict[str, Any] = {"id": shape.id, "attributes": dict(shape.attributes)}
    if shape.suggested_by is not None:
        own["suggested_by"] = shape.suggested_by
    if shape.crowd:
        own["crowd"] = True
    common = {"label": shape.label, "description": "", "flags": flags, "mask": None, _OWN: own}
    if isinstance(geometry, Box):
        b = geometry
        points = [[b.x, b.y], [b.right, b.bottom]]
        return [{**common, "points": points, "group_id": None, "shape_type": "rectangle"}]
    if isinstance(geometry, Polygon):
        group = number if len(geometry.parts) > 1 else None
        return [
            {**common, "points": [list(p) for p in part], "group_id": group,
             "shape_type": "polygon"}
            for part in geometry.parts
        ]  # fmt: skip
    b = geometry.bounds
    left, top, right, bottom = (int(v) for v in (b.x, b.y, b.right, b.bottom))
    out = io.BytesIO()
    pixels = rle.to_pixels(geometry)[top:bottom, left:right]
    Image.fromarray((pixels * 255).astype(np.uint8)).convert("1").save(out, "PNG")
    return [
        {**common, "points": [[left, top], [right - 1, bottom - 1]], "group_id": None,
         "shape_type": "mask", "mask": base64.b64encode(out.getvalue()).decode()}
    ]  # fmt: skip


FORMAT = Format(
    "labelme",
    "LabelMe JSON",
    "polygons (joined by group_id), rectangles, circles (as polygons), masks; flags as classes",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True, attributes=True, image_tags=True,
        crowd=True, order=True, ids=True, suggested_by=True, empty=True, unlabelled=True,
        splits=True, metadata="carried for labelled images only",
    ),
)  # fmt: skip
