"""What an import finds below a path: images with labels, splits and metadata, by relative path.

A reader turns a folder, table or COCO file into :class:`Found`; it opens no image. Labels match by
relative path, never by position.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from autofocus.data.files import IMAGE_SUFFIXES, key_of, list_images
from autofocus.data.tabular import Scalar, label_column, read_table, scalar
from autofocus.errors import InvalidInput, NotFound
from autofocus.hooks import hookimpl
from autofocus.types.data import Skipped, Split, Task

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
# Tables that make a folder a dataset in another format than a folder per class.
_TABLES = {"labels.csv": "csv", "_annotations.coco.json": "coco"}


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
    """How a reader should take things; ``root`` is where a table's paths begin.

    Where ``task`` is not classification, a class for a whole image is no label.
    """

    classes: tuple[str, ...]
    file_column: str | None = None
    label_column: str | None = None
    root: Path | None = None
    task: Task = "classification"


Reader = Callable[[Path, ReadOptions], Found]


def detect_format(path: Path) -> str:
    """``imagefolder``, ``csv`` or ``coco``, by what is there; raises NotFound, InvalidInput."""
    if not path.exists():
        raise NotFound(f"There is no {path}.", hint="Check the spelling of the path.")
    if path.is_dir():
        return next((f for name, f in _TABLES.items() if (path / name).is_file()), "imagefolder")
    if path.suffix.lower() in (".csv", ".tsv"):
        return "csv"
    if path.suffix.lower() == ".json":
        return "coco"
    raise InvalidInput(
        f"{path.name} is not something to import.",
        hint="Expected a folder of images, a zip archive, a .csv table or a COCO .json file.",
    )


def read_imagefolder(root: Path, options: ReadOptions) -> Found:
    """A folder per class, below or above a folder per split or without one.

    The class is the innermost folder whose name is a declared class, else the folder the image is
    in. Images that lie at the top, or in a folder that is only a split, have no label.
    """
    if not root.is_dir():
        raise InvalidInput(f"{root} is not a folder.", hint="For a table use format csv.")
    listing = list_images(root)
    found = Found("imagefolder", [], listing.skipped)
    for path in listing.images:
        split, folders = _without_split(path.relative_to(root).parts[:-1], options.classes)
        declared = [name for name in reversed(folders) if name in options.classes]
        label = declared[0] if declared else folders[-1] if folders else None
        found.items.append(Item(key_of(path, root), path, label, split))
    if listing.hidden:
        found.notices.append(f"{listing.hidden} hidden file(s) were passed over")
    if listing.others:
        found.notices.append(f"{listing.others} file(s) that are no images were passed over")
    names = {item.label for item in found.items if item.label is not None}
    if len(names) == 1 and len(options.classes) > 1 and options.task == "classification":
        found.notices.append(
            f"every labelled image is in one class folder, {names.pop()!r}: if that is not its "
            "class, import that folder itself"
        )
    if not found.items:
        raise InvalidInput(
            f"There is no image below {root}"
            f"{f', only {listing.others} other file(s)' if listing.others else ''}.",
            hint=f"Looked for files ending in {', '.join(sorted(IMAGE_SUFFIXES))}, and into "
            "files without such an ending.",
        )
    return found


def _without_split(
    folders: tuple[str, ...], classes: Collection[str]
) -> tuple[Split | None, list[str]]:
    """The split that one of the folders names, and the folders without it.

    A folder named like a declared class is that class, even if it is called ``test``.
    """
    for i, name in enumerate(folders):
        if name.lower() in SPLIT_NAMES and name not in classes:
            return SPLIT_NAMES[name.lower()], [*folders[:i], *folders[i + 1 :]]
    return None, list(folders)


def read_csv(path: Path, options: ReadOptions) -> Found:
    """A table beside its images: path, and if there are such columns class and split."""
    path = _table_in(path, (".csv", ".tsv"), "labels.csv")
    root = options.root or path.parent
    table = read_table(path, file_column=options.file_column)
    classes = label_column(path, table, options.label_column)
    splits = next((c for c in table.columns if c.lower() == "split"), None)
    found = Found("csv", [], table.skipped)
    for line in table.lines:
        values = dict(line.values)
        label = values.pop(classes, "") if classes else ""
        split_name = values.pop(splits, "") if splits else ""
        if split_name and split_name.lower() not in SPLIT_NAMES:
            reason = f"{path.name} line {line.number}: split {split_name!r} is not train, val, "
            found.skipped.append(Skipped(line.key, "split", f"{reason}test or pool"))
            continue
        target = locate(root, line.key)
        if target is None:
            found.unmatched_labels.append(line.key)
            continue
        metadata = {name: scalar(value) for name, value in values.items()}
        split = SPLIT_NAMES[split_name.lower()] if split_name else None
        found.items.append(Item(_named(line.key, target), target, label or None, split, metadata))
    _merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the {len(found.unmatched_labels)} files that {path.name} names is there.",
            hint=f"Paths were looked up in {root}.",
        )
    return found


def coco_labels(path: Path) -> tuple[list[tuple[str, str | None]], list[Skipped], list[str]]:
    """(relative path, class or None) of each image of a COCO file, with what could not be used.

    Category ids may have gaps; boxes are not needed. Raises InvalidInput for another document.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: str(image["file_name"]) for image in document["images"]}
        categories = {c["id"]: str(c["name"]) for c in document.get("categories", [])}
        pairs = [(a["image_id"], a["category_id"]) for a in document.get("annotations", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
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
            skipped.append(_several(key, names))
        result.append((key, names[0] if len(names) == 1 else None))
    return result, skipped, unmatched


def read_coco(path: Path, options: ReadOptions) -> Found:
    """A COCO file used for classification, beside its images or their folder ``images``."""
    path = _table_in(path, (".json",), "_annotations.coco.json")
    root = options.root or path.parent
    pairs, skipped, unmatched = coco_labels(path)
    found = Found("coco", [], skipped, unmatched)
    for key, label in pairs:
        target = locate(root, key)
        if target is None:
            found.unmatched_labels.append(key)
        else:
            split, _ = _without_split(PurePosixPath(key).parts[:-1], options.classes)
            found.items.append(Item(_named(key, target), target, label, split))
    _merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the {len(pairs)} files that {path.name} names is there.",
            hint=f"Looked in {root} and its folder images.",
        )
    return found


def locate(root: Path, key: str) -> Path | None:
    """The file of a relative path: as it is, below ``images``, or with an image's suffix added.

    Paths that lead out of ``root`` are nobody's.
    """
    if PurePosixPath(key).is_absolute() or ".." in PurePosixPath(key).parts or "\0" in key:
        return None
    for base in (root, root / "images"):
        if (base / key).is_file():
            return base / key
        if PurePosixPath(key).suffix.lower() not in IMAGE_SUFFIXES:
            for suffix in sorted(IMAGE_SUFFIXES):
                for target in (base / f"{key}{suffix}", base / f"{key}{suffix.upper()}"):
                    if target.is_file():
                        return target
    return None


def join_metadata(found: Found, path: Path) -> None:
    """Add a table's columns to the images of the same relative path."""
    table = read_table(path, first_column=True)
    columns = {
        line.key: {name: scalar(value) for name, value in line.values.items()}
        for line in table.lines
    }
    found.skipped += table.skipped
    items = []
    for item in found.items:
        extra = columns.pop(item.key, None)
        items.append(item if extra is None else replace(item, metadata={**item.metadata, **extra}))
    found.items = items
    if columns:
        found.notices.append(
            f"{len(columns)} line(s) of {path.name} name no image here, e.g. {next(iter(columns))}"
        )


def _named(key: str, target: Path) -> str:
    """The key with the suffix that the file really has."""
    return key if key.endswith(target.suffix) else f"{key}{target.suffix}"


def _merge_same_keys(found: Found) -> None:
    """A file named by several lines is one image; its label counts if they agree."""
    merged: dict[str, Item] = {}
    labels: dict[str, set[str]] = {}
    for item in found.items:
        before = merged.get(item.key)
        merged[item.key] = (
            item if before is None else replace(item, metadata={**before.metadata, **item.metadata})
        )
        labels.setdefault(item.key, set()).update({item.label} if item.label else ())
    repeated = len(found.items) - len(merged)
    if not repeated:
        return
    found.notices.append(f"{repeated} line(s) name a file that another line names too")
    for key, names in labels.items():
        label = next(iter(names)) if len(names) == 1 else None
        merged[key] = replace(merged[key], label=label)
        if len(names) > 1:
            found.skipped.append(_several(key, sorted(names)))
    found.items = list(merged.values())


def _several(key: str, names: list[str]) -> Skipped:
    return Skipped(key, "label", f"has several classes ({', '.join(names)}): taken without a label")


def _table_in(path: Path, suffixes: tuple[str, ...], usual: str) -> Path:
    """The table itself, or the one in a folder."""
    if not path.is_dir():
        return path
    if (path / usual).is_file():
        return path / usual
    tables = sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes)
    if len(tables) == 1:
        return tables[0]
    raise InvalidInput(
        f"{path} holds {len(tables)} files ending in {' or '.join(suffixes)}; one was expected.",
        hint="Name the file itself.",
    )


class BuiltinReaders:
    """The formats that come with Autofocus, through the hook that plug-ins use."""

    @hookimpl
    def import_formats(self) -> Mapping[str, Reader]:
        return {"imagefolder": read_imagefolder, "csv": read_csv, "coco": read_coco}
