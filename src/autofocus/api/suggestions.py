"""What the champion would mark in an image, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from autofocus.api.access import InProject
from autofocus.api.shapes import shaped
from autofocus.labels.suggestions import Suggestions
from autofocus.types.codec import encode

router = APIRouter(prefix="/projects/{project}/suggestions", tags=["labels"])


@router.get("/{key:path}", **shaped(Suggestions))
def suggestions(project: InProject, key: str) -> dict[str, Any]:
    """The shapes that the champion sees in an image; ``reason`` says why there are none."""
    return encode(project.suggestions(key))  # type: ignore[no-any-return]
