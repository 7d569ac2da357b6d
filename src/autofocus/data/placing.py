"""A label as its file gives it, onto the upright image: orientation, size, edges, classes, task.

Annotation files are written by tools that show an image turned as its EXIF says, or not; that
know its size, or the size before it was scaled; that let shapes reach over the edge. What is
changed is counted and told, what does not fit is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from autofocus.data.formats.base import DrawnOn, Frame, Item
from autofocus.data.formats.merging import several
from autofocus.data.label_rules import LabelRules
from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.data import ImageFacts, Label, Skipped, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon, Shape, Shapes

# Sizes are taken as the same picture scaled if their sides agree this well, in pixels.
_SLACK = 1.0
_EDGE = 0.5  # how far a shape may reach out of the image

_Point = tuple[float, float]
_Move = Callable[[float, float], _Point]


@dataclass(slots=True)
class Placing:
    """Places the labels of one import; gathers what there is to tell."""

    rules: LabelRules
    drawn_on: DrawnOn = "auto"
    skipped: list[Skipped] = field(default_factory=list)
    tallies: Counter[str] = field(default_factory=Counter)

    def label(self, item: Item, facts: ImageFacts) -> Label | None:
        """The label of an image as the project can hold it, None without one."""
        label = item.label
        if isinstance(label, Tag):
            return self._tag(item.key, label)
        if label is None:
            return None
        if not self.rules.drawn:
            return self._class_of(item.key, label)
        try:
            move, turned = self._move(item, facts)
        except InvalidInput as error:
            self.skipped.append(
                Skipped(item.key, "label", f"{error.message} Taken without a label.")
            )
            return None
        return self._shapes(item.key, label, move, turned, facts)

    def told(self) -> list[str]:
        """What was changed, with how often."""
        return [f"{n} {text}" for text, n in self.tallies.items()]

    # -- classes -------------------------------------------------------------------------

    def _tag(self, key: str, tag: Tag) -> Tag | None:
        if self.rules.drawn:
            self.tallies[
                "image(s) come with a class for the whole image (a folder or column), which is no "
                f"label in a project for {self.rules.task}: taken without a label"
            ] += 1
            return None
        if tag.label in self.rules.classes:
            return tag
        self._undeclared(
            key,
            [tag.label],
            "taken without a label. Label it on the Data page, or rename the class and import "
            "again.",
        )
        return None

    def _class_of(self, key: str, label: Shapes) -> Tag | None:
        """What shapes say about the class of a whole image: theirs, if they have one."""
        names = label.classes or tuple(t for t in label.tags if t in self.rules.classes)
        if len(names) > 1:
            self.skipped.append(several(key, sorted(names)))
        if len(names) != 1:
            return None
        self.tallies["image(s) come with shapes, of which only the class is taken"] += 1
        return self._tag(key, Tag(names[0]))

    def _undeclared(self, key: str, names: list[str], then: str) -> None:
        declared = ", ".join(self.rules.classes)
        told = ", ".join(repr(name) for name in names)
        one = f"class {told} is" if len(names) == 1 else f"classes {told} are"
        self.skipped.append(Skipped(key, "label", f"{one} not declared ({declared}): {then}"))

    # -- shapes --------------------------------------------------------------------------

    def _shapes(
        self, key: str, label: Shapes, move: _Move | None, turned: int, facts: ImageFacts
    ) -> Shapes | None:
        unknown = sorted({s.label for s in label.shapes} - set(self.rules.classes))
        if unknown:
            left = sum(shape.label in unknown for shape in label.shapes)
            self._undeclared(key, unknown, f"{left} of {len(label.shapes)} shapes left out")
        placed = []
        for shape in label.shapes:
            if shape.label in unknown:
                continue
            try:
                placed.append(self._shape(shape, move, turned, facts))
            except InvalidInput as error:
                self.skipped.append(Skipped(key, "shape", f"shape {shape.id}: {error.message}"))
        if label.shapes and not placed:
            return None  # nothing is left: that is no proof that nothing is there
        return Shapes(tuple(placed), label.tags)

    def _shape(self, shape: Shape, move: _Move | None, turned: int, facts: ImageFacts) -> Shape:
        geometry = _moved(shape.geometry, move, turned)
        inside = _cut(geometry, facts.width, facts.height)
        if inside is not geometry:
            self.tallies["shape(s) reached out of their image and were cut at its edge"] += 1
        shape = shape if inside is shape.geometry else replace(shape, geometry=inside)
        self.rules.check_shape(shape, width=facts.width, height=facts.height)
        return shape

    def _move(self, item: Item, facts: ImageFacts) -> tuple[_Move | None, int]:
        """How coordinates get onto the upright image, and the orientation that turns masks.

        Raises InvalidInput if the size that they are for is another picture's.
        """
        frame, size, o = item.frame, (facts.width, facts.height), facts.orientation
        stored = size[::-1] if o >= 5 else size
        turned = o > 1 and (
            self.drawn_on == "stored"
            or (
                self.drawn_on == "auto" and frame is not None and not frame.relative
                and _same(frame, stored) and not _same(frame, size)
            )
        )  # fmt: skip
        if turned:
            self.tallies[
                "image(s) have labels for the pixels as they are stored, not as EXIF turns them: "
                "the labels were turned"
            ] += 1
        elif o > 1 and self.drawn_on == "auto" and not _tells(frame, stored, size):
            self.tallies[
                "image(s) are turned by EXIF in a way that the labels' file does not tell of: "
                "taken as drawn on the upright picture (drawn_on=stored takes them otherwise)"
            ] += 1
        now = stored if turned else size
        scale = self._scale(frame, now)
        if scale is None and not turned:
            return None, 1
        sx, sy = scale or (1.0, 1.0)
        if not turned:
            return (lambda x, y: (x * sx, y * sy)), 1
        turn = _turn(o, *stored)
        return (lambda x, y: turn(x * sx, y * sy)), o

    def _scale(self, frame: Frame | None, size: tuple[int, int]) -> tuple[float, float] | None:
        if frame is None or _same(frame, size):
            return None
        if frame.relative:
            return float(size[0]), float(size[1])
        sx, sy = size[0] / frame.width, size[1] / frame.height
        # Rounding of the scaled sides is all by which the proportions may differ.
        if abs(frame.width * sy - size[0]) > _SLACK and abs(frame.height * sx - size[1]) > _SLACK:
            raise InvalidInput(
                f"Its labels are for a picture of {frame.width:g} x {frame.height:g} pixels, but "
                f"the image has {size[0]} x {size[1]}."
            )
        self.tallies[
            "image(s) have labels for a picture of the same proportions and another size: scaled"
        ] += 1
        return sx, sy


def _same(frame: Frame, size: tuple[int, int]) -> bool:
    return (frame.width, frame.height) == size


def _tells(frame: Frame | None, stored: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether the declared size shows which of the two pictures was drawn on."""
    return frame is not None and not frame.relative and stored != size


def _turn(orientation: int, width: float, height: float) -> _Move:
    """From the pixels as stored (``width`` x ``height``) to the upright picture (EXIF 2 to 8)."""
    moves: dict[int, _Move] = {
        2: lambda x, y: (width - x, y),
        3: lambda x, y: (width - x, height - y),
        4: lambda x, y: (x, height - y),
        5: lambda x, y: (y, x),
        6: lambda x, y: (height - y, x),
        7: lambda x, y: (height - y, width - x),
        8: lambda x, y: (y, width - x),
    }
    return moves[orientation]


def _moved(geometry: Geometry, move: _Move | None, turned: int) -> Geometry:
    if move is None:
        return geometry
    if isinstance(geometry, Box):
        (x0, y0), (x1, y1) = move(geometry.x, geometry.y), move(geometry.right, geometry.bottom)
        return Box.from_corners(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if isinstance(geometry, Polygon):
        return Polygon(tuple(tuple(move(x, y) for x, y in part) for part in geometry.parts))
    if turned == 1:
        return geometry  # a mask of another size is refused by the rules
    pixels = rle.to_pixels(geometry)
    if turned >= 5:
        pixels = pixels.T
    if turned in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if turned in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return rle.from_pixels(np.ascontiguousarray(pixels))


def _cut(geometry: Geometry, width: int, height: int) -> Geometry:
    """The part of a shape inside the image; itself if it reaches out by half a pixel at most.

    Raises InvalidInput if it lies outside altogether.
    """
    if isinstance(geometry, Mask):
        return geometry
    b = geometry.bounds
    if min(b.x, b.y) >= -_EDGE and b.right <= width + _EDGE and b.bottom <= height + _EDGE:
        return geometry
    if min(b.right, b.bottom) <= 0 or b.x >= width or b.y >= height:
        raise InvalidInput(
            f"It lies outside of the image: from ({b.x:g}, {b.y:g}) to ({b.right:g}, "
            f"{b.bottom:g}), where the image ends at ({width}, {height})."
        )
    if isinstance(geometry, Box):
        return Box.from_corners(
            max(b.x, 0), max(b.y, 0), min(b.right, width), min(b.bottom, height)
        )
    parts: list[Part] = []
    for part in geometry.parts:
        inside = _clipped(part, width, height)
        if len(inside) >= 3:
            try:
                parts += Polygon((inside,)).parts
            except InvalidInput:
                continue  # what is left of it encloses nothing
    if not parts:
        raise InvalidInput("Nothing of it lies inside of the image.")
    return Polygon(tuple(parts))


def _clipped(part: Part, width: float, height: float) -> Part:
    """A closed outline cut at the image's edges, one after the other (Sutherland, Hodgman 1974)."""
    points = list(part)
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        kept: list[_Point] = []
        for i, here in enumerate(points):
            before = points[i - 1]
            a, b = sign * (before[axis] - limit), sign * (here[axis] - limit)
            if (a < 0) != (b < 0):
                share = a / (a - b)
                x = before[0] + share * (here[0] - before[0])
                y = before[1] + share * (here[1] - before[1])
                kept.append((limit, y) if axis == 0 else (x, limit))
            if b >= 0:
                kept.append(here)
        points = kept
    return tuple(points)
