"""Datumaro's JSON: a document a split, items with annotations; label ids are places in a list.

``z_order`` is the order of drawing. Masks are COCO's run lengths. An outline of several parts is
several polygons of one ``group``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import (
    Carries,
    Format,
    Found,
    Item,
    ReadOptions,
    WriteOptions,
    frame_of,
)
from autofocus.data.formats.coco import drawn_from
from autofocus.data.formats.documents import read_json
from autofocus.data.formats.drawing import Drawing, ellipse, flat, points_of, turned_about_centre
from autofocus.data.formats.matching import Images, split_in, without_split
from autofocus.data.formats.merging import merge_same_keys, several
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Geometry, Polygon, Shape

_DRAWN = ("bbox", "polygon", "mask", "rle_mask", "ellipse", "rotated_bbox")
# What we write of ours among the attributes.
_ID, _MODEL, _TAG, _EMPTY, _META = (
    "autofocus_id", "suggested_by", "tag", "autofocus_labelled", "metadata"
)  # fmt: skip


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """A JSON document with ``items`` and ``categories``."""
    for file, data in sketch.documents():
        if _is_datumaro(data):
            return f"{file} is a document of Datumaro"
    return None


def _is_datumaro(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(data.get("items"), list)
        and isinstance(data.get("categories"), dict)
    )


def read(path: Path, options: ReadOptions) -> Found:
    """A document, or those in a folder, and the images below the same folder."""
    top = path if path.is_dir() else path.parent
    found = Found("datumaro", [])
    images = Images.below(options.root or top)
    documents = 0
    for name in Sketch.of(path).ending(".json"):
        data = read_json(top / name)
        if not _is_datumaro(data):
            continue
        documents += 1
        labels = _labels(data["categories"], name)
        for item in data["items"]:
            _item(item, name, labels, images, found, options)
    if not documents:
        raise InvalidInput(
            f"{path} holds no document of Datumaro.", hint="Expected items and categories."
        )
    merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} images that Datumaro names is there.",
            hint=f"Looked in {images.root} and below.",
        )
    return found


def _labels(categories: Mapping[str, Any], name: PurePosixPath) -> list[str]:
    try:
        return [str(label["name"]) for label in (categories.get("label") or {}).get("labels", [])]
    except (TypeError, KeyError, AttributeError) as exc:
        raise InvalidInput(f"{name}: categories.label.labels is no list of names.") from exc


def _item(
    item: Any, file: PurePosixPath, labels: Sequence[str], images: Images, found: Found,
    options: ReadOptions,
) -> None:  # fmt: skip
    if not isinstance(item, dict) or "id" not in item:
        found.unmatched_labels.append(f"{file}: an item without an id")
        return
    given = [item[n] for n in ("image", "media") if isinstance(item.get(n), dict)]
    picture: dict[str, Any] = given[0] if given else {}
    split = split_in(file.stem)
    there = None
    # The id has no suffix; the path may or may not have the split's folder in front.
    for name in (picture.get("path"), item["id"]):
        if there is None and isinstance(name, str) and name:
            there = (
                images.find(f"images/{file.stem}/{name}")
                or images.find(name)
                or images.find(name, file.parent)
            )
    if there is None:
        found.unmatched_labels.append(str(item["id"]))
        return
    key, image = there
    if key.startswith(f"images/{file.stem}/"):
        key = key.removeprefix("images/")
    size = picture.get("size")
    frame = frame_of(size[1], size[0]) if isinstance(size, list) and len(size) == 2 else None
    own: dict[str, Any] = item["attr"] if isinstance(item.get("attr"), dict) else {}
    given_annotations = item.get("annotations")
    annotations = given_annotations if isinstance(given_annotations, list) else []
    label = _label(Drawing(found, key), annotations, labels, own, options)
    split = split or without_split(PurePosixPath(key).parts[:-1], options.classes)[0]
    more = own.get(_META)
    metadata = flat(more) if isinstance(more, dict) else {}
    found.items.append(Item(key, image, label, split, metadata, frame))


def _label(
    drawing: Drawing, annotations: Sequence[Any], labels: Sequence[str],
    own: Mapping[str, Any], options: ReadOptions,
) -> Label | None:  # fmt: skip
    whole: list[str] = []
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    listed = [a for a in annotations if isinstance(a, dict)]
    listed.sort(key=lambda a: a.get("z_order") or 0)
    for i, annotation in enumerate(listed):
        kind, number = annotation.get("type"), annotation.get("label_id")
        name = labels[number] if isinstance(number, int) and 0 <= number < len(labels) else None
        if kind == "label":
            if name is not None:
                whole.append(name)
        elif kind not in _DRAWN:
            drawing.refuse(f"{kind} of {name or 'no class'}: it has no area")
        elif name is None:
            drawing.refuse(f"{kind} {annotation.get('id')}: its class {number} is not listed")
        else:
            group = annotation.get("group") or 0
            together = ("polygon", number, group) if kind == "polygon" and group else i
            groups.setdefault(together, []).append(annotation)
    for parts in groups.values():
        _shape(drawing, parts, labels[parts[0]["label_id"]])
    names = sorted(set(whole))
    tags = own.get(_TAG)
    if names and not groups and not drawing.refused:
        if len(names) > 1:
            drawing.found.skipped.append(several(drawing.key, names))
            return None
        return Tag(names[0])
    for tag in [*(tags if isinstance(tags, list) else ()), *names]:
        drawing.tag(str(tag))
    looked_at = own.get(_EMPTY, options.empty == "negative" and bool(annotations or groups))
    return drawing.label(listed=bool(looked_at))


def _shape(drawing: Drawing, parts: Sequence[Mapping[str, Any]], name: str) -> None:
    annotation = parts[0]
    attributes = annotation.get("attributes")
    attributes = dict(attributes) if isinstance(attributes, dict) else {}
    crowd = bool(attributes.pop("is_crowd", False))
    if annotation.get("type") in ("ellipse", "rotated_bbox"):
        drawing.found.tally(f"{annotation['type']} shape(s) are taken as polygons")
    drawing.add(
        name,
        lambda: _geometry(drawing, parts),
        id=attributes.pop(_ID, annotation.get("id")),
        suggested_by=attributes.pop(_MODEL, None),
        crowd=crowd,
        attributes=attributes,
    )


def _geometry(drawing: Drawing, parts: Sequence[Mapping[str, Any]]) -> Geometry:
    annotation = parts[0]
    kind = annotation["type"]
    if kind == "bbox":
        x, y, width, height = annotation["bbox"]
        return Box(x, y, width, height)
    if kind == "polygon":
        return Polygon(tuple(points_of(part["points"]) for part in parts))
    if kind == "ellipse":
        x0, y0, x1, y1 = annotation["points"]
        return ellipse((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)
    if kind == "rotated_bbox":
        x, y, w, h = (float(v) for v in annotation["bbox"])
        turn = float(annotation.get("rotation", 0))
        return turned_about_centre(x - w / 2, y - h / 2, x + w / 2, y + h / 2, turn)
    return drawn_from(drawing.found, annotation["rle"])


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``images/<split>/<key>`` and ``annotations/<split>.json``."""
    classes = outgoing.classes_in(manifest, options)
    numbers = {name: i for i, name in enumerate(classes)}
    items: dict[str, list[dict[str, Any]]] = {}
    shapes = 0
    for image in outgoing.images(manifest, folder, options, "images/{split}/{key}"):
        row = image.row
        name = image.name.split("/", 2)[2]
        annotations: list[dict[str, Any]] = []
        if image.tag is not None:
            annotations.append(
                {"id": 0, "type": "label", "attributes": {}, "group": 0,
                 "label_id": numbers[image.tag]}
            )  # fmt: skip
        for z, shape in enumerate(image.shapes):
            annotations += _annotations(shape, z, numbers[shape.label], len(annotations))
        shapes += len(image.shapes)
        own: dict[str, Any] = {_EMPTY: image.label is not None}
        if image.tags:
            own[_TAG] = list(image.tags)
        if row.metadata:
            own[_META] = row.metadata
        picture = {"path": name, "size": [row.height, row.width]}
        items.setdefault(row.split, []).append(
            {"id": PurePosixPath(name).with_suffix("").as_posix(), "annotations": annotations,
             "attr": own, "image": picture, "media": picture}
        )  # fmt: skip
    labels = [{"name": name, "parent": "", "attributes": []} for name in classes]
    for split, listed in items.items():
        outgoing.write_json(
            folder / f"annotations/{split}.json",
            {
                "dm_format_version": "1.0",
                "media_type": 2,  # images
                "infos": {"description": f"Autofocus version {manifest.digest}"},
                "categories": {"label": {"label_groups": [], "labels": labels, "attributes": []}},
                "items": listed,
            },
        )
    return {"images": len(manifest), "shapes": shapes}


def _annotations(shape: Shape, z: int, number: int, first: int) -> list[dict[str, Any]]:
    attributes: dict[str, Any] = {**shape.attributes, _ID: shape.id}
    if shape.crowd:
        attributes["is_crowd"] = True
    if shape.suggested_by is not None:
        attributes[_MODEL] = shape.suggested_by
    common = {"attributes": attributes, "label_id": number, "z_order": z}
    g = shape.geometry
    if isinstance(g, Box):
        box = [g.x, g.y, g.width, g.height]
        return [{"id": first, "type": "bbox", "group": z + 1, "bbox": box, **common}]
    if isinstance(g, Polygon):
        return [
            {"id": first + i, "type": "polygon", "group": z + 1,
             "points": [v for point in part for v in point], **common}
            for i, part in enumerate(g.parts)
        ]  # fmt: skip
    counts = {"counts": g.counts, "size": [g.height, g.width]}
    return [{"id": first, "type": "mask", "group": z + 1, "rle": counts, **common}]


FORMAT = Format(
    "datumaro",
    "Datumaro JSON",
    "labels, boxes, polygons (joined by group), masks; ellipses and turned boxes as polygons",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True, attributes=True, image_tags=True,
        crowd=True, order=True, ids=True, suggested_by=True, empty=True, unlabelled=True,
        splits=True, metadata=True, class_order=True,
    ),
)  # fmt: skip
