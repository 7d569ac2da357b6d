"""Finding images: a :class:`~autofocus.data.query.Query`, page by page, with counts.

A process that searches once asks the rows (``search_sql``). From the second search on, columns of
all current rows are kept in memory (``projection``) and brought up to date before every answer.
Both give the same answer.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autofocus.data import rows
from autofocus.data.finding import FACET_COLUMNS, FACET_VALUES, Answers, Finder, Order, Words
from autofocus.data.projection import Projection
from autofocus.data.query import META, STATISTICS, Query
from autofocus.data.search_sql import Rows
from autofocus.errors import InvalidInput
from autofocus.store import tables
from autofocus.types.data import Sample
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    import numpy.typing as npt
    from sqlalchemy.engine import Connection

    from autofocus.data.label_rules import LabelRules
    from autofocus.store.database import Database

SORTS = ("key", "added", *STATISTICS)
MAX_LIMIT = 1000
_METADATA_COLUMNS = 12
_KEPT = 64  # facets of recent searches
_NOT_ASKED = "What the champion says of the images was not computed yet."


@dataclass(frozen=True, slots=True)
class FoundSamples:
    """A page of a search: ``total`` counts all that were found (None: not asked for)."""

    items: tuple[Sample, ...]
    total: int | None
    next_cursor: str | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facet:
    """How often the values of a field occur; ``more`` if there are further ones."""

    field: str
    values: tuple[tuple[str, int], ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts to narrow a search by.

    Each field is counted under all conditions but those on itself, so that a chosen value stands
    beside its alternatives. ``ranges`` has (lowest, highest) of each statistic.
    """

    total: int
    facets: tuple[Facet, ...]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Search:
    """Searches the current images of one project."""

    def __init__(
        self,
        database: Database,
        rules: LabelRules,
        answers: Callable[[], Answers | None],
        *,
        memory: int,
    ) -> None:
        self._database = database
        self._project = rules.project
        self._classes = rules.classes
        self._known = (*rules.classes, NOTHING) if rules.drawn else rules.classes
        self._answers = answers
        self._counted: dict[tuple[int, str], Facets] = {}
        self._projection = Projection(database, rules.project, rules.classes, memory=memory)

    def warm(self) -> bool:
        """Read the project's rows into memory now; False if they take more than they may."""
        return self._projection.build()

    def close(self) -> None:
        """Give the memory back; a reading that is going on ends."""
        self._projection.close()

    def find(
        self,
        query: Query,
        *,
        sort: str = "key",
        limit: int = 100,
        cursor: str | None = None,
        offset: int = 0,
        count: bool = True,
    ) -> FoundSamples:
        """A page of what ``query`` finds; see ``Dataset.search``."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"A page holds 1 to {MAX_LIMIT} images, not {limit}.", field="limit")
        if offset < 0 or (offset and cursor):
            raise InvalidInput(
                "Go on by a cursor or from an offset of 0 or more, not by both.", field="offset"
            )
        by = sort.removeprefix("-")
        if by not in SORTS:
            raise InvalidInput(
                f"Images cannot be sorted by {by!r}.",
                hint=f"By {', '.join(SORTS)}; with - in front the other way round.",
                field="sort",
            )
        after = None if cursor is None else _open_cursor(cursor, sort)
        answers = self._answers() if query.needs_answers else None
        self._check(query, answers)
        notices: tuple[str, ...] = (_NOT_ASKED,) if query.needs_answers and answers is None else ()
        order = Order(by, sort.startswith("-"), limit + 1, offset, after)
        with self._database.read() as conn:
            with self._finder(conn) as finder:
                ids = finder.page(query, answers, order)
                total = finder.count(query, answers) if count else None
                if not ids and not offset and cursor is None:
                    notices += self._unknown_columns(finder, query)
            items = self._samples(conn, [number for number, _ in ids[:limit]])
        last = ids[limit - 1] if len(ids) > limit else None
        return FoundSamples(
            tuple(items.values()),
            total,
            None if last is None else _cursor(sort, last[1], last[0]),
            notices,
        )

    def facets(self, query: Query) -> Facets:
        """Counts by field under ``query``."""
        answers = self._answers()
        self._check(query, answers)
        with self._database.read() as conn:
            # A revision never changes what it holds: what was counted once is known. Who was
            # asked about images for a case, and what a model says, are not of a revision.
            key = (rows.revision(conn, self._project), str(query))
            counted = self._counted.get(key)
            fresh = counted is None or query.needs_answers or query.asks_for("case")
            if not fresh and answers is None:
                assert counted is not None
                return counted
            with self._finder(conn) as finder:
                if fresh:
                    counted = self._count(finder, query, answers)
                    self._counted[key] = counted
                    while len(self._counted) > _KEPT:
                        self._counted.pop(next(iter(self._counted)), None)
                assert counted is not None
                if answers is None:
                    return counted
                predicted = self._predicted(finder, query, answers)
        return replace(counted, facets=(counted.facets[0], predicted, *counted.facets[1:]))

    def images(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bytes_]]:
        """Ids and sha256 (32 raw bytes) of all images, by id."""
        with self._database.read() as conn, self._finder(conn) as finder:
            return finder.images(Query(), None)

    def looked_at(
        self, query: Query, answers: Answers
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Ids of the images that meet ``query`` and that the model has seen, by id, and where
        they stand in ``answers``; see :meth:`by_id`."""
        self._check(query, answers)
        with self._database.read() as conn, self._finder(conn) as finder:
            return finder.looked_at(query, answers)

    def overview(
        self, query: Query, looked: Answers, names: Sequence[str], most: int
    ) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64], list[Words]]:
        """Of at most ``most`` of the images that meet ``query`` and that the model has answered:
        how many there are in all, ids, places in ``looked``, and columns, all of one moment.

        Where there are more, they are taken evenly by id.
        """
        self._check(query, looked)
        with self._database.read() as conn, self._finder(conn) as finder:
            ids, places = finder.looked_at(query, looked)
            answered = looked.label[places] >= 0
            ids, places = ids[answered], places[answered]
            total = len(ids)
            if total > most:
                chosen = np.linspace(0, total - 1, most).astype(np.int64)
                ids, places = ids[chosen], places[chosen]
            return total, ids, places, [finder.words(ids, name) for name in names]

    def by_id(self, ids: Sequence[int]) -> dict[int, Sample]:
        """The images of those ids, in that order."""
        with self._database.read() as conn:
            return self._samples(conn, list(ids))

    # -- inner ---------------------------------------------------------------------------

    @contextmanager
    def _finder(self, conn: Connection) -> Iterator[Finder]:
        at = rows.revision(conn, self._project)
        with self._projection.at(conn, at) as columns:
            yield columns if columns is not None else Rows(conn, self._project, self._classes)

    def _check(self, query: Query, answers: Answers | None) -> None:
        """Raise InvalidInput for a class that is not declared."""
        for term in query.terms:
            known = self._known if term.field == "class" else self._classes
            asked = term.field == "class" or (term.field == "predicted" and answers is not None)
            wrong = next((v for v in term.values if v not in known), None) if asked else None
            if wrong is not None:
                unlabelled = " Images without a label: is:unlabelled."
                raise InvalidInput(
                    f"Class {wrong!r} is not declared in project {self._project}.",
                    hint=f"Declared are: {', '.join(known)}."
                    + (unlabelled if term.field == "class" else ""),
                    field=term.field,
                )

    def _unknown_columns(self, finder: Finder, query: Query) -> tuple[str, ...]:
        asked = [t.field.removeprefix(META) for t in query.terms if t.field.startswith(META)]
        if not asked:
            return ()
        known = sorted(finder.metadata(Query(), None))
        return tuple(
            f"No image has a metadata column {name!r}; there is: {', '.join(known) or 'none'}."
            for name in asked
            if name not in known
        )

    def _count(self, finder: Finder, query: Query, answers: Answers | None) -> Facets:
        found = [*self._plain(finder, query, answers), *self._metadata(finder, query, answers)]
        ranges = finder.ranges(query.without(*STATISTICS), answers)
        return Facets(finder.count(query, answers), tuple(found), ranges)

    def _plain(self, finder: Finder, query: Query, answers: Answers | None) -> list[Facet]:
        """The facets of columns: those under the same conditions are counted in one pass."""
        alike: dict[Query, list[str]] = {}
        for name in FACET_COLUMNS:
            # Whether there is a label is a choice about the class, too.
            rest = query.without(*(("class", "is") if name == "class" else (name,)))
            alike.setdefault(rest, []).append(name)
        counts: dict[str, dict[str | None, int]] = {}
        for rest, names in alike.items():
            counts |= finder.values(rest, answers, names)
        return [self._facet(name, counts[name]) for name in FACET_COLUMNS]

    def _facet(self, name: str, counts: Mapping[str | None, int]) -> Facet:
        if name == "class":
            counts = _by_class(counts)
        values = [(v, n) for v, n in counts.items() if v is not None]
        values.sort(key=lambda pair: (-pair[1], pair[0]))
        if name == "class":
            order = {label: i for i, label in enumerate(self._known)}
            values.sort(key=lambda pair: order.get(pair[0], len(order)))
            if None in counts:
                values.append(("", counts[None]))
        return Facet(name, tuple(values[:FACET_VALUES]), len(values) > FACET_VALUES)

    def _metadata(self, finder: Finder, query: Query, answers: Answers | None) -> list[Facet]:
        counts = finder.metadata(query, answers)
        for name in {t.field.removeprefix(META) for t in query.terms if t.field.startswith(META)}:
            # A column that was asked for is counted without that condition.
            rest = query.without(META + name)
            counts[name] = finder.metadata(rest, answers, name).get(name, ([], 0))
        return [
            Facet(META + name, tuple(values), many > FACET_VALUES)
            for name, (values, many) in sorted(counts.items())
            # Where nearly every image has a value of its own it names the image, not a group.
            if not (many > FACET_VALUES and values[0][1] == 1)
        ][:_METADATA_COLUMNS]

    def _predicted(self, finder: Finder, query: Query, answers: Answers) -> Facet:
        rest = query.without("predicted")
        values = [(label, finder.said(rest, answers, label)) for label in self._classes]
        return Facet("predicted", tuple(values[:FACET_VALUES]), len(values) > FACET_VALUES)

    def _samples(self, conn: Connection, ids: list[int]) -> dict[int, Sample]:
        found: dict[int, Sample] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            statement = rows.current(self._project).where(tables.sample.c.id.in_(part))
            for row in conn.execute(statement).mappings():
                found[row["id"]] = rows.as_sample(row)
        return {number: found[number] for number in ids if number in found}


def _by_class(counts: Mapping[str | None, int]) -> dict[str | None, int]:
    """Counts by the column ``classes`` as counts by class: an image is in each of its classes."""
    found: dict[str | None, int] = {}
    for text, n in counts.items():
        for name in (None,) if text is None else json.loads(text) or (NOTHING,):
            found[name] = found.get(name, 0) + n
    return found


def _cursor(sort: str, value: Any, number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, value, number]).encode()).decode().rstrip("=")


def _open_cursor(text: str, sort: str) -> tuple[Any, int]:
    try:
        padded = text + "=" * (-len(text) % 4)
        made_for, value, number = json.loads(base64.urlsafe_b64decode(padded))
        kind = str if sort.removeprefix("-") == "key" else (int, float)
        if made_for == sort and isinstance(value, kind) and isinstance(number, int):
            return value, number
    except (ValueError, TypeError):
        pass
    raise InvalidInput(
        "The cursor is not one of this search.",
        hint="Use next_cursor of the page before, with the same sort.",
        field="cursor",
    )
