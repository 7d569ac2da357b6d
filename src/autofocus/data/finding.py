"""What a search is made of, whether rows are asked or columns in memory: order, answers, counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from autofocus.data.query import Query, Term

if TYPE_CHECKING:
    import numpy.typing as npt

FACET_COLUMNS = ("class", "split", "source", "author", "case", "format")
FACET_VALUES = 20

# The most frequent values of a column with how often they occur, and how many values there are.
MetadataValues = tuple[list[tuple[str, int]], int]


@dataclass(frozen=True, slots=True)
class Words:
    """One of ``FACET_COLUMNS`` of some images: ``codes`` (n,) are places in ``values``, -1 for
    none. ``class`` holds JSON lists."""

    codes: npt.NDArray[np.int32]
    values: tuple[str, ...]


class Answers(Protocol):
    """What a model says of the project's images, as far as it was asked."""

    classes: tuple[str, ...]

    def predicted(self, label: str) -> list[str]:
        """sha256 of the images for which it says ``label``."""
        ...

    def confident(self, low: float, high: float) -> list[str]:
        """sha256 of the images with ``low <= confidence <= high``."""
        ...

    @property
    def label(self) -> npt.NDArray[np.int16]:
        """(n,) number of the class that it says of each image it saw, -1 where it says none."""
        ...

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """(n,) how sure it is."""
        ...

    def places(self, names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
        """Where images stand among those that it saw, -1 for nowhere; ``names`` are sha256 as 32
        raw bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """Which part of what was found: sorted by ``by`` and then by id, ``down`` for the other way.

    ``after`` is (value, id) of the image before the first one.
    """

    by: str
    down: bool
    limit: int
    offset: int = 0
    after: tuple[str | float, int] | None = None


class Finder(Protocol):
    """One moment of a project, to be asked by queries that were checked."""

    def page(
        self, query: Query, answers: Answers | None, order: Order
    ) -> list[tuple[int, str | float]]: ...

    def count(self, query: Query, answers: Answers | None) -> int: ...

    def said(self, query: Query, answers: Answers, label: str) -> int: ...

    def images(
        self, query: Query, answers: Answers | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bytes_]]: ...

    def looked_at(
        self, query: Query, answers: Answers
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...

    def words(self, ids: npt.NDArray[np.int64], name: str) -> Words: ...

    def values(
        self, query: Query, answers: Answers | None, names: Sequence[str]
    ) -> dict[str, dict[str | None, int]]: ...

    def ranges(self, query: Query, answers: Answers | None) -> dict[str, tuple[float, float]]: ...

    def metadata(
        self, query: Query, answers: Answers | None, only: str | None = None
    ) -> dict[str, MetadataValues]: ...


def ends(term: Term) -> list[tuple[float, float]]:
    """The ranges that the numbers of a term mean, with both ends in them."""
    numbers = [float(value) for value in term.values]
    if term.operator == ":":
        return [(number, number) for number in numbers]
    first = numbers[0]
    return [
        {
            "..": (first, numbers[-1]),
            "<": (-math.inf, math.nextafter(first, -math.inf)),
            "<=": (-math.inf, first),
            ">": (math.nextafter(first, math.inf), math.inf),
            ">=": (first, math.inf),
        }[term.operator]
    ]


def folded(text: str) -> list[str]:
    """A part of a key in the forms to look for where ASCII letters of the key are small."""
    return sorted({_small(text), _small(text.lower()), _small(text.upper())})


def _small(text: str) -> str:
    """ASCII letters small, all others as they are: what both databases and Arrow agree on."""
    return text.encode().lower().decode()


def raw_names(names: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """sha256 in hexadecimal digits as 32 raw bytes each."""
    return np.frombuffer(bytes.fromhex("".join(names)), "S32")


def hex_names(names: npt.NDArray[np.bytes_]) -> list[str]:
    """The other way round."""
    text = names.tobytes().hex()
    return [text[64 * i : 64 * i + 64] for i in range(len(names))]
