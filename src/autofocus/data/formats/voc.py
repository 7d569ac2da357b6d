"""Pascal VOC: an XML file for each image, and masks as PNG with a palette.

The original counts pixels from 1 and includes both ends: pixel 1 to 1 is ``Box(0, 0, 1, 1)``. Most
tools that write it today count edges from 0. What a file means is seen from its numbers and its
writer, told in the report, and can be forced (``count_from``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from autofocus.data.formats.documents import read_text, read_xml, text_of, xml_text
from autofocus.data.formats.drawing import Drawing, Flat, turned_about_centre
from autofocus.data.formats.index_png import VOID, each, png, read_index
from autofocus.data.formats.matching import SPLIT_NAMES, Images, place_of, without_split
from autofocus.data.formats.sketch import Sketch
from autofocus.data.tabular import scalar
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types import rle
from autofocus.types.data import Skipped, Split
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
_MASKS = ("SegmentationClass", "SegmentationObject")
_FLAGS = ("truncated", "difficult", "occluded")
_BACKGROUND = "background"


@dataclass(slots=True)
class _File:
    path: PurePosixPath
    root: Element

    @property
    def objects(self) -> list[Element]:
        return self.root.findall("object")


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """XML files whose root is ``annotation`` with ``size`` or boxes in them."""
    file = sketch.root_tags().get("annotation")
    if file is None:
        return None
    try:
        root = read_xml(sketch.path / file)
    except InvalidInput:
        return None
    return f"{file} is a Pascal VOC file" if _is_voc(root) else None


def _is_voc(root: Element) -> bool:
    if root.tag != "annotation" or root.find("imagesize") is not None:
        return False  # the latter is LabelMe of MIT, which has the same root
    return (
        root.find("size") is not None
        or root.find("object/bndbox") is not None
        or (root.find("filename") is not None and root.find("object/polygon") is None)
    )


def read(path: Path, options: ReadOptions) -> Found:
    """A folder of images and their XML files, in one folder or in two."""
    top = path if path.is_dir() else path.parent
    found = Found("voc", [])
    images = Images.below(options.root or top, apart=[name.lower() for name in _MASKS])
    files = _files(path, found)
    from_zero = _counted_from_zero(files, options, found)
    splits = _image_sets(top)
    masks = _MaskFiles.below(images, top) if options.task == "segmentation" else None
    used: set[str] = set()
    for file in files:
        there = _image_of(file, images)
        if there is None:
            named = text_of(file.root, "filename")
            found.unmatched_labels.append(f"{file.path} ({named})" if named else str(file.path))
            continue
        key, image = there
        used.add(key)
        drawing = Drawing(found, key)
        mask = None if masks is None else masks.objects_of(file.path, found, key)
        for number, element in enumerate(file.objects, 1):
            _draw(drawing, element, from_zero=from_zero, mask=_numbered(mask, number))
        frame = _frame(file.root)
        if mask is not None and frame is None:
            frame = Frame(mask.shape[1], mask.shape[0])
        found.items.append(
            Item(key, image, drawing.label(listed=True), _split(file.path, key, splits, options),
                 frame=frame)
        )  # fmt: skip
    _others(found, images, used, splits, options, masks)
    if not found.items:
        raise InvalidInput(
            f"None of the images of {len(files)} Pascal VOC file(s) is there.",
            hint=f"Looked in {images.root} and below; root says where the images are.",
        )
    return found


def _files(path: Path, found: Found) -> list[_File]:
    names = [PurePosixPath(path.name)] if path.is_file() else Sketch.of(path).ending(".xml")
    top = path.parent if path.is_file() else path
    files = []
    for name in names:
        try:
            root = read_xml(top / name)
        except InvalidInput as error:
            found.skipped.append(Skipped(name.as_posix(), "label", error.message))
            continue
        if _is_voc(root):
            files.append(_File(name, root))
        else:
            found.notices.append(f"{name} is no Pascal VOC file and was passed over")
    if not files and not (top / _MASKS[0]).is_dir():
        raise InvalidInput(
            f"{path} holds no Pascal VOC file that can be read.",
            hint="Expected XML files whose root element is annotation.",
        )
    return files


def _counted_from_zero(files: Sequence[_File], options: ReadOptions, found: Found) -> bool:
    """Whether coordinates count edges from 0, not pixels from 1; the report says which and why."""
    starts = {
        text_of(box, name)
        for file in files
        for box in file.root.iter("bndbox")
        for name in ("xmin", "ymin")
    }
    writers = {text_of(file.root.find("source"), "database") for file in files}
    if options.count_from != "auto":
        zero, why = options.count_from == "0", "as asked"
    elif any(_number(text) == 0 for text in starts):
        zero, why = True, "there is a 0 among them"
    elif "Unknown" in writers:
        zero, why = True, "they are written by LabelImg, which does so"
    else:
        zero, why = False, "as in the original; there is no 0 among them"
    how = "from 0, as edges between pixels" if zero else "from 1, as pixels with both ends"
    if starts:
        found.notices.append(f"coordinates are counted {how} ({why}; count_from changes it)")
    return zero


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _image_of(file: _File, images: Images) -> tuple[str, Path] | None:
    named = text_of(file.root, "filename")
    near = file.path.parent
    found = images.find(named, near) if named else None
    return (
        found
        or images.beside(file.path)
        or (images.find(text_of(file.root, "path"), near) if text_of(file.root, "path") else None)
    )


def _draw(drawing: Drawing, element: Element, *, from_zero: bool, mask: Mask | None) -> None:
    name = text_of(element, "name")
    for part in ("part", "actions"):
        if element.find(part) is not None:
            drawing.found.tally(f"object(s) have {part}, which are not taken")
    drawing.add(
        name,
        mask if mask is not None else lambda: _geometry(drawing, element, from_zero=from_zero),
        attributes=_attributes(element),
    )


def _attributes(element: Element) -> Flat:
    found: Flat = {name: True for name in _FLAGS if text_of(element, name) == "1"}
    pose = text_of(element, "pose")
    if pose and pose.lower() != "unspecified":
        found["pose"] = pose
    for attribute in element.iterfind("attributes/attribute"):
        found[text_of(attribute, "name")] = scalar(text_of(attribute, "value"))
    return found


def _geometry(drawing: Drawing, element: Element, *, from_zero: bool) -> Geometry:
    polygon = element.find("polygon")
    if polygon is not None and polygon.find("x1") is not None:
        points: list[tuple[float, float]] = []
        while polygon.find(f"x{len(points) + 1}") is not None:
            number = len(points) + 1
            points.append((_value(polygon, f"x{number}"), _value(polygon, f"y{number}")))
        part: Part = tuple(points)
        return Polygon((part,))
    turned = element.find("robndbox")
    if turned is not None:
        cx, cy, w, h, angle = (_value(turned, name) for name in ("cx", "cy", "w", "h", "angle"))
        drawing.found.tally("oriented box(es) are taken as polygons of four points")
        return turned_about_centre(
            cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, np.degrees(angle)
        )
    box = element.find("bndbox")
    if box is None:
        raise InvalidInput("It has no bndbox.")
    left, right = _value(box, "xmin"), _value(box, "xmax")
    top, bottom = _value(box, "ymin"), _value(box, "ymax")
    if left > right or top > bottom:
        drawing.found.tally("box(es) have their ends the wrong way round: put right")
        left, right, top, bottom = *sorted((left, right)), *sorted((top, bottom))
    first = 0 if from_zero else 1
    return Box.from_corners(left - first, top - first, right, bottom)


def _value(element: Element, name: str) -> float:
    number = _number(text_of(element, name))
    if number is None:
        raise InvalidInput(f"{name} is {text_of(element, name)!r}, which is no number.")
    return number


def _frame(root: Element) -> Frame | None:
    size = root.find("size")
    width, height = _number(text_of(size, "width")), _number(text_of(size, "height"))
    return Frame(width, height) if width and height and min(width, height) > 0 else None


def _image_sets(top: Path) -> dict[str, Split]:
    """Splits by image as the lists below ``ImageSets`` give them."""
    splits: dict[str, Split] = {}
    for folder in ("Segmentation", "Main"):
        for path in sorted(top.glob(f"**/ImageSets/{folder}/*.txt")):
            split = SPLIT_NAMES.get(path.stem.lower())
            if split is None:
                continue
            for line in read_text(path).splitlines():
                if line.strip():
                    # A name may have blanks in it; a number may stand behind it.
                    words = line.strip().rsplit(None, 1)
                    flagged = len(words) == 2 and words[1] in ("-1", "0", "1")
                    splits[words[0] if flagged else line.strip()] = split
    return splits


def _split(
    file: PurePosixPath, key: str, splits: dict[str, Split], options: ReadOptions
) -> Split | None:
    place = "/".join(place_of(PurePosixPath(key)))
    if place in splits or file.stem in splits:
        return splits.get(place, splits.get(file.stem))
    return without_split(PurePosixPath(key).parts[:-1], options.classes)[0]


def _others(
    found: Found,
    images: Images,
    used: set[str],
    splits: dict[str, Split],
    options: ReadOptions,
    masks: _MaskFiles | None,
) -> None:
    """Images without an XML file: with masks only, or without a label."""
    unlabelled = 0
    for key in images.keys:
        path = PurePosixPath(key)
        if key in used:
            continue
        label, frame = None, None
        if masks is not None:
            label, frame = masks.label_of(path, found, key, options)
        unlabelled += label is None
        found.items.append(
            Item(key, images.path(key), label, _split(path, key, splits, options), frame=frame)
        )
    found.skipped += images.listing.skipped
    if unlabelled:
        found.notices.append(f"{unlabelled} image(s) have no XML file: taken without a label")


# -- masks -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _MaskFiles:
    """The PNG files of classes and objects by the place of their image."""

    classes: dict[tuple[str, ...], Path]
    objects: dict[tuple[str, ...], Path]
    names: dict[int, str]

    @classmethod
    def below(cls, images: Images, top: Path) -> _MaskFiles:
        by: tuple[dict[tuple[str, ...], Path], dict[tuple[str, ...], Path]] = ({}, {})
        for key in images.masks:
            path = PurePosixPath(key)
            for folder, files in zip(_MASKS, by, strict=True):
                if folder in path.parts:
                    files[place_of(path)] = images.path(key)
        return cls(*by, _label_map(top) or dict(enumerate((_BACKGROUND, *VOC_CLASSES))))

    def objects_of(self, file: PurePosixPath, found: Found, key: str) -> Any:
        """Numbers of objects (h, w), in the order of the XML file; None without such a file."""
        path = self.objects.get(place_of(file))
        if path is None:
            return None
        try:
            return read_index(path).numbers
        except InvalidInput as error:
            found.skipped.append(Skipped(key, "label", error.message))
            return None

    def label_of(
        self, image: PurePosixPath, found: Found, key: str, options: ReadOptions
    ) -> tuple[Any, Frame | None]:
        """The label that masks alone give."""
        classes, objects = (files.get(place_of(image)) for files in (self.classes, self.objects))
        if classes is None:
            return None, None
        drawing = Drawing(found, key)
        try:
            kinds = read_index(classes).numbers
            things = kinds if objects is None else read_index(objects).numbers
        except InvalidInput as error:
            found.skipped.append(Skipped(key, "label", error.message))
            return None, None
        if kinds is None or things is None or kinds.shape != things.shape:
            found.skipped.append(Skipped(key, "label", "its masks are no pictures of one size"))
            return None, None
        for number, window in each(things):
            if number in (0, VOID):
                continue
            pixels = np.zeros(things.shape, bool)
            pixels[window] = things[window] == number
            values, counts = np.unique(kinds[pixels], return_counts=True)
            kind = int(values[counts.argmax()])
            name = self.names.get(kind)
            if name is None or (name == _BACKGROUND and _BACKGROUND not in options.classes):
                drawing.refuse(f"object {number}: number {kind} is no class")
            else:
                drawing.add(name, lambda p=pixels: rle.from_pixels(p))  # type: ignore[misc]
        return drawing.label(listed=True), Frame(things.shape[1], things.shape[0])


def _numbered(numbers: Any, number: int) -> Mask | None:
    if numbers is None or not (numbers == number).any():
        return None
    return rle.from_pixels(numbers == number)


def _label_map(top: Path) -> dict[int, str]:
    """Classes by number from ``labelmap.txt``: the order of its lines."""
    for path in sorted(top.glob("**/labelmap.txt"))[:1]:
        lines = [line for line in read_text(path).splitlines() if line and not line.startswith("#")]
        return {i: line.rsplit(":", 3)[0] for i, line in enumerate(lines)}
    return {}


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``JPEGImages/<key>``, ``Annotations/<key>.xml``, lists of splits, and masks if need be."""
    classes = outgoing.classes_in(manifest, options)
    outgoing.check_one_line(classes, "labelmap.txt")
    numbers = {name: i + 1 for i, name in enumerate(classes)}
    lists: dict[str, list[str]] = {}
    shapes = hidden = 0
    for image in outgoing.images(manifest, folder, options, "JPEGImages/{key}", apart=True):
        row = image.row
        name = PurePosixPath(*PurePosixPath(image.name).parts[1:])
        stem = name.with_suffix("").as_posix()
        lists.setdefault(row.split, []).append(stem)
        if image.label is None:
            continue
        drawn = any(not isinstance(shape.geometry, Box) for shape in image.shapes)
        root = _annotation(row.width, row.height, name, segmented=drawn)
        for shape in image.shapes:
            _object(root, shape.label, shape.geometry.bounds, shape.attributes)
        indent(root)
        outgoing.write(folder / f"Annotations/{stem}.xml", tostring(root, encoding="utf-8"))
        shapes += len(image.shapes)
        if drawn:
            hidden += _write_masks(folder, stem, image, numbers)
    for split, stems in lists.items():
        text = "".join(f"{stem}\n" for stem in stems)
        outgoing.write(folder / f"ImageSets/Main/{split}.txt", text.encode())
    colours = outgoing.colour_map(len(classes) + 1)
    lines = [
        f"{name}:{','.join(map(str, colour))}::\n"
        for name, colour in zip([_BACKGROUND, *classes], colours, strict=True)
    ]
    outgoing.write(
        folder / "labelmap.txt", "".join(["# label:color_rgb:parts:actions\n", *lines]).encode()
    )
    report: dict[str, Any] = {"images": len(manifest), "shapes": shapes}
    if hidden:
        report["hidden shapes"] = hidden
    return report


def _annotation(width: int, height: int, name: PurePosixPath, *, segmented: bool) -> Element:
    root = Element("annotation")
    SubElement(root, "folder").text = "JPEGImages"
    SubElement(root, "filename").text = xml_text(name.as_posix())
    SubElement(SubElement(root, "source"), "database").text = "Autofocus"
    size = SubElement(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        SubElement(size, tag).text = str(value)
    SubElement(root, "segmented").text = str(int(segmented))
    return root


def _object(root: Element, name: str, b: Box, attributes: Any) -> None:
    element = SubElement(root, "object")
    SubElement(element, "name").text = xml_text(name)
    pose = attributes.get("pose")
    SubElement(element, "pose").text = (
        xml_text(pose) if isinstance(pose, str) and pose else "Unspecified"
    )
    for flag in _FLAGS:
        SubElement(element, flag).text = str(int(attributes.get(flag) is True))
    box = SubElement(element, "bndbox")
    left, top = max(round(b.x), 0), max(round(b.y), 0)
    for tag, value in (
        ("xmin", left + 1), ("ymin", top + 1),
        ("xmax", max(round(b.right), left + 1)), ("ymax", max(round(b.bottom), top + 1)),
    ):  # fmt: skip
        SubElement(box, tag).text = str(value)
    others = {
        k: v
        for k, v in attributes.items()
        if not (k in _FLAGS and isinstance(v, bool)) and not (k == "pose" and isinstance(v, str))
    }
    if others:
        listed = SubElement(element, "attributes")
        for key, value in others.items():
            one = SubElement(listed, "attribute")
            SubElement(one, "name").text = xml_text(key)
            SubElement(one, "value").text = xml_text(_word(value))


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _write_masks(folder: Path, stem: str, image: outgoing.Written, numbers: dict[str, int]) -> int:
    """Masks of classes and objects; returns how many objects others hide completely."""
    size = (image.row.height, image.row.width)
    kinds, things = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    if max(len(image.shapes), len(numbers)) >= VOID:
        raise InvalidInput(
            f"{image.row.key} has {len(image.shapes)} shapes of {len(numbers)} classes; masks of "
            f"Pascal VOC number both below {VOID}.",
            hint="Export as coco or masks instead.",
        )
    drawn = 0
    for number, shape in enumerate(image.shapes, 1):
        if isinstance(shape.geometry, Box):
            continue
        drawn += 1
        pixels = outgoing.pixels_of(shape.geometry, *size)
        if pixels is not None:
            kinds[pixels], things[pixels] = numbers[shape.label], number
    for name, picture in zip(_MASKS, (kinds, things), strict=True):
        data = png(picture, outgoing.colour_map(256))
        outgoing.write(folder / f"{name}/{stem}.png", data)
    return drawn - len(np.unique(things[things > 0]))


FORMAT = Format(
    "voc",
    "Pascal VOC",
    "boxes (counted from 0 or 1), polygons and oriented boxes of its dialects, masks of classes "
    "and objects",
    read,
    detect,
    write,
    Carries(
        box="rounded to whole pixels",
        polygon="the pixels in it, where nothing later covers them, and the box around it",
        mask="its pixels, where nothing later covers them, and the box around it",
        attributes="text, read back as the number or word it looks like",
        crowd="an ordinary object",
        order=True, empty=True, unlabelled=True, splits=True, class_order=True,
    ),
)  # fmt: skip
