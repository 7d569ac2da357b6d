"""What a model would mark in an image, offered to whoever labels it."""

from __future__ import annotations

from dataclasses import dataclass

from autofocus.errors import InvalidInput
from autofocus.types.codec import digest
from autofocus.types.geometry import Box, Geometry, Shape
from autofocus.types.models import Detection, Predictor

LEAST_SCORE = 0.3  # below it more is rejected than accepted
MOST_SHAPES = 300


@dataclass(frozen=True, slots=True)
class SuggestedShape:
    """A shape as it would be saved, and how sure the model is of it (0 to 1)."""

    shape: Shape
    score: float


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What ``model`` sees in an image, the surest first; ``reason`` says why there is nothing."""

    key: str
    model: str = ""
    reason: str = ""
    shapes: tuple[SuggestedShape, ...] = ()


def suggest(
    predictor: Predictor, key: str, image: bytes, *, width: int, height: int
) -> Suggestions:
    """Ask a model about one encoded image of ``width`` x ``height`` upright pixels.

    The same model says the same shape under the same id, so that a rejected one stays rejected.
    Raises ImageRejected for an unusable image.
    """
    answer = predictor.predict([image])
    detections = answer.detections[0] if answer.detections else ()
    found = [
        made
        for detection in detections
        if detection.score >= LEAST_SCORE
        for made in (_shape(predictor, detection, width, height),)
        if made is not None
    ]
    reason = "" if found else f"{predictor.name} sees nothing in this image."
    return Suggestions(key, predictor.name, reason, tuple(found[:MOST_SHAPES]))


def _shape(
    predictor: Predictor, detection: Detection, width: int, height: int
) -> SuggestedShape | None:
    """The detection as a shape that may be saved; None where nothing of it lies in the image."""
    if detection.label not in predictor.classes:
        return None
    try:
        geometry = _inside(detection.geometry, width, height)
        shape = Shape(
            id=f"m{digest((predictor.name, detection.label, detection.geometry))[:20]}",
            label=detection.label,
            geometry=geometry,
            suggested_by=predictor.name,
        )
        shape.check_inside(width, height)
    except InvalidInput:
        return None  # outside of the image, or of no area
    return SuggestedShape(shape, detection.score)


def _inside(geometry: Geometry, width: int, height: int) -> Geometry:
    """A box cut off at the image's edges; other shapes as they are."""
    if not isinstance(geometry, Box):
        return geometry
    return Box.from_corners(
        max(geometry.x, 0.0),
        max(geometry.y, 0.0),
        min(geometry.right, float(width)),
        min(geometry.bottom, float(height)),
    )
