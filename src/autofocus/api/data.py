"""Images and dataset versions over HTTP."""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from autofocus.api.access import InProject, as_page
from autofocus.api.background import Background
from autofocus.api.shapes import shaped
from autofocus.data.embedding_map import MOST
from autofocus.data.embeddings import SimilarSamples
from autofocus.data.formats.carried import Loss
from autofocus.data.search import MAX_LIMIT, Facets, FoundSamples
from autofocus.data.tests import run_data_tests
from autofocus.errors import InvalidInput
from autofocus.imaging.thumbnail import thumbnail
from autofocus.types.codec import encode
from autofocus.types.data import SPLITS, Sample, Split, Tag, Version, VersionChange
from autofocus.types.models import Report
from autofocus.workspace.workspace import Project

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
    count_from: str = "auto"
    drawn_on: str = "auto"
    empty: str = "negative"


@dataclass(frozen=True, slots=True)
class LabelSamples:
    """A class for some images, and who says so."""

    keys: list[str]
    label: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class SampleIds:
    """Images by the ids of a map."""

    ids: list[int]


@dataclass(frozen=True, slots=True)
class MoveSamples:
    """A split for some images."""

    keys: list[str]
    split: Split


@dataclass(frozen=True, slots=True)
class DeleteSamples:
    """Images to take out, and who says so."""

    keys: list[str]
    author: str = ""


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


@dataclass(frozen=True, slots=True)
class Embedding:
    """How many images the champion has looked at; ``running`` while it looks at more."""

    model: str
    done: int
    total: int
    running: bool
    error: str


@dataclass(frozen=True, slots=True)
class Changes:
    """A part of a difference; ``counts`` has all of it by kind of change."""

    counts: Mapping[str, int]
    items: tuple[VersionChange, ...]


@router.get("/search", **shaped(FoundSamples))
def search(
    project: InProject,
    q: str = "",
    sort: str = "key",
    limit: int = 100,
    cursor: str | None = None,
    offset: int = 0,
    count: bool = True,
) -> dict[str, Any]:
    """Images that meet a query, such as ``class:open split:train brightness<40 -camera:door``."""
    found = project.data.search(
        q, sort=sort, limit=limit, cursor=cursor, offset=offset, count=count
    )
    return encode(found)  # type: ignore[no-any-return]


@router.get("/facets", **shaped(Facets))
def facets(project: InProject, q: str = "") -> dict[str, Any]:
    """How many of the images found have which class, split, metadata value and so on."""
    return encode(project.data.facets(q))  # type: ignore[no-any-return]


@router.get("/similar", **shaped(SimilarSamples))
def similar(
    project: InProject,
    key: Annotated[list[str], Query(default_factory=list)],
    case: str = "",
    q: str = "",
    limit: int = 100,
) -> dict[str, Any]:
    """Images that look to the champion like one of those (``key``, as often as wanted), or like
    the drifted ones of a ``case``, among those that it has looked at."""
    if bool(key) == bool(case):
        raise InvalidInput("Name images by key, or one case.", field="key")
    if case:
        return encode(project.loop.more_like(case, q, limit=limit))  # type: ignore[no-any-return]
    return encode(project.data.similar(key, q, limit=limit))  # type: ignore[no-any-return]


@router.get("/embeddings", **shaped(Embedding))
def embeddings(project: InProject, request: Request) -> dict[str, Any]:
    """How many of the images the champion has looked at, and whether it goes on."""
    work: Background = request.app.state.embedding
    running, error = work.state(project.name)
    found = project.data.embeddings.status()
    return encode(Embedding(found.model, found.done, found.total, running, error))  # type: ignore[no-any-return]


@router.post("/embeddings", **shaped(Embedding, status=202), status_code=202)
def compute_embeddings(project: InProject, request: Request) -> dict[str, Any]:
    """Let the champion look at the images it has not seen, in the background."""
    work: Background = request.app.state.embedding
    if not project.data.embeddings.status().model:
        project.data.embeddings.compute()  # says what is missing
    work.start(project.name, partial(_look, project))
    return embeddings(project, request)


@router.get("/map", response_class=Response)
def image_map(project: InProject, q: str = "", most: int = MOST) -> Response:
    """The images as points, what looks alike to the champion close together.

    Binary: the length of a JSON text (4 bytes, little-endian), the text padded with blanks to a
    multiple of 8 bytes, and for its ``n`` images ids (float64), x, y (float32), label, split, said
    (int16, places in the text's lists).
    """
    found = project.data.map(q, most=most)
    head = {
        "model": found.model, "n": len(found.ids), "total": found.total,
        "explained": found.explained, "labels": found.labels, "splits": found.splits,
        "classes": found.classes,
    }  # fmt: skip
    text = json.dumps(head).encode()
    text += b" " * (-(len(text) + 4) % 8)
    arrays = [
        found.ids.astype("<f8"), found.x.astype("<f4"), found.y.astype("<f4"),
        found.label.astype("<i2"), found.split.astype("<i2"), found.said.astype("<i2"),
    ]  # fmt: skip
    body = struct.pack("<I", len(text)) + text + b"".join(array.tobytes() for array in arrays)
    return Response(body, media_type="application/octet-stream")


@router.post("/samples/by-id", **shaped(list[Sample]))
def samples_by_id(project: InProject, body: SampleIds) -> list[dict[str, Any]]:
    """Images by the ids of a map, in that order; those that are gone are left out."""
    if not 1 <= len(body.ids) <= MAX_LIMIT:
        raise InvalidInput(
            f"Name 1 to {MAX_LIMIT} images at a time, not {len(body.ids)}.", field="ids"
        )
    return [encode(sample) for sample in project.data.by_id(body.ids)]


def _look(project: Project) -> None:
    """Embeddings of all images, and what label QA needs besides: objects in the labelled ones."""
    project.data.embeddings.compute()
    if project.data.rules.drawn:
        project.labels.look()


@router.post("/samples/label")
def label_samples(project: InProject, body: LabelSamples) -> dict[str, Any]:
    """Label images directly; the labels before stay in history."""
    _check_keys(body.keys)
    author = body.author or project.workspace.author
    for key in body.keys:
        project.labels.label(key, body.label, author)
    return {"changed": len(body.keys)}


@router.post("/samples/split")
def move_samples(project: InProject, body: MoveSamples) -> dict[str, Any]:
    """Move images to a split, all or none."""
    _check_keys(body.keys)
    return {"changed": project.data.set_split(body.keys, body.split)}


@router.post("/samples/delete")
def delete_samples(project: InProject, body: DeleteSamples) -> dict[str, Any]:
    """Take images out of the project; versions keep them. Their bytes stay."""
    _check_keys(body.keys)
    author = body.author or project.workspace.author
    return {"changed": project.data.delete(body.keys, author=author)}


def _check_keys(keys: list[str]) -> None:
    if not 1 <= len(keys) <= MAX_LIMIT:
        raise InvalidInput(
            f"Name 1 to {MAX_LIMIT} images at a time, not {len(keys)}.", field="keys"
        )


@router.get("/sample", **shaped(Sample))
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
        count_from=body.count_from,
        drawn_on=body.drawn_on,
        empty=body.empty,
    )
    return encode(report)  # type: ignore[no-any-return]


@router.get("/versions", **shaped(list[Version]))
def versions(project: InProject) -> list[dict[str, Any]]:
    """Versions, newest first."""
    return [encode(version) for version in project.data.versions()]


@router.post("/versions", **shaped(Version, status=201), status_code=201)
def commit(project: InProject, body: CommitRequest) -> dict[str, Any]:
    """Freeze the current images and labels."""
    version = project.data.commit(body.message, author=body.author or project.workspace.author)
    return encode(version)  # type: ignore[no-any-return]


@router.get("/diff")
def diff(project: InProject, a: str, b: str) -> list[dict[str, Any]]:
    """What changed from version ``a`` to version ``b``."""
    return [encode(change) for change in project.data.diff(a, b)]


@router.get("/changes", **shaped(Changes))
def changes(
    project: InProject,
    a: str,
    b: str,
    change: str | None = None,
    offset: int = 0,
    limit: int = 200,
) -> dict[str, Any]:
    """What changed from ``a`` to ``b``: counts by kind, and a part of one kind's images.

    Beside versions, ``now`` is what a commit would freeze and ``none`` is before the first image.
    """
    found = project.data.diff(a, b)
    counts = Counter(c.change for c in found)
    shown = [c for c in found if change is None or c.change == change]
    part = shown[max(offset, 0) : max(offset, 0) + min(max(limit, 1), 1000)]
    return {"counts": dict(counts), "items": [encode(c) for c in part]}


@router.get("/versions/{version}/export", response_class=FileResponse)
def export(project: InProject, version: str, format: str = "imagefolder") -> FileResponse:
    """A version as a zip archive, in one of the formats that ``autofocus data export`` knows."""
    found = project.data.version(version)
    folder = Path(tempfile.mkdtemp(prefix="autofocus-export-"))
    try:
        project.data.export(found, format, folder / "export")
        # Pictures are compressed already.
        archive = zip_folder(folder / "export", folder / "export.zip")
    except BaseException:
        shutil.rmtree(folder)
        raise
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"{project.name}-{found.name}-{format}.zip",
        background=BackgroundTask(shutil.rmtree, folder),
    )


@router.get("/versions/{version}/not-carried", **shaped(list[Loss]))
def not_carried(
    project: InProject, version: str, format: str = "imagefolder"
) -> list[dict[str, Any]]:
    """What an export in that format would not carry of a version; writes nothing."""
    return [encode(loss) for loss in project.data.not_carried(version, format)]


@router.get("/export-formats")
def export_formats(project: InProject) -> list[str]:
    """The formats that a version can be exported in."""
    return project.data.export_formats


@router.post("/data-tests", **shaped(Report))
def data_tests(project: InProject, version: str = "latest") -> dict[str, Any]:
    """Run the data tests on a version."""
    return encode(run_data_tests(project.data, project.data.version(version), project.policy.data))  # type: ignore[no-any-return]


def zip_folder(folder: Path, archive: Path) -> Path:
    """The folder's files in a zip archive, stored as they are."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, path.relative_to(folder).as_posix())
    return archive
