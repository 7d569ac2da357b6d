"""The object store: whole objects by key, in a folder or in S3, GCS or Azure.

Needs no conditional writes, versioning or locks of the store behind it: keys are content-addressed
or have one writer, and the database decides.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from autofocus.errors import InvalidInput, NotFound, StorageFull, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore as RemoteStore

SCHEMES = ("file", "s3", "gs", "az")
_EXAMPLES = "A store is a folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix."


class ObjectStore:
    """Objects below one root. A local put is atomic and on disk when it returns."""

    def __init__(self, url: str, *, folder: Path | None, remote: RemoteStore | None) -> None:
        self.url = url
        self._folder = folder
        self._remote = remote

    @classmethod
    def open(cls, location: str | os.PathLike[str], *, create: bool = True) -> ObjectStore:
        """Open a folder (made if missing, unless ``create`` is off) or a URL.

        Raises InvalidInput for a location that is none, Unavailable for a folder that cannot be
        made, NotFound for one that is missing. A remote store is first asked when it is first used.
        """
        text = os.fspath(location)
        parts = urlsplit(text)
        if re.match(r"[a-z][a-z0-9]+:/(?!/)", text):
            raise InvalidInput(
                f"{text!r} is not a place for objects: a slash is missing.", hint=_EXAMPLES
            )
        if "://" not in text:
            folder = Path(text).absolute()
        elif parts.scheme == "file":
            folder = Path(url2pathname(parts.path))
        elif parts.scheme in SCHEMES:
            return cls(text.rstrip("/"), folder=None, remote=_open_remote(text))
        else:
            raise InvalidInput(f"{text!r} is not a place for objects.", hint=_EXAMPLES)
        if not create and not folder.is_dir():
            raise NotFound(
                f"There is no folder {folder} to use as object store.",
                hint=f"That of a workspace lies in its folder store. {_EXAMPLES}",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise Unavailable(
                f"Cannot use {folder} as object store: {exc.strerror}.", hint=_EXAMPLES
            ) from exc
        return cls(str(folder), folder=folder, remote=None)

    def put(self, key: str, data: bytes) -> None:
        """Write an object as a whole, replacing what was there; raises StorageFull."""
        _check(key)
        if self._folder is not None:
            with _local_errors(key):
                _write_atomically(self._folder / key, data)
        else:
            with self._remote_errors(key):
                self._store().put(key, data)

    def get(self, key: str) -> bytes:
        """Read an object; raises NotFound."""
        _check(key)
        if self._folder is not None:
            with _local_errors(key):
                return (self._folder / key).read_bytes()
        with self._remote_errors(key):
            return bytes(self._store().get(key).bytes())

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Read ``length`` bytes from ``start``; raises NotFound."""
        _check(key)
        if self._folder is not None:
            with _local_errors(key), (self._folder / key).open("rb") as file:
                file.seek(start)
                return file.read(length)
        with self._remote_errors(key):
            return bytes(self._store().get_range(key, start=start, length=length))

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        _check(key)
        if self._folder is not None:
            return (self._folder / key).is_file()
        try:
            with self._remote_errors(key):
                self._store().head(key)
        except NotFound:
            return False
        return True

    def list(self, prefix: str) -> list[str]:
        """All keys that begin with ``prefix`` (a folder, ending in ``/``), sorted."""
        if self._folder is not None:
            root = self._folder / prefix
            found: list[str] = []
            with _local_errors(prefix):
                for folder, _, names in os.walk(root):
                    inside = Path(folder).relative_to(self._folder)
                    found.extend(
                        (inside / name).as_posix() for name in names if not _unfinished(name)
                    )
            return sorted(found)
        with self._remote_errors(prefix):
            return sorted(item["path"] for page in self._store().list(prefix) for item in page)

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        _check(key)
        if self._folder is not None:
            with _local_errors(key):
                (self._folder / key).unlink(missing_ok=True)
            return
        try:
            with self._remote_errors(key):
                self._store().delete(key)
        except NotFound:
            return

    def local_path(self, key: str) -> Path | None:
        """The file that holds an object, for memory-mapping; None on a remote store."""
        _check(key)
        return None if self._folder is None else self._folder / key

    def _store(self) -> RemoteStore:
        assert self._remote is not None
        return self._remote

    @contextmanager
    def _remote_errors(self, key: str) -> Iterator[None]:
        from obstore.exceptions import BaseError, NotFoundError

        try:
            yield
        except (FileNotFoundError, NotFoundError) as exc:
            raise NotFound(f"There is no object {key!r} in {self.url}.", key=key) from exc
        except BaseError as exc:
            raise Unavailable(
                f"The object store {self.url} refused {key!r}: {str(exc).splitlines()[0]}.",
                hint="Check the URL, the credentials in the environment, and the network.",
            ) from exc


def _open_remote(url: str) -> RemoteStore:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    try:
        # No client options: they would replace those in the environment, as AWS_ALLOW_HTTP.
        return from_url(
            url, retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
        )
    except (BaseError, ValueError) as exc:
        raise InvalidInput(
            f"The object store URL {url!r} cannot be used: {str(exc).splitlines()[0]}.",
            hint=_EXAMPLES,
        ) from exc


def _check(key: str) -> None:
    path = PurePosixPath(key)
    if not key or path.is_absolute() or ".." in path.parts or "\0" in key:
        raise InvalidInput(f"{key!r} is not a key: expected a relative path without '..'.")


def _unfinished(name: str) -> bool:
    return name.endswith(".part")


def _write_atomically(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _local_errors(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
        raise NotFound(f"There is no object {key!r} in the store.", key=key) from exc
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"No space left to write {key!r}.",
                hint="Free some space and try again; nothing that was acknowledged is lost.",
            ) from exc
        raise Unavailable(f"Cannot reach {key!r} in the store: {exc.strerror}.") from exc
