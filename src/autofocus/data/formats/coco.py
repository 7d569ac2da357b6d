"""COCO: boxes, polygons and masks of many images in one JSON document a split.

Coordinates are pixels with 0 at the edge of the image, as ours. Beyond the format: ``attributes``
(as CVAT writes them), ``tags`` of images, and under ``autofocus`` what only we have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

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
from autofocus.data.formats.drawing import Drawing, flat, points_of
from autofocus.data.formats.matching import Images, split_in, split_of, without_split
from autofocus.data.formats.merging import merge_same_keys, several
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types import rle
from autofocus.types.data import Label, Skipped, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Polygon, Shapes

_OWN = "autofocus"


@dataclass(slots=True)
class _Document:
    images: dict[Any, Mapping[str, Any]]
    categories: dict[Any, str]
    annotations: dict[Any, list[Mapping[str, Any]]]  # by image, of what the document lists
    has_annotations: bool
    unmatched: list[str] = field(default_factory=list)


def _document(name: str, data: Any) -> _Document:
    """A document's lists; raises InvalidInput for what is no COCO file of objects or classes."""
    try:
        images = {image["id"]: image for image in data["images"]}
        names = [str(image["file_name"]) for image in images.values()]
        categories = {c["id"]: str(c["name"]) for c in data.get("categories") or []}
        annotations = list(data.get("annotations") or [])
        pairs = [(a["image_id"], a.get("category_id")) for a in annotations]
        hash(tuple(pairs))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidInput(
            f"{name} is not a COCO file: {type(exc).__name__} {exc}.",
            hint="Expected the lists images, annotations (image_id, category_id) and categories.",
        ) from exc
    if not all(names):
        raise InvalidInput(f"{name} is not a COCO file: an image has an empty file_name.")
    if any("segments_info" in annotation for annotation in annotations):
        raise InvalidInput(
            f"{name} is a COCO panoptic file: its masks are in PNG files beside it.",
            hint="Import the instances file, or the PNG files with format masks.",
        )
    if annotations and all(category is None for _, category in pairs):
        raise InvalidInput(
            f"{name} is a COCO file without categories (captions?): nothing to label with.",
            hint="Import the instances file.",
        )
    document = _Document(images, categories, {}, "annotations" in data)
    for annotation, (image, category) in zip(annotations, pairs, strict=True):
        if image in images and category in categories:
            document.annotations.setdefault(image, []).append(annotation)
        else:
            document.unmatched.append(f"image {image}, category {category}")
    return document


def coco_labels(path: Path) -> tuple[list[tuple[str, str | None]], list[Skipped], list[str]]:
    """(relative path, class or None) of each image of a COCO file, with what could not be used.

    Category ids may have gaps; boxes are not needed. Raises InvalidInput for another document.
    """
    document = _document(path.name, read_json(path))
    result: list[tuple[str, str | None]] = []
    skipped = []
    for image_id, image in document.images.items():
        key = PurePosixPath(str(image["file_name"]).replace("\\", "/")).as_posix()
        marked = document.annotations.get(image_id, ())
        names = sorted({document.categories[a["category_id"]] for a in marked})
        if len(names) > 1:
            skipped.append(several(key, names))
        result.append((key, names[0] if len(names) == 1 else None))
    return result, skipped, document.unmatched


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """A JSON document with the lists ``images`` and ``annotations`` or ``categories``."""
    found = [file for file, data in sketch.documents() if _is_coco(data)]
    return f"{found[0]} has the lists of a COCO file" if found else None


def _is_coco(data: Any) -> bool:
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        return False
    if "export_format_version" in data and "label_classes" in data:
        return False  # Hasty
    return "annotations" in data or "categories" in data


def read(path: Path, options: ReadOptions) -> Found:
    """COCO documents beside their images: one file, or those in a folder, one a split."""
    found = Found("coco", [])
    root = options.root or (path if path.is_dir() else path.parent)
    images = Images.below(root)
    named = 0
    documents = _documents(path, found)
    for file, document in documents:
        near = PurePosixPath(file.parent.relative_to(root)) if file.is_relative_to(root) else None
        named += len(document.images)
        _take(file, document, images, near, found, options)
    merge_same_keys(found)
    if not found.items:
        which = documents[0][0].name if len(documents) == 1 else f"{len(documents)} COCO files"
        raise InvalidInput(
            f"None of the {named} files that {which} names is there.",
            hint=f"Looked in {root} and below; root says where the images are.",
        )
    return found


def _documents(path: Path, found: Found) -> list[tuple[Path, _Document]]:
    """The documents to read; of a folder with several about the same images, the instances."""
    if not path.is_dir():
        return [(path, _document(path.name, read_json(path)))]
    sketch = Sketch.of(path)
    usable = []
    for name in sketch.ending(".json"):
        data = sketch.json(name)
        if not _is_coco(data):
            continue
        try:
            usable.append((path / name, _document(name.name, data)))
        except InvalidInput as error:
            found.notices.append(f"{name} was passed over: {error.message}")
    instances = [pair for pair in usable if pair[0].name.startswith("instances")]
    for file, _ in usable if instances and len(instances) < len(usable) else ():
        if not file.name.startswith("instances"):
            found.notices.append(f"{file.name} was passed over: the instances files are read")
    if not usable:
        told = "; ".join(found.notices)
        raise InvalidInput(
            f"There is no COCO file in {path} that can be read{f' ({told})' if told else ''}.",
            hint="Name the file itself.",
        )
    return instances or usable


def _take(
    file: Path,
    document: _Document,
    images: Images,
    near: PurePosixPath | None,
    found: Found,
    options: ReadOptions,
) -> None:
    found.unmatched_labels += document.unmatched
    token = file.stem.removesuffix(".coco").rpartition("_")[2]
    token, split = token if split_of(token) else "", split_in(token)
    empty = 0
    for image_id, image in document.images.items():
        name = str(image["file_name"])
        # Of two images of that name, the one in the folder that is called like the split.
        there = images.find(f"{token}/{name}", near) if token else None
        there = there or images.find(name, near)
        if there is None:
            found.unmatched_labels.append(name)
            continue
        key, target = there
        own = image[_OWN] if isinstance(image.get(_OWN), dict) else {}
        looked_at = document.has_annotations and options.empty == "negative"
        label = _label(
            Drawing(found, key),
            document.annotations.get(image_id, ()),
            document.categories,
            image,
            looked_at=bool(own["labelled"]) if "labelled" in own else looked_at,
        )
        empty += label == Shapes() and "labelled" not in own
        by_folder, _ = without_split(PurePosixPath(key).parts[:-1], options.classes)
        metadata = flat(own["metadata"]) if isinstance(own.get("metadata"), dict) else {}
        found.items.append(Item(key, target, label, split or by_folder, metadata, _frame(image)))
    if empty and options.task != "classification":
        found.notices.append(
            f"{empty} image(s) of {file.name} have no annotation in it: taken as looked at and "
            "empty (with empty=unlabelled they are taken without a label)"
        )


def _label(
    drawing: Drawing,
    annotations: Sequence[Mapping[str, Any]],
    categories: Mapping[Any, str],
    image: Mapping[str, Any],
    *,
    looked_at: bool,
) -> Label | None:
    whole = []
    for annotation in annotations:
        name = categories[annotation["category_id"]]
        if annotation.get("bbox") is None and not annotation.get("segmentation"):
            whole.append(name)
            continue
        if annotation.get("num_keypoints"):
            drawing.found.tally("annotation(s) have key points, which are not taken")
        own = annotation[_OWN] if isinstance(annotation.get(_OWN), dict) else {}
        attributes = annotation.get("attributes")
        drawing.add(
            name,
            lambda a=annotation: _geometry(drawing.found, a),  # type: ignore[misc]
            id=own.get("id", annotation.get("id")),
            attributes=attributes if isinstance(attributes, dict) else {},
            suggested_by=own.get("suggested_by"),
            crowd=bool(annotation.get("iscrowd")),
        )
    names = sorted(set(whole))
    if whole and not drawing.shapes and not drawing.refused:
        if len(names) > 1:
            drawing.found.skipped.append(several(drawing.key, names))
            return None
        return Tag(names[0])
    tags = image.get("tags")
    for tag in [*(tags if isinstance(tags, list) else ()), *names]:
        drawing.tag(str(tag))
    return drawing.label(listed=looked_at)


def _geometry(found: Found, annotation: Mapping[str, Any]) -> Geometry:
    drawn = annotation.get("segmentation")
    if drawn:
        return drawn_from(found, drawn)
    x, y, width, height = annotation["bbox"]
    return Box(x, y, width, height)


def drawn_from(found: Found, drawn: Any) -> Geometry:
    """The shape of a ``segmentation``: run lengths of both kinds, or outlines."""
    if isinstance(drawn, dict):
        height, width = drawn["size"]
        counts = drawn["counts"]
        if isinstance(counts, str):
            return Mask(int(height), int(width), counts)
        return rle.from_runs(counts, int(height), int(width))
    good: list[Polygon] = []
    bad: InvalidInput | None = None
    for part in _parts(drawn):
        try:
            good.append(Polygon((points_of(part),)))
        except InvalidInput as error:
            bad = error
    if good:
        if bad is not None:
            found.tally("outline(s) have a part that encloses nothing, which was left out")
        # Checked part by part already: most have one, and there may be a million.
        return good[0] if len(good) == 1 else Polygon(tuple(p for g in good for p in g.parts))
    raise bad or InvalidInput("Its outline has no part.")


def _parts(drawn: Any) -> list[Any]:
    """The parts of a ``segmentation``: also one flat list, or one list of pairs."""
    if all(isinstance(value, int | float) for value in drawn):
        return [drawn]
    if len(drawn) > 2 and all(len(value) == 2 for value in drawn):
        return [[number for pair in drawn for number in pair]]
    return list(drawn)


def _frame(image: Mapping[str, Any]) -> Frame | None:
    return frame_of(image.get("width"), image.get("height"))


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``images/<key>`` and ``annotations/instances_<split>.json``."""
    classes = outgoing.classes_in(manifest, options)
    numbers = {name: i + 1 for i, name in enumerate(classes)}
    documents: dict[str, dict[str, list[dict[str, Any]]]] = {}
    count = 0
    for i, written in enumerate(outgoing.images(manifest, folder, options)):
        row = written.row
        document = documents.setdefault(row.split, {"images": [], "annotations": []})
        own: dict[str, Any] = {"labelled": written.label is not None}
        if row.metadata:
            own["metadata"] = row.metadata
        image: dict[str, Any] = {
            "id": i + 1, "file_name": written.name.removeprefix("images/"),
            "width": row.width, "height": row.height, _OWN: own,
        }  # fmt: skip
        if written.tags:
            image["tags"] = list(written.tags)
        document["images"].append(image)
        if written.tag is not None:
            count += 1
            document["annotations"].append(
                {"id": count, "image_id": i + 1, "category_id": numbers[written.tag]}
            )
        for shape in written.shapes:
            count += 1
            bounds = shape.geometry.bounds
            annotation: dict[str, Any] = {
                "id": count,
                "image_id": i + 1,
                "category_id": numbers[shape.label],
                "bbox": [bounds.x, bounds.y, bounds.width, bounds.height],
                "area": shape.geometry.area,
                "iscrowd": int(shape.crowd),
                "segmentation": drawn_as(shape.geometry),
                _OWN: {"id": shape.id},
            }
            if shape.suggested_by is not None:
                annotation[_OWN]["suggested_by"] = shape.suggested_by
            if shape.attributes:
                annotation["attributes"] = dict(shape.attributes)
            document["annotations"].append(annotation)
    categories = [{"id": n, "name": name, "supercategory": ""} for name, n in numbers.items()]
    for split, document in documents.items():
        outgoing.write_json(
            folder / f"annotations/instances_{split}.json",
            {
                "info": {"description": f"Autofocus version {manifest.digest}"},
                "licenses": [],
                "images": document["images"],
                "annotations": document["annotations"],
                "categories": categories,
            },
        )
    return {"images": len(manifest), "annotations": count}


def drawn_as(geometry: Geometry) -> Any:
    """A shape as ``segmentation``: run lengths, outlines, or an empty list for a box."""
    if isinstance(geometry, Mask):
        return {"size": [geometry.height, geometry.width], "counts": geometry.counts}
    if isinstance(geometry, Polygon):
        return [[number for point in part for number in point] for part in geometry.parts]
    return []


FORMAT = Format(
    "coco",
    "COCO",
    "JSON document(s) with boxes, polygons, both kinds of RLE, crowd, or a class for each image",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True, attributes=True, image_tags=True,
        crowd=True, order=True, ids=True, suggested_by=True, empty=True, unlabelled=True,
        splits=True, metadata=True, keys=True, class_order=True,
    ),
)  # fmt: skip
