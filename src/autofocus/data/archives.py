"""Importing from a zip or tar archive: unpacked safely, for as long as the import takes."""

from __future__ import annotations

import errno
import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from autofocus.errors import AutofocusError, InvalidInput, StorageFull, Unavailable

MAX_BYTES = 64 * 2**30
MAX_RATIO = 200
MAX_FILES = 5_000_000
TARS = (".tar", ".tar.gz", ".tgz")


@contextmanager
def unpacked(path: Path, *, keep: Collection[str]) -> Iterator[Path]:
    """The folder or file itself, or an archive unpacked into a folder that goes away afterwards.

    Where all of an archive lies in one folder, that folder is what is given: it is named by
    whoever packed it and is no class, unless its name is one of ``keep``. Raises InvalidInput for
    archives that are damaged, point outside of themselves or unpack to an absurd size.
    """
    packed = path.name.lower().endswith((".zip", *TARS))
    if not packed or not path.is_file():
        yield path
        return
    folder = Path(tempfile.mkdtemp(prefix="autofocus-import-"))
    try:
        if path.suffix.lower() == ".zip":
            _extract(path, folder)
        else:
            extract_tar(path, folder)
        inside = [entry for entry in folder.iterdir() if entry.name != "__MACOSX"]
        alone = len(inside) == 1 and inside[0].is_dir() and inside[0].name.lower() not in keep
        yield inside[0] if alone and inside[0].name not in keep else folder
    finally:
        shutil.rmtree(folder)


def _extract(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as source:
            members = [member for member in source.infolist() if not member.is_dir()]
            _check_size(archive, members)
            for member in members:
                target = folder.joinpath(*_safe_parts(archive, member))
                target.parent.mkdir(parents=True, exist_ok=True)
                # zipfile reads no more than the size that was checked above.
                with source.open(member) as data, target.open("wb") as out:
                    shutil.copyfileobj(data, out)
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise InvalidInput(
            f"{archive} is not a zip archive that can be read: {exc}.",
            hint="Pack or download it again.",
        ) from exc
    except (RuntimeError, NotImplementedError) as exc:  # a password, an unknown compression
        raise InvalidInput(
            f"{archive} cannot be unpacked: {exc}.",
            hint="Unpack it yourself and import the folder.",
        ) from exc
    except OSError as exc:
        raise _no_room(archive, folder, exc) from exc


def extract_tar(archive: Path, folder: Path) -> None:
    """Unpack a tar file's plain files into an empty folder; raises InvalidInput.

    Links and devices, names that lead out and names that are there twice are refused: what would
    be overwritten would be lost without a word.
    """
    total = 0
    try:
        with tarfile.open(archive, "r:*") as source:
            for number, member in enumerate(source):
                if member.isdir():
                    continue
                total += member.size
                if total > MAX_BYTES or number >= MAX_FILES:
                    raise InvalidInput(
                        f"{archive} would unpack to more than {MAX_BYTES / 1e9:.0f} GB or "
                        f"{MAX_FILES:,} files.",
                        hint="Unpack it yourself if you trust it, and import the folder.",
                    )
                target = folder.joinpath(*_safe_member(archive, member))
                if target.exists():
                    raise InvalidInput(
                        f"{archive} holds {member.name!r} twice.",
                        hint="Give the two files different names (left.png, right.png).",
                    )
                target.parent.mkdir(parents=True, exist_ok=True)
                data = source.extractfile(member)
                assert data is not None  # only plain files are left
                with data, target.open("wb") as out:
                    shutil.copyfileobj(data, out)
    except (tarfile.TarError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, EOFError) as exc:
        raise InvalidInput(
            f"{archive} is not a tar archive that can be read: {exc}.",
            hint="Pack or download it again.",
        ) from exc
    except OSError as exc:
        raise _no_room(archive, folder, exc) from exc


def _no_room(archive: Path, folder: Path, exc: OSError) -> AutofocusError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(
            f"No space left in {folder.parent} to unpack {archive}.",
            hint="Set TMPDIR to a larger place, or unpack it yourself and import the folder.",
        )
    return Unavailable(f"{archive} cannot be unpacked: {exc.strerror}.")


def _check_size(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    total = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    if total > MAX_BYTES or total / packed > MAX_RATIO or len(members) > MAX_FILES:
        raise InvalidInput(
            f"{archive} would unpack to {total / 1e9:.1f} GB in {len(members)} files from "
            f"{packed / 1e9:.3f} GB.",
            hint="Unpack it yourself if you trust it, and import the folder.",
        )


def _safe_member(archive: Path, member: tarfile.TarInfo) -> tuple[str, ...]:
    return _inside(archive, member.name, is_plain=member.isfile())


def _safe_parts(archive: Path, member: zipfile.ZipInfo) -> tuple[str, ...]:
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return _inside(archive, member.filename, is_plain=not is_link)


def _inside(archive: Path, name: str, *, is_plain: bool) -> tuple[str, ...]:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0].startswith("/") or not is_plain:
        raise InvalidInput(
            f"{archive} holds {name!r}, which points outside of it.",
            hint="The archive is not safe to unpack.",
        )
    return parts
