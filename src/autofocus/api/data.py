"""Images and dataset versions over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from autofocus.api.access import InProject, as_page
from autofocus.data.tests import run_data_tests
from autofocus.errors import InvalidInput
from autofocus.imaging.thumbnail import thumbnail
from autofocus.types.codec import encode
from autofocus.types.data import SPLITS, Tag

router = APIRouter(prefix="/projects/{project}", tags=["data"])

_MEDIA = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"GI": "image/gif", b"BM": "image/bmp"}


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """An import of a path on this machine."""

    path: str
    format: str = "auto"
    split: str | None = None
    metadata: str | None = None
    group_by: str | None = None
    file_column: str | None = None
    label_column: str | None = None
    root: str | None = None


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """A version to freeze."""

    message: str
    author: str = ""


@router.get("/samples")
def samples(
    project: InProject,
    split: str | None = None,
    label: str | None = None,
    source: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Images with their current labels, by key."""
    return as_page(
        project.data.samples(
            split=split, label=label, source=source, cursor=cursor, limit=min(max(limit, 1), 1000)
        )
    )


@router.get("/sample")
def sample(project: InProject, key: str) -> dict[str, Any]:
    """One image's facts, metadata and label."""
    return encode(project.data.sample(key))  # type: ignore[no-any-return]


@router.get("/images/{sha256}", response_class=Response)
def image(project: InProject, request: Request, sha256: str, size: int | None = None) -> Response:
    """The original bytes, or with ``size`` a picture fitted into that many pixels, upright.

    Sizes are 96, 160, 320, 640, 1280 and 2048. Content-addressed, so it may be cached for ever.
    """
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": f'"{sha256}-{size or "original"}"',
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    data = project.data.image(sha256)
    media = _MEDIA.get(data[:2], "application/octet-stream")
    if size is not None:
        data, media = thumbnail(data, size, max_pixels=project.workspace.settings.max_pixels)
    return Response(data, media_type=media, headers=headers)


@router.post("/images", status_code=201)
async def add_image(
    request: Request, project: InProject, key: str, split: str = "train", label: str | None = None
) -> dict[str, Any]:
    """Add one image; the body is the file itself."""
    from starlette.concurrency import run_in_threadpool

    limit = project.workspace.settings.max_upload_megabytes * 1_000_000
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise InvalidInput(
                f"The upload is larger than {limit // 1_000_000} MB.",
                hint="Raise max_upload_megabytes in settings.yaml, or import it by path.",
            )
    if split not in SPLITS:
        raise InvalidInput(f"split {split!r} is not one of {list(SPLITS)}.", field="split")
    added = await run_in_threadpool(
        lambda: project.data.add_image(
            key,
            bytes(body),
            split=split,
            metadata={},
            source="upload",
            label=Tag(label) if label else None,
        )
    )
    return encode(added)  # type: ignore[no-any-return]


@router.post("/import")
def import_path(project: InProject, body: ImportRequest) -> dict[str, Any]:
    """Import images and labels from a path on this machine; answers with the report."""
    report = project.data.import_path(
        Path(body.path),
        format=body.format,
        split=body.split,
        metadata=Path(body.metadata) if body.metadata else None,
        group_by=body.group_by,
        file_column=body.file_column,
        label_column=body.label_column,
        root=body.root,
    )
    return encode(report)  # type: ignore[no-any-return]


@router.get("/versions")
def versions(project: InProject) -> list[dict[str, Any]]:
    """Versions, newest first."""
    return [encode(version) for version in project.data.versions()]


@router.post("/versions", status_code=201)
def commit(project: InProject, body: CommitRequest) -> dict[str, Any]:
    """Freeze the current images and labels."""
    version = project.data.commit(body.message, author=body.author or project.workspace.author)
    return encode(version)  # type: ignore[no-any-return]


@router.get("/diff")
def diff(project: InProject, a: str, b: str) -> list[dict[str, Any]]:
    """What changed from version ``a`` to version ``b``."""
    return [encode(change) for change in project.data.diff(a, b)]


@router.post("/data-tests")
def data_tests(project: InProject, version: str = "latest") -> dict[str, Any]:
    """Run the data tests on a version."""
    return encode(run_data_tests(project.data, project.data.version(version), project.policy.data))  # type: ignore[no-any-return]
