"""A folder per class, below or above a folder per split or without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autofocus.data.files import IMAGE_SUFFIXES, key_of, list_images
from autofocus.data.formats import outgoing
from autofocus.data.formats.base import Carries, Format, Found, Item, ReadOptions, WriteOptions
from autofocus.data.formats.matching import without_split
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types.data import Tag


def detect(sketch: Sketch) -> str | None:
    """Any folder that nothing else claims."""
    return "a folder of images"


def read(root: Path, options: ReadOptions) -> Found:
    """A folder per class, below or above a folder per split or without one.

    The class is the innermost folder whose name is a declared class, else the folder the image is
    in. Images that lie at the top, or in a folder that is only a split, have no label.
    """
    if not root.is_dir():
        raise InvalidInput(f"{root} is not a folder.", hint="For a table use format csv.")
    listing = list_images(root)
    found = Found("imagefolder", [], listing.skipped)
    for path in listing.images:
        split, folders = without_split(path.relative_to(root).parts[:-1], options.classes)
        declared = [name for name in reversed(folders) if name in options.classes]
        label = declared[0] if declared else folders[-1] if folders else None
        found.items.append(
            Item(key_of(path, root), path, None if label is None else Tag(label), split)
        )
    if listing.hidden:
        found.notices.append(f"{listing.hidden} hidden file(s) were passed over")
    if listing.others:
        found.notices.append(f"{listing.others} file(s) that are no images were passed over")
    names = {item.label.label for item in found.items if isinstance(item.label, Tag)}
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


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``<split>/<class>/<key, slashes as __>``; images without a label lie below the split."""
    taken: set[str] = set()
    for i in range(len(manifest)):
        row, data, label = manifest.row(i), manifest.image(i), manifest.label(i)
        parts: list[str] = [row.split]
        if isinstance(label, Tag):
            parts.append(outgoing.as_folder(label.label))
        name = outgoing.with_suffix(row.key, data).replace("/", "__").lstrip(".")
        outgoing.write(folder / outgoing.free("/".join([*parts, name]), row.sha256, taken), data)
        options.progress(i + 1, len(manifest))
    return {"images": len(manifest)}


FORMAT = Format(
    "imagefolder",
    "Folder per class",
    "a folder per class, folders of splits above or below",
    read,
    detect,
    write,
    Carries(tag=True, unlabelled=True, splits=True),
)
