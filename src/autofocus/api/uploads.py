"""Bringing images through the browser: files are gathered first, then imported as a folder.

Gathering and importing are two steps, so that nothing is lost in between: a file that did not
arrive is sent again, and an import that failed can be tried again with what has arrived.
"""

from __future__ import annotations

import errno
import logging
import re
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from autofocus.api.access import InProject
from autofocus.api.shapes import shaped
from autofocus.data.archives import TARS
from autofocus.data.formats.matching import SPLIT_NAMES
from autofocus.data.writing import check_key
from autofocus.errors import AutofocusError, Conflict, InvalidInput, NotFound, StorageFull
from autofocus.types.codec import encode
from autofocus.types.data import ImportReport
from autofocus.workspace.workspace import Project

log = logging.getLogger("autofocus.uploads")

router = APIRouter(prefix="/projects/{project}/uploads", tags=["data"])

State = Literal["gathering", "importing", "done", "failed"]
MAX_FILES = 200_000
KEPT_SECONDS = 24 * 3600
# One file with many images, which may be as large as an import.
_ARCHIVES = (".zip", *TARS, ".parquet")
_TABLES = (*_ARCHIVES, ".csv", ".tsv", ".json", ".xml")


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """Files on their way in: ``done`` of ``total`` images while they are imported."""

    id: str
    state: State
    files: int
    bytes: int
    file_limit: int
    total_limit: int
    done: int = 0
    total: int = 0
    report: ImportReport | None = None
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ImportUpload:
    """How to import what was gathered; ``name`` is what it is called in the events."""

    format: str = "auto"
    split: str | None = None
    group_by: str | None = None
    name: str = ""
    count_from: str = "auto"
    drawn_on: str = "auto"
    empty: str = "negative"


@dataclass(slots=True)
class _Upload:
    folder: Path
    files: int = 0
    bytes: int = 0
    state: State = "gathering"
    done: int = 0
    total: int = 0
    report: ImportReport | None = None
    error: str = ""
    hint: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@router.post("", **shaped(UploadStatus, status=201), status_code=201)
def begin(project: InProject, request: Request) -> dict[str, Any]:
    """Begin to gather files."""
    place = _place(project)
    _clean(place, _known(request))
    name = secrets.token_hex(8)
    folder = place / name
    folder.mkdir(parents=True)
    _known(request)[name] = _Upload(folder)
    return _status(project, name, _known(request)[name])


@router.put("/{upload}/files", **shaped(UploadStatus))
async def add_file(project: InProject, request: Request, upload: str, path: str) -> dict[str, Any]:
    """Add one file under its relative path; the body is the file. Sending it again replaces it."""
    found = _find(project, request, upload)
    check_key(path)
    settings = project.workspace.settings
    limit = settings.max_import_megabytes if _is_archive(path) else settings.max_upload_megabytes
    target = found.folder / path
    part = found.folder / f".{secrets.token_hex(8)}.part"
    size = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit * 1_000_000:
                    raise InvalidInput(
                        f"{path} is larger than {limit} MB.",
                        hint="Import it by its path on the server, or raise max_upload_megabytes "
                        "or max_import_megabytes in settings.yaml.",
                        path=path,
                    )
                if found.bytes + size > settings.max_import_megabytes * 1_000_000:
                    raise InvalidInput(
                        f"More than {settings.max_import_megabytes} MB in one import.",
                        hint="Import it by its path on the server, or in parts.",
                        path=path,
                    )
                await run_in_threadpool(out.write, chunk)
        with found.lock:
            if found.state == "importing":
                raise Conflict("These files are being imported; begin another upload.")
            before = target.stat().st_size if target.is_file() else None
            if before is None and found.files >= MAX_FILES:
                raise InvalidInput(f"An upload holds at most {MAX_FILES} files.")
            part.replace(target)
            found.files += before is None
            found.bytes += size - (before or 0)
            found.state = "gathering"
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"No space left in {found.folder.parent} for {path}.", hint="Free some space."
            ) from exc
        raise InvalidInput(f"{path} cannot be stored: {exc.strerror}.", path=path) from exc
    finally:
        part.unlink(missing_ok=True)
    return _status(project, upload, found)


@router.get("/{upload}", **shaped(UploadStatus))
def status(project: InProject, request: Request, upload: str) -> dict[str, Any]:
    """How far it is; with the report at the end."""
    return _status(project, upload, _find(project, request, upload))


@router.post("/{upload}/import", **shaped(UploadStatus, status=202), status_code=202)
def start_import(
    project: InProject, request: Request, upload: str, body: ImportUpload
) -> dict[str, Any]:
    """Import what was gathered, in the background; ask for the status until it is done."""
    found = _find(project, request, upload)
    with found.lock:
        if found.state in ("importing", "done"):
            return _status(project, upload, found)
        if not found.files:
            raise InvalidInput("There are no files to import yet.", hint="Send some first.")
        found.state, found.error, found.hint, found.done, found.total = "importing", "", "", 0, 0
    threading.Thread(
        target=_import, args=(project, found, body), name=f"import-{upload}", daemon=True
    ).start()
    return _status(project, upload, found)


@router.delete("/{upload}")
def discard(project: InProject, request: Request, upload: str) -> dict[str, Any]:
    """Throw the gathered files away."""
    found = _find(project, request, upload)
    with found.lock:
        if found.state == "importing":
            raise Conflict("These files are being imported.", hint="Wait until that is done.")
        shutil.rmtree(found.folder, ignore_errors=True)
        _known(request).pop(upload, None)
    return {"id": upload}


def _import(project: Project, upload: _Upload, body: ImportUpload) -> None:
    def progress(done: int, total: int) -> None:
        upload.done, upload.total = done, total

    try:
        upload.report = project.data.import_path(
            _root(upload.folder, {*project.classes, *SPLIT_NAMES}),
            format=body.format,
            split=body.split,
            group_by=body.group_by,
            count_from=body.count_from,
            drawn_on=body.drawn_on,
            empty=body.empty,
            progress=progress,
            shown=body.name or "the browser",
        )
    except AutofocusError as error:
        upload.error, upload.hint, upload.state = error.message, error.hint, "failed"
    except Exception as error:
        # Whoever waits for this thread only sees the status: it must not stay at "importing".
        log.exception("import of %s failed", upload.folder)
        upload.error, upload.state = f"The import broke off: {error!r}.", "failed"
    else:
        upload.state = "done"
        shutil.rmtree(upload.folder, ignore_errors=True)


def _root(folder: Path, keep: set[str]) -> Path:
    """What to import: a lone archive or table, a lone folder that is no class or split, or all."""
    inside = list(folder.iterdir())
    if len(inside) == 1:
        alone = inside[0]
        if alone.is_file() and alone.name.lower().endswith(_TABLES):
            return alone
        if alone.is_dir() and alone.name not in keep and alone.name.lower() not in keep:
            return alone
    return folder


def _is_archive(path: str) -> bool:
    return path.lower().endswith(_ARCHIVES)


def _place(project: Project) -> Path:
    return project.workspace.root / "uploads" / project.name


def _known(request: Request) -> dict[str, _Upload]:
    known: dict[str, _Upload] = request.app.state.uploads
    return known


def _find(project: Project, request: Request, name: str) -> _Upload:
    known = _known(request)
    folder = _place(project) / name
    found = known.get(name)
    if found is not None and found.folder == folder:
        return found
    if not re.fullmatch(r"[0-9a-f]{16}", name) or not folder.is_dir():
        raise NotFound(
            f"Project {project.name} has no upload {name!r}.",
            hint="Uploads are kept for a day. Begin another one.",
        )
    # This control plane was started after the files had come.
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".part"]
    found = _Upload(folder, files=len(files), bytes=sum(p.stat().st_size for p in files))
    return known.setdefault(name, found)


def _clean(place: Path, known: dict[str, _Upload]) -> None:
    """Throw away what was left lying for a day."""
    for folder in place.iterdir() if place.is_dir() else ():
        upload = known.get(folder.name)
        if upload is not None and upload.state == "importing":
            continue
        if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            known.pop(folder.name, None)


def _status(project: Project, name: str, upload: _Upload) -> dict[str, Any]:
    settings = project.workspace.settings
    found = UploadStatus(
        name, upload.state, upload.files, upload.bytes,
        settings.max_upload_megabytes * 1_000_000, settings.max_import_megabytes * 1_000_000,
        upload.done, upload.total, upload.report, upload.error, upload.hint,
    )  # fmt: skip
    return encode(found)  # type: ignore[no-any-return]
