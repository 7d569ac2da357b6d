"""YOLO: a text file beside each image, a shape a line, coordinates as shares of the image's sides.

``class cx cy w h`` is a box, ``class x y x y ...`` an outline (with four points also an oriented
box); an empty file says that somebody looked and there is nothing, no file that nobody did. The
names of classes are in ``data.yaml``, ``obj.names`` or ``classes.txt``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import (
    RELATIVE,
    Carries,
    Format,
    Found,
    Item,
    ReadOptions,
    WriteOptions,
)
from autofocus.data.formats.documents import read_text, read_yaml
from autofocus.data.formats.drawing import Drawing, points_of
from autofocus.data.formats.matching import (
    SPLIT_NAMES,
    Images,
    place_of,
    safe_path,
    split_in,
    without_split,
)
from autofocus.data.formats.outlines import one_ring
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Skipped, Split
from autofocus.types.geometry import Box, Polygon

_NAMES = ("obj.names", "classes.txt", "labels.txt", "_darknet.labels", "predefined_classes.txt")
_NO_LABELS = frozenset((*_NAMES, "train.txt", "val.txt", "valid.txt", "test.txt"))
# Beyond this a coordinate is no share of the image, even of a shape that reaches outside.
_FAR_OUTSIDE = 1.5
_BOX, _SCORED, _ORIENTED, _DOTA = 5, 6, 9, 10
_ON_LINE = 100  # lines that detection looks at


@dataclass(slots=True)
class _Layout:
    """What the files around the labels say: names by number, splits, key points."""

    names: dict[int, str]
    said_by: str
    key_points: bool = False
    folders: list[tuple[PurePosixPath, Split]] = field(default_factory=list)
    listed: dict[str, Split] = field(default_factory=dict)


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """Names of classes beside text files of numbers, or such files beside images of that name."""
    for file in sketch.ending(".yaml", ".yml"):
        if _yaml_names(sketch.path / file):
            return f"{file} names the classes of YOLO"
    texts = [file for file in sketch.ending(".txt") if file.name.lower() not in _NO_LABELS]
    places = {place_of(image) for image in sketch.images}
    named = bool(sketch.named(*_NAMES))
    for file in texts[:_ON_LINE]:
        empty = named and (sketch.path / file).stat().st_size == 0
        if place_of(file) in places and (empty or _looks_like_labels(sketch.path / file)):
            return f"{file} has lines of YOLO beside an image of that name"
    return None


def _looks_like_labels(path: Path) -> bool:
    try:
        lines = [line.split() for line in read_text(path).splitlines()[:_ON_LINE] if line.strip()]
    except InvalidInput:
        return False
    return bool(lines) and all(_is_line(words) for words in lines)


def _is_line(words: Sequence[str]) -> bool:
    if len(words) == _DOTA and _is_dota(words):
        return True
    if len(words) < _BOX or not words[0].isdigit():
        return False
    numbers = _numbers(words[1:])
    return numbers is not None and all(v >= -1 for v in numbers)


def _yaml_names(path: Path) -> dict[int, str]:
    """The classes of a ``data.yaml``, a list or a mapping from numbers; empty for other YAML."""
    try:
        data = read_yaml(path)
    except InvalidInput:
        return {}
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(names, list):
        return {i: str(name) for i, name in enumerate(names)}
    if isinstance(names, dict) and all(str(key).isdigit() for key in names):
        return {int(key): str(name) for key, name in names.items()}
    return {}


def read(path: Path, options: ReadOptions) -> Found:
    """A folder of images with their text files, in any of the usual places."""
    root = path if path.is_dir() else path.parent
    found = Found("yolo", [])
    images = Images.below(options.root or root)
    sketch = Sketch.of(root)
    layout = _layout(path, sketch, images, options, found)
    texts: dict[tuple[str, ...], list[PurePosixPath]] = {}
    for file in sketch.ending(".txt"):
        if file.name.lower() not in _NO_LABELS:
            texts.setdefault(place_of(file), []).append(file)
    used: set[PurePosixPath] = set()
    unlabelled = 0
    for key in images.keys:
        image = PurePosixPath(key)
        split = _split(image, layout, options)
        text = _text_of(image, texts.get(place_of(image), []))
        if text is None:
            unlabelled += 1
            found.items.append(Item(key, images.path(key), None, split))
            continue
        used.add(text)
        found.items.append(_item(key, images.path(key), split, root / text, layout, found))
    found.skipped += images.listing.skipped
    for files in texts.values():
        found.unmatched_labels += [
            file.as_posix()
            for file in files
            if file not in used and _looks_like_labels(root / file)
        ]
    if not found.items:
        raise InvalidInput(f"There is no image below {root}.", hint="YOLO needs its images.")
    if not used:
        raise InvalidInput(
            f"No image below {root} has a text file with its labels.",
            hint="Expected labels/train/a.txt for images/train/a.jpg, or a.txt beside a.jpg.",
        )
    if unlabelled:
        found.notices.append(f"{unlabelled} image(s) have no text file: taken without a label")
    return found


def _text_of(image: PurePosixPath, files: Sequence[PurePosixPath]) -> PurePosixPath | None:
    """The text file of an image: where Ultralytics looks, then beside it, then the only one."""
    parts = list(image.with_suffix(".txt").parts)
    usual = [image.with_suffix(".txt")]
    for i in range(len(parts) - 2, -1, -1):
        if parts[i].lower() == "images":
            usual.insert(0, PurePosixPath(*parts[:i], "labels", *parts[i + 1 :]))
            break
    for file in usual:
        if file in files:
            return file
    return files[0] if len(files) == 1 else None


def _item(
    key: str, image: Path, split: Split | None, text: Path, layout: _Layout, found: Found
) -> Item:
    drawing = Drawing(found, key)
    lines: list[tuple[int, list[str]]] = []
    try:
        content = read_text(text)
    except InvalidInput as error:
        found.skipped.append(Skipped(key, "label", error.message))
        return Item(key, image, None, split)
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            lines.append((number, line.split()))
    shares = not any(_in_pixels(words, layout) for _, words in lines)
    for number, words in lines:
        _draw(drawing, f"{text.name} line {number}", words, layout, shares=shares)
    if not shares and lines:
        found.tally(
            "text file(s) have coordinates beyond 1, which are no shares of the image: taken as "
            "pixels"
        )
    return Item(key, image, drawing.label(listed=True), split, frame=RELATIVE if shares else None)


def _in_pixels(words: Sequence[str], layout: _Layout) -> bool:
    if _is_dota(words):
        return True
    numbers = _numbers(words[1:]) or ()
    end = 4 if len(words) == _SCORED or layout.key_points else None
    return any(value > _FAR_OUTSIDE for value in numbers[:end])


def _draw(
    drawing: Drawing, where: str, words: Sequence[str], layout: _Layout, *, shares: bool
) -> None:
    tally = drawing.found.tally
    if _is_dota(words):
        drawing.add(words[8], lambda: Polygon((points_of(words[:8]),)))
        tally("oriented box(es) are taken as polygons of four points")
        return
    numbers = _numbers(words[1:])
    name = _class(words[0], layout)
    if numbers is None or name is None:
        what = "is no line of YOLO" if numbers is None else f"class {words[0]!r} has no name"
        drawing.refuse(f"{where}: {what}{'' if numbers is None else f' in {layout.said_by}'}")
        return
    if len(words) < _BOX or not all(math.isfinite(value) for value in numbers):
        drawing.refuse(f"{where}: a box has 5 numbers, an outline 7 or more; here are {len(words)}")
        return
    if len(words) == _BOX or len(words) == _SCORED or layout.key_points:
        if len(words) == _SCORED:
            tally("box(es) come with a sixth number (a confidence), which is not taken")
        elif layout.key_points:
            tally("annotation(s) have key points, which are not taken")
        x, y, width, height = numbers[:4]
        drawing.add(name, lambda: Box(x - width / 2, y - height / 2, width, height))
        return
    if len(words) == _ORIENTED:
        tally("outline(s) of four points (oriented boxes, if the tool writes such) are taken as "
              "polygons")  # fmt: skip
    drawing.add(name, lambda: Polygon((points_of(numbers),)))


def _class(word: str, layout: _Layout) -> str | None:
    try:
        number = float(word)
    except ValueError:
        return word if word in layout.names.values() else None
    return layout.names.get(int(number)) if number == int(number) else None


def _is_dota(words: Sequence[str]) -> bool:
    """Whether a line is DOTA's: eight coordinates in pixels, the class by name, its difficulty."""
    return (
        len(words) == _DOTA
        and _numbers(words[:8]) is not None
        and _numbers(words[8:9]) is None
        and words[9] in ("0", "1", "2")
    )


def _numbers(words: Sequence[str]) -> list[float] | None:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
    return numbers if all(math.isfinite(value) for value in numbers) else None


def _layout(
    path: Path, sketch: Sketch, images: Images, options: ReadOptions, found: Found
) -> _Layout:
    files = [PurePosixPath(path.name)] if path.is_file() else sketch.ending(".yaml", ".yml")
    root = sketch.path
    for file in files:
        names = _yaml_names(root / file)
        if names:
            layout = _Layout(names, file.name)
            _read_yaml(root, file, layout, images)
            return layout
    named = sketch.named(*_NAMES)
    if named:
        lines = [line.strip() for line in read_text(root / named[0]).splitlines()]
        layout = _Layout({i: n for i, n in enumerate(lines) if n}, named[0].name)
        for file in sketch.named("train.txt", "valid.txt", "val.txt", "test.txt"):
            _read_list(root, file, SPLIT_NAMES[file.stem.lower()], layout, images)
        return layout
    found.notices.append(
        "no data.yaml, obj.names or classes.txt says how the classes are called: numbers are "
        f"taken in the project's order, 0 as {options.classes[0] if options.classes else 'none'}"
    )
    return _Layout(dict(enumerate(options.classes)), "the project")


def _read_yaml(root: Path, file: PurePosixPath, layout: _Layout, images: Images) -> None:
    data: dict[str, Any] = read_yaml(root / file)
    layout.key_points = "kpt_shape" in data
    base = safe_path(str(data.get("path") or ".")) or PurePosixPath()
    for name in ("train", "val", "valid", "test"):
        places = data.get(name) or []
        for place in places if isinstance(places, list) else [places]:
            parts = PurePosixPath(str(place).replace("\\", "/")).parts
            given = PurePosixPath(*(part for part in parts if part not in ("..", "/")))
            for folder in (file.parent / base / given, file.parent / given):
                if folder.suffix == ".txt" and (root / folder).is_file():
                    _read_list(root, folder, SPLIT_NAMES[name], layout, images)
                elif (root / folder).is_dir() and folder.parts:
                    layout.folders.append((folder, SPLIT_NAMES[name]))


def _read_list(
    root: Path, file: PurePosixPath, split: Split, layout: _Layout, images: Images
) -> None:
    """A list of images, a path a line; Darknet puts ``data/`` in front of them."""
    try:
        lines = read_text(root / file).splitlines()
    except InvalidInput:
        return
    for line in lines:
        name = line.strip()
        there = images.find(name, file.parent) or images.find(name.removeprefix("data/"))
        if name and there is not None:
            layout.listed[there[0]] = split


def _split(image: PurePosixPath, layout: _Layout, options: ReadOptions) -> Split | None:
    if image.as_posix() in layout.listed:
        return layout.listed[image.as_posix()]
    for folder, split in layout.folders:
        if image.is_relative_to(folder):
            return split
    by_folder, _ = without_split(image.parts[:-1], options.classes)
    if by_folder is None:
        darknet = next((p for p in image.parts[:-1] if p.startswith("obj_")), "")
        return split_in(darknet.removesuffix("_data"))
    return by_folder


# -- writing -----------------------------------------------------------------------------------


def write_boxes(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``images/<split>/<key>``, ``labels/<split>/<key>.txt`` with boxes, and ``data.yaml``."""
    return _write(manifest, folder, options, outlines=False)


def write_outlines(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """As :func:`write_boxes`, with an outline for every shape."""
    return _write(manifest, folder, options, outlines=True)


def _write(
    manifest: Manifest, folder: Path, options: WriteOptions, *, outlines: bool
) -> dict[str, Any]:
    classes = outgoing.classes_in(manifest, options)
    numbers = {name: i for i, name in enumerate(classes)}
    splits: set[str] = set()
    shapes = 0
    for image in outgoing.images(manifest, folder, options, "images/{split}/{key}", apart=True):
        row = image.row
        splits.add(row.split)
        if image.label is None:
            continue
        lines = []
        for shape in image.shapes:
            if outlines:
                ring = one_ring(shape.geometry, row.height, row.width)
                values = [v for x, y in ring for v in (x / row.width, y / row.height)]
            else:
                b = shape.geometry.bounds
                values = [
                    (b.x + b.width / 2) / row.width, (b.y + b.height / 2) / row.height,
                    b.width / row.width, b.height / row.height,
                ]  # fmt: skip
            lines.append(" ".join([str(numbers[shape.label]), *(f"{v:.12g}" for v in values)]))
        shapes += len(lines)
        text = PurePosixPath("labels", *PurePosixPath(image.name).parts[1:]).with_suffix(".txt")
        outgoing.write(folder / text, "".join(f"{line}\n" for line in lines).encode())
    usual: dict[str, Any] = {
        name: f"images/{name}" for name in ("train", "val", "test") if name in splits
    }
    described = {**usual, "names": dict(enumerate(classes))}
    outgoing.write(
        folder / "data.yaml",
        yaml.safe_dump(described, sort_keys=False, allow_unicode=True).encode(),
    )
    return {"images": len(manifest), "shapes": shapes}


_SHARED: dict[str, Any] = {
    "crowd": "an ordinary object",
    "order": True,
    "empty": True,
    "unlabelled": True,
    "splits": "folders; only train, val and test are named in data.yaml",
    "class_order": True,
}
FORMAT = Format(
    "yolo",
    "YOLO",
    "boxes, outlines, oriented boxes (as polygons), DOTA's lines; boxes of key points",
    read,
    detect,
    write_boxes,
    Carries(box=True, polygon="the box around it", mask="the box around it", **_SHARED),
)
OUTLINES = Format(
    "yolo-segment",
    "YOLO segmentation",
    "as yolo",
    read,
    None,
    write_outlines,
    Carries(
        box="a polygon of four points", polygon=True,
        parts="one outline, joined by lines of no width",
        mask="its outline, holes joined to it by lines of no width", **_SHARED,
    ),
)  # fmt: skip
