"""Where the bytes of an image are, and reading them; needs no database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from autofocus.errors import Corrupted, NotFound
from autofocus.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class BlobAt:
    """Where the bytes of one image are: in a pack, or at ``uri`` when kept by reference."""

    sha256: str
    size: int
    pack: str = ""
    offset: int = 0
    uri: str = ""


def read_blob(objects: ObjectStore, entry: BlobAt) -> bytes:
    """The bytes at a place, checked against their sha256; raises NotFound or Corrupted."""
    if entry.uri:
        path = Path(url2pathname(urlsplit(entry.uri).path))
        if not path.is_file():
            raise NotFound(
                f"The image {path} is gone; it is kept by reference.",
                hint="Put it back, or import it again without --by-reference.",
            )
        data = path.read_bytes()
    else:
        data = objects.get_range(f"packs/{entry.pack}", entry.offset, entry.size)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        where = entry.uri or f"pack {entry.pack} at {entry.offset}"
        raise Corrupted(
            f"Image {entry.sha256[:12]} in {where} is not what was stored.",
            hint="Restore it from a backup; `autofocus data verify` lists all damage.",
        )
    return data
