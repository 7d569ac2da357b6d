"""Images, labels and frozen dataset versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autofocus.errors import Corrupted, InvalidInput
from autofocus.types.codec import decode
from autofocus.types.geometry import Shapes

Split = Literal["train", "val", "test", "pool"]
SPLITS: tuple[Split, ...] = ("train", "val", "test", "pool")
Task = Literal["classification", "detection", "segmentation"]
TASKS: tuple[Task, ...] = ("classification", "detection", "segmentation")
LabelSource = Literal["import", "human", "model", "feedback", "script"]

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_sha256(value: str, what: str) -> None:
    """Raise InvalidInput unless ``value`` is a lower-case sha256 in hex."""
    if not _SHA256.fullmatch(value):
        raise InvalidInput(f"{what} must be 64 lower-case hex digits, got {value!r}.")


def check_project_name(name: str) -> None:
    """Raise InvalidInput unless ``name`` may name a project (it is part of paths and URLs)."""
    if not _PROJECT.fullmatch(name):
        raise InvalidInput(
            f"Project name {name!r} is not valid.",
            hint="Use 1 to 63 lower-case letters, digits, '-' or '_', starting with a letter "
            "or digit.",
        )


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What one look at an image's bytes tells.

    ``width`` and ``height`` are pixels after the EXIF orientation is applied. ``phash`` is a
    64-bit perceptual hash as 16 hex digits. ``brightness``, ``contrast`` in grey levels 0..255
    (mean, standard deviation), ``blur`` is the variance of the Laplacian (small = blurred),
    ``entropy`` in bits.
    """

    width: int
    height: int
    format: str
    orientation: int
    phash: str
    brightness: float
    contrast: float
    blur: float
    entropy: float


@dataclass(frozen=True, slots=True)
class Tag:
    """The label of classification: one class for the whole image."""

    label: str
    kind: Literal["tag"] = "tag"

    def __post_init__(self) -> None:
        if not self.label:
            raise InvalidInput("A tag needs a class name, got an empty one.")

    @property
    def classes(self) -> tuple[str, ...]:
        """The one class."""
        return (self.label,)

    @property
    def words(self) -> str:
        """What people read in a list."""
        return self.label


Label = Tag | Shapes  # told apart by ``kind`` wherever they are written


def as_label(value: Mapping[str, Any]) -> Label:
    """A label as it is stored, as value; raises Corrupted for what no release wrote."""
    kind = value.get("kind", "tag")
    if kind == "tag":
        return Tag(value["label"])
    if kind == "shapes":
        return decode(Shapes, value)
    raise Corrupted(f"A stored label is of an unknown kind {kind!r}.")


def classes_of(value: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes of a label as it is stored, each once, sorted; reads no geometry."""
    if value.get("kind") == "shapes":
        return tuple(sorted({shape["label"] for shape in value["shapes"]}))
    return (value["label"],)


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a project.

    ``key`` is the relative path at import (or ``production/<prediction id>``), unique in the
    project; labels match by it. ``metadata`` holds flat user columns (camera, person, ...).
    """

    project: str
    key: str
    sha256: str
    facts: ImageFacts
    split: Split
    metadata: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    source: str = "import"
    label: Label | None = None

    def __post_init__(self) -> None:
        check_sha256(self.sha256, "Sample.sha256")
        if not self.key:
            raise InvalidInput("A sample needs a key, got an empty one.")
        if self.split not in SPLITS:
            raise InvalidInput(f"Split {self.split!r} is not one of {list(SPLITS)}.")


@dataclass(frozen=True, slots=True)
class Annotation:
    """One label of one image at one time, by one author; never changed, only superseded.

    Valid for project revisions ``rev_from <= r < rev_to`` (``rev_to`` None: still valid).
    ``suggested_by`` names the model whose suggestion was accepted, if any. ``case`` is the case
    that asked for it. ``seconds`` is the time the author took, if known.
    """

    id: int
    project: str
    key: str
    label: Label
    author: str
    source: LabelSource
    created_at: str
    rev_from: int
    rev_to: int | None = None
    confidence: float | None = None
    suggested_by: str | None = None
    case: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LabelTask:
    """One question to an annotator: which class is this image, or what is in it?

    ``reason`` says in plain words why it is asked, ``purpose`` what the answer serves,
    ``propensity`` is the probability with which the image was drawn (None: not drawn at random).
    ``suggested_by`` names the model behind ``suggestion``. ``opinion`` is the labelling
    assistant's own answer, ``disagreement`` how much it contradicts the suggestion, -1 .. 1.
    ``set_aside`` says why a skipped task was skipped. ``suggested_shapes`` is the suggestion drawn.
    """

    id: str
    project: str
    key: str
    sha256: str
    reason: str
    purpose: str
    priority: float
    state: Literal["open", "leased", "done", "skipped", "cancelled"]
    case: str | None = None
    propensity: float | None = None
    suggestion: str | None = None
    suggestion_confidence: float | None = None
    assignee: str | None = None
    suggested_by: str | None = None
    opinion: str | None = None
    opinion_confidence: float | None = None
    disagreement: float | None = None
    set_aside: str = ""
    suggested_shapes: Shapes | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A frozen dataset: named by an order-independent digest of content, never changed.

    ``counts`` maps ``split`` to ``class`` to number of images: "" for those without a label,
    "(none)" for those that were looked at and hold nothing. An image with shapes of two classes
    counts in both; ``images`` has the number of images by split.
    """

    digest: str
    project: str
    number: int
    message: str
    author: str
    created_at: str
    revision: int
    parent: str | None
    counts: Mapping[str, Mapping[str, int]]
    images: Mapping[str, int]

    def __post_init__(self) -> None:
        check_sha256(self.digest, "Version.digest")

    @property
    def name(self) -> str:
        """Short readable name, ``v3``."""
        return f"v{self.number}"


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One line of a diff between two versions."""

    key: str
    sha256: str
    change: Literal["added", "removed", "relabelled", "moved", "replaced"]
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that an import did not take, and why."""

    path: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import ended: nothing is dropped without a line here."""

    project: str
    format: str
    accepted: int
    unchanged: int
    labelled: int
    skipped: tuple[Skipped, ...]
    unmatched_labels: tuple[str, ...]
    duplicates: int
    notices: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a long listing: ``items`` as JSON-safe dicts and the cursor of the next page."""

    items: tuple[Any, ...]
    next_cursor: str | None = None
