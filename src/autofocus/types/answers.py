"""What a model saw in an image, small enough to be kept for every request.

Packed, an image's detections are one line of JSON: a list of ``[class, score, ...]`` with the
class by its place in the model's list, followed by what the geometry needs: four numbers for a box
(left, top, right, bottom), a list of parts for a polygon, height, width and COCO's run-length
string for a mask. An image on which nothing was seen is ``[]``; classification packs nothing.

Three numbers sum an answer up, and so make its drift visible where the image's embedding does not:
how many objects, how large, how sure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson

from autofocus.errors import Corrupted
from autofocus.types.geometry import Box, Geometry, Mask, Polygon, Shape, Shapes
from autofocus.types.models import Detection

OUTPUTS = ("count", "size", "score")

Outputs = tuple[float, float, float]


def pack(detections: Sequence[Detection], classes: Sequence[str]) -> bytes:
    """The detections as one line of JSON; coordinates of boxes to a hundredth of a pixel."""
    place = {name: i for i, name in enumerate(classes)}
    return orjson.dumps(
        [[place[d.label], round(d.score, 4), *_geometry(d.geometry)] for d in detections]
    )


def unpack(data: bytes, classes: Sequence[str]) -> tuple[Detection, ...]:
    """What :func:`pack` packed, nothing for empty bytes; raises Corrupted for anything else."""
    if not data:
        return ()
    try:
        return tuple(Detection(classes[c], _read(rest), s) for c, s, *rest in orjson.loads(data))
    except (ValueError, TypeError, IndexError) as exc:
        raise Corrupted(f"Packed detections cannot be read: {type(exc).__name__} {exc}.") from exc


def summarise(seen: Sequence[Detection], *, area: float, surest: float) -> Outputs:
    """The :data:`OUTPUTS` of what a model means to say about an image of ``area`` square pixels.

    Number of objects; the mean of their sizes, the root of their box's share of the area; the
    mean of their scores, or, where nothing is said, ``surest``, the highest score of all.
    """
    if not seen:
        return 0.0, 0.0, float(surest)
    sizes = [math.sqrt(min(d.geometry.bounds.area / area, 1.0)) for d in seen]
    return float(len(seen)), sum(sizes) / len(seen), sum(d.score for d in seen) / len(seen)


def as_shapes(seen: Sequence[Detection], *, model: str | None = None) -> Shapes:
    """What was seen as the label it would be, for instance as a suggestion of ``model``."""
    return Shapes(
        tuple(
            Shape(f"seen-{i}", d.label, d.geometry, suggested_by=model)
            for i, d in enumerate(seen, start=1)
        )
    )


def as_detections(label: Shapes) -> tuple[Detection, ...]:
    """A label as the answer of a model that is sure of it."""
    return tuple(Detection(s.label, s.geometry, 1.0) for s in label.shapes)


def _geometry(geometry: Geometry) -> list[Any]:
    if isinstance(geometry, Box):
        edges = (geometry.x, geometry.y, geometry.right, geometry.bottom)
        left, top, right, bottom = (round(value, 2) for value in edges)
        # Thinner than the rounding: it must stay a box.
        return [left, top, max(right, left + 0.01), max(bottom, top + 0.01)]
    if isinstance(geometry, Mask):
        return [geometry.height, geometry.width, geometry.counts]
    return [[[round(v, 2) for point in part for v in point] for part in geometry.parts]]


def _read(values: list[Any]) -> Geometry:
    if len(values) == 4:
        return Box.from_corners(*values)
    if len(values) == 3:
        return Mask(*values)
    [parts] = values
    return Polygon(tuple(tuple(zip(p[::2], p[1::2], strict=True)) for p in parts))
