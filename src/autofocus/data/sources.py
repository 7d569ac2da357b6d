"""What an import finds below a path: images with labels, splits and metadata, by relative path.

A reader turns a folder, CSV, COCO file or archive into :class:`Found`; it opens no image. Labels
match by relative path, never by position.
"""

from __future__ import annotations

import csv
import json
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from autofocus.errors import InvalidInput, NotFound
from autofocus.hooks import hookimpl
from autofocus.types.data import Skipped, Split

Scalar = str | int | float | bool | None

IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "png", "bmp", "gif", "tif", "tiff"),
        *("webp", "ppm", "pgm", "pbm", "jp2", "avif"),
    )
)
SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "pool": "pool",
    "unlabelled": "pool",
    "unlabeled": "pool",
}
_FILE_COLUMNS = ("file", "filename", "file_name", "path", "image", "filepath")
_LABEL_COLUMNS = ("label", "class", "category", "target")
_MAX_ARCHIVE_BYTES = 64 * 2**30
_MAX_ARCHIVE_RATIO = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One image file: ``key`` is its relative path with ``/``."""

    key: str
    path: Path
    label: str | None = None
    split: Split | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """What a reader found; nothing is left out without a line in one of the lists."""

    format: str
    items: list[Item]
    skipped: list[Skipped] = field(default_factory=list)
    unmatched_labels: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a reader should take things."""

    classes: tuple[str, ...]
    file_column: str | None = None
    label_column: str | None = None


Reader = Callable[[Path, ReadOptions], Found]


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The folder or file itself, or a zip archive unpacked safely for as long as needed."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        yield path
        return
    folder = Path(tempfile.mkdtemp(prefix="autofocus-import-"))
    try:
        _extract(path, folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def _extract(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as source:
            members = [m for m in source.infolist() if not m.is_dir()]
            total = sum(m.file_size for m in members)
            packed = max(1, sum(m.compress_size for m in members))
            if total > _MAX_ARCHIVE_BYTES or total / packed > _MAX_ARCHIVE_RATIO:
                raise InvalidInput(
                    f"{archive} would unpack to {total / 1e9:.1f} GB from {packed / 1e9:.3f} GB.",
                    hint="Unpack it yourself if you trust it, and import the folder.",
                )
            for member in members:
                parts = PurePosixPath(member.filename.replace("\\", "/")).parts
                link = stat.S_ISLNK(member.external_attr >> 16)
                if not parts or ".." in parts or parts[0].startswith("/") or link:
                    raise InvalidInput(
                        f"{archive} holds {member.filename!r}, which points outside of it.",
                        hint="The archive is not safe to unpack.",
                    )
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with source.open(member) as data, target.open("wb") as out:
                    shutil.copyfileobj(data, out)
    except zipfile.BadZipFile as exc:
        raise InvalidInput(f"{archive} is not a zip archive that can be read: {exc}.") from exc


def detect_format(path: Path) -> str:
    """``imagefolder``, ``csv`` or ``coco``, by what is there; raises NotFound, InvalidInput."""
    if not path.exists():
        raise NotFound(f"There is no {path}.", hint="Check the spelling of the path.")
    if path.is_dir():
        return "imagefolder"
    if path.suffix.lower() in (".csv", ".tsv"):
        return "csv"
    if path.suffix.lower() == ".json":
        return "coco"
    raise InvalidInput(
        f"{path.name} is not something to import.",
        hint="Expected a folder of images, a zip archive, a .csv table or a COCO .json file.",
    )


def _visible_files(root: Path) -> tuple[list[Path], int]:
    """All files below ``root`` in a fixed order, and how many hidden ones were passed over."""
    seen, hidden = [], 0
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        parts = path.relative_to(root).parts
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            hidden += 1
        else:
            seen.append(path)
    return seen, hidden


def _key(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def read_imagefolder(root: Path, options: ReadOptions) -> Found:
    """A folder per class, below a folder per split or not.

    The class is the innermost folder whose name is a declared class, else the folder the image is
    in. Images that lie at the top, or in a folder that is only a split, have no label.
    """
    if not root.is_dir():
        raise InvalidInput(f"{root} is not a folder.", hint="For a table use --format csv.")
    files, hidden = _visible_files(root)
    found = Found("imagefolder", [])
    others = 0
    for path in files:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            others += 1
            continue
        folders = list(path.relative_to(root).parts[:-1])
        split: Split | None = None
        if folders and folders[0].lower() in SPLIT_NAMES and folders[0] not in options.classes:
            split = SPLIT_NAMES[folders.pop(0).lower()]
        declared = [name for name in reversed(folders) if name in options.classes]
        label = declared[0] if declared else folders[-1] if folders else None
        found.items.append(Item(_key(path, root), path, label, split))
    if hidden:
        found.notices.append(f"{hidden} hidden file(s) were passed over")
    if others:
        found.notices.append(f"{others} file(s) that are no images were passed over")
    names = {item.label for item in found.items if item.label is not None}
    if len(names) == 1 and len(options.classes) > 1:
        found.notices.append(
            f"every image is in one class folder, {names.pop()!r}: if that is not its class, "
            "import unlabelled images from a folder without class folders"
        )
    if not found.items:
        raise InvalidInput(
            f"No image below {root}.",
            hint=f"Looked for files ending in {', '.join(sorted(IMAGE_SUFFIXES))}.",
        )
    return found


def read_rows(path: Path, file_column: str | None = None) -> list[tuple[str, dict[str, Scalar]]]:
    """A CSV or TSV as (relative path, other columns), numbers and true/false parsed."""
    if not path.is_file():
        raise NotFound(f"There is no table {path}.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            columns = list(reader.fieldnames or [])
            rows = list(reader)
        except (csv.Error, UnicodeDecodeError) as exc:
            raise InvalidInput(f"{path} cannot be read as a table: {exc}.") from exc
    lower = {name.lower(): name for name in columns}
    name = file_column or next((lower[c] for c in _FILE_COLUMNS if c in lower), None)
    if name is None or name not in columns:
        raise InvalidInput(
            f"{path.name} has no column {name or 'file'!r}; it has {columns}.",
            hint="Name the column of the relative paths with --file-column.",
        )
    result = []
    for number, row in enumerate(rows, start=2):
        if None in row or not row[name]:
            raise InvalidInput(
                f"{path.name} line {number} does not fit its header.",
                hint="Every line needs a path and as many values as there are columns.",
            )
        key = PurePosixPath(str(row[name]).replace("\\", "/")).as_posix()
        values = {c: _scalar(v) for c, v in row.items() if c != name}
        result.append((key, values))
    return result


def _scalar(text: str | None) -> Scalar:
    if text is None or text == "":
        return None
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # "007" and "1e5" are names as often as numbers; only what prints back is a number.
        return value if str(value) == text else text
    return {"true": True, "false": False}.get(text.lower(), text)


def read_csv(path: Path, options: ReadOptions) -> Found:
    """A table beside its images: path, and if there are such columns class and split."""
    root = path.parent
    found = Found("csv", [])
    for key, values in read_rows(path, options.file_column):
        lower = {name.lower(): name for name in values}
        label_column = options.label_column or next(
            (lower[c] for c in _LABEL_COLUMNS if c in lower), None
        )
        if options.label_column is not None and options.label_column not in values:
            raise InvalidInput(
                f"{path.name} has no column {options.label_column!r}; it has {sorted(values)}."
            )
        raw = values.pop(label_column, None) if label_column else None
        split_name = values.pop(lower["split"], None) if "split" in lower else None
        split: Split | None = None
        if split_name is not None:
            split = SPLIT_NAMES.get(str(split_name).lower())
            if split is None:
                raise InvalidInput(
                    f"{path.name}: split {split_name!r} of {key} is unknown.",
                    hint="Use train, val, test or pool.",
                )
        label = None if raw is None else str(raw)
        target = root / key
        if ".." in PurePosixPath(key).parts or not target.is_file():
            found.unmatched_labels.append(key)
            continue
        found.items.append(Item(key, target, label, split, values))
    if not found.items:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} files that {path.name} names is there.",
            hint=f"Paths are looked up beside the table, in {root}.",
        )
    return found


def coco_labels(path: Path) -> tuple[list[tuple[str, str | None]], list[Skipped], list[str]]:
    """(relative path, class or None) of each image of a COCO file, with what could not be used.

    Category ids may have gaps; boxes are not needed. Raises InvalidInput for another document.
    """
    try:
        document = json.loads(path.read_text())
        images = {image["id"]: str(image["file_name"]) for image in document["images"]}
        categories = {c["id"]: str(c["name"]) for c in document.get("categories", [])}
        pairs = [(a["image_id"], a["category_id"]) for a in document.get("annotations", [])]
    except (ValueError, KeyError, TypeError) as exc:
        raise InvalidInput(
            f"{path.name} is not a COCO file: {type(exc).__name__} {exc}.",
            hint="Expected the lists images, annotations (image_id, category_id) and categories.",
        ) from exc
    labels: dict[Any, set[str]] = {}
    unmatched: list[str] = []
    for image_id, category_id in pairs:
        if image_id not in images or category_id not in categories:
            unmatched.append(f"image {image_id}, category {category_id}")
        else:
            labels.setdefault(image_id, set()).add(categories[category_id])
    result: list[tuple[str, str | None]] = []
    skipped = []
    for image_id, name in images.items():
        key = PurePosixPath(name.replace("\\", "/")).as_posix()
        names = sorted(labels.get(image_id, ()))
        if len(names) > 1:
            reason = f"has several classes ({', '.join(names)}): taken without a label"
            skipped.append(Skipped(key, "label", reason))
        result.append((key, names[0] if len(names) == 1 else None))
    return result, skipped, unmatched


def read_coco(path: Path, options: ReadOptions) -> Found:
    """A COCO file used for classification, beside its images or their folder ``images``."""
    pairs, skipped, unmatched = coco_labels(path)
    found = Found("coco", [], skipped, unmatched)
    for key, label in pairs:
        beside = [path.parent / key, path.parent / "images" / key]
        target = next((p for p in beside if p.is_file()), None)
        if target is None or ".." in PurePosixPath(key).parts:
            found.unmatched_labels.append(key)
        else:
            found.items.append(Item(key, target, label))
    if not found.items:
        raise InvalidInput(
            f"None of the {len(pairs)} files that {path.name} names is there.",
            hint=f"Looked in {path.parent} and its folder images.",
        )
    return found


class BuiltinReaders:
    """The formats that come with Autofocus, through the hook that plug-ins use."""

    @hookimpl
    def import_formats(self) -> Mapping[str, Reader]:
        return {"imagefolder": read_imagefolder, "csv": read_csv, "coco": read_coco}
