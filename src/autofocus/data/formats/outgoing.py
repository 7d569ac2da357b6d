"""What all writers share: names of files, images, and colours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from autofocus.data.files import IMAGE_SUFFIXES, image_suffix
from autofocus.data.formats.base import WriteOptions
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest, ManifestRow
from autofocus.types import rle
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Geometry, Shape, Shapes


@dataclass(frozen=True, slots=True)
class Written:
    """An image as it was written: ``name`` is its path below the folder of images."""

    row: ManifestRow
    label: Label | None
    name: str
    data: bytes = field(repr=False, default=b"")

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Its shapes in the order of drawing."""
        return self.label.shapes if isinstance(self.label, Shapes) else ()

    @property
    def tags(self) -> tuple[str, ...]:
        """Words about the whole image."""
        return self.label.tags if isinstance(self.label, Shapes) else ()

    @property
    def tag(self) -> str | None:
        """The one class of the whole image."""
        return self.label.label if isinstance(self.label, Tag) else None


def images(
    manifest: Manifest,
    folder: Path,
    options: WriteOptions,
    place: str = "images/{key}",
    *,
    flat: bool = False,
    apart: bool = False,
) -> Iterator[Written]:
    """Write each image and give it; ``place`` says where, with ``{split}`` and ``{key}``.

    ``flat`` makes one name of a key's folders. With ``apart``, two keys that differ by their
    suffix only get different names, for formats that put a file of the same stem beside each.
    """
    taken: set[str] = set()
    for i in range(len(manifest)):
        row, data = manifest.row(i), manifest.image(i)
        key = with_suffix(row.key, data)
        if flat:
            key = key.replace("/", "__").lstrip(".")
        name = free(place.format(split=row.split, key=key), row.sha256, taken, apart=apart)
        write(folder / name, data)
        yield Written(row, manifest.label(i), name, data)
        options.progress(i + 1, len(manifest))


def classes_in(manifest: Manifest, options: WriteOptions) -> list[str]:
    """The project's classes in their order, then others that the version still holds."""
    found = {name for names in manifest.class_sets() for name in names or ()}
    return [*options.classes, *sorted(found - set(options.classes))]


def with_suffix(key: str, data: bytes) -> str:
    """A file name for an image's key; keys of production images have no suffix."""
    if PurePosixPath(key).suffix.lower() in IMAGE_SUFFIXES:
        return key
    return f"{key}{image_suffix(data[:16]) or '.img'}"


def free(name: str, sha256: str, taken: set[str], *, apart: bool = False) -> str:
    """The name, or one with a part of the hash if another image has it (on any file system)."""
    path = PurePosixPath(name)
    if (str(path.with_suffix("")) if apart else name).lower() in taken:
        name = str(path.with_name(f"{path.stem}-{sha256[:12]}{path.suffix}"))
        path = PurePosixPath(name)
    taken.add((str(path.with_suffix("")) if apart else name).lower())
    return name


def write(path: Path, data: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document."""
    write(path, json.dumps(value, ensure_ascii=False, allow_nan=False).encode())


def quoted(path: str) -> str:
    """A path as part of a URL."""
    return quote(path)


def check_one_line(names: list[str], what: str) -> None:
    """Raise InvalidInput for a class that a list with a class a line cannot hold."""
    for name in names:
        if name != name.strip() or not name.isprintable():
            raise InvalidInput(
                f"Class {name!r} cannot stand in {what}, which has a class a line.",
                hint="Export as coco instead.",
            )


def as_folder(label: str) -> str:
    """A class as the name of a folder, or InvalidInput."""
    if "/" in label or "\\" in label or label.startswith("."):
        raise InvalidInput(
            f"Class {label!r} cannot be the name of a folder.", hint="Export as csv instead."
        )
    return label


def pixels_of(geometry: Geometry, height: int, width: int) -> Any:
    """A shape drawn as bool (height, width), None if it holds no pixel's centre."""
    try:
        return rle.to_pixels(rle.draw(geometry, height, width))
    except InvalidInput:
        return None


def colour_map(n: int) -> list[tuple[int, int, int]]:
    """The n first colours of Pascal VOC: bits of the index spread over red, green and blue."""
    colours = []
    for index in range(n):
        rgb, rest = [0, 0, 0], index
        for shift in range(7, -1, -1):
            for channel in range(3):
                rgb[channel] |= (rest >> channel & 1) << shift
            rest >>= 3
        colours.append((rgb[0], rgb[1], rgb[2]))
    return colours


def write_record(folder: Path, manifest: Manifest, report: Mapping[str, Any]) -> None:
    """``autofocus-version.json``: which version this is, for whoever finds the folder."""
    record = {"version": manifest.digest, **report}
    (folder / "autofocus-version.json").write_text(json.dumps(record, indent=2) + "\n")
