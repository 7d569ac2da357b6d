"""What a format cannot hold of a version: told before a file is written, and in the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autofocus.data.formats.base import Carries, Format
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Mask, Polygon, Shape, Shapes

# Of the image and of its shapes: what a reader of the report calls them.
WORDS = {
    "tag": "classes of whole images",
    "box": "boxes",
    "polygon": "polygons",
    "parts": "polygons of several parts",
    "mask": "masks",
    "attributes": "attributes of shapes",
    "image_tags": "tags of images",
    "crowd": "crowd marks",
    "order": "the order of drawing",
    "ids": "ids of shapes",
    "suggested_by": "the model that suggested a shape",
    "empty": "images that were looked at and hold nothing",
    "unlabelled": "images without a label",
    "splits": "splits",
    "metadata": "metadata",
    "keys": "keys of images",
    "class_order": "the order of classes",
}
# What no format of others has a place for.
ALWAYS = "label history and authors (autofocus labels export)"
# Not worth a line for each export: nothing that a model learns from.
_QUIET = frozenset(("ids", "keys", "class_order", "order"))


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of a version that a format does not hold as it is.

    ``becomes`` says what is written instead, empty where it is left out. ``count`` shapes (or
    images) in ``images`` images, for example in ``example``.
    """

    what: str
    count: int
    images: int
    example: str
    becomes: str = ""

    @property
    def called(self) -> str:
        """What it is, in words."""
        return WORDS[self.what]

    @property
    def words(self) -> str:
        """One line for people."""
        what = f"{self.count} {WORDS[self.what]}"
        if self.what in ("order", "class_order", "splits", "metadata", "keys"):
            what = f"{WORDS[self.what]} of {self.images} images"
        elif self.count != self.images:
            what += f" in {self.images} images"
        instead = f", which become {self.becomes}" if self.becomes else ""
        return f"{what}{instead} (e.g. {self.example})"


def losses(format: Format, manifest: Manifest) -> list[Loss]:
    """What ``format`` cannot hold of a version exactly, told before anything is written."""
    counts: dict[str, list[int | str]] = {}
    for i in range(len(manifest)):
        row = manifest.row(i)
        for what, n in _needs(manifest.label(i), bool(row.metadata)):
            if what == "parts" and format.carries.polygon is not True:
                continue  # what becomes of the polygons is told already
            if getattr(format.carries, what) is not True:
                entry = counts.setdefault(what, [0, 0, row.key])
                entry[0] = int(entry[0]) + n
                entry[1] = int(entry[1]) + 1
    found = []
    for what in WORDS:
        if what in counts:
            count, images, example = counts[what]
            how = getattr(format.carries, what)
            becomes = how if isinstance(how, str) else ""
            found.append(Loss(what, int(count), int(images), str(example), becomes))
    return found


def refuse_what_is_the_label_itself(format: Format, found: list[Loss]) -> None:
    """Raise InvalidInput where a format has no place for the labels at all."""
    for loss in found:
        if loss.what in ("tag", "box", "polygon", "mask") and not loss.becomes:
            kind = "one class for an image" if loss.what == "tag" else "shapes"
            raise InvalidInput(
                f"Format {format.name} cannot carry {kind}: the version has {loss.words}.",
                hint="Export as coco, which carries boxes, polygons, masks and classes.",
                field="format",
            )


def told(found: list[Loss]) -> str:
    """The losses of a report in one line."""
    return "; ".join([ALWAYS, *(loss.words for loss in found if loss.what not in _QUIET)])


def _needs(label: object, metadata: bool) -> Iterator[tuple[str, int]]:
    """What one image asks of a format, and how often."""
    yield "splits", 1
    yield "keys", 1
    yield "class_order", 1
    if metadata:
        yield "metadata", 1
    if label is None:
        yield "unlabelled", 1
    elif isinstance(label, Tag):
        yield "tag", 1
    elif isinstance(label, Shapes):
        yield from _of_shapes(label)


def _of_shapes(label: Shapes) -> Iterator[tuple[str, int]]:
    shapes = label.shapes
    counted = {
        "box": sum(isinstance(s.geometry, Box) for s in shapes),
        "polygon": sum(isinstance(s.geometry, Polygon) for s in shapes),
        "parts": sum(isinstance(s.geometry, Polygon) and len(s.geometry.parts) > 1 for s in shapes),
        "mask": sum(isinstance(s.geometry, Mask) for s in shapes),
        "attributes": sum(bool(s.attributes) for s in shapes),
        "crowd": sum(s.crowd for s in shapes),
        "suggested_by": sum(s.suggested_by is not None for s in shapes),
        "ids": sum(_named(s, i) for i, s in enumerate(shapes)),
        "order": int(len(shapes) > 1),
        "image_tags": len(label.tags),
        "empty": int(not shapes),
    }
    yield from ((what, n) for what, n in counted.items() if n)


def _named(shape: Shape, place: int) -> bool:
    return shape.id != str(place + 1)


def cells(carries: Carries) -> dict[str, str]:
    """``yes``, ``no`` or what becomes of it, for each thing that a format may hold."""
    return {
        what: {True: "yes", False: "no"}.get(how, str(how))
        for what, how in ((what, getattr(carries, what)) for what in WORDS)
    }
