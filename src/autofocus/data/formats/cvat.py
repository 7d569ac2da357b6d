"""CVAT's XML 1.1: one document for the images of a task or project, or for the frames of a video.

Images are known by ``name``, never by ``id``. A video has tracks: shapes at key frames, in between
what CVAT shows, which is interpolated; ``outside`` ends a shape until its next key frame. Masks
are runs along the rows inside of a rectangle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import (
    Carries,
    Format,
    Found,
    Frame,
    Item,
    ReadOptions,
    WriteOptions,
)
from autofocus.data.formats.documents import read_xml, text_of, xml_text
from autofocus.data.formats.drawing import Drawing, ellipse, turned_about_centre
from autofocus.data.formats.index_png import mask_of
from autofocus.data.formats.matching import Images, split_of, without_split
from autofocus.data.formats.merging import merge_same_keys
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types import rle
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon, Shape

_SHAPES = ("box", "polygon", "mask", "ellipse")
_NO_AREA = ("polyline", "points", "skeleton", "cuboid")
_FRAME_NAME = re.compile(r"(\d+)$")
_MOST_PIXELS = 2**28
# What we write of ours as attributes of a shape.
_PART, _CROWD, _ID, _MODEL = "autofocus_part", "autofocus_crowd", "autofocus_id", "suggested_by"
_OWN = (_PART, _CROWD, _ID, _MODEL)


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """An XML document whose root is ``annotations`` with a version."""
    file = sketch.root_tags().get("annotations")
    if file is None:
        return None
    try:
        root = read_xml(sketch.path / file)
    except InvalidInput:
        return None
    return f"{file} is a document of CVAT" if _is_cvat(root) else None


def _is_cvat(root: Element) -> bool:
    return root.tag == "annotations" and (
        root.find("version") is not None or root.find("image") is not None
    )


def read(path: Path, options: ReadOptions) -> Found:
    """A document, or those in a folder, with their images below the same folder."""
    top = path if path.is_dir() else path.parent
    found = Found("cvat", [])
    images = Images.below(options.root or top)
    documents = []
    for name in Sketch.of(path).ending(".xml"):
        root = read_xml(top / name)
        if _is_cvat(root):
            documents.append((name, root))
    if not documents:
        raise InvalidInput(
            f"{path} holds no document of CVAT.", hint="Expected XML with the root annotations."
        )
    empty = 0
    for name, root in documents:
        specs = _specs(root)
        for element in root.iterfind("image"):
            empty += _image(element, name, images, specs, found, options)
        if root.find("track") is not None:
            _video(root, name.parent, images, specs, found, options)
    merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} images that CVAT names is there.",
            hint="Export with images, or put them below the same folder, by their names.",
        )
    if empty and options.task != "classification" and options.empty == "negative":
        found.notices.append(
            f"{empty} image(s) have nothing in the document: taken as looked at and empty (with "
            "empty=unlabelled they are taken without a label)"
        )
    return found


def _image(
    element: Element,
    file: PurePosixPath,
    images: Images,
    specs: Mapping[tuple[str, str], str],
    found: Found,
    options: ReadOptions,
) -> bool:
    """Take one image; whether it is empty."""
    name, subset = element.get("name", ""), element.get("subset", "")
    there = _find(name, subset, file, images)
    if there is None:
        found.unmatched_labels.append(f"{subset}/{name}" if subset else name)
        return False
    key, image = there
    drawing = Drawing(found, key)
    shapes = [child for child in element if child.tag != "tag"]
    for child in element.iterfind("mask"):
        child.set("image_width", element.get("width", "0"))
        child.set("image_height", element.get("height", "0"))
    # The order of drawing is z_order, then the order in the file.
    _shapes(drawing, sorted(shapes, key=lambda e: _integer(e.get("z_order"))), specs)
    split = split_of(subset) or without_split(PurePosixPath(key).parts[:-1], options.classes)[0]
    unlabelled = element.get("autofocus_labelled") == "0"
    listed = options.empty == "negative" and not unlabelled
    tags = [tag.get("label", "") for tag in element.iterfind("tag")]
    if element.get("autofocus_labelled") == "1":
        for tag in tags:
            drawing.tag(tag)
        tags = []
    label = _label(drawing, tags, listed=listed)
    found.items.append(Item(key, image, label, split, frame=_frame(element)))
    return len(element) == 0 and "autofocus_labelled" not in element.attrib


def _find(name: str, subset: str, file: PurePosixPath, images: Images) -> tuple[str, Path] | None:
    if subset:
        # A project's images lie in a folder per subset, which their names leave out.
        for folder in (f"images/{subset}", subset):
            found = images.find(f"{folder}/{name}", file.parent)
            if found is not None:
                return found
    return images.find(name, file.parent)


def _label(drawing: Drawing, tags: list[str], *, listed: bool) -> Label | None:
    if len(tags) == 1 and not drawing.shapes and not drawing.refused:
        return Tag(tags[0]) if tags[0] else None
    for tag in tags:
        drawing.tag(tag)
    return drawing.label(listed=listed)


def _shapes(
    drawing: Drawing, elements: list[Element], specs: Mapping[tuple[str, str], str]
) -> None:
    parts: dict[str, list[Element]] = {}
    for i, element in enumerate(elements):
        own = {_name(a): a.text or "" for a in element.iterfind("attribute")}
        parts.setdefault(own.get(_PART) or f"#{i}", []).append(element)
    for together in parts.values():
        element = together[0]
        label = element.get("label", "")
        if element.tag in _NO_AREA or element.tag not in _SHAPES:
            drawing.refuse(f"{element.tag} of {label or 'no class'}: it has no area")
            continue
        if _number(element, "rotation", 0) % 360:
            drawing.found.tally("turned shape(s) are taken as polygons")
        attributes = _attributes(element, label, specs)
        drawing.add(
            label,
            lambda t=together: _geometry(t),  # type: ignore[misc]
            id=attributes.pop(_ID, None),
            suggested_by=attributes.pop(_MODEL, None),
            crowd=bool(attributes.pop(_CROWD, False)),
            attributes={name: v for name, v in attributes.items() if name != _PART},
        )


def _attributes(
    element: Element, label: str, specs: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Attributes by the type that the document declares; those that it does not are text."""
    found: dict[str, Any] = {}
    if element.get("occluded") == "1":
        found["occluded"] = True
    group = element.get("group_id")
    if group not in (None, "", "0"):
        found["group_id"] = _integer(group)
    for attribute in element.iterfind("attribute"):
        name, text = _name(attribute), (attribute.text or "").strip()
        kind = specs.get((label, name), "text")
        value: Any = text
        if name == _CROWD or kind == "checkbox":
            value = text.lower() == "true"
        elif kind == "number":
            try:
                value = int(text) if re.fullmatch(r"-?\d+", text) else float(text)
            except ValueError:
                value = text
        found[name] = value
    return found


def _name(attribute: Element) -> str:
    return attribute.get("name", "")


def _geometry(elements: list[Element]) -> Geometry:
    element = elements[0]
    turn = _number(element, "rotation", 0) % 360
    if element.tag == "box":
        left, top = _number(element, "xtl"), _number(element, "ytl")
        right, bottom = _number(element, "xbr"), _number(element, "ybr")
        if turn:
            return turned_about_centre(left, top, right, bottom, turn)
        return Box.from_corners(
            min(left, right), min(top, bottom), max(left, right), max(top, bottom)
        )
    if element.tag == "ellipse":
        x, y, rx, ry = (_number(element, name) for name in ("cx", "cy", "rx", "ry"))
        return ellipse(x, y, rx, ry, turn)
    if element.tag == "mask":
        return _mask(element)
    return Polygon(tuple(_points(e) for e in elements))


def _points(element: Element) -> Part:
    pairs = [pair.split(",") for pair in element.get("points", "").split(";") if pair]
    return tuple((float(x), float(y)) for x, y in pairs)


def _mask(element: Element) -> Mask:
    left, top = int(_number(element, "left")), int(_number(element, "top"))
    width, height = int(_number(element, "width")), int(_number(element, "height"))
    size = (int(_number(element, "image_height")), int(_number(element, "image_width")))
    if min(width, height) < 1 or max(width * height, size[0] * size[1]) > _MOST_PIXELS:
        raise InvalidInput(f"A mask of {width} x {height} pixels cannot be.")
    runs = np.array([int(run) for run in element.get("rle", "").split(",")])
    if (runs < 0).any() or runs.sum() != width * height:
        raise InvalidInput(
            f"The mask's runs hold {int(runs.sum())} pixels, but {width} x {height} are "
            f"{width * height}."
        )
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    inner = pixels[max(-top, 0) : max(size[0] - top, 0), max(-left, 0) : max(size[1] - left, 0)]
    left, top = max(left, 0), max(top, 0)
    window = (slice(top, top + inner.shape[0]), slice(left, left + inner.shape[1]))
    return mask_of(inner, window, *size)


def _number(element: Element, name: str, default: float | None = None) -> float:
    text = element.get(name)
    if text is None and default is not None:
        return default
    try:
        return float(text or "")
    except ValueError as exc:
        raise InvalidInput(f"{name} is {text!r}, which is no number.") from exc


def _integer(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _frame(element: Element) -> Frame | None:
    width, height = _integer(element.get("width")), _integer(element.get("height"))
    return Frame(width, height) if width > 0 and height > 0 else None


def _specs(root: Element) -> dict[tuple[str, str], str]:
    """The type of each declared attribute: (class, attribute) to checkbox, number, text, ..."""
    return {
        (text_of(label, "name"), text_of(attribute, "name")): text_of(attribute, "input_type")
        for label in root.iter("label")
        for attribute in label.iterfind("attributes/attribute")
    }


# -- video -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Scene:
    """The shapes of one frame as elements, and how many of them are interpolated."""

    elements: list[Element] = field(default_factory=list)


def _video(
    root: Element,
    place: PurePosixPath,
    images: Images,
    specs: Mapping[tuple[str, str], str],
    found: Found,
    options: ReadOptions,
) -> None:
    """Frames are images whose names end in the frame's number; those that are there are taken."""
    frames: dict[int, str] = {}
    for key in images.keys:
        if not PurePosixPath(key).is_relative_to(place):
            continue
        named = _FRAME_NAME.search(PurePosixPath(key).stem)
        if named:
            if int(named[1]) in frames:
                raise InvalidInput(
                    f"Both {frames[int(named[1])]} and {key} could be frame {named[1]}.",
                    hint="Import the frames of one video at a time.",
                )
            frames[int(named[1])] = key
    scenes = {number: _Scene() for number in frames}
    interpolated, missing = 0, set()
    stop = text_of(root.find("meta/task"), "stop_frame")
    last = int(stop) if stop.isdigit() else max([*frames, 0])
    for track in root.iterfind("track"):
        for number, element, between in _track(track, scenes, last):
            if number in scenes:
                scenes[number].elements.append(element)
                interpolated += between
            else:
                missing.add(number)
    size = root.find("meta/task/original_size")
    width, height = _integer(text_of(size, "width")), _integer(text_of(size, "height"))
    for number, scene in sorted(scenes.items()):
        key = frames[number]
        drawing = Drawing(found, key)
        scene.elements.sort(key=lambda e: _integer(e.get("z_order")))
        for element in scene.elements:
            element.set("image_width", str(width))
            element.set("image_height", str(height))
        _shapes(drawing, scene.elements, specs)
        label = drawing.label(listed=options.empty == "negative")
        split, _ = without_split(PurePosixPath(key).parts[:-1], options.classes)
        found.items.append(
            Item(
                key, images.path(key), label, split, {"frame": number},
                Frame(width, height) if width and height else None,
            )
        )  # fmt: skip
    found.unmatched_labels += [f"frame {number}" for number in sorted(missing)]
    if interpolated:
        found.notices.append(f"{interpolated} shape(s) are interpolated between key frames")


def _track(
    track: Element, scenes: Mapping[int, Any], last: int
) -> Iterator[tuple[int, Element, bool]]:
    """(frame, shape, interpolated) of a track, for key frames and the frames that are there."""
    keys = [e for e in track if e.get("frame") is not None and e.tag != "attribute"]
    keys.sort(key=lambda e: _integer(e.get("frame")))
    for i, element in enumerate(keys):
        element.set("label", track.get("label", ""))
        start = _integer(element.get("frame"))
        following = keys[i + 1] if i + 1 < len(keys) else None
        end = last + 1 if following is None else _integer(following.get("frame"))
        if element.get("outside") == "1":
            continue
        yield start, element, False
        for number in sorted(n for n in scenes if start < n < end):
            yield number, _between(element, following, (number - start) / (end - start)), True


def _between(element: Element, following: Element | None, share: float) -> Element:
    """The shape at a share of the way to the next key frame; as it is where none fits."""
    made = Element(element.tag, dict(element.attrib))
    made.extend(element)
    if following is None or following.tag != element.tag or following.get("outside") == "1":
        return made
    if element.tag in ("box", "ellipse"):
        for name in ("xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry", "rotation"):
            if name in element.attrib and name in following.attrib:
                a, b = _number(element, name), _number(following, name)
                made.set(name, repr(a + share * (b - a)))
    elif element.tag in ("polygon", "polyline", "points"):
        try:
            one, other = _points(element), _points(following)
        except ValueError:
            return made
        if len(one) == len(other):
            moved = [
                f"{x + share * (u - x)!r},{y + share * (v - y)!r}"
                for (x, y), (u, v) in zip(one, other, strict=True)
            ]
            made.set("points", ";".join(moved))
    return made


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``images/<key>`` and ``annotations.xml``."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    meta = SubElement(SubElement(root, "meta"), "project")
    SubElement(meta, "name").text = f"Autofocus version {manifest.digest[:12]}"
    labels = SubElement(meta, "labels")
    # Other readers take the subsets from the tasks of the project.
    tasks = SubElement(meta, "tasks")
    for split in sorted(set(manifest.column("split"))):
        task = SubElement(tasks, "task")
        SubElement(task, "name").text = split
        SubElement(task, "subset").text = split
    kinds: dict[tuple[str, str], set[str]] = {}
    shapes = 0
    for number, image in enumerate(outgoing.images(manifest, folder, options)):
        row = image.row
        element = SubElement(
            root, "image", id=str(number), name=xml_text(image.name.removeprefix("images/")),
            subset=row.split, width=str(row.width), height=str(row.height),
        )  # fmt: skip
        if image.tag is None:
            element.set("autofocus_labelled", str(int(image.label is not None)))
        for z, shape in enumerate(image.shapes):
            for made in _elements(shape):
                made.set("z_order", str(z))
                element.append(made)
            for name, value in shape.attributes.items():
                kinds.setdefault((shape.label, name), set()).add(_kind(value))
        shapes += len(image.shapes)
        for tag in [image.tag] if image.tag is not None else image.tags:
            SubElement(element, "tag", label=xml_text(tag), source="manual")
    for name in outgoing.classes_in(manifest, options):
        label = SubElement(labels, "label")
        SubElement(label, "name").text = xml_text(name)
        listed = SubElement(label, "attributes")
        for (of, attribute), found in sorted(kinds.items()):
            if of == name:
                one = SubElement(listed, "attribute")
                SubElement(one, "name").text = xml_text(attribute)
                SubElement(one, "mutable").text = "False"
                SubElement(one, "input_type").text = found.pop() if len(found) == 1 else "text"
    indent(root)
    data = b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="utf-8")
    outgoing.write(folder / "annotations.xml", data)
    return {"images": len(manifest), "shapes": shapes}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "checkbox"
    return "number" if isinstance(value, int | float) else "text"


def _elements(shape: Shape) -> list[Element]:
    g = shape.geometry
    occluded = "1" if shape.attributes.get("occluded") is True else "0"
    common = {"label": xml_text(shape.label), "source": "manual", "occluded": occluded}
    if isinstance(g, Box):
        corners = {"xtl": g.x, "ytl": g.y, "xbr": g.right, "ybr": g.bottom}
        made = [Element("box", {**common, **{k: repr(v) for k, v in corners.items()}})]
    elif isinstance(g, Polygon):
        made = [
            Element("polygon", {**common, "points": ";".join(f"{x!r},{y!r}" for x, y in part)})
            for part in g.parts
        ]
    else:
        b = g.bounds
        left, top, right, bottom = (int(v) for v in (b.x, b.y, b.right, b.bottom))
        flat = rle.to_pixels(g)[top:bottom, left:right].reshape(-1)
        edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [len(flat)]])
        runs = np.diff(edges).tolist()
        window = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        made = [
            Element(
                "mask",
                {**common, "rle": ", ".join(map(str, [0, *runs] if flat[0] else runs)),
                 **{k: str(v) for k, v in window.items()}},
            )
        ]  # fmt: skip
    attributes = {n: v for n, v in shape.attributes.items() if not (n == "occluded" and v is True)}
    own: dict[str, Any] = {_ID: shape.id}
    if len(made) > 1:
        own[_PART] = shape.id
    if shape.crowd:
        own[_CROWD] = True
    if shape.suggested_by is not None:
        own[_MODEL] = shape.suggested_by
    for element in made:
        for name, value in {**attributes, **own}.items():
            SubElement(element, "attribute", name=xml_text(name)).text = xml_text(_word(value))
    return made


def _word(value: Any) -> str:
    if value is None:
        return ""
    return (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if isinstance(value, float)
        else str(value)
    )


FORMAT = Format(
    "cvat",
    "CVAT XML 1.1",
    "boxes, polygons, masks, ellipses, turned shapes (as polygons), tags, attributes; tracks of a "
    "video whose frames are images, interpolated",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True,
        attributes="one type for each class and name, null as empty text; blanks at the ends are "
        "lost",
        image_tags=True, crowd=True, order=True, ids=True, suggested_by=True, empty=True,
        unlabelled=True, splits=True, keys=True, class_order=True,
    ),
)  # fmt: skip
