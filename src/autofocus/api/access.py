"""How a request reaches the workspace and a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request, Response

from autofocus.types.codec import encode

if TYPE_CHECKING:
    from autofocus.types.data import Page
from autofocus.workspace.workspace import Project, Workspace


def workspace_of(request: Request) -> Workspace:
    """The open workspace of this control plane."""
    workspace: Workspace = request.app.state.workspace
    return workspace


def project_of(project: str, workspace: Annotated[Workspace, Depends(workspace_of)]) -> Project:
    """The project in the path; 404 names those there are."""
    return workspace.project(project)


InWorkspace = Annotated[Workspace, Depends(workspace_of)]
InProject = Annotated[Project, Depends(project_of)]


def as_page(page: Page) -> dict[str, Any]:
    """A page as JSON: ``{"items": [...], "next_cursor": ...}``."""
    return {"items": [encode(item) for item in page.items], "next_cursor": page.next_cursor}


_MEDIA = {
    b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"GI": "image/gif", b"BM": "image/bmp",
    b"RI": "image/webp",
}  # fmt: skip


def image_response(data: bytes) -> Response:
    """An image that never changes under its address, so it may be cached for ever."""
    return Response(
        data,
        media_type=_MEDIA.get(data[:2], "application/octet-stream"),
        headers={
            "Cache-Control": "private, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        },
    )
