"""What passes between an import or export and the formats.

A reader turns what is below a path into :class:`Found`; it opens no image. Labels match by
relative path, never by position. A writer turns a frozen version into files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from autofocus.data.tabular import Scalar
from autofocus.errors import InvalidInput
from autofocus.types.data import Label, Skipped, Split, Task

if TYPE_CHECKING:
    from autofocus.data.formats.sketch import Sketch
    from autofocus.store.manifests import Manifest

CountFrom = Literal["auto", "0", "1"]
DrawnOn = Literal["auto", "upright", "stored"]
Empty = Literal["negative", "unlabelled"]
_LONGEST_SIDE = 10_000_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the picture that a label's coordinates are in, as its file declares it.

    ``relative``: coordinates run from 0 to 1 over both sides, whatever the picture's size.
    """

    width: float
    height: float
    relative: bool = False


def frame_of(width: Any, height: Any) -> Frame | None:
    """The frame of a declared size; None for what is no size of a picture."""
    for side in (width, height):
        plain = isinstance(side, int | float) and not isinstance(side, bool)
        if not plain or not 0 < side <= _LONGEST_SIDE:
            return None
    return Frame(width, height)


RELATIVE = Frame(1, 1, relative=True)


@dataclass(frozen=True, slots=True)
class Item:
    """One image file: ``key`` is its relative path with ``/``.

    Without a ``frame`` the label's coordinates are pixels of the upright picture.
    """

    key: str
    path: Path
    label: Label | None = None
    split: Split | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    frame: Frame | None = None


@dataclass(slots=True)
class Found:
    """What a reader found; nothing is left out without a line in one of the lists."""

    format: str
    items: list[Item]
    skipped: list[Skipped] = field(default_factory=list)
    unmatched_labels: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    tallies: Counter[str] = field(default_factory=Counter)

    def tally(self, text: str, n: int = 1) -> None:
        """Count something that the report tells once; ``text`` begins with what is counted."""
        self.tallies[text] += n

    def told(self) -> list[str]:
        """All notices, those that were counted with their numbers."""
        return [*self.notices, *(f"{n} {text}" for text, n in self.tallies.items())]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a reader should take things; ``root`` is where a table's paths begin.

    ``task`` says whether shapes or one class for the whole image are asked for. ``count_from``:
    what the lowest number means where a format leaves it open (pixels of Pascal VOC, classes of
    masks). ``drawn_on``: whether labels are for the upright picture or for the pixels as they are
    stored, where EXIF turns them. ``empty``: what an image is that a document lists with nothing
    in it. ``scratch`` is a folder for images that are inside of other files.
    """

    classes: tuple[str, ...]
    file_column: str | None = None
    label_column: str | None = None
    root: Path | None = None
    task: Task = "classification"
    count_from: CountFrom = "auto"
    drawn_on: DrawnOn = "auto"
    empty: Empty = "negative"
    scratch: Path | None = None


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """``classes`` in the project's order, which is the order of numbers in files."""

    classes: tuple[str, ...]
    progress: Progress


Reader = Callable[[Path, ReadOptions], Found]
Writer = Callable[["Manifest", Path, WriteOptions], dict[str, Any]]
How = bool | str


@dataclass(frozen=True, slots=True)
class Carries:
    """What a format's files can hold; a text says what becomes of it instead.

    ``tag`` one class for an image, ``box``, ``polygon`` and ``mask`` by their kind, ``parts`` of a
    polygon, ``attributes`` of shapes, ``image_tags``, ``crowd``, ``order`` of drawing, ``ids`` of
    shapes, ``suggested_by``, ``empty`` images that somebody looked at, ``unlabelled`` ones,
    ``splits``, ``metadata``, ``keys``, ``class_order``.
    """

    tag: How = False
    box: How = False
    polygon: How = False
    parts: How = False
    mask: How = False
    attributes: How = False
    image_tags: How = False
    crowd: How = False
    order: How = False
    ids: How = False
    suggested_by: How = False
    empty: How = False
    unlabelled: How = False
    splits: How = False
    metadata: How = False
    keys: How = False
    class_order: How = False


@dataclass(frozen=True, slots=True)
class Format:
    """One format: how it is found, read and written, and what it carries when written.

    ``detect`` answers why it looks like this format, or nothing.
    """

    name: str
    title: str
    reads: str
    read: Reader | None = None
    detect: Callable[[Sketch], str | None] | None = None
    write: Writer | None = None
    carries: Carries = Carries()


def one_of(choices: Any, value: str, field: str) -> Any:
    """``value`` if it is one of a Literal's; raises InvalidInput naming them."""
    if value not in get_args(choices):
        raise InvalidInput(
            f"{field} is {value!r}.",
            hint=f"Use one of: {', '.join(get_args(choices))}.",
            field=field,
        )
    return value
