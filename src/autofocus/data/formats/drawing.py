"""From what a file says of one image to a label; what makes no shape is named, one by one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autofocus.data.formats.base import Found
from autofocus.errors import InvalidInput
from autofocus.types.data import Label, Skipped, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon, Shape, Shapes

Flat = dict[str, str | int | float | bool | None]

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")
_ELLIPSE_POINTS = 48


@dataclass(slots=True)
class Drawing:
    """The shapes of one image while its file is read; ``key`` names the image in complaints."""

    found: Found
    key: str
    shapes: list[Shape] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    refused: int = 0
    _ids: set[str] = field(default_factory=set)

    def add(
        self,
        label: str,
        geometry: Callable[[], Geometry] | Geometry,
        *,
        id: Any = None,
        attributes: Mapping[str, Any] | None = None,
        suggested_by: str | None = None,
        crowd: bool = False,
    ) -> None:
        """Add a shape; one that cannot be is skipped by itself, with its reason."""
        try:
            if not isinstance(geometry, Box | Polygon | Mask):
                geometry = geometry()
            self.shapes.append(
                Shape(
                    self._free_id(id), str(label), geometry, flat(attributes or {}),
                    suggested_by, crowd,
                )
            )  # fmt: skip
        except (InvalidInput, TypeError, ValueError, IndexError, KeyError, OverflowError) as exc:
            message = (
                exc.message if isinstance(exc, InvalidInput) else f"{type(exc).__name__}: {exc}"
            )
            self.refuse(f"shape {id if id is not None else self.seen} ({label}): {message}")

    def refuse(self, reason: str) -> None:
        """Note something that is left out of this image's label."""
        self.refused += 1
        self.found.skipped.append(Skipped(self.key, "shape", reason))

    def tag(self, name: str) -> None:
        """Add a word about the whole image."""
        if name and name not in self.tags:
            self.tags.append(name)

    @property
    def seen(self) -> int:
        """The number of the next shape in its file, from 1."""
        return len(self.shapes) + self.refused + 1

    def label(self, *, listed: bool) -> Label | None:
        """The label; without a shape it says "empty" if ``listed`` and nothing was refused."""
        if self.shapes or (listed and not self.refused):
            return Shapes(tuple(self.shapes), tuple(self.tags))
        return Shapes((), tuple(self.tags)) if self.tags and not self.refused else None

    def _free_id(self, wanted: Any) -> str:
        base = _NOT_IN_ID.sub("-", str(wanted))[:40] if wanted not in (None, "") else str(self.seen)
        name, number = base, 2
        while name in self._ids:
            name = f"{base[:36]}-{number}"
            number += 1
        self._ids.add(name)
        return name


def flat(attributes: Mapping[str, Any]) -> Flat:
    """Attributes as text, numbers, true, false or null; what is nested becomes its JSON text."""
    result: Flat = {}
    for name, value in attributes.items():
        if not str(name):
            continue
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)
        plain = value is None or isinstance(value, str | int | float | bool)
        result[str(name)] = value if plain else json.dumps(value, default=str)
    return result


def one_class(label: Label | None) -> str | None:
    """The one class of a label that is a tag, or whose shapes are all of one class."""
    if isinstance(label, Tag):
        return label.label
    names = label.classes if label is not None else ()
    return names[0] if len(names) == 1 else None


def points_of(numbers: Sequence[Any]) -> Part:
    """A flat list x, y, x, y, ... as points; raises InvalidInput for an odd number of them."""
    if len(numbers) % 2:
        raise InvalidInput(f"A polygon has {len(numbers)} numbers, which are no pairs of x and y.")
    return tuple((float(x), float(y)) for x, y in zip(numbers[0::2], numbers[1::2], strict=True))


def turned_box(x: float, y: float, width: float, height: float, degrees: float) -> Polygon:
    """A box turned clockwise about its top left corner, as a polygon."""
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return Polygon((tuple((x + cos * u - sin * v, y + sin * u + cos * v) for u, v in corners),))


def turned_about_centre(
    left: float, top: float, right: float, bottom: float, degrees: float
) -> Polygon:
    """A box turned clockwise about its centre, as a polygon."""
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    cx, cy, u, v = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    corners = ((-u, -v), (u, -v), (u, v), (-u, v))
    return Polygon((tuple((cx + cos * a - sin * b, cy + sin * a + cos * b) for a, b in corners),))


def ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0.0) -> Polygon:
    """An ellipse about (x, y) as a polygon of 48 points."""
    if rx <= 0 or ry <= 0:
        raise InvalidInput(f"An ellipse needs radii above 0, got {rx:g} and {ry:g}.")
    around = np.arange(_ELLIPSE_POINTS) * (2 * math.pi / _ELLIPSE_POINTS)
    turn = math.radians(degrees)
    u, v = rx * np.cos(around), ry * np.sin(around)
    xs, ys = (
        x + math.cos(turn) * u - math.sin(turn) * v,
        y + math.sin(turn) * u + math.cos(turn) * v,
    )
    return Polygon((tuple(zip(xs.tolist(), ys.tolist(), strict=True)),))
