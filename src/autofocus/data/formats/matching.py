"""Which image an annotation means: by relative path, never by position, never out of the root."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from autofocus.data.files import IMAGE_SUFFIXES, Listing, key_of, list_images
from autofocus.types.data import Split

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
# Folders that say what kind of file is in them, not which images: labels/train/a.txt belongs to
# images/train/a.jpg, Annotations/a.xml to JPEGImages/a.jpg.
_CONTAINERS = frozenset(
    ("images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "labels", "label", "labeltxt",
     "annotations", "annotation", "ann", "anns", "voc", "yolo", "coco", "json", "xml", "txt",
     "masks", "mask", "instances", "semantic", "segmentationclass", "segmentationobject",
     "obj_train_data", "obj_valid_data", "obj_test_data", "gtfine", "data")
)  # fmt: skip
_YEAR = re.compile(r"(train|val|test)20\d\d")


def split_of(name: str) -> Split | None:
    """The split that a folder or file name stands for (``val``, ``train2017``)."""
    lowered = name.lower()
    year = _YEAR.fullmatch(lowered)
    return SPLIT_NAMES.get(year[1] if year else lowered)


def split_in(stem: str) -> Split | None:
    """The split named at the end of a file's name: ``instances_train2017``, ``val``."""
    return split_of(re.split(r"[_\-. ]", stem)[-1])


def without_split(
    folders: tuple[str, ...], classes: Collection[str] = ()
) -> tuple[Split | None, list[str]]:
    """The split that one of the folders names, and the folders without it.

    A folder named like a declared class is that class, even if it is called ``test``.
    """
    for i, name in enumerate(folders):
        split = split_of(name)
        if split is not None and name not in classes:
            return split, [*folders[:i], *folders[i + 1 :]]
    return None, list(folders)


def safe_path(name: str) -> PurePosixPath | None:
    """A name from a file as a relative path; None for what leads out, is absolute or no path."""
    path = PurePosixPath(name.replace("\\", "/"))
    absolute = path.is_absolute() or bool(PureWindowsPath(name).drive)
    if absolute or ".." in path.parts or "\0" in name or not path.name:
        return None
    return path


@dataclass(slots=True)
class Images:
    """The images below a folder, found again by the names that annotations give them.

    ``masks`` are relative paths of images in folders that hold no pictures.
    """

    root: Path
    listing: Listing = field(default_factory=Listing)
    masks: list[str] = field(default_factory=list)
    _by_name: dict[str, list[PurePosixPath]] = field(default_factory=dict)
    _by_stem: dict[str, list[PurePosixPath]] = field(default_factory=dict)
    _by_place: dict[tuple[str, ...], list[PurePosixPath]] = field(default_factory=dict)

    @classmethod
    def below(cls, root: Path, *, apart: Collection[str] = ()) -> Images:
        """List a folder's images; folders named in ``apart`` (in lower case) hold masks."""
        images = cls(root, list_images(root))
        pictures = []
        for path in images.listing.images:
            folders = path.relative_to(root).parts[:-1]
            if any(folder.lower() in apart for folder in folders):
                images.masks.append(key_of(path, root))
            else:
                pictures.append(path)
        images.listing.images = pictures
        for path in images.listing.images:
            key = PurePosixPath(key_of(path, root))
            images._by_name.setdefault(key.name, []).append(key)
            images._by_stem.setdefault(key.stem, []).append(key)
            images._by_place.setdefault(place_of(key), []).append(key)
        return images

    @property
    def keys(self) -> list[str]:
        """Relative paths of all images."""
        return [key_of(path, self.root) for path in self.listing.images]

    def path(self, key: str) -> Path:
        """The file of an image of :attr:`keys`."""
        return self.root / key

    def find(self, name: str, near: PurePosixPath | None = None) -> tuple[str, Path] | None:
        """(key, file) of the one image that ``name`` means, None without one or with several.

        ``near`` is the folder of the file that names it. In this order: the path itself, from the
        root or from ``images`` in it (then the name is the key); from ``near``; in the folder of
        images that stands beside ``near``; the only image whose path ends so, of those in the
        nearest folder above ``near`` that has any; each also without the name's suffix. Of an
        absolute path of another machine, the longest end counts.
        """
        given = safe_path(name)
        if given is None:
            return self._by_end_of_absolute(name, near)
        for base in (PurePosixPath(), PurePosixPath("images")):
            found = locate(self.root / base, given.as_posix())
            if found is not None:
                return _named(given.as_posix(), found), found
        for base in () if near is None else (near, near / "images"):
            found = locate(self.root / base, given.as_posix())
            if found is not None:
                return key_of(found, self.root), found
        beside = () if near is None else self._by_place.get(place_of(near / given), ())
        return self._one(beside, given) or self._by_end(given, near)

    def beside(self, file: PurePosixPath) -> tuple[str, Path] | None:
        """(key, file) of the image that a label file of the same stem belongs to."""
        return self.find(file.stem, file.parent)

    def _by_end(
        self, given: PurePosixPath, near: PurePosixPath | None = None
    ) -> tuple[str, Path] | None:
        parts = given.parts
        ending = [k for k in self._by_name.get(given.name, ()) if k.parts[-len(parts) :] == parts]
        if not ending:
            stems = {given.stem, given.name}
            ending = [
                key
                for stem in stems
                for key in self._by_stem.get(stem, ())
                if key.parts[-len(parts) : -1] == parts[:-1]
            ]
        # Of several, the one in the folder that is nearest above the file which names it.
        for folder in () if near is None else (near, *near.parents):
            close = [key for key in ending if key.is_relative_to(folder)]
            if close:
                return self._one(close, given)
        return self._one(ending, given)

    def _by_end_of_absolute(self, name: str, near: PurePosixPath | None) -> tuple[str, Path] | None:
        parts = [p for p in PurePosixPath(name.replace("\\", "/")).parts if p not in ("/", "//")]
        if ".." in parts or "\0" in name or not parts:
            return None
        # The last part alone would be a match by name only; it counts beside the file itself.
        for start in range(len(parts) - 1):
            found = self._by_end(PurePosixPath(*parts[start:]))
            if found is not None:
                return found
        here = locate(self.root / (near or PurePosixPath()), parts[-1])
        return None if here is None else (key_of(here, self.root), here)

    def _one(
        self, keys: Collection[PurePosixPath], given: PurePosixPath
    ) -> tuple[str, Path] | None:
        exact = [key for key in keys if key.name == given.name]
        chosen = exact or list(dict.fromkeys(keys))
        if len(chosen) != 1:
            return None
        key = chosen[0].as_posix()
        return key, self.root / key


def place_of(path: PurePosixPath) -> tuple[str, ...]:
    """A file's place without its suffix and without the folders that only say what it is."""
    suffix = path.suffix.lower()
    stem = path.stem if suffix in IMAGE_SUFFIXES or suffix in (".txt", ".xml", ".json") else None
    folders = [part for part in path.parts[:-1] if part.lower() not in _CONTAINERS]
    return (*folders, path.name if stem is None else stem)


def locate(root: Path, key: str) -> Path | None:
    """The file of a relative path: as it is, or with an image's suffix added.

    Paths that lead out of ``root`` are nobody's.
    """
    path = safe_path(key)
    if path is None:
        return None
    names = [path.as_posix()]
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        names += [f"{names[0]}{s}" for low in sorted(IMAGE_SUFFIXES) for s in (low, low.upper())]
    for name in names:
        try:
            target = root / name
            if target.is_file():
                return target
        except OSError:  # a name that no file system takes
            return None
    return None


def _named(key: str, target: Path) -> str:
    """The key with the suffix that the file really has."""
    return key if key.endswith(target.suffix) else f"{key}{target.suffix}"
