"""All formats that come with Autofocus, in the order in which they are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autofocus.data.formats import (
    carried,
    coco,
    csv_table,
    cvat,
    datumaro,
    hasty,
    huggingface,
    imagefolder,
    labelme,
    labelstudio,
    masks,
    parquet,
    voc,
    webdataset,
    yolo,
)
from autofocus.data.formats.base import Format, Found, Reader, ReadOptions, Writer
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import AutofocusError, InvalidInput, NotFound
from autofocus.hooks import hookimpl
from autofocus.store.manifests import Manifest

FORMATS: tuple[Format, ...] = (
    csv_table.FORMAT,
    coco.FORMAT,
    voc.FORMAT,
    cvat.FORMAT,
    labelstudio.FORMAT,
    labelme.FORMAT,
    datumaro.FORMAT,
    hasty.FORMAT,
    huggingface.FORMAT,
    parquet.FORMAT,
    yolo.FORMAT,
    yolo.OUTLINES,
    masks.FORMAT,
    webdataset.FORMAT,
    imagefolder.FORMAT,
)
BY_NAME: Mapping[str, Format] = {format.name: format for format in FORMATS}
_MAY_BE_LABELS = (".json", ".jsonl", ".xml", ".csv", ".txt", ".tfrecord", ".mat", ".h5")
_KINDS = "a folder of images, a zip or tar archive, a .csv table, or a file of annotations"


def detect_format(path: Path) -> str:
    """The format of what is at ``path``, by its content; raises NotFound, InvalidInput."""
    return looked_at(path)[0]


def looked_at(path: Path) -> tuple[str, list[str]]:
    """The format of what is at ``path``, and notices where it could be others as well.

    Raises NotFound, and InvalidInput naming what was looked for.
    """
    if not path.exists():
        raise NotFound(f"There is no {path}.", hint="Check the spelling of the path.")
    sketch = Sketch.of(path)
    found = []
    for format in FORMATS:
        why = None if format.detect is None else format.detect(sketch)
        if why is not None and (path.is_dir() or format is not imagefolder.FORMAT):
            found.append((format.name, why))
    if not found:
        if path.suffix.lower() == ".json":
            return "coco", []  # whose reader says what is missing
        raise InvalidInput(
            f"{path.name} is not something to import.",
            hint=f"Expected {_KINDS} of: {', '.join(f.title for f in FORMATS if f.read)}.",
        )
    name, why = found[0]
    others = [other for other in found[1:] if other[0] != "imagefolder"]
    notices = []
    if others:
        told = ", ".join(f"{other} ({reason})" for other, reason in others)
        notices.append(f"read as {name} ({why}); it could be read as {told} too, with format=...")
    if name == imagefolder.FORMAT.name:
        unread = [str(f) for f in sketch.ending(*_MAY_BE_LABELS) if f.stem.lower() != "readme"]
        if unread:
            notices.append(
                f"{len(unread)} file(s) beside the images may hold labels in a format that is not "
                f"read, e.g. {unread[0]}"
            )
    return name, notices


def read_as(name: str, reader: Reader, path: Path, options: ReadOptions) -> Found:
    """What a reader finds; raises InvalidInput for a file that is not built as its format is.

    Files come from elsewhere and may hold anything anywhere; what a reader trips over is the
    file's fault before it is the reader's.
    """
    try:
        return reader(path, options)
    except AutofocusError:
        raise  # it says already what is wrong (some of them are ValueErrors, too)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as exc:
        raise InvalidInput(
            f"{path.name} is not built as {name} files are: {type(exc).__name__} {exc}.",
            hint="Open it with the tool that wrote it and export it again, or choose another "
            "format.",
        ) from exc


def losses(name: str, writer: Writer, manifest: Manifest) -> list[carried.Loss]:
    """What a format cannot carry of a version; raises InvalidInput if it cannot carry its labels.

    Nothing is said of a plug-in's formats.
    """
    known = BY_NAME.get(name)
    if known is None or known.write is not writer:
        return []
    found = carried.losses(known, manifest)
    carried.refuse_what_is_the_label_itself(known, found)
    return found


class BuiltinFormats:
    """The formats that come with Autofocus, through the hooks that plug-ins use."""

    @hookimpl
    def import_formats(self) -> Mapping[str, Reader]:
        return {format.name: format.read for format in FORMATS if format.read is not None}

    @hookimpl
    def export_formats(self) -> Mapping[str, Writer]:
        return {format.name: format.write for format in FORMATS if format.write is not None}
