"""Masks as outlines along the edges of their pixels, so that drawing them gives the same pixels.

Contours through pixel centres, which image libraries give, would take half a pixel off each side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Box, Geometry, Mask, Part, Polygon

_RIGHT, _DOWN, _LEFT, _UP = range(4)  # each is the right turn of the one before
_ONLY = {1: _RIGHT, 2: _DOWN, 4: _LEFT, 8: _UP}


def rings(mask: Mask) -> list[Part]:
    """All outlines of a mask, the pixels on the right hand: holes run the other way round.

    Pixels that share only a corner are in two outlines.
    """
    b = mask.bounds
    left, top = int(b.x), int(b.y)
    inner = rle.to_pixels(mask)[top : int(b.bottom), left : int(b.right)]
    width = inner.shape[1] + 1
    ways = _ways(inner)
    steps = (1, width, -1, -width)
    seen = bytearray(len(ways))
    found: list[Part] = []
    # The first edge to the right in reading order begins at a corner, so no point is in the
    # middle of a straight side.
    for start in np.flatnonzero(np.frombuffer(ways, np.uint8) & 1).tolist():
        if seen[start] & 1:
            continue
        at, way, before = start, _RIGHT, -1
        points: list[tuple[float, float]] = []
        while not seen[at] >> way & 1:
            seen[at] |= 1 << way
            if way != before:
                points.append((float(at % width + left), float(at // width + top)))
            at, before = at + steps[way], way
            way = _ONLY.get(ways[at], (way + 1) % 4)
        found.append(tuple(points))
    return found


def _ways(pixels: npt.NDArray[np.bool_]) -> bytes:
    """For each corner of the pixel grid, as bits, the ways in which an outline leaves it."""
    height, width = pixels.shape
    grid = np.zeros((height + 2, width + 2), bool)
    grid[1:-1, 1:-1] = pixels
    nw, ne, sw, se = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    right, down = se & ~ne, sw & ~se
    left, up = nw & ~sw, ne & ~nw
    bits = right * 1 + down * 2 + left * 4 + up * 8
    data: bytes = bits.astype(np.uint8).tobytes()
    return data


def outer_parts(mask: Mask) -> tuple[list[Part], int]:
    """The outlines of a mask, with holes joined to what is around them; and how many holes.

    A hole is reached by a line of no width, there and back.
    """
    all_rings = rings(mask)
    outer = [ring for ring in all_rings if _area(ring) > 0]
    holes = [ring for ring in all_rings if _area(ring) < 0]
    inside: dict[int, list[Part]] = {}
    for hole in holes:
        x, y = hole[0][0] + 0.5, hole[0][1] + 0.5  # the pixel below its first edge is in the mask
        around = [i for i, ring in enumerate(outer) if _holds(ring, x, y)]
        inside.setdefault(min(around, key=lambda i: _area(outer[i])), []).append(hole)
    return [joined([ring, *inside.get(i, [])]) for i, ring in enumerate(outer)], len(holes)


def outline(geometry: Geometry, height: int, width: int) -> Polygon:
    """A shape as polygon: boxes by their corners, masks along their pixels, holes joined."""
    if isinstance(geometry, Polygon):
        return geometry
    if isinstance(geometry, Box):
        b = geometry
        return Polygon((((b.x, b.y), (b.right, b.y), (b.right, b.bottom), (b.x, b.bottom)),))
    return Polygon(tuple(outer_parts(geometry)[0]))


def one_ring(geometry: Geometry, height: int, width: int) -> Part:
    """A shape as one closed outline, parts joined by lines of no width."""
    parts = outline(geometry, height, width).parts
    if len(parts) > 1 and isinstance(geometry, Polygon) and _overlap(parts, height, width):
        # Inside and outside alternate along one outline: what two parts share would be outside.
        parts = tuple(outer_parts(rle.draw(geometry, height, width))[0])
    return joined(list(parts))


def joined(parts: list[Part]) -> Part:
    """Closed outlines as one, the nearest two points of each joined there and back."""
    ring, *others = parts
    while others:
        mine = np.asarray(ring)
        best = None
        for i, other in enumerate(others):
            apart = ((mine[:, None, :] - np.asarray(other)[None, :, :]) ** 2).sum(axis=2)
            a, b = divmod(int(apart.argmin()), len(other))
            if best is None or apart[a, b] < best[0]:
                best = (apart[a, b], a, b, i)
        assert best is not None
        _, a, b, i = best
        other = others.pop(i)
        ring = (*ring[: a + 1], *other[b:], *other[: b + 1], *ring[a:])
    return ring


def _overlap(parts: tuple[Part, ...], height: int, width: int) -> bool:
    drawn = []
    for part in parts:
        try:
            drawn.append(rle.draw(Polygon((part,)), height, width))
        except InvalidInput:
            continue  # no pixel, so no overlap either
    together = rle.area(rle.draw(Polygon(parts), height, width)) if drawn else 0
    return sum(rle.area(mask) for mask in drawn) > together


def _area(ring: Part) -> float:
    x, y = np.asarray(ring).T
    return float(0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _holds(ring: Part, x: float, y: float) -> bool:
    x0, y0 = np.asarray(ring).T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crossed = (y0 > y) != (y1 > y)
    at = x0[crossed] + (y - y0[crossed]) / (y1[crossed] - y0[crossed]) * (x1 - x0)[crossed]
    return bool((at > x).sum() % 2)
