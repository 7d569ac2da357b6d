"""The label of one image over HTTP: looked at and saved as a whole, as the canvas does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import PlainValidator

from autofocus.api.access import InProject
from autofocus.api.shapes import shaped
from autofocus.types.codec import encode
from autofocus.types.data import Annotation
from autofocus.types.geometry import Shapes, read_shapes

router = APIRouter(prefix="/projects/{project}/annotations", tags=["labels"])

# Read by our own codec, which names the shape that is wrong by its id.
Drawn = Annotated[Shapes, PlainValidator(read_shapes, json_schema_input_type=Shapes)]


@dataclass(frozen=True, slots=True)
class SaveAnnotation:
    """A label to be put in force, and who says so.

    ``seen`` is the id of the annotation that was looked at, 0 for none; ``request`` makes sending
    it twice harmless; ``seconds`` is the time it took.
    """

    label: Drawn
    author: str
    seen: int
    request: str
    seconds: float | None = None


@router.get("/{key:path}", **shaped(Annotation | None))
def annotation(project: InProject, key: str, request: Request) -> Response:
    """The label in force of an image, with who gave it and when; null without one.

    The ETag is the annotation's id, "0" without one: 304 where it is the one in ``If-None-Match``.
    """
    found = project.labels.annotation(key)
    headers = {"ETag": f'"{found.id if found else 0}"', "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return _answer(found, headers)


@router.put("/{key:path}", **shaped(Annotation))
def save(project: InProject, key: str, body: SaveAnnotation) -> Response:
    """Put a label of shapes in force; the ones before stay in history.

    The same request twice is saved once, and answered with what it saved. 409 with
    ``context.annotation`` where another label is in force than the one that was ``seen``: the
    annotation in force, null if it was taken away. Open questions about the image are answered.
    """
    saved = project.labels.annotate(
        key,
        body.label,
        body.author,
        seen=body.seen,
        request=body.request,
        seconds=body.seconds,
    )
    return _answer(saved)


def _answer(found: Annotation | None, headers: dict[str, str] | None = None) -> Response:
    # Thousands of shapes: FastAPI would walk through every number of theirs once more.
    return Response(orjson.dumps(encode(found)), media_type="application/json", headers=headers)
