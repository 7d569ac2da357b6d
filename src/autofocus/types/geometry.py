"""Boxes, polygons and masks: where something is in an image.

One convention everywhere: continuous pixel coordinates of the upright image (EXIF orientation
applied). x runs from 0 at the left edge to the image's width at the right edge, y from 0 at the
top to its height. A pixel is a square of side 1, so the *centre* of pixel (0, 0) is at (0.5, 0.5):
the box of that one pixel is ``Box(0, 0, 1, 1)``. Formats that name pixels by whole numbers, ends
inclusive, differ from this by a half or a whole pixel; their readers and writers convert.

Values check themselves at birth and keep coordinates as float, so that 2 and 2.0 are one value
with one digest. What needs arrays is in :mod:`autofocus.types.rle`, which loads numpy.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from autofocus.errors import InvalidInput

Point = tuple[float, float]
Part = tuple[Point, ...]

NOTHING = "(none)"  # the class that an image counts under when it was looked at and is empty
# Coordinates beyond this are a mistake, and areas stay finite.
_FARTHEST = 1e7
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle: ``x``, ``y`` its top left corner, in pixels; a side is never 0."""

    x: float
    y: float
    width: float
    height: float
    kind: Literal["box"] = "box"

    def __post_init__(self) -> None:
        for name in ("x", "y", "width", "height"):
            object.__setattr__(self, name, _coordinate(getattr(self, name), f"box {name}"))
        if self.width <= 0 or self.height <= 0:
            raise InvalidInput(
                f"A box needs a width and height above 0, got {self.width:g} x {self.height:g}."
            )

    @classmethod
    def from_corners(cls, left: float, top: float, right: float, bottom: float) -> Box:
        """The box between two edges each way; raises InvalidInput unless left < right and so on."""
        return cls(left, top, right - left, bottom - top)

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    @property
    def bounds(self) -> Box:
        """The box itself."""
        return self


@dataclass(frozen=True, slots=True)
class Polygon:
    """The union of closed outlines, each of three points or more; holes need a :class:`Mask`.

    ``parts`` hold points (x, y) in pixels; an object that something hides in the middle has two.
    """

    parts: tuple[Part, ...]
    kind: Literal["polygon"] = "polygon"

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidInput("A polygon needs at least one part, got none.")
        object.__setattr__(self, "parts", tuple(_part(i, p) for i, p in enumerate(self.parts)))

    @property
    def area(self) -> float:
        """Square pixels; where parts overlap, what they share counts once for each."""
        return sum(abs(_signed_area(part)) for part in self.parts)

    @property
    def bounds(self) -> Box:
        """The smallest box around all parts."""
        xs = [x for part in self.parts for x, _ in part]
        ys = [y for part in self.parts for _, y in part]
        return Box.from_corners(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True)
class Mask:
    """Single pixels of an image of ``height`` x ``width``, at least one of them.

    ``counts`` is COCO's compressed run-length string: column by column, beginning with a run of
    pixels outside (:mod:`autofocus.types.rle` reads and writes it).
    """

    height: int
    width: int
    counts: str
    kind: Literal["mask"] = "mask"

    def __post_init__(self) -> None:
        from autofocus.types import rle

        rle.check(self.height, self.width, self.counts)

    @property
    def area(self) -> float:
        """Number of pixels."""
        from autofocus.types import rle

        return float(rle.area(self))

    @property
    def bounds(self) -> Box:
        """The smallest box around all pixels."""
        from autofocus.types import rle

        return rle.bounds(self)


Geometry = Box | Polygon | Mask


@dataclass(frozen=True, slots=True)
class Shape:
    """One object in an image: its class, where it is, and what else is known of it.

    ``id`` is unique in the image and stays when the shape is edited. ``suggested_by`` names the
    model whose suggestion was accepted. ``crowd`` says that it outlines many objects as one, which
    an evaluation must not count as one (``iscrowd`` in COCO).
    """

    id: str
    label: str
    geometry: Geometry
    attributes: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    suggested_by: str | None = None
    crowd: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise InvalidInput(
                f"{self.id!r} cannot be the id of a shape.",
                hint="Use 1 to 40 letters, digits, '-' or '_'.",
                field="id",
            )
        if not self.label:
            self._refuse("needs a class name, got an empty one", "label")
        for name, value in self.attributes.items():
            flat = value is None or isinstance(value, str | int | float | bool)
            if not name or not flat or (isinstance(value, float) and not math.isfinite(value)):
                self._refuse(
                    f"attribute {name!r} must be text, a number, true, false or null, got "
                    f"{value!r}",
                    "attributes",
                )

    def check_inside(self, width: int, height: int, *, slack: float = 0.5) -> None:
        """Raise InvalidInput unless it lies in an image of that size, but for ``slack`` pixels."""
        if isinstance(self.geometry, Mask):
            mask = self.geometry
            if (mask.width, mask.height) != (width, height):
                self._refuse(
                    f"is a mask of {mask.width} x {mask.height} pixels, but the image has "
                    f"{width} x {height}",
                    "geometry",
                )
            return
        box = self.geometry.bounds
        if min(box.x, box.y) < -slack or box.right > width + slack or box.bottom > height + slack:
            self._refuse(
                f"reaches from ({box.x:g}, {box.y:g}) to ({box.right:g}, {box.bottom:g}), but the "
                f"image ends at ({width}, {height})",
                "geometry",
            )

    def _refuse(self, what: str, where: str) -> NoReturn:
        raise InvalidInput(f"Shape {self.id} {what}.", shape=self.id, field=where)


@dataclass(frozen=True, slots=True)
class Shapes:
    """The label of detection and segmentation: everything marked in one image.

    The order is the order of drawing, the last one on top. No shapes at all says that somebody
    looked and there is nothing. ``tags`` are words about the whole image (``night``).
    """

    shapes: tuple[Shape, ...] = ()
    tags: tuple[str, ...] = ()
    kind: Literal["shapes"] = "shapes"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", tuple(self.shapes))
        object.__setattr__(self, "tags", tuple(self.tags))
        twice = [name for name, n in Counter(s.id for s in self.shapes).items() if n > 1]
        if twice:
            raise InvalidInput(f"Two shapes have the id {twice[0]!r}.", shape=twice[0], field="id")
        if not all(self.tags) or len(set(self.tags)) != len(self.tags):
            raise InvalidInput(
                f"Tags must be different words, none of them empty, got {list(self.tags)}.",
                field="tags",
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its shapes, each once, sorted."""
        return tuple(sorted({shape.label for shape in self.shapes}))

    @property
    def words(self) -> str:
        """What people read in a list: ``bus, 2 car``."""
        counts = Counter(shape.label for shape in self.shapes)
        return (
            ", ".join(name if n == 1 else f"{n} {name}" for name, n in sorted(counts.items()))
            or NOTHING
        )


def read_shapes(data: Any) -> Shapes:
    """Shapes from JSON values; raises InvalidInput naming the shape that is wrong by its id."""
    from autofocus.types.codec import decode

    try:
        return decode(Shapes, data, where="label")
    except InvalidInput:
        _name_the_wrong_one(data)
        raise


def _name_the_wrong_one(data: Any) -> None:
    """Raise InvalidInput for the first shape that is wrong by itself."""
    from autofocus.types.codec import decode

    listed = data.get("shapes") if isinstance(data, Mapping) else None
    for place, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
        try:
            decode(Shape, item, where="it")
        except InvalidInput as error:
            name = item.get("id") if isinstance(item, Mapping) else None
            known = name if isinstance(name, str) and _ID.fullmatch(name) else None
            which = f"Shape {known}" if known else f"Shape number {place + 1}"
            message = error.message.removeprefix(f"{which} ")
            raise InvalidInput(
                error.message if message != error.message else f"{which}: {message}",
                hint=error.hint,
                **{**error.context, "shape": known, "place": place},
            ) from error


def iou(a: Geometry, b: Geometry) -> float:
    """Intersection over union, 0 to 1.

    Exact for two boxes. Otherwise both are drawn on pixels (a pixel belongs to a shape that holds
    its centre): on those of the mask if one is a mask, else on 1024 x 1024 over both together.
    Raises InvalidInput for masks of two sizes.
    """
    if isinstance(a, Box) and isinstance(b, Box):
        across = min(a.right, b.right) - max(a.x, b.x)
        down = min(a.bottom, b.bottom) - max(a.y, b.y)
        shared = max(across, 0.0) * max(down, 0.0)
        return min(1.0, shared / (a.area + b.area - shared))
    from autofocus.types import rle

    return rle.iou(a, b)


def _signed_area(part: Part) -> float:
    # Relative to the first point: far from the origin the products would drown the area.
    x0, y0 = part[0]
    total, before_x, before_y = 0.0, part[-1][0] - x0, part[-1][1] - y0
    for x, y in part:
        dx, dy = x - x0, y - y0
        total += before_x * dy - dx * before_y
        before_x, before_y = dx, dy
    return 0.5 * total


def _part(place: int, part: Any) -> Part:
    for point in part:
        if not isinstance(point, tuple | list) or len(point) != 2:
            raise InvalidInput(f"A point of a polygon is (x, y), got {point!r}.")
    # Thousands of points in an image: numbers that are plainly so are not looked at one by one.
    plain = {type(v) for point in part for v in point} <= {float, int}
    found: Part = ()
    if plain and all(abs(x) <= _FARTHEST and abs(y) <= _FARTHEST for x, y in part):
        found = tuple((x + 0.0, y + 0.0) for x, y in part)
    found = found or tuple(
        (_coordinate(x, "polygon x"), _coordinate(y, "polygon y")) for x, y in part
    )
    if len(found) < 3:
        raise InvalidInput(
            f"Part {place + 1} of a polygon has {len(found)} points, it needs 3 or more."
        )
    if abs(_signed_area(found)) < 1e-9:
        raise InvalidInput(f"Part {place + 1} of a polygon encloses no area.")
    return found


def _coordinate(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"A {what} must be a number, got {value!r}.")
    number = float(value) if abs(value) <= _FARTHEST else math.nan
    if math.isnan(number):
        raise InvalidInput(f"A {what} must be a number of pixels, got {value!r}.")
    return number + 0.0  # -0.0 would be another text for the same place
