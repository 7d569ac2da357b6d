"""PNG masks: a picture of numbers (or colours) for each image, of classes, of objects, or both.

``masks/a.png`` holds the class of each pixel, ``instances/a.png`` (16-bit grey) the number of its
object; ``labelmap.txt`` or ``classes.txt`` says which number or colour is which class. 0 is the
background and 255 void, unless the files say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

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
from autofocus.data.formats.documents import read_json, read_text
from autofocus.data.formats.drawing import Drawing
from autofocus.data.formats.index_png import VOID, IndexPicture, each, mask_of, png, read_index
from autofocus.data.formats.matching import Images, place_of, without_split
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Skipped

_FOLDERS = frozenset(
    ("masks", "mask", "instances", "instance", "semantic", "semantic_masks", "instance_masks",
     "segmentation", "segmentationclass", "segmentationobject", "labels", "annotations", "gtfine")
)  # fmt: skip
_ENDINGS = ("_mask", "-mask", "_masks", "_label", "_labels", "_instance", "_instances", "_semantic")
_BACKGROUNDS = frozenset(("background", "_background_", "__background__"))
_IGNORED = frozenset(("__ignore__", "void", "ignore", "unlabeled"))
_NAMES = ("labelmap.txt", "classes.txt", "labels.txt", "class_names.txt", "dataset_meta.json")
_WIDE_VOID = 65535
_PER_CLASS = 1000  # numbers of objects that hold their class, as in Cityscapes

Numbers = npt.NDArray[np.int64]
Colour = tuple[int, int, int]


@dataclass(slots=True)
class _Names:
    """The class of each number and of each colour; None is background."""

    numbers: dict[int, str | None]
    colours: dict[Colour, str | None] = field(default_factory=dict)
    said_by: str = "the project"


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """Images in a folder for masks, each beside an image of that name in another folder."""
    pictures = {place_of(image) for image in sketch.images if not _in_mask_folder(image)}
    for image in sketch.images:
        if _in_mask_folder(image) and _place_of_mask(image) in pictures:
            return f"{image} lies in a folder of masks and is called like an image"
    return None


def _in_mask_folder(path: PurePosixPath) -> bool:
    return any(folder.lower() in _FOLDERS for folder in path.parts[:-1])


def _place_of_mask(path: PurePosixPath) -> tuple[str, ...]:
    folders = [part for part in path.parts[:-1] if part.lower() not in _FOLDERS]
    stem = path.stem
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    return place_of(PurePosixPath(*folders, f"{stem}.png"))


def read(path: Path, options: ReadOptions) -> Found:
    """A folder of images and the masks beside them."""
    if not path.is_dir():
        raise InvalidInput(f"{path} is not a folder.", hint="Name the folder of images and masks.")
    found = Found("masks", [])
    images = Images.below(path, apart=_FOLDERS)
    names = _names(path, options, found)
    kinds: dict[tuple[str, ...], str] = {}
    things: dict[tuple[str, ...], str] = {}
    for mask in map(PurePosixPath, images.masks):
        of_things = any("instance" in p.lower() or "object" in p.lower() for p in mask.parts)
        (things if of_things else kinds)[_place_of_mask(mask)] = str(mask)
    binary = _binary(path, kinds, options, found)
    used: set[str] = set()
    unlabelled = 0
    for key in images.keys:
        image = PurePosixPath(key)
        split, _ = without_split(image.parts[:-1], options.classes)
        pair = [files.get(place_of(image)) for files in (kinds, things)]
        if pair == [None, None]:
            unlabelled += 1
            found.items.append(Item(key, images.path(key), None, split))
            continue
        used.update(file for file in pair if file)
        try:
            kind, thing = (None if file is None else read_index(path / file) for file in pair)
            label, frame = _label(Drawing(found, key), kind, thing, names, options, binary)
        except InvalidInput as error:
            found.skipped.append(Skipped(key, "label", error.message))
            label, frame = None, None
        found.items.append(Item(key, images.path(key), label, split, frame=frame))
    found.skipped += images.listing.skipped
    found.unmatched_labels += sorted(set(images.masks) - used)
    if not used:
        raise InvalidInput(
            f"No image below {path} has a mask.",
            hint="Expected masks/a.png or instances/a.png beside images/a.jpg.",
        )
    if unlabelled:
        found.notices.append(f"{unlabelled} image(s) have no mask: taken without a label")
    return found


def _label(
    drawing: Drawing,
    kind: IndexPicture | None,
    thing: IndexPicture | None,
    names: _Names,
    options: ReadOptions,
    binary: bool,
) -> tuple[Any, Frame]:
    if thing is None and kind is not None and kind.wide:
        kind, thing = None, kind
    pictures = [picture for picture in (kind, thing) if picture is not None]
    if len({picture.size for picture in pictures}) > 1:
        raise InvalidInput("Its masks of classes and of objects have different sizes.")
    width, height = pictures[0].size
    classes = None if kind is None else _classes(drawing, kind, names, options, binary)
    if thing is None:
        assert classes is not None
        for kind_name, pixels in classes.items():
            drawing.add(kind_name, lambda p=pixels: _whole(p))  # type: ignore[misc]
        return drawing.label(listed=True), Frame(width, height)
    if thing.numbers is None:
        raise InvalidInput("Its mask of objects is in colours; numbers were expected.")
    taken = np.zeros((height, width), bool)
    for number, window in each(thing.numbers):
        if number == 0 or number == _void(thing):
            continue
        pixels = thing.numbers[window] == number
        name = _class_of(number, pixels, window, classes, names, options)
        if name is None:
            drawing.refuse(
                f"object {number}: nothing says of which class it is (a mask of classes beside "
                "it, or a project with one class)"
            )
            continue
        taken[window] |= pixels
        drawing.add(
            name,
            lambda p=pixels, w=window: mask_of(p, w, height, width),  # type: ignore[misc]
            id=number,
        )
    for stuff, held in (classes or {}).items():
        left = held & ~taken
        if left.any():
            drawing.add(stuff, lambda p=left: _whole(p), id=f"class-{stuff}")  # type: ignore[misc]
    return drawing.label(listed=True), Frame(width, height)


def _whole(pixels: npt.NDArray[np.bool_]) -> Any:
    height, width = pixels.shape
    return mask_of(pixels, (slice(0, height), slice(0, width)), height, width)


def _void(picture: IndexPicture) -> int:
    """The number that means nothing; in 8 bits 255, unless objects are counted up to it."""
    assert picture.numbers is not None
    if picture.wide:
        return _WIDE_VOID
    return -1 if (picture.numbers == VOID - 1).any() else VOID


def _class_of(
    number: int,
    pixels: npt.NDArray[np.bool_],
    window: tuple[slice, slice],
    classes: Mapping[str, npt.NDArray[np.bool_]] | None,
    names: _Names,
    options: ReadOptions,
) -> str | None:
    if classes:
        shares = {name: int((held[window] & pixels).sum()) for name, held in classes.items()}
        best = max(shares, key=lambda name: shares[name])
        return best if shares[best] else None
    if number >= _PER_CLASS and names.numbers.get(number // _PER_CLASS):
        return names.numbers[number // _PER_CLASS]
    return options.classes[0] if len(options.classes) == 1 else None


def _classes(
    drawing: Drawing, picture: IndexPicture, names: _Names, options: ReadOptions, binary: bool
) -> dict[str, npt.NDArray[np.bool_]]:
    """The pixels of each class; numbers and colours that are none are reported."""
    if picture.numbers is None:
        return _by_colour(drawing, picture, names)
    values, counts = np.unique(picture.numbers, return_counts=True)
    by_colour = _palette(picture, values, names)
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        if binary:
            name = options.classes[0] if value else None
        elif value in by_colour:
            name = by_colour[value]
        elif value in names.numbers:
            name = names.numbers[value]
        elif value == VOID:
            continue
        else:
            drawing.refuse(f"number {value} ({count} pixels) is no class of {names.said_by}")
            continue
        if name is not None:
            held = picture.numbers == value
            found[name] = found[name] | held if name in found else held
    return found


def _palette(
    picture: IndexPicture, values: npt.NDArray[np.int64], names: _Names
) -> dict[int, str | None]:
    """Classes by the colours of a palette, if they are all in the list of colours."""
    palette = picture.palette
    there = [v for v in values.tolist() if v != VOID]
    known = all(v < len(palette) and palette[v] in names.colours for v in there)
    return {v: names.colours[palette[v]] for v in there} if names.colours and known else {}


def _by_colour(
    drawing: Drawing, picture: IndexPicture, names: _Names
) -> dict[str, npt.NDArray[np.bool_]]:
    if not names.colours:
        raise InvalidInput(
            "Its mask is in colours, and no labelmap.txt says which is which class.",
            hint="Put a labelmap.txt with lines name:r,g,b:: beside the folders.",
        )
    assert picture.colours is not None
    one = picture.colours.astype(np.int64) @ np.array([65536, 256, 1])
    codes = {(r << 16) + (g << 8) + b: name for (r, g, b), name in names.colours.items()}
    found: dict[str, npt.NDArray[np.bool_]] = {}
    unknown = 0
    for code, count in zip(*np.unique(one, return_counts=True), strict=True):
        if int(code) not in codes:
            unknown += int(count)
            continue
        name = codes[int(code)]
        if name is not None:
            held = one == code
            found[name] = found[name] | held if name in found else held
    if unknown:
        drawing.found.tally("pixel(s) have a colour that is no class (smoothed edges?)", unknown)
    return {name: found[name] for name in filter(None, names.colours.values()) if name in found}


def _binary(root: Path, kinds: Mapping[Any, str], options: ReadOptions, found: Found) -> bool:
    """Whether masks hold only 0 and 255 and there is one class: then 255 is the class, not void."""
    if len(options.classes) != 1 or not kinds:
        return False
    for key in kinds.values():
        try:
            numbers = read_index(root / key).numbers
        except InvalidInput:
            continue
        if numbers is None or not np.isin(numbers, (0, VOID)).all():
            return False
    found.notices.append(f"masks hold 0 and 255 only: 255 is taken as {options.classes[0]}")
    return True


def _names(root: Path, options: ReadOptions, found: Found) -> _Names:
    sketch = Sketch.of(root)
    for file in sketch.named(*_NAMES):
        if file.name.lower() == "labelmap.txt":
            return _label_map(root / file)
        if file.name.lower() == "dataset_meta.json":
            names = _meta(root / file)
            if names is not None:
                return names
            continue
        lines = [line.strip() for line in read_text(root / file).splitlines() if line.strip()]
        if lines:
            return _listed(lines, file.name, options, found)
    return _listed(list(options.classes), "the project", options, found)


def _listed(lines: Sequence[str], said_by: str, options: ReadOptions, found: Found) -> _Names:
    kept = [line for line in lines if line.lower() not in _IGNORED]
    has_background = bool(kept) and kept[0].lower() in _BACKGROUNDS
    first = 0 if has_background or options.count_from == "0" else 1
    numbers: dict[int, str | None] = {0: None}
    for i, name in enumerate(kept):
        background = name.lower() in _BACKGROUNDS and name not in options.classes
        numbers[i + first] = None if background else name
    if kept and not has_background:
        found.notices.append(
            f"numbers in masks are classes in the order of {said_by}, "
            f"{'0 is background, 1' if first else '0'} is {kept[0]} (count_from changes it)"
        )
    return _Names(numbers, said_by=said_by)


def _label_map(path: Path) -> _Names:
    """Lines ``name:r,g,b:parts:actions``: their order gives the numbers."""
    names = _Names({}, said_by=path.name)
    lines = [line for line in read_text(path).splitlines() if line and not line.startswith("#")]
    for i, line in enumerate(lines):
        name, colour, *_ = [*line.rsplit(":", 3), ""]
        known = None if name.lower() in _BACKGROUNDS else name
        names.numbers[i] = known
        try:
            r, g, b = (int(value) for value in colour.split(","))
        except ValueError:
            continue
        names.colours[r, g, b] = known
    return names


def _meta(path: Path) -> _Names | None:
    """``{"label_map": {"1": "car"}}``, as Datumaro writes it."""
    data = read_json(path)
    listed = data.get("label_map") if isinstance(data, dict) else None
    if not isinstance(listed, dict) or not all(str(key).isdigit() for key in listed):
        return None
    return _Names(
        {
            int(key): None if str(name).lower() in _BACKGROUNDS else str(name)
            for key, name in listed.items()
        },
        said_by=path.name,
    )


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``<split>/images``, ``<split>/masks`` (classes, with palette), ``<split>/instances``."""
    classes = outgoing.classes_in(manifest, options)
    outgoing.check_one_line(classes, "labelmap.txt")
    if len(classes) >= VOID - 1:
        raise InvalidInput(
            f"Masks number classes below {VOID}; here are {len(classes)}.",
            hint="Export as coco instead.",
        )
    numbers = {name: i + 1 for i, name in enumerate(classes)}
    colours = outgoing.colour_map(256)
    shapes = hidden = 0
    for image in outgoing.images(manifest, folder, options, "{split}/images/{key}", apart=True):
        if image.label is None:
            continue
        size = (image.row.height, image.row.width)
        kinds, things = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
        if len(image.shapes) >= _WIDE_VOID:
            raise InvalidInput(f"{image.row.key} has more than {_WIDE_VOID - 1} shapes.")
        for number, shape in enumerate(image.shapes, 1):
            pixels = outgoing.pixels_of(shape.geometry, *size)
            if pixels is not None:
                kinds[pixels], things[pixels] = numbers[shape.label], number
        shapes += len(image.shapes)
        hidden += len(image.shapes) - len(np.unique(things[things > 0]))
        split, _, name = image.name.split("/", 2)
        stem = PurePosixPath(name).with_suffix(".png")
        outgoing.write(folder / split / "masks" / stem, png(kinds, colours))
        outgoing.write(folder / split / "instances" / stem, png(things))
    lines = [
        f"{name}:{','.join(map(str, colour))}::\n"
        for name, colour in zip(["background", *classes], colours, strict=False)
    ]
    text = "".join(["# label:color_rgb:parts:actions\n", *lines])
    outgoing.write(folder / "labelmap.txt", text.encode())
    report: dict[str, Any] = {"images": len(manifest), "shapes": shapes}
    if hidden:
        report["hidden shapes"] = hidden
    return report


_COVERED = "where nothing later covers them"
FORMAT = Format(
    "masks",
    "PNG masks",
    "8-bit masks of classes (palette, grey, colours with labelmap.txt; 255 is void), masks of "
    "objects (16-bit or a folder of instances)",
    read,
    detect,
    write,
    Carries(
        box=f"the pixels in it, {_COVERED}",
        polygon=f"the pixels in it, {_COVERED}",
        mask=f"its pixels, {_COVERED}",
        crowd="an ordinary object",
        order=True, empty=True, unlabelled=True, splits=True, class_order=True,
    ),
)  # fmt: skip
