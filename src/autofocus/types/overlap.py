"""How much shapes overlap: all pairs of two lists at once.

Every mask is read once and only pairs whose boxes touch are compared pixel by pixel, so that
hundreds of objects an image cost milliseconds. Loads numpy, as :mod:`autofocus.types.rle` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.types.geometry import Box, Geometry, Mask
from autofocus.types.rle import draw, read_counts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

Size = tuple[int, int]  # height, width


def edges(shapes: Sequence[Geometry]) -> Floats:
    """Left, top, right and bottom of the box around each shape, (n, 4), in pixels."""
    found = [(b.x, b.y, b.right, b.bottom) for b in (shape.bounds for shape in shapes)]
    return np.array(found, np.float64).reshape(-1, 4)


def size_of(shapes: Sequence[Geometry]) -> Size:
    """Height and width of the image that shapes are in: their masks', or else enough for all."""
    for shape in shapes:
        if isinstance(shape, Mask):
            return shape.height, shape.width
    if not shapes:
        return 1, 1
    right, bottom = edges(shapes)[:, 2:].max(axis=0)
    return max(1, math.ceil(bottom)), max(1, math.ceil(right))


def box_overlaps(truth: Floats, seen: Floats, crowd: Bools | None = None) -> Floats:
    """Intersection over union of boxes given by :func:`edges`, (truths, seen).

    In the rows of a ``crowd``, which stands for many objects, the share of the seen box inside it.
    """
    low = np.maximum(truth[:, None, :2], seen[None, :, :2])
    high = np.minimum(truth[:, None, 2:], seen[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    return _share(shared, _box_area(truth), _box_area(seen), crowd)


def mask_overlaps(
    truth: Sequence[Geometry], seen: Sequence[Geometry], size: Size, crowd: Bools | None = None
) -> Floats:
    """As :func:`box_overlaps` for shapes drawn on an image of ``size`` (height, width)."""
    one, other = [region(s, size) for s in truth], [region(s, size) for s in seen]
    shared = np.zeros((len(one), len(other)))
    touching = box_overlaps(_around(one), _around(other)) > 0
    for i, mask in enumerate(one):
        near = np.flatnonzero(touching[i])
        if len(near):
            shared[i, near] = mask.shared([other[j] for j in near.tolist()])
    areas = [np.array([r.area for r in regions], np.float64) for regions in (one, other)]
    return _share(shared, areas[0], areas[1], crowd)


def overlaps(
    truth: Sequence[Geometry],
    seen: Sequence[Geometry],
    *,
    boxes: bool,
    size: Size | None = None,
    crowd: Bools | None = None,
) -> Floats:
    """Intersection over union of every truth with everything seen, (truths, seen).

    ``boxes``: by the boxes around them. Otherwise by their pixels on an image of ``size``, except
    in pairs in which one is a box and says no more. Rows of a ``crowd`` as in
    :func:`box_overlaps`.
    """
    found = np.zeros((len(truth), len(seen)))
    if not len(truth) or not len(seen):
        return found
    plain = [np.array([isinstance(s, Box) for s in shapes]) for shapes in (truth, seen)]
    as_boxes = plain[0][:, None] | plain[1][None, :] | boxes
    if as_boxes.any():
        found = np.where(as_boxes, box_overlaps(edges(truth), edges(seen), crowd), found)
    rows, columns = (np.flatnonzero(~p) for p in plain)
    if not boxes and len(rows) and len(columns):
        found[np.ix_(rows, columns)] = mask_overlaps(
            [truth[i] for i in rows.tolist()],
            [seen[j] for j in columns.tolist()],
            size or size_of([*truth, *seen]),
            None if crowd is None else crowd[rows],
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A shape as runs of pixels, column by column: where they begin and end, (runs,) each."""

    begin: Ints
    end: Ints
    box: tuple[float, float, float, float]

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.end - self.begin).sum())

    def shared(self, others: Sequence[Region]) -> Ints:
        """How many of its pixels each of the others has, too, (others,)."""
        length = self.end - self.begin
        before = np.cumsum(length) - length
        edges = [np.concatenate([getattr(o, side) for o in others]) for side in ("begin", "end")]
        # Pixels of this region before each end of the others' runs, less those before its begin.
        at = [np.maximum(np.searchsorted(self.begin, e, "right") - 1, 0) for e in edges]
        passed = [
            before[k] + np.clip(e - self.begin[k], 0, length[k])
            for k, e in zip(at, edges, strict=True)
        ]
        starts = np.cumsum([0, *(len(o.begin) for o in others[:-1])])
        found: Ints = np.add.reduceat(passed[1] - passed[0], starts)
        return found


def region(shape: Geometry, size: Size) -> Region:
    """A shape drawn on an image of ``size``; one too small to hold a pixel has no runs.

    Raises InvalidInput for a mask of another size.
    """
    if not isinstance(shape, Mask):
        try:
            shape = draw(shape, *size)
        except InvalidInput:  # no pixel's centre is in it
            none = np.zeros(0, np.int64)
            return Region(none, none, (0.0, 0.0, 0.0, 0.0))
    elif (shape.height, shape.width) != size:
        raise InvalidInput(
            f"A mask of {shape.width} x {shape.height} pixels does not fit an image of "
            f"{size[1]} x {size[0]}."
        )
    at = np.cumsum(read_counts(shape.counts))
    begin, end = at[0::2][: len(at[1::2])], at[1::2]
    some = end > begin
    box = shape.bounds
    return Region(begin[some], end[some], (box.x, box.y, box.right, box.bottom))


def _around(regions: Sequence[Region]) -> Floats:
    return np.array([r.box for r in regions], np.float64).reshape(-1, 4)


def _box_area(found: Floats) -> Floats:
    result: Floats = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
    return result


def _share(shared: Floats, truth: Floats, seen: Floats, crowd: Bools | None) -> Floats:
    union = truth[:, None] + seen[None, :] - shared
    if crowd is not None:
        union = np.where(crowd[:, None], seen[None, :], union)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
