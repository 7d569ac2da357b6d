"""Writing a frozen version into a folder, and saying what the format cannot carry."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from autofocus.data.files import IMAGE_SUFFIXES, image_suffix
from autofocus.errors import InvalidInput
from autofocus.hooks import hookimpl
from autofocus.store.manifests import Manifest

Progress = Callable[[int, int], None]
Writer = Callable[[Manifest, Path, Progress], dict[str, Any]]

_HISTORY = "label history and authors (autofocus labels export)"
_OWN_COLUMNS = ("file", "label", "split")


def write_csv(manifest: Manifest, folder: Path, progress: Progress) -> dict[str, Any]:
    """``images/<key>`` and ``labels.csv`` with class, split and metadata columns."""
    _one_class_each(manifest, "csv")
    rows = [manifest.row(i) for i in range(len(manifest))]
    names = sorted({name for row in rows for name in row.metadata})
    # A metadata column called like one of ours would be read back as ours.
    columns = [f"metadata_{name}" if name.lower() in _OWN_COLUMNS else name for name in names]
    taken: set[str] = set()
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*_OWN_COLUMNS, *columns])
        for i, row in enumerate(rows):
            data = manifest.image(i)
            name = _free(f"images/{_with_suffix(row.key, data)}", row.sha256, taken)
            _write(folder / name, data)
            label = "" if row.label is None else row.label["label"]
            values = [row.metadata.get(n) for n in names]
            table.writerow([name, label, row.split, *("" if v is None else v for v in values)])
            progress(i + 1, len(rows))
    lost = [_HISTORY]
    renamed = [name for name, column in zip(names, columns, strict=True) if name != column]
    if renamed:
        lost.append(f"the names of the metadata columns {', '.join(renamed)}")
    return {
        "format": "csv",
        "images": len(rows),
        "table": "labels.csv",
        "not carried": "; ".join(lost),
    }


def write_imagefolder(manifest: Manifest, folder: Path, progress: Progress) -> dict[str, Any]:
    """``<split>/<class>/<key, slashes as __>``; images without a label lie below the split."""
    _one_class_each(manifest, "imagefolder")
    with_metadata = 0
    taken: set[str] = set()
    for i in range(len(manifest)):
        row = manifest.row(i)
        data = manifest.image(i)
        parts = [row.split, *([] if row.label is None else [_as_folder(row.label["label"])])]
        flat = _with_suffix(row.key, data).replace("/", "__").lstrip(".")
        _write(folder / _free("/".join([*parts, flat]), row.sha256, taken), data)
        with_metadata += bool(row.metadata)
        progress(i + 1, len(manifest))
    lost = [_HISTORY]
    if with_metadata:
        lost.append(f"metadata of {with_metadata} images (format csv carries it)")
    return {"format": "imagefolder", "images": len(manifest), "not carried": "; ".join(lost)}


def _one_class_each(manifest: Manifest, format: str) -> None:
    try:
        manifest.classes()
    except InvalidInput as error:
        raise InvalidInput(
            f"Format {format} has one class for each image and cannot carry shapes. "
            f"{error.message}",
            hint="Export as coco, which carries boxes, polygons and masks.",
            field="format",
        ) from error


def _with_suffix(key: str, data: bytes) -> str:
    """A file name for an image's key; keys of production images have no suffix."""
    if PurePosixPath(key).suffix.lower() in IMAGE_SUFFIXES:
        return key
    return f"{key}{image_suffix(data[:16]) or '.img'}"


def _free(name: str, sha256: str, taken: set[str]) -> str:
    """The name, or one with a part of the hash if another image has it (on any file system)."""
    if name.lower() in taken:
        path = PurePosixPath(name)
        name = str(path.with_name(f"{path.stem}-{sha256[:12]}{path.suffix}"))
    taken.add(name.lower())
    return name


def _as_folder(label: str) -> str:
    if "/" in label or "\\" in label or label.startswith("."):
        raise InvalidInput(
            f"Class {label!r} cannot be the name of a folder.", hint="Export as csv instead."
        )
    return label


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_record(folder: Path, manifest: Manifest, report: Mapping[str, Any]) -> None:
    """``autofocus-version.json``: which version this is, for whoever finds the folder."""
    record = {"version": manifest.digest, **report}
    (folder / "autofocus-version.json").write_text(json.dumps(record, indent=2) + "\n")


class BuiltinWriters:
    """The formats that come with Autofocus, through the hook that plug-ins use."""

    @hookimpl
    def export_formats(self) -> Mapping[str, Writer]:
        return {"csv": write_csv, "imagefolder": write_imagefolder}
