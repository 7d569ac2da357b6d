"""The status page: one file without anything from outside, until the real page moves in."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)


@router.get("/")
def status_page() -> HTMLResponse:
    """Where the loop stands, for people."""
    return HTMLResponse(
        (_HERE / "status.html").read_text(), headers={"Content-Security-Policy": _POLICY}
    )


@router.get("/favicon.ico")
def icon() -> Response:
    """A focus ring."""
    return Response(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        '<circle cx="8" cy="8" r="6" fill="none" stroke="#2563eb" stroke-width="2"/>'
        '<circle cx="8" cy="8" r="2" fill="#2563eb"/></svg>',
        media_type="image/svg+xml",
    )
