"""What goes back to a client: a class, or the objects seen, as JSON.

Detections come the surest first: ``label``, ``score`` and ``box`` ([left, top, right, bottom] in
pixels of the upright image); a mask as COCO's run-length string ``mask: {size, counts}``, or on
request as ``polygons``: rings of [x, y, x, y, ...] along the edges of its pixels, holes among them
(even-odd rule).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import parse_qsl

import orjson

from autofocus.errors import InvalidInput
from autofocus.types.geometry import Box, Geometry, Mask
from autofocus.types.models import Detection

if TYPE_CHECKING:
    from autofocus.serving.engine import Answer

Masks = Literal["rle", "polygon", "none"]


@dataclass(frozen=True, slots=True)
class View:
    """How a client wants objects: from which score on (None: the model's own threshold), masks in
    which form, and whether as a picture with the objects drawn over it."""

    threshold: float | None = None
    masks: Masks = "rle"
    overlay: bool = False


PLAIN = View()


def parse_view(query: bytes, accept: bytes) -> View:
    """From a query string and the Accept header; InvalidInput names what is wrong with it."""
    picture = accept.startswith(b"image/")
    if not query and not picture:
        return PLAIN
    threshold: float | None = None
    masks: Any = "rle"
    overlay = picture
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "threshold":
            threshold = _share(value)
        elif name == "masks" and value in get_args(Masks):
            masks = value
        elif name == "overlay" and value in ("0", "1"):
            overlay = value == "1"
        else:
            raise InvalidInput(
                f"There is no {name}={value!r} here.",
                hint="Known are threshold=0..1, masks=rle|polygon|none and overlay=0|1.",
                field=name,
            )
    return View(threshold, masks, overlay)


def shown(answer: Answer, view: View) -> Sequence[Detection]:
    """The detections that count, the surest first."""
    line = answer.threshold if view.threshold is None else view.threshold
    return [d for d in answer.detections if d.score >= line]


def answer_json(answer: Answer, view: View) -> bytes:
    """The answer's body; raises InvalidInput where a classifier is asked for objects."""
    head: dict[str, Any] = {
        "prediction_id": answer.prediction_id,
        "model": answer.model.id,
        "role": answer.role,
    }
    if answer.sees_objects:
        line = answer.threshold if view.threshold is None else view.threshold
        return orjson.dumps(
            {**head, "threshold": line, "detections": detections_json(answer, view)}
        )
    if view != PLAIN:
        raise InvalidInput(
            "This project answers with a class: threshold, masks and overlay are for objects."
        )
    classes = answer.model.predictor.classes
    values = answer.probabilities.tolist()
    best = max(range(len(values)), key=values.__getitem__)
    return orjson.dumps(
        {
            **head,
            "label": classes[best],
            "confidence": values[best],
            "probabilities": dict(zip(classes, values, strict=True)),
        }
    )


def detections_json(answer: Answer, view: View = PLAIN) -> list[dict[str, Any]]:
    """The detections that count, JSON-safe."""
    return [_detection(d, view.masks) for d in shown(answer, view)]


def read_detections(answer: Mapping[str, Any]) -> tuple[Detection, ...]:
    """The detections of an answer as :func:`answer_json` gives it (masks as rle)."""
    return tuple(
        Detection(d["label"], _geometry(d), d["score"]) for d in answer.get("detections", ())
    )


def _detection(detection: Detection, masks: Masks) -> dict[str, Any]:
    box = detection.geometry.bounds
    found: dict[str, Any] = {
        "label": detection.label,
        "score": round(detection.score, 4),
        "box": [round(v, 2) for v in (box.x, box.y, box.right, box.bottom)],
    }
    geometry = detection.geometry
    if isinstance(geometry, Mask) and masks == "rle":
        found["mask"] = {"size": [geometry.height, geometry.width], "counts": geometry.counts}
    elif isinstance(geometry, Mask) and masks == "polygon":
        found["polygons"] = _rings(geometry)
    return found


def _rings(mask: Mask) -> list[list[float]]:
    from autofocus.data.formats.outlines import rings

    return [[v for point in ring for v in point] for ring in rings(mask)]


def _geometry(found: Mapping[str, Any]) -> Geometry:
    if "mask" in found:
        height, width = found["mask"]["size"]
        return Mask(height, width, found["mask"]["counts"])
    left, top, right, bottom = found["box"]
    return Box.from_corners(left, top, max(right, left + 0.01), max(bottom, top + 0.01))


def _share(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0.0 <= number <= 1.0:
        raise InvalidInput(
            f"threshold must be a number from 0 to 1, got {value!r}.", field="threshold"
        )
    return number
