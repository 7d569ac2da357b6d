"""The web page, built from ``web/`` into this package; the plain status page where it was not."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from autofocus.errors import NotFound

router = APIRouter(include_in_schema=False)

_HERE = Path(__file__).parent
BUILT = _HERE / "web"
_POLICY = (
    "default-src 'none'; style-src {inline}; script-src {inline}; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_MEDIA = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@router.get("/")
def root() -> Response:
    """The web page, or the status page where it was not built."""
    return _page(depth=0)


@router.get("/p/{route:path}")
def page_route(route: str) -> Response:
    """Every address inside the page is the page; what it shows it reads from the address."""
    return _page(depth=route.count("/") + 1)


@router.get("/status")
def status_page() -> HTMLResponse:
    """Where the loop stands, in one file that needs no build."""
    return HTMLResponse(
        (_HERE / "status.html").read_text(),
        headers={"Content-Security-Policy": _POLICY.format(inline="'unsafe-inline'")},
    )


@router.get("/assets/{name}")
def asset(name: str) -> FileResponse:
    """A part of the page; its name holds its content's hash, so it may be cached for ever."""
    path = BUILT / "assets" / name
    if path.suffix not in _MEDIA or path.parent != BUILT / "assets" or not path.is_file():
        raise NotFound(f"The page has no part {name!r}.", hint="Reload the page.")
    return FileResponse(
        path,
        media_type=_MEDIA[path.suffix],
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        },
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


def _page(depth: int) -> Response:
    index = BUILT / "index.html"
    if not index.is_file():
        return status_page()
    # Relative, so that the page works below any prefix a proxy takes away: the browser resolves
    # it against the address that it knows.
    base = f'<base href="{"../" * depth or "./"}">'
    return HTMLResponse(
        index.read_text().replace("<head>", f"<head>{base}", 1),
        headers={
            "Content-Security-Policy": _POLICY.format(inline="'self'"),
            "Cache-Control": "no-cache",
        },
    )
