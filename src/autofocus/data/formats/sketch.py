"""A look at what lies below a path, from which formats are told apart by content."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from autofocus.data.files import IMAGE_SUFFIXES
from autofocus.data.formats.documents import read_json, root_tag
from autofocus.errors import AutofocusError

# Enough to tell a format by; a folder of a million images need not be walked for that.
_MOST_FILES = 50_000
_MOST_DOCUMENTS = 20


@dataclass(slots=True)
class Sketch:
    """A file, or a folder's files by relative path; documents are read once, when asked for."""

    path: Path
    files: list[PurePosixPath] = field(default_factory=list)
    complete: bool = True
    _known: dict[PurePosixPath, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Sketch:
        """Look at a file or folder; hidden files are passed over."""
        if not path.is_dir():
            return cls(path.parent, [PurePosixPath(path.name)])
        sketch = cls(path)
        for folder, names, files in os.walk(path):
            names[:] = sorted(name for name in names if not name.startswith((".", "__MACOSX")))
            here = PurePosixPath(Path(folder).relative_to(path).as_posix())
            sketch.files += [here / name for name in sorted(files) if not name.startswith(".")]
            if len(sketch.files) > _MOST_FILES:
                sketch.complete = False
                break
        return sketch

    def named(self, *names: str) -> list[PurePosixPath]:
        """The files of those names (in lower case), wherever they lie."""
        return [file for file in self.files if file.name.lower() in names]

    def ending(self, *suffixes: str) -> list[PurePosixPath]:
        """The files that end so."""
        return [file for file in self.files if file.suffix.lower() in suffixes]

    @property
    def images(self) -> list[PurePosixPath]:
        """The files that are images by their name."""
        return [file for file in self.files if file.suffix.lower() in IMAGE_SUFFIXES]

    def json(self, file: PurePosixPath) -> Any:
        """A document's content, None for what is no JSON."""
        if file not in self._known:
            try:
                self._known[file] = read_json(self.path / file)
            except AutofocusError:
                self._known[file] = None
        return self._known[file]

    def documents(self) -> list[tuple[PurePosixPath, Any]]:
        """The first JSON documents and what is in them."""
        return [(file, self.json(file)) for file in self.ending(".json")[:_MOST_DOCUMENTS]]

    def root_tags(self) -> dict[str, PurePosixPath]:
        """The root elements of the first XML files, with a file each."""
        found: dict[str, PurePosixPath] = {}
        for file in self.ending(".xml")[:_MOST_DOCUMENTS]:
            tag = root_tag(self.path / file)
            if tag:
                found.setdefault(tag, file)
        return found
