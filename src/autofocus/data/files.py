"""Which files of a folder are images, by name or by content."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from autofocus.types.data import Skipped

IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "tif", "tiff", "webp", "avif"),
        *("ppm", "pgm", "pbm", "pnm", "jp2", "j2k", "tga", "qoi", "ico", "dib", "pcx", "sgi"),
        *("dds", "mpo", "apng"),
        # Not readable, but photographs all the same: they must be refused by name, not overlooked.
        *("heic", "heif", "jxl"),
    )
)
# Files beside images that are never images, and never missed by anybody; others are looked into.
_TEXT_SUFFIXES = frozenset(
    f".{name}" for name in ("txt", "csv", "tsv", "json", "jsonl", "xml", "md", "yaml", "yml", "py")
)
_HEAD = 16


@dataclass(slots=True)
class Listing:
    """The files of a folder: ``images`` in a fixed order, the rest counted, never forgotten."""

    images: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    hidden: int = 0
    others: int = 0


def list_images(root: Path) -> Listing:
    """Everything below ``root``: by suffix, or by content where the suffix says nothing."""
    listing = Listing()
    for folder, names, files in os.walk(root, onerror=lambda exc: _blocked(listing, root, exc)):
        hidden = [name for name in names if _is_hidden(name)]
        for name in hidden:
            names.remove(name)
            listing.hidden += sum(len(inner) for _, _, inner in os.walk(Path(folder, name)))
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if _is_hidden(name):
                listing.hidden += 1
            elif not _has_text_name(path, root):
                listing.skipped.append(
                    Skipped(ascii(name), "unreadable", "its name is not valid UTF-8: rename it")
                )
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                if path.is_file():
                    listing.images.append(path)
                else:
                    reason = "is a link to nothing" if path.is_symlink() else "is not a plain file"
                    listing.skipped.append(Skipped(key_of(path, root), "unreadable", reason))
            elif path.suffix.lower() in _TEXT_SUFFIXES:
                listing.others += 1
            elif _suffix_inside(path):
                listing.images.append(path)
            elif not path.suffix:
                listing.others += 1  # LICENSE, Makefile
            else:
                reason = "is no image, by its name and by its first bytes"
                listing.skipped.append(Skipped(key_of(path, root), "not_an_image", reason))
    listing.images.sort(key=lambda path: key_of(path, root))
    return listing


def key_of(path: Path, root: Path) -> str:
    """The relative path with ``/``, which is the image's key."""
    return path.relative_to(root).as_posix()


def image_suffix(head: bytes) -> str | None:
    """The usual suffix of the image format that a file's first 16 bytes show, None for no image."""
    if head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return ".gif"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return ".tif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return ".avif" if brand == b"avif" else ".heic" if brand in (b"heic", b"mif1") else None
    return ".jp2" if head[4:8] == b"jP  " else None


def _suffix_inside(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return image_suffix(file.read(_HEAD))
    except OSError:
        return None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _has_text_name(path: Path, root: Path) -> bool:
    try:
        key_of(path, root).encode()
    except UnicodeEncodeError:
        return False
    return True


def _blocked(listing: Listing, root: Path, exc: OSError) -> None:
    name = Path(os.fsdecode(exc.filename)) if exc.filename else root
    shown = ascii(str(name.relative_to(root)) if name != root else ".")
    listing.skipped.append(
        Skipped(shown, "unreadable", f"the folder cannot be read: {exc.strerror}")
    )
