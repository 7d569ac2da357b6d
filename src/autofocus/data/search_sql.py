"""A search as SQL over the rows: what a process asks that searches once, or before the projection
is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from autofocus.data.finding import (
    FACET_VALUES,
    Answers,
    MetadataValues,
    Order,
    Words,
    ends,
    folded,
    raw_names,
)
from autofocus.data.query import META, STATISTICS, Query, Term
from autofocus.store import tables
from autofocus.store.annotations import has_class
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    import numpy.typing as npt
    from sqlalchemy.engine import Connection

Condition = sa.ColumnElement[bool]

_s, _a, _t = tables.sample, tables.annotation, tables.label_task


class Rows:
    """One project's current images as one transaction sees them; a ``finding.Finder``."""

    def __init__(self, conn: Connection, project: str, classes: tuple[str, ...]) -> None:
        self._conn = conn
        self._project = project
        self._classes = classes
        self._dialect = conn.dialect.name

    def page(
        self, query: Query, answers: Answers | None, order: Order
    ) -> list[tuple[int, str | float]]:
        """(id, value that was sorted by) in that order."""
        column = self._sort_column(order.by)
        # Narrow rows are sorted and skipped; only those of the page are read as a whole.
        narrow = self._place(query, answers).select(_s.c.id, column.label("by"))
        by = (column.desc(), _s.c.id.desc()) if order.down else (column, _s.c.id)
        narrow = narrow.order_by(*by).limit(order.limit).offset(order.offset or None)
        if order.after is not None:
            at = sa.tuple_(*(sa.literal(v) for v in order.after))
            here = sa.tuple_(column, _s.c.id)
            narrow = narrow.where(here < at if order.down else here > at)
        return [(row.id, row.by) for row in self._conn.execute(narrow)]

    def count(self, query: Query, answers: Answers | None) -> int:
        """How many images meet ``query``."""
        return self._count(self._place(query, answers))

    def said(self, query: Query, answers: Answers, label: str) -> int:
        """For how many images that meet ``query`` the model says ``label``."""
        names = answers.predicted(label)
        return self._count(self._place(query, answers), self._among(names)) if names else 0

    def images(
        self, query: Query, answers: Answers | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bytes_]]:
        """Ids and sha256 (32 raw bytes) of all that meet ``query``, by id."""
        place = self._place(query, answers).select(_s.c.id, _s.c.sha256).order_by(_s.c.id)
        found = self._conn.execute(place).all()
        ids = np.array([row.id for row in found], np.int64)
        return ids, raw_names([row.sha256 for row in found])

    def looked_at(
        self, query: Query, answers: Answers
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Ids of those that meet ``query`` and that the model has seen, and their places there."""
        ids, names = self.images(query, answers)
        places = answers.places(names)
        return ids[places >= 0], places[places >= 0]

    def words(self, ids: npt.NDArray[np.int64], name: str) -> Words:
        """A column of current images, given by id in ascending order."""
        place = _Place(self._project, (), labels=name in ("class", "author", "case"))
        statement = place.select(_s.c.id, self._facet_column(name).label("word"))
        found = np.full(len(ids), -1, np.int32)
        of: dict[str, int] = {}
        rows = self._conn.execute(statement.order_by(_s.c.id)).all()
        at = np.searchsorted(ids, np.array([row.id for row in rows], np.int64))
        for place_of, row in zip(at.tolist(), rows, strict=True):
            if place_of < len(ids) and ids[place_of] == row.id and row.word is not None:
                found[place_of] = of.setdefault(row.word, len(of))
        return Words(found, tuple(of))

    def values(
        self, query: Query, answers: Answers | None, names: Sequence[str]
    ) -> dict[str, dict[str | None, int]]:
        """How often each value of some of ``FACET_COLUMNS`` occurs, None where there is no label.

        ``class`` counts the column ``classes``: a JSON list.
        """
        chosen = [self._facet_column(name).label(f"c{i}") for i, name in enumerate(names)]
        statement = self._place(query, answers).select(*chosen, sa.func.count(), labels=True)
        counts: dict[str, dict[str | None, int]] = {name: {} for name in names}
        for *values, n in self._conn.execute(statement.group_by(*chosen)):
            for name, value in zip(names, values, strict=True):
                counts[name][value] = counts[name].get(value, 0) + int(n)
        return counts

    @staticmethod
    def _facet_column(name: str) -> Any:
        if name == "class":
            return _a.c.classes
        return _a.c[name] if name in ("author", "case") else _s.c[name]

    def ranges(self, query: Query, answers: Answers | None) -> dict[str, tuple[float, float]]:
        """(lowest, highest) of each statistic; empty if no image meets ``query``."""
        columns = [f(_s.c[name]) for name in STATISTICS for f in (sa.func.min, sa.func.max)]
        row = self._conn.execute(self._place(query, answers).select(*columns)).one()
        if row[0] is None:
            return {}
        return {
            name: (float(row[2 * i]), float(row[2 * i + 1])) for i, name in enumerate(STATISTICS)
        }

    def metadata(
        self, query: Query, answers: Answers | None, only: str | None = None
    ) -> dict[str, MetadataValues]:
        """How often each value of each column of the metadata, or of one of them, occurs."""
        narrow = self._place(query, answers).select(_s.c.metadata).subquery()
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
        for name, text, n in self._conn.execute(statement):
            counts.setdefault(name, []).append((str(text), int(n)))
        return {
            name: (sorted(values, key=lambda pair: (-pair[1], pair[0]))[:FACET_VALUES], len(values))
            for name, values in counts.items()
        }

    # -- conditions ----------------------------------------------------------------------

    def _place(self, query: Query, answers: Answers | None) -> _Place:
        conditions: list[Condition] = []
        labels = False
        for term in query.terms:
            condition, needs_label = self._condition(term, answers)
            labels = labels or needs_label
            conditions.append(sa.not_(condition) if term.negated else condition)
        return _Place(self._project, tuple(conditions), labels)

    def _count(self, place: _Place, *more: Condition) -> int:
        return int(self._conn.execute(place.select(sa.func.count()).where(*more)).scalar_one())

    def _condition(self, term: Term, answers: Answers | None) -> tuple[Condition, bool]:
        """The term as SQL that is never NULL, and whether the label in force is needed."""
        values = list(term.values)
        if term.field == "class":
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
            return sa.or_(*(self._state(str(v), answers) for v in values)), True
        if term.field in ("predicted", "confidence"):
            return self._answered(term, answers), False
        return self._column(term), False

    def _bytewise(self, column: Any) -> Any:
        """Compared by code points, as SQLite and Python do, whatever the database's language."""
        return column.collate("C") if self._dialect == "postgresql" else column

    def _contains(self, text: str) -> Condition:
        # Both databases fold ASCII alone here; other letters are looked for in both cases.
        find = sa.func.instr if self._dialect == "sqlite" else sa.func.strpos
        key = sa.func.lower(self._bytewise(_s.c.key))
        return sa.or_(*(find(key, form) > 0 for form in folded(text)))

    def _labelled(self, *names: str) -> Condition:
        """Whether the label has one of those classes; false where there is no label."""
        found = [
            _a.c.classes == "[]"
            if name == NOTHING
            else has_class(_a.c.classes, name, self._dialect)
            for name in names
        ]
        return sa.and_(_a.c.id.is_not(None), sa.or_(*found))

    def _state(self, state: str, answers: Answers | None) -> Condition:
        if state == "disputed":
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

    def _answered(self, term: Term, answers: Answers | None) -> Condition:
        if answers is None:
            return sa.false()
        if term.field == "predicted":
            names = [n for value in term.values for n in answers.predicted(str(value))]
            return self._among(names)
        return sa.or_(*(self._among(answers.confident(*pair)) for pair in ends(term)))

    def _among(self, names: list[str]) -> Condition:
        """Whether the image is one of many: as one value, however many there are."""
        if self._dialect == "sqlite":
            each = sa.func.json_each(json.dumps(names)).table_valued("value")
            return _s.c.sha256.in_(sa.select(each.c.value))
        return _s.c.sha256 == sa.any_(sa.cast(names, postgresql.ARRAY(sa.String)))

    def _sort_column(self, name: str) -> Any:
        if name == "key":
            return self._bytewise(_s.c.key)
        return _s.c.rev_from if name == "added" else _s.c[name]

    # -- metadata ------------------------------------------------------------------------

    def _column(self, term: Term) -> Condition:
        kind, text, number = self._json_column(term.field.removeprefix(META))
        if term.operator != ":":
            low, high = ends(term)[0]
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
        if plain_name(name):
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


def plain_name(name: str) -> bool:
    """Whether the name of a metadata column can stand in a JSON path of SQLite's."""
    return name.isascii() and name.isprintable() and not set('"\\') & set(name)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the images of a query are: current rows, joined with labels only where needed."""

    project: str
    conditions: tuple[Condition, ...]
    labels: bool

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


def _is_in(column: Any, values: Sequence[Any]) -> Condition:
    """``column IN values``, false where there is no label."""
    return sa.and_(_a.c.id.is_not(None), column.is_not(None), column.in_(values))


def _never_null(condition: Any) -> Condition:
    """Unknown is false, or its opposite would be unknown as well."""
    return sa.func.coalesce(condition, sa.false())


def _compared(column: Any, term: Term) -> Condition:
    return sa.or_(*(_within(column, low, high) for low, high in ends(term)))


def _within(column: Any, low: float, high: float) -> Condition:
    conditions = [column.is_not(None)]
    if low != -float("inf"):
        conditions.append(column >= low)
    if high != float("inf"):
        conditions.append(column <= high)
    return sa.and_(*conditions)
