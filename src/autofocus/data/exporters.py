"""Writing a frozen version into a folder, and saying what the format cannot carry."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from autofocus.hooks import hookimpl
from autofocus.store.manifests import Manifest, ManifestRow

Progress = Callable[[int, int], None]
Writer = Callable[[Manifest, Path, Progress], dict[str, Any]]


def _file_of(row: ManifestRow) -> str:
    """A relative file name for an image's key; keys of production images have no suffix."""
    name = PurePosixPath(row.key).as_posix()
    return name if PurePosixPath(name).suffix else f"{name}.img"


def write_csv(manifest: Manifest, folder: Path, progress: Progress) -> dict[str, Any]:
    """``images/<key>`` and ``labels.csv`` with class, split and metadata columns."""
    rows = [manifest.row(i) for i in range(len(manifest))]
    columns = sorted({name for row in rows for name in row.metadata})
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "label", "split", *columns])
        for i, row in enumerate(rows):
            name = f"images/{_file_of(row)}"
            _write(folder / name, manifest.image(i))
            label = "" if row.label is None else row.label["label"]
            values = [row.metadata.get(c) for c in columns]
            table.writerow([name, label, row.split, *("" if v is None else v for v in values)])
            progress(i + 1, len(rows))
    return {
        "format": "csv",
        "images": len(rows),
        "table": "labels.csv",
        "not carried": "label history and authors (autofocus labels export)",
    }


def write_imagefolder(manifest: Manifest, folder: Path, progress: Progress) -> dict[str, Any]:
    """``<split>/<class>/<key, slashes as __>``; images without a label lie below the split."""
    with_metadata = 0
    for i in range(len(manifest)):
        row = manifest.row(i)
        flat = _file_of(row).replace("/", "__")
        place = folder / row.split
        if row.label is not None:
            place = place / row.label["label"]
        _write(place / flat, manifest.image(i))
        with_metadata += bool(row.metadata)
        progress(i + 1, len(manifest))
    lost = ["label history and authors"]
    if with_metadata:
        lost.append(f"metadata of {with_metadata} images (format csv carries it)")
    return {"format": "imagefolder", "images": len(manifest), "not carried": "; ".join(lost)}


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
