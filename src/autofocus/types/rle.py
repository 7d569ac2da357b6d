"""Masks as runs of pixels: COCO's run-length encoding, and drawing shapes on pixels.

Runs go down the columns, from left to right, and begin with pixels that are not in the mask (a
run of 0 where the first one is). The compressed string writes each run as groups of five bits,
lowest first, a sixth bit saying that more follow, shifted into printable characters (48 to 111);
from the fourth run on it writes the difference to the run two before. Source: the COCO API's
``maskApi`` (Lin, Dollar 2014), whose strings these functions read and write.

Loads numpy, so nothing that starts quickly may import this at its top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon

Runs = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.bool_]

_MOST_PIXELS = 2**32
_FINE = 1024  # pixels a side on which two outlines are compared
_MOST_GROUPS = 7  # of five bits: more than any run needs


# -- the string ------------------------------------------------------------------------------


def read_counts(counts: str) -> Runs:
    """The runs of a compressed string, (n,) int64; raises InvalidInput for what is none."""
    try:
        groups = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        groups = np.full(1, -1, np.int64)
    if len(groups) == 0 or groups.min() < 0 or groups.max() > 63:
        raise InvalidInput(f"{counts[:40]!r} is not a compressed COCO mask.")
    last = np.flatnonzero((groups & 32) == 0)
    if len(last) == 0 or last[-1] != len(groups) - 1:
        raise InvalidInput("The compressed mask ends in the middle of a number.")
    first = np.concatenate([[0], last[:-1] + 1])
    length = last - first + 1
    if length.max() > _MOST_GROUPS:
        raise InvalidInput("The compressed mask has a run that no image is large enough for.")
    place = np.arange(len(groups)) - np.repeat(first, length)
    values = np.add.reduceat((groups & 31) << (5 * place), first)
    negative = (groups[last] & 16) != 0
    values -= np.where(negative, np.int64(1) << (5 * length), 0)
    for start in (1, 2):  # differences to the run two before, from the fourth on
        values[start::2] = np.cumsum(values[start::2])
    return values


def write_counts(runs: Runs) -> str:
    """The compressed string of runs (n,)."""
    values = np.asarray(runs, np.int64).copy()
    values[3:] -= np.asarray(runs, np.int64)[1:-2]
    groups = np.zeros((len(values), _MOST_GROUPS), np.uint8)
    used = np.zeros(groups.shape, bool)
    more = np.ones(len(values), bool)
    for place in range(_MOST_GROUPS):
        group = values & 31
        values = values >> 5
        used[:, place] = more
        # Done when the rest is only the sign, which the group's highest bit tells already.
        following = more & np.where((group & 16) != 0, values != -1, values != 0)
        groups[:, place] = group + 48 + np.where(following, 32, 0)
        more = following
    return groups[used].tobytes().decode("ascii")


def check(height: int, width: int, counts: str) -> None:
    """Raise InvalidInput unless ``counts`` is a mask of that size with a pixel in it."""
    for name, side in (("height", height), ("width", width)):
        if isinstance(side, bool) or not isinstance(side, int) or side < 1:
            raise InvalidInput(f"A mask needs a {name} of 1 pixel or more, got {side!r}.")
    if not isinstance(counts, str):
        raise InvalidInput(f"The counts of a mask are a text, got {type(counts).__name__}.")
    _check_runs(read_counts(counts), height, width)


def _check_runs(runs: Runs, height: int, width: int) -> None:
    if height * width > _MOST_PIXELS:
        raise InvalidInput(f"A mask of {width} x {height} pixels is too large.")
    if len(runs) and int(runs.min()) < 0:
        raise InvalidInput("The mask has a run of negative length.")
    total = int(runs.sum())
    if total != height * width:
        raise InvalidInput(
            f"The mask's runs hold {total} pixels, but {width} x {height} are {height * width}."
        )
    if int(runs[1::2].sum()) == 0:
        raise InvalidInput("The mask is empty: no pixel is in it.")


def from_runs(runs: Sequence[int], height: int, width: int) -> Mask:
    """A mask of uncompressed runs, as COCO's ``counts`` list has them; raises InvalidInput."""
    if not all(isinstance(run, int) and not isinstance(run, bool) for run in runs):
        raise InvalidInput("The runs of a mask are whole numbers.")
    if any(abs(run) > _MOST_PIXELS for run in runs):
        raise InvalidInput("The mask has a run that no image is large enough for.")
    values = np.asarray(runs, np.int64).reshape(-1)
    _check_runs(values, height, width)
    return Mask(height, width, write_counts(values))


def runs_of(mask: Mask) -> list[int]:
    """The mask's runs as COCO's uncompressed ``counts`` list."""
    found: list[int] = read_counts(mask.counts).tolist()
    return found


# -- pixels ----------------------------------------------------------------------------------


def to_pixels(mask: Mask) -> Pixels:
    """The mask as bool (height, width)."""
    runs = read_counts(mask.counts)
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(mask.width, mask.height).T


def from_pixels(pixels: npt.NDArray[Any]) -> Mask:
    """The mask of bool (height, width); raises InvalidInput if no pixel is set."""
    if pixels.ndim != 2 or 0 in pixels.shape:
        raise InvalidInput(f"A mask has a height and a width, got shape {pixels.shape}.")
    height, width = pixels.shape
    flat = np.asarray(pixels, bool).T.reshape(-1)
    change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], change, [len(flat)]])
    runs = np.diff(edges)
    if flat[0]:
        runs = np.concatenate([[0], runs])
    _check_runs(runs, height, width)
    return Mask(height, width, write_counts(runs))


def to_crop(mask: Mask) -> tuple[Pixels, int, int]:
    """The smallest part of the mask that holds all its pixels, bool, and its top and left."""
    begin, end = _spans(mask)
    box = bounds(mask)
    left, top, rows, columns = int(box.x), int(box.y), int(box.height), int(box.width)
    # Only the columns it reaches are written out: most objects are small in their image.
    steps = np.zeros(columns * mask.height + 1, np.int8)
    steps[begin - left * mask.height] += 1
    steps[end - left * mask.height] -= 1
    inside = np.cumsum(steps[:-1], dtype=np.int8).astype(bool)
    pixels: Pixels = inside.reshape(columns, mask.height).T[top : top + rows]
    return pixels, top, left


def from_crop(pixels: npt.NDArray[Any], top: int, left: int, height: int, width: int) -> Mask:
    """The mask on an image of ``height`` x ``width`` whose pixels all lie in a part of it.

    ``pixels`` bool (h, w) lies ``top`` and ``left`` in the image. Raises InvalidInput if none is
    set, or if the part is not inside.
    """
    rows, columns = pixels.shape
    if top < 0 or left < 0 or top + rows > height or left + columns > width:
        raise InvalidInput(
            f"A part of {columns} x {rows} pixels at ({left}, {top}) is not inside an image of "
            f"{width} x {height}."
        )
    # A row of nothing below ends each column's last run, so that none goes on in the next.
    flat = np.zeros((columns, rows + 1), np.int8)
    flat[:, :rows] = np.asarray(pixels, bool).T
    change = np.flatnonzero(np.diff(flat.reshape(-1), prepend=0, append=0))
    begin, last = change[0::2], change[1::2] - 1
    begin = (left + begin // (rows + 1)) * height + top + begin % (rows + 1)
    end = (left + last // (rows + 1)) * height + top + last % (rows + 1) + 1
    # Full columns touch: the bottom of one is followed by the top of the next.
    apart = np.flatnonzero(begin[1:] > end[:-1])
    begin = begin[np.concatenate([[0], apart + 1])] if len(begin) else begin
    end = end[np.concatenate([apart, [len(end) - 1]])] if len(end) else end
    edges = np.stack([begin, end], axis=1).reshape(-1)
    runs = np.diff(np.concatenate([[0], edges, [height * width]]))
    runs = runs[:-1] if len(runs) and runs[-1] == 0 else runs
    _check_runs(runs, height, width)
    return Mask(height, width, write_counts(runs))


def draw(geometry: Geometry, height: int, width: int) -> Mask:
    """The pixels whose centre is in a shape, on an image of ``height`` x ``width``.

    A point is in a polygon that it is in one part of; in a part, if a line from it to the outside
    crosses the outline an odd number of times. Raises InvalidInput if it is no pixel's centre,
    or for a mask of another size.
    """
    if isinstance(geometry, Mask):
        if (geometry.height, geometry.width) != (height, width):
            raise InvalidInput(
                f"A mask of {geometry.width} x {geometry.height} pixels does not fit an image of "
                f"{width} x {height}."
            )
        return geometry
    drawn = _draw(_outlines(geometry), height, width)
    if drawn is None:
        raise InvalidInput("The shape is so small or so far outside that it holds no pixel.")
    return drawn


def _draw(parts: Sequence[Part], height: int, width: int) -> Mask | None:
    if height * width > _MOST_PIXELS:
        raise InvalidInput(f"A mask of {width} x {height} pixels is too large.")
    spans = [_inside(np.asarray(part, np.float64), height, width) for part in parts]
    begin, end = (np.concatenate(sides) for sides in zip(*spans, strict=True))
    if len(begin) == 0:
        return None
    order = np.argsort(begin, kind="stable")
    begin, end = begin[order], np.maximum.accumulate(end[order])
    # What overlaps or touches, also from the bottom of a column to the top of the next, is one.
    apart = np.flatnonzero(begin[1:] > end[:-1])
    begin, end = begin[np.concatenate([[0], apart + 1])], end[np.concatenate([apart, [-1]])]
    edges = np.stack([begin, end], axis=1).reshape(-1)
    runs = np.diff(np.concatenate([[0], edges, [height * width]]))
    return Mask(height, width, write_counts(runs[:-1] if runs[-1] == 0 else runs))


def _inside(points: Any, height: int, width: int) -> tuple[Runs, Runs]:
    """Where the pixels with their centre in a closed outline begin and end, down the columns."""
    x0, y0 = np.roll(points, 1, axis=0).T
    x1, y1 = points.T
    # The columns whose centre line a side crosses: first <= column < last.
    first = np.clip(np.ceil(np.minimum(x0, x1) - 0.5), 0, width).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(x0, x1) - 0.5), 0, width).astype(np.int64)
    crossed = last - first
    side = np.repeat(np.arange(len(points)), crossed)
    column = np.arange(len(side)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
    column += first[side]
    share = (column + 0.5 - x0[side]) / (x1[side] - x0[side])
    y = y0[side] + share * (y1[side] - y0[side])
    row = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    # An outline that is closed crosses every column an even number of times: in, out, in, out.
    order = np.lexsort((row, column))
    at = (column * height + row)[order]
    begin, end = at[0::2], at[1::2]
    some = end > begin
    return begin[some], end[some]


# -- measures --------------------------------------------------------------------------------


def area(mask: Mask) -> int:
    """Number of pixels in the mask."""
    return int(read_counts(mask.counts)[1::2].sum())


def bounds(mask: Mask) -> Box:
    """The smallest box around the mask's pixels."""
    begin, end = _spans(mask)
    h = mask.height
    left, right = int(begin[0]) // h, (int(end[-1]) - 1) // h + 1
    one_column = begin // h == (end - 1) // h
    top = int(np.where(one_column, begin % h, 0).min())
    bottom = int(np.where(one_column, (end - 1) % h + 1, h).max())
    return Box.from_corners(left, top, right, bottom)


def iou(a: Geometry, b: Geometry) -> float:
    """Intersection over union of two shapes drawn on pixels; see ``geometry.iou``."""
    one: Mask | None
    other: Mask | None
    if isinstance(a, Mask):
        one, other = a, _on(b, a)
    elif isinstance(b, Mask):
        one, other = _on(a, b), b
    else:
        one, other = (_draw(parts, _FINE, _FINE) for parts in _enlarged(a, b))
    if one is None or other is None:
        return 0.0
    shared = intersection(one, other)
    return shared / (area(one) + area(other) - shared)


def _on(geometry: Geometry, mask: Mask) -> Mask | None:
    if isinstance(geometry, Mask):
        return geometry
    return _draw(_outlines(geometry), mask.height, mask.width)


def _enlarged(*shapes: Box | Polygon) -> list[tuple[Part, ...]]:
    """The outlines, stretched alike until the box around all is a square of ``_FINE`` pixels."""
    around = [shape.bounds for shape in shapes]
    left, top = min(b.x for b in around), min(b.y for b in around)
    across = _FINE / (max(b.right for b in around) - left)
    down = _FINE / (max(b.bottom for b in around) - top)
    return [
        tuple(
            tuple(((x - left) * across, (y - top) * down) for x, y in part)
            for part in _outlines(shape)
        )
        for shape in shapes
    ]


def _outlines(shape: Box | Polygon) -> tuple[Part, ...]:
    if isinstance(shape, Polygon):
        return shape.parts
    b = shape
    return (((b.x, b.y), (b.right, b.y), (b.right, b.bottom), (b.x, b.bottom)),)


def intersection(a: Mask, b: Mask) -> int:
    """Number of pixels in both of two masks of one size."""
    if (a.height, a.width) != (b.height, b.width):
        raise InvalidInput(
            f"Masks of {a.width} x {a.height} and {b.width} x {b.height} pixels cannot be compared."
        )
    # How many pixels of a come before each position, at the ends of b's runs.
    runs = read_counts(a.counts)
    positions = np.concatenate([[0], np.cumsum(runs)])
    passed = np.where(np.arange(len(runs)) % 2 == 1, runs, 0)
    before = np.concatenate([[0], np.cumsum(passed)])
    begin, end = _spans(b)
    at = [np.interp(where, positions, before) for where in (begin, end)]
    return round(float((at[1] - at[0]).sum()))


def _spans(mask: Mask) -> tuple[Runs, Runs]:
    """Where the runs of pixels in the mask begin and end (exclusive), column by column."""
    edges = np.cumsum(read_counts(mask.counts))
    begin, end = edges[0::2], edges[1::2]
    begin = begin[: len(end)]
    some = end > begin
    return begin[some], end[some]
