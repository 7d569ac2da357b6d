"""Finding images: a :class:`~autofocus.data.query.Query` as SQL, page by page, with counts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from autofocus.data import rows
from autofocus.data.query import META, STATISTICS, Query, Term
from autofocus.errors import InvalidInput
from autofocus.store import tables
from autofocus.store.annotations import has_class
from autofocus.types.data import Sample
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from autofocus.data.label_rules import LabelRules
    from autofocus.store.database import Database

Condition = sa.ColumnElement[bool]

SORTS = ("key", "added", *STATISTICS)
MAX_LIMIT = 1000
FACET_VALUES = 20
_METADATA_COLUMNS = 12
_KEPT = 64  # facets of recent searches

_s, _a, _t = tables.sample, tables.annotation, tables.label_task


class Answers(Protocol):
    """What a model says of the project's images, as far as it was asked."""

    def predicted(self, label: str) -> list[str]:
        """sha256 of the images for which it says ``label``."""
        ...

    def confident(self, low: float, high: float) -> list[str]:
        """sha256 of the images with ``low <= confidence <= high``."""
        ...


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
    ) -> None:
        self._database = database
        self._project = rules.project
        self._classes = rules.classes
        self._known = (*rules.classes, NOTHING) if rules.drawn else rules.classes
        self._answers = answers
        self._dialect = database.engine.dialect.name
        self._counted: dict[tuple[int, str], Facets] = {}

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
        down = sort.startswith("-")
        column = self._sort_column(sort)
        place = self._place(query)
        # Narrow rows are sorted and skipped; only those of the page are read as a whole.
        narrow = place.select(_s.c.id, column.label("by"))
        order = (column.desc(), _s.c.id.desc()) if down else (column, _s.c.id)
        narrow = narrow.order_by(*order).limit(limit + 1).offset(offset or None)
        if cursor is not None:
            at = sa.tuple_(*(sa.literal(v) for v in _open_cursor(cursor, sort)))
            here = sa.tuple_(column, _s.c.id)
            narrow = narrow.where(here < at if down else here > at)
        with self._database.read() as conn:
            ids = conn.execute(narrow).all()
            items = self._samples(conn, [row.id for row in ids[:limit]])
            total = place.count(conn) if count else None
            notices = place.notices
            if not ids and not offset and cursor is None:
                notices += self._unknown_columns(conn, query)
        more = len(ids) > limit
        last = ids[limit - 1] if more else None
        return FoundSamples(
            items,
            total,
            None if last is None else _cursor(sort, last.by, last.id),
            tuple(notices),
        )

    def facets(self, query: Query) -> Facets:
        """Counts by field under ``query``."""
        answers = self._answers()
        with self._database.read() as conn:
            # A revision never changes what it holds: what was counted once is known.
            key = (rows.revision(conn, self._project), str(query))
            counted = self._counted.get(key)
            if counted is None or query.needs_answers:
                total = self._place(query).count(conn)
                found = [*self._plain(conn, query), *self._metadata(conn, query)]
                counted = Facets(total, tuple(found), self._ranges(conn, query))
                self._counted[key] = counted
                while len(self._counted) > _KEPT:
                    self._counted.pop(next(iter(self._counted)), None)
            if answers is None:
                return counted
            predicted = self._predicted(conn, query, answers)
        return replace(counted, facets=(counted.facets[0], predicted, *counted.facets[1:]))

    def matching(self, query: Query, names: Sequence[str]) -> list[Sample]:
        """The images of those sha256 that meet ``query``, in the order of ``names``."""
        place = self._place(query)
        order = {name: i for i, name in enumerate(names)}
        with self._database.read() as conn:
            ids = conn.execute(place.select(_s.c.id).where(self._among(list(names)))).scalars()
            found = self._samples(conn, list(ids))
        return sorted(found, key=lambda s: (order[s.sha256], s.key))

    # -- conditions ----------------------------------------------------------------------

    def _place(self, query: Query) -> _Place:
        conditions: list[Condition] = []
        notices: list[str] = []
        labels = False
        for term in query.terms:
            condition, needs_label = self._condition(term, notices)
            labels = labels or needs_label
            conditions.append(sa.not_(condition) if term.negated else condition)
        return _Place(self._project, tuple(conditions), labels, notices)

    def _condition(self, term: Term, notices: list[str]) -> tuple[Condition, bool]:
        """The term as SQL that is never NULL, and whether the label in force is needed."""
        values = list(term.values)
        if term.field == "class":
            for value in values:
                if value not in self._known:
                    raise InvalidInput(
                        f"Class {value!r} is not declared in project {self._project}.",
                        hint=f"Declared are: {', '.join(self._known)}. Images without a label: "
                        "is:unlabelled.",
                        field="class",
                    )
            return self._labelled(*map(str, values)), True
        if term.field in ("split", "source", "format"):
            return _s.c[term.field].in_(values), False
        if term.field == "author":
            return _is_in(_a.c.author, values), True
        if term.field == "case":
            asked = sa.select(_t.c.key).where(_t.c.project == self._project, _t.c.case.in_(values))
            return sa.or_(_is_in(_a.c.case, values), _s.c.key.in_(asked)), True
        if term.field == "key":
            return sa.or_(*(self._contains(str(v)) for v in values)), False
        if term.field in STATISTICS:
            return _compared(_s.c[term.field], term), False
        if term.field == "is":
            return sa.or_(*(self._state(str(v), notices) for v in values)), True
        if term.field in ("predicted", "confidence"):
            return self._answered(term, notices), False
        return self._column(term), False

    def _contains(self, text: str) -> Condition:
        find = sa.func.instr if self._dialect == "sqlite" else sa.func.strpos
        return find(sa.func.lower(_s.c.key), text.lower()) > 0

    def _labelled(self, *names: str) -> Condition:
        """Whether the label has one of those classes; false where there is no label."""
        found = [
            _a.c.classes == "[]"
            if name == NOTHING
            else has_class(_a.c.classes, name, self._dialect)
            for name in names
        ]
        return sa.and_(_a.c.id.is_not(None), sa.or_(*found))

    def _state(self, state: str, notices: list[str]) -> Condition:
        if state == "disputed":
            answers = self._asked(notices)
            if answers is None:
                return sa.false()
            return sa.or_(
                *(
                    sa.and_(
                        _a.c.id.is_not(None), sa.not_(self._labelled(label)),
                        self._among(answers.predicted(label)),
                    )
                    for label in self._classes
                )
            )  # fmt: skip
        return _a.c.id.is_not(None) if state == "labelled" else _a.c.id.is_(None)

    def _answered(self, term: Term, notices: list[str]) -> Condition:
        answers = self._asked(notices)
        if answers is None:
            return sa.false()
        if term.field == "predicted":
            for value in term.values:
                if value not in self._classes:
                    raise InvalidInput(
                        f"Class {value!r} is not declared in project {self._project}.",
                        hint=f"Declared are: {', '.join(self._classes)}.",
                        field="predicted",
                    )
            names = [n for value in term.values for n in answers.predicted(str(value))]
            return self._among(names)
        return sa.or_(*(self._among(answers.confident(*ends)) for ends in _ends(term)))

    def _asked(self, notices: list[str]) -> Answers | None:
        answers = self._answers()
        if answers is None:
            said = "What the champion says of the images was not computed yet."
            if said not in notices:
                notices.append(said)
        return answers

    def _among(self, names: list[str]) -> Condition:
        """Whether the image is one of many: as one value, however many there are."""
        if self._dialect == "sqlite":
            each = sa.func.json_each(json.dumps(names)).table_valued("value")
            return _s.c.sha256.in_(sa.select(each.c.value))
        return _s.c.sha256 == sa.any_(sa.cast(names, postgresql.ARRAY(sa.String)))

    # -- metadata ------------------------------------------------------------------------

    def _column(self, term: Term) -> Condition:
        kind, text, number = self._json_column(term.field.removeprefix(META))
        if term.operator != ":":
            low, high = _ends(term)[0]
            return _never_null(_within(number, low, high))
        found: list[Condition] = [text.in_(term.values)]
        for value in term.values:
            try:
                found.append(number == float(value))
            except ValueError:
                continue
        return sa.and_(kind.is_not(None), _never_null(sa.or_(*found)))

    def _json_column(self, name: str) -> tuple[Any, Any, Any]:
        """Type (NULL where the column or its value is missing), text, number or NULL."""
        if self._dialect == "postgresql":
            value = sa.type_coerce(_s.c.metadata, postgresql.JSON)[name]
            kind = sa.func.nullif(sa.func.json_typeof(value), "null")
            text = value.astext
            number = sa.case((kind == "number", sa.cast(text, sa.Float)), else_=None)
            return kind, text, number
        if name.isascii() and name.isprintable() and not set('"\\') & set(name):
            path = f'$."{name}"'
            kind = sa.func.nullif(sa.func.json_type(_s.c.metadata, path), "null")
            value = sa.func.json_extract(_s.c.metadata, path)
        else:
            # Such names cannot stand in a path of SQLite's.
            each = sa.func.json_each(_s.c.metadata).table_valued("key", "type", "atom")
            where = each.c.key == name
            kind = sa.func.nullif(sa.select(each.c.type).where(where).scalar_subquery(), "null")
            value = sa.select(each.c.atom).where(where).scalar_subquery()
        text = sa.case((kind.in_(("true", "false")), kind), else_=sa.cast(value, sa.String))
        number = sa.case((kind.in_(("integer", "real")), sa.cast(value, sa.Float)), else_=None)
        return kind, text, number

    def _metadata(self, conn: Connection, query: Query) -> list[Facet]:
        counts = self._metadata_counts(conn, query)
        for name in {t.field.removeprefix(META) for t in query.terms if t.field.startswith(META)}:
            # A column that was asked for is counted without that condition.
            counts[name] = self._metadata_counts(conn, query.without(META + name), name).get(
                name, []
            )
        found = []
        for name, values in counts.items():
            values.sort(key=lambda pair: (-pair[1], pair[0]))
            # Where nearly every image has a value of its own it names the image, not a group.
            if len(values) > FACET_VALUES and values[0][1] == 1:
                continue
            found.append(
                Facet(META + name, tuple(values[:FACET_VALUES]), len(values) > FACET_VALUES)
            )
        return sorted(found, key=lambda facet: facet.field)[:_METADATA_COLUMNS]

    def _metadata_counts(
        self, conn: Connection, query: Query, only: str | None = None
    ) -> dict[str, list[tuple[str, int]]]:
        narrow = self._place(query).select(_s.c.metadata).subquery()
        pairs = _pairs(self._dialect, narrow)
        statement = (
            sa.select(pairs.key, pairs.value, sa.func.count())
            .select_from(narrow.join(pairs.table, sa.true()))
            .where(pairs.value.is_not(None))
            .group_by(pairs.key, pairs.value)
        )
        if only is not None:
            statement = statement.where(pairs.key == only)
        counts: dict[str, list[tuple[str, int]]] = {}
        for name, text, n in conn.execute(statement):
            counts.setdefault(name, []).append((str(text), int(n)))
        return counts

    def _unknown_columns(self, conn: Connection, query: Query) -> list[str]:
        asked = [t.field.removeprefix(META) for t in query.terms if t.field.startswith(META)]
        if not asked:
            return []
        known = sorted(self._metadata_counts(conn, Query()))
        return [
            f"No image has a metadata column {name!r}; there is: {', '.join(known) or 'none'}."
            for name in asked
            if name not in known
        ]

    # -- counting ------------------------------------------------------------------------

    def _plain(self, conn: Connection, query: Query) -> list[Facet]:
        """The facets of columns: those under the same conditions are counted in one pass."""
        columns = {
            "class": _a.c.classes, "split": _s.c.split, "source": _s.c.source,
            "author": _a.c.author, "case": _a.c.case, "format": _s.c.format,
        }  # fmt: skip
        alike: dict[Query, list[str]] = {}
        for name in columns:
            # Whether there is a label is a choice about the class, too.
            rest = query.without(*(("class", "is") if name == "class" else (name,)))
            alike.setdefault(rest, []).append(name)
        counts: dict[str, dict[Any, int]] = {name: {} for name in columns}
        for rest, names in alike.items():
            chosen = [columns[name].label(f"c{i}") for i, name in enumerate(names)]
            statement = self._place(rest).select(*chosen, sa.func.count(), labels=True)
            for *values, n in conn.execute(statement.group_by(*chosen)):
                for name, value in zip(names, values, strict=True):
                    counts[name][value] = counts[name].get(value, 0) + int(n)
        return [self._facet(name, counts[name]) for name in columns]

    def _facet(self, name: str, counts: dict[Any, int]) -> Facet:
        if name == "class":
            counts = _by_class(counts)
        values = [(str(v), n) for v, n in counts.items() if v is not None]
        values.sort(key=lambda pair: (-pair[1], pair[0]))
        if name == "class":
            order = {label: i for i, label in enumerate(self._known)}
            values.sort(key=lambda pair: order.get(pair[0], len(order)))
            if None in counts:
                values.append(("", counts[None]))
        return Facet(name, tuple(values[:FACET_VALUES]), len(values) > FACET_VALUES)

    def _predicted(self, conn: Connection, query: Query, answers: Answers) -> Facet:
        place = self._place(query.without("predicted"))
        values = []
        for label in self._classes:
            names = answers.predicted(label)
            n = place.count(conn, self._among(names)) if names else 0
            values.append((label, n))
        return Facet("predicted", tuple(values[:FACET_VALUES]), len(values) > FACET_VALUES)

    def _ranges(self, conn: Connection, query: Query) -> dict[str, tuple[float, float]]:
        place = self._place(query.without(*STATISTICS))
        columns = [f(_s.c[name]) for name in STATISTICS for f in (sa.func.min, sa.func.max)]
        row = conn.execute(place.select(*columns)).one()
        if row[0] is None:
            return {}
        return {
            name: (float(row[2 * i]), float(row[2 * i + 1])) for i, name in enumerate(STATISTICS)
        }

    # -- inner ---------------------------------------------------------------------------

    def _sort_column(self, sort: str) -> Any:
        name = sort.removeprefix("-")
        if name not in SORTS:
            raise InvalidInput(
                f"Images cannot be sorted by {name!r}.",
                hint=f"By {', '.join(SORTS)}; with - in front the other way round.",
                field="sort",
            )
        return _s.c.rev_from if name == "added" else _s.c[name]

    def _samples(self, conn: Connection, ids: list[int]) -> tuple[Sample, ...]:
        found: dict[int, Sample] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            statement = rows.current(self._project).where(_s.c.id.in_(part))
            for row in conn.execute(statement).mappings():
                found[row["id"]] = rows.as_sample(row)
        return tuple(found[number] for number in ids)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the images of a query are: current rows, joined with labels only where needed."""

    project: str
    conditions: tuple[Condition, ...]
    labels: bool
    notices: list[str]

    def select(self, *columns: Any, labels: bool = False) -> sa.Select[Any]:
        source: Any = _s
        if self.labels or labels:
            in_force = sa.and_(
                _a.c.project == _s.c.project, _a.c.key == _s.c.key, _a.c.rev_to.is_(None)
            )
            source = _s.outerjoin(_a, in_force)
        return (
            sa.select(*columns)
            .select_from(source)
            .where(_s.c.project == self.project, _s.c.rev_to.is_(None), *self.conditions)
        )

    def count(self, conn: Connection, *more: Condition) -> int:
        return int(conn.execute(self.select(sa.func.count()).where(*more)).scalar_one())


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The metadata of a subquery's rows, one row per column and value."""

    table: Any
    key: Any
    value: Any


def _pairs(dialect: str, narrow: Any) -> _Pairs:
    if dialect == "postgresql":
        texts = sa.func.json_each_text(narrow.c.metadata).table_valued("key", "value")
        lateral = texts.lateral("pair")
        return _Pairs(lateral, lateral.c.key, lateral.c.value)
    each = sa.func.json_each(narrow.c.metadata).table_valued("key", "type", "atom", name="pair")
    value = sa.case(
        (each.c.type.in_(("true", "false")), each.c.type), else_=sa.cast(each.c.atom, sa.String)
    )
    return _Pairs(each, each.c.key, value)


def _by_class(counts: Mapping[str | None, int]) -> dict[Any, int]:
    """Counts by the column ``classes`` as counts by class: an image is in each of its classes."""
    found: dict[Any, int] = {}
    for text, n in counts.items():
        for name in (None,) if text is None else json.loads(text) or (NOTHING,):
            found[name] = found.get(name, 0) + n
    return found


def _is_in(column: Any, values: Sequence[Any]) -> Condition:
    """``column IN values``, false where there is no label."""
    return sa.and_(_a.c.id.is_not(None), column.is_not(None), column.in_(values))


def _never_null(condition: Any) -> Condition:
    """Unknown is false, or its opposite would be unknown as well."""
    return sa.func.coalesce(condition, sa.false())


def _ends(term: Term) -> list[tuple[float, float]]:
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


def _compared(column: Any, term: Term) -> Condition:
    return sa.or_(*(_within(column, low, high) for low, high in _ends(term)))


def _within(column: Any, low: float, high: float) -> Condition:
    conditions = [column.is_not(None)]
    if low != -math.inf:
        conditions.append(column >= low)
    if high != math.inf:
        conditions.append(column <= high)
    return sa.and_(*conditions)


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
