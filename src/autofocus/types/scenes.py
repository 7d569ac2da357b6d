"""What is in images and what a model saw in them, with all overlaps computed once.

Everything that is measured on boxes and masks (precision, mistakes, areas, losses) and every
comparison of two labels starts from this. Loads numpy, as :mod:`autofocus.types.rle` does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autofocus.types.geometry import Shape
from autofocus.types.matching import match
from autofocus.types.models import Detection
from autofocus.types.overlap import Bools, Floats, Ints, Size, edges, overlaps


@dataclass(frozen=True)
class Scene:
    """One image of ``size`` (height, width): its objects and what was seen, the surest first.

    ``boxes``: overlaps go by the boxes around shapes, not by pixels.
    """

    truth: tuple[Shape, ...]
    seen: tuple[Detection, ...]
    size: Size
    boxes: bool

    def __post_init__(self) -> None:
        # Stable: what is equally sure stays in the order of the answer.
        object.__setattr__(self, "seen", tuple(sorted(self.seen, key=lambda d: -d.score)))

    @cached_property
    def overlap(self) -> Floats:
        """Intersection over union (truths, seen); a crowd's row as in ``overlap.overlaps``."""
        return overlaps(
            [s.geometry for s in self.truth],
            [d.geometry for d in self.seen],
            boxes=self.boxes,
            size=self.size,
            crowd=self.crowd,
        )

    @cached_property
    def crowd(self) -> Bools:
        """Which truths stand for many objects, (truths,)."""
        return np.array([s.crowd for s in self.truth], bool)

    @cached_property
    def scores(self) -> Floats:
        """How sure the model is of everything seen, (seen,), falling."""
        return np.array([d.score for d in self.seen], np.float64)

    @cached_property
    def truth_area(self) -> Floats:
        """Square pixels of every truth, (truths,)."""
        return np.array([s.geometry.area for s in self.truth], np.float64)

    @cached_property
    def seen_area(self) -> Floats:
        """Square pixels of everything seen, (seen,): of its box where boxes are compared."""
        if self.boxes:
            around = edges([d.geometry for d in self.seen])
            area: Floats = np.prod(around[:, 2:] - around[:, :2], axis=1)
            return area
        return np.array([d.geometry.area for d in self.seen], np.float64)

    def numbers(self, classes: Sequence[str]) -> tuple[Ints, Ints]:
        """Class number of every truth and of everything seen; -1 for a class of no interest."""
        place = {name: i for i, name in enumerate(classes)}
        return (
            np.array([place.get(s.label, -1) for s in self.truth], np.int64),
            np.array([place.get(d.label, -1) for d in self.seen], np.int64),
        )

    def part(self, *, without: Collection[str] = (), threshold: float = 0.0) -> Scene:
        """What is no class of ``without``, and of what was seen only what is sure enough."""
        rows = [i for i, s in enumerate(self.truth) if s.label not in without]
        columns = [
            j for j, d in enumerate(self.seen) if d.label not in without and d.score >= threshold
        ]
        if len(rows) == len(self.truth) and len(columns) == len(self.seen):
            return self
        part = Scene(
            tuple(self.truth[i] for i in rows),
            tuple(self.seen[j] for j in columns),
            self.size,
            self.boxes,
        )
        part.__dict__["overlap"] = self.overlap[np.ix_(rows, columns)]  # nothing drawn twice
        return part


@dataclass(frozen=True, slots=True)
class Compared:
    """Two labels of one image: F1 over their objects, and how much those that agree overlap."""

    f1: float
    overlaps: tuple[float, ...]


def compared(
    one: Sequence[Shape], other: Sequence[Shape], *, boxes: bool, size: Size, iou: float = 0.5
) -> Compared:
    """How far two labels of one image agree; F1 is 1 where both have no objects.

    Objects agree that have one class and overlap by ``iou`` or more, each with one other at most;
    what lies in a crowd of ``one`` is left out, and so are the crowds of ``other``.
    """
    seen = tuple(Detection(s.label, s.geometry, 1.0) for s in other if not s.crowd)
    scene = Scene(tuple(one), seen, size, boxes)
    names = np.array([s.label for s in scene.truth], np.str_)
    said = np.array([d.label for d in scene.seen], np.str_)
    found = match(scene.overlap, names[:, None] == said[None, :], scene.crowd, iou=iou)
    total = int((~scene.crowd).sum()) + int((~found.ignored).sum())
    hits = np.flatnonzero(found.truth >= 0)
    return Compared(
        2.0 * len(hits) / total if total else 1.0,
        tuple(scene.overlap[found.truth[hits], hits].tolist()),
    )


def agreement(
    one: Sequence[Shape], other: Sequence[Shape], *, boxes: bool, size: Size, iou: float = 0.5
) -> float:
    """The F1 of :func:`compared`, 0 to 1."""
    return compared(one, other, boxes=boxes, size=size, iou=iou).f1
