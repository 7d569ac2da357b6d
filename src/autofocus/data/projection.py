"""The current rows of a project as columns in memory, for searches in milliseconds.

Built once by a process that searches more than once, in the background where there are many rows;
until then, and where they take more memory than they may, rows are asked. Before every answer it is
brought to the revision that the asking transaction sees: revisions name what changed, so that costs
what changed. It finds what ``search_sql`` finds, in the same order.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from autofocus.data import rows
from autofocus.data.columns import Codes, KeyColumn, MetadataColumn, grown
from autofocus.data.finding import Answers, MetadataValues, Order, Words, ends, folded, raw_names
from autofocus.data.query import META, STATISTICS, Query, Term
from autofocus.errors import AutofocusError
from autofocus.store import tables
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from autofocus.store.database import Database

log = logging.getLogger("autofocus.search")

BACKGROUND_FROM = 20_000  # rows; fewer are read at once, in a fraction of a second
MAX_CHANGES = 5_000  # keys; more are read anew in the background
_BATCH = 20_000
_FULL_ORDER = 50_000  # a page that far from both ends is looked up in a sorted list that is kept
_ORDERS_KEPT = 2
_MASKS_KEPT = 8

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_s, _a, _t = tables.sample, tables.annotation, tables.label_task
_CODED = {
    "class": _a.c.classes, "split": _s.c.split, "source": _s.c.source, "author": _a.c.author,
    "case": _a.c.case, "format": _s.c.format,
}  # fmt: skip


class Projection:
    """The columns of one project, kept as fresh as who asks; threads may share it."""

    def __init__(
        self, database: Database, project: str, classes: tuple[str, ...], *, memory: int
    ) -> None:
        self._database = database
        self._project = project
        self._classes = classes
        self._memory = memory
        self._lock = threading.RLock()
        self._columns: Columns | None = None
        self._asked = 0
        self._wanted = memory > 0
        self._closing = threading.Event()
        self._builder: threading.Thread | None = None

    def build(self, conn: Connection | None = None) -> bool:
        """Read all rows now; False if they would take more memory than they may."""
        if conn is None:
            with self._database.read() as own:
                return self.build(own)
        columns = Columns(self._project, self._classes)
        columns.revision = rows.revision(conn, self._project)
        for taken in columns.read(conn):
            if self._closing.is_set():
                return False
            if taken > self._memory:
                self._give_up()
                return False
        with self._lock:
            self._columns = columns
        return True

    def close(self) -> None:
        """End a building in the background, and forget what was built."""
        self._closing.set()
        if self._builder is not None:
            self._builder.join()
        with self._lock:
            self._columns = None

    @contextmanager
    def at(self, conn: Connection, revision: int) -> Iterator[Columns | None]:
        """The columns as ``conn`` sees the rows; None if rows have to be asked.

        One caller at a time has them: they change when the next one is of another revision.
        """
        self._asked += 1
        if self._columns is None and self._asked > 1:
            self._begin(conn)
        with self._lock:
            if self._bring_to(conn, revision) and self._columns is not None:
                self._columns.conn = conn
                yield self._columns
            else:
                yield None

    def _bring_to(self, conn: Connection, revision: int) -> bool:
        columns = self._columns
        if columns is None or columns.revision > revision:
            return False  # not there yet, or brought on by one who sees more than this one
        if columns.revision < revision:
            keys = rows.keys_changed_between(conn, self._project, columns.revision, revision)
            self._columns = None  # what fails halfway is read anew
            if len(keys) > MAX_CHANGES or not columns.change(conn, keys, revision):
                self._begin(conn)
                return self._columns is not None
            self._columns = columns
            if columns.nbytes > self._memory:
                self._give_up()
                return False
        return True

    def _begin(self, conn: Connection) -> None:
        """Build now what is small, else in the background, unless that goes on already."""
        if not self._wanted or self._closing.is_set():
            return
        if self._builder is not None and self._builder.is_alive():
            return
        few = sa.select(_s.c.id).where(_s.c.project == self._project, _s.c.rev_to.is_(None))
        few = few.limit(BACKGROUND_FROM)
        if len(conn.execute(few).all()) < BACKGROUND_FROM:
            self.build(conn)
            return
        self._builder = threading.Thread(
            target=self._build_quietly, name=f"projection-{self._project}", daemon=True
        )
        self._builder.start()

    def _give_up(self) -> None:
        self._columns, self._wanted = None, False
        log.info(
            "project %s: its rows take more than the %d MB that they may in memory; searches ask "
            "the database", self._project, self._memory // 1_000_000,
        )  # fmt: skip

    def _build_quietly(self) -> None:
        try:
            self.build()
        except AutofocusError as error:
            # Searches go on asking the rows, and the next one tries to build again.
            log.warning("project %s: rows were not read into memory: %s", self._project, error)


class Columns:
    """Columns of all current rows by id, with rows that ended since marked; a ``finding.Finder``.

    ``conn`` is the transaction of the one who asks now.
    """

    conn: Connection

    def __init__(self, project: str, classes: tuple[str, ...]) -> None:
        self.revision = 0
        self._project = project
        self._classes = classes
        self._n = 0
        self._ended = 0
        self._alive: Mask = np.zeros(0, bool)
        self._ids: Numbers = np.zeros(0, np.int64)
        self._added: Numbers = np.zeros(0, np.int64)
        self._names: npt.NDArray[np.bytes_] = np.zeros(0, "S32")
        self._numbers = {
            name: np.zeros(0, np.int32 if name in ("width", "height") else np.float64)
            for name in STATISTICS
        }
        self._codes = {name: np.zeros(0, np.int32) for name in _CODED}
        self._words = {name: Codes() for name in _CODED}
        self._keys = KeyColumn()
        self._metadata: dict[str, MetadataColumn] = {}
        self._orders: dict[str, npt.NDArray[np.int32]] = {}
        self._said: tuple[Answers, Numbers] | None = None
        self._masks: dict[str, Mask] = {}
        self._masks_by: Answers | None = None

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        arrays = [
            self._alive, self._ids, self._added, self._names, *self._numbers.values(),
            *self._codes.values(), *self._orders.values(),
        ]  # fmt: skip
        return (
            sum(array.nbytes for array in arrays)
            + self._keys.nbytes
            + sum(column.nbytes for column in self._metadata.values())
            + sum(words.nbytes for words in self._words.values())
            + (8 + _MASKS_KEPT) * self._n  # what a model says of them, what queries found
        )

    # -- reading -------------------------------------------------------------------------

    def read(self, conn: Connection) -> Iterator[int]:
        """Take all current rows in; yields the memory taken so far after each batch."""
        query = self._query(conn).order_by(_s.c.id).execution_options(yield_per=_BATCH)
        with conn.execute(query) as result:
            for batch in result.partitions():
                self._take(conn, batch)
                yield self.nbytes
        self._keys.sort()

    def change(self, conn: Connection, keys: Sequence[str], revision: int) -> bool:
        """Bring rows of those keys to ``revision``; False if all have to be read anew."""
        self._masks.clear()
        ended = sa.select(_s.c.id).where(
            _s.c.project == self._project, _s.c.rev_to > self.revision, _s.c.rev_to <= revision
        )
        for place in self._places(list(conn.execute(ended).scalars())):
            self._ended += int(self._alive[place])
            self._alive[place] = False
        fresh: list[Any] = []
        for start in range(0, len(keys), 500):
            query = self._query(conn).where(_s.c.key.in_(keys[start : start + 500]))
            fresh += conn.execute(query).all()
        fresh.sort(key=lambda row: row.id)
        last = int(self._ids[self._n - 1]) if self._n else 0
        known = [row for row in fresh if row.id <= last]
        places = self._places([row.id for row in known])
        if len(places) != len(known):
            return False  # ids that did not come in order
        for place, row in zip(places, known, strict=True):
            # Of a row that goes on only its label can be another.
            for name in ("class", "author", "case"):
                self._codes[name][place] = self._words[name].code(getattr(row, name))
        if len(fresh) > len(known):
            first = self._n
            self._take(conn, fresh[len(known) :])
            self._keys.insert(first)
            self._orders.clear()
        if self._ended > 1000 and 4 * self._ended > self._n:
            return False
        self.revision = revision
        return True

    def _query(self, conn: Connection) -> sa.Select[Any]:
        in_force = sa.and_(
            _a.c.project == _s.c.project, _a.c.key == _s.c.key, _a.c.rev_to.is_(None)
        )
        # As text: most of it repeats, and is understood once.
        text = rows.as_text(conn, _s.c.metadata)
        return (
            sa.select(
                _s.c.id, _s.c.key, _s.c.sha256, _s.c.rev_from,
                *(_s.c[name] for name in STATISTICS),
                *(column.label(name) for name, column in _CODED.items()),
                text.label("metadata_text"),
            )
            .select_from(_s.outerjoin(_a, in_force))
            .where(_s.c.project == self._project, _s.c.rev_to.is_(None))
        )  # fmt: skip

    def _take(self, conn: Connection, batch: Sequence[Any]) -> None:
        """Append rows, ascending by id."""
        ids, keys, names, added, *rest = (list(column) for column in zip(*batch, strict=True))
        numbers, coded, texts = rest[:6], rest[6:-1], rest[-1]
        n, m = self._n, len(ids)
        self._alive = grown(self._alive, n, np.ones(m, bool))
        self._ids = grown(self._ids, n, np.array(ids, np.int64))
        self._added = grown(self._added, n, np.array(added, np.int64))
        self._names = grown(self._names, n, raw_names(names))
        for name, values in zip(STATISTICS, numbers, strict=True):
            array = self._numbers[name]
            self._numbers[name] = grown(array, n, np.array(values, array.dtype))
        for name, values in zip(_CODED, coded, strict=True):
            self._codes[name] = grown(self._codes[name], n, self._words[name].encode(values))
        self._keys.append(keys)
        self._take_metadata(conn, texts, n)
        self._n = n + m

    def _take_metadata(self, conn: Connection, texts: list[str], n: int) -> None:
        codes = Codes()
        which = codes.encode(texts)
        columns: dict[str, npt.NDArray[np.int32]] = {}
        for i, text in enumerate(codes.values):
            for name, value in json.loads(text).items():
                if value is None:
                    continue
                column = self._metadata.get(name)
                if column is None:
                    column = self._metadata[name] = MetadataColumn(name, conn.dialect.name)
                if name not in columns:
                    columns[name] = np.full(len(codes.values), -1, np.int32)
                columns[name][i] = column.code(value)
        for name, column in self._metadata.items():
            column.settle(conn)
            found = columns.get(name)
            fresh = np.full(len(texts), -1, np.int32) if found is None else found[which]
            column.append(n, fresh)

    def _places(self, ids: list[int]) -> list[int]:
        """Where rows of those ids are; unknown ids are left out."""
        mine = self._ids[: self._n]
        asked = np.array(sorted(ids), np.int64)
        at = np.minimum(np.searchsorted(mine, asked), max(0, self._n - 1))
        return [int(i) for i in at[mine[at] == asked]] if self._n else []

    # -- answering -----------------------------------------------------------------------

    def page(
        self, query: Query, answers: Answers | None, order: Order
    ) -> list[tuple[int, str | float]]:
        """(id, value that was sorted by) in that order."""
        mask = self._mask(query, answers)
        if order.by == "key":
            places = self._by_key(mask, order).tolist()
            return [(int(self._ids[i]), self._keys[i]) for i in places]
        whole: npt.NDArray[Any] = self._added if order.by == "added" else self._numbers[order.by]
        column = whole[: self._n]
        if order.after is not None:
            value, number = float(order.after[0]), order.after[1]
            ids = self._ids[: self._n]
            beyond = column < value if order.down else column > value
            same = (column == value) & (ids < number if order.down else ids > number)
            mask = mask & (beyond | same)
        found = self._by_number(mask, order, column)
        return [(int(self._ids[i]), column[i].item()) for i in found]

    def count(self, query: Query, answers: Answers | None) -> int:
        """How many images meet ``query``."""
        return int(np.count_nonzero(self._mask(query, answers)))

    def said(self, query: Query, answers: Answers, label: str) -> int:
        """For how many images that meet ``query`` the model says ``label``."""
        says = self._says(answers) == answers.classes.index(label)
        return int(np.count_nonzero(self._mask(query, answers) & says))

    def images(
        self, query: Query, answers: Answers | None
    ) -> tuple[Numbers, npt.NDArray[np.bytes_]]:
        """Ids and sha256 (32 raw bytes) of all that meet ``query``, by id."""
        chosen = np.flatnonzero(self._mask(query, answers))
        return self._ids[chosen], self._names[chosen]

    def looked_at(self, query: Query, answers: Answers) -> tuple[Numbers, Numbers]:
        """Ids of those that meet ``query`` and that the model has seen, and their places there."""
        places = self._answered(answers)
        chosen = np.flatnonzero(self._mask(query, answers) & (places >= 0))
        return self._ids[chosen], places[chosen]

    def words(self, ids: Numbers, name: str) -> Words:
        """A column of current images, given by id in ascending order."""
        places = np.searchsorted(self._ids[: self._n], ids)
        return Words(self._codes[name][places], tuple(self._words[name].values))

    def values(
        self, query: Query, answers: Answers | None, names: Sequence[str]
    ) -> dict[str, dict[str | None, int]]:
        """How often each value of some of ``FACET_COLUMNS`` occurs."""
        mask = self._mask(query, answers)
        every = bool(mask.all())
        found: dict[str, dict[str | None, int]] = {}
        for name in names:
            words = self._words[name].values
            codes = self._codes[name][: self._n]
            counts = np.bincount((codes if every else codes[mask]) + 1, minlength=len(words) + 1)
            found[name] = {
                value: int(n) for value, n in zip([None, *words], counts.tolist(), strict=True) if n
            }
        return found

    def ranges(self, query: Query, answers: Answers | None) -> dict[str, tuple[float, float]]:
        """(lowest, highest) of each statistic; empty if no image meets ``query``."""
        mask = self._mask(query, answers)
        if not mask.any():
            return {}
        every = bool(mask.all())
        found = {}
        for name in STATISTICS:
            column = self._numbers[name][: self._n]
            here = column if every else column[mask]
            found[name] = (float(here.min()), float(here.max()))
        return found

    def metadata(
        self, query: Query, answers: Answers | None, only: str | None = None
    ) -> dict[str, MetadataValues]:
        """How often each value of each column of the metadata, or of one of them, occurs."""
        mask = self._mask(query, answers)
        chosen = None if mask.all() else mask
        names = self._metadata if only is None else {only} & self._metadata.keys()
        found = {name: self._metadata[name].counts(self._n, chosen) for name in names}
        return {name: values for name, values in found.items() if values[1]}

    # -- conditions ----------------------------------------------------------------------

    def _mask(self, query: Query, answers: Answers | None) -> Mask:
        # A page, its count and the facets ask for the same images.
        if answers is not self._masks_by:
            self._masks.clear()
            self._masks_by = answers
        name = str(query)
        mask = self._masks.get(name)
        if mask is None:
            mask = self._meeting(query, answers)
            if not query.asks_for("case"):  # who is asked about images changes without a revision
                while len(self._masks) >= _MASKS_KEPT:
                    self._masks.pop(next(iter(self._masks)))
                self._masks[name] = mask
        return mask

    def _meeting(self, query: Query, answers: Answers | None) -> Mask:
        mask = self._alive[: self._n]
        for term in query.terms:
            meets = self._condition(term, answers)
            mask = mask & (~meets if term.negated else meets)
        return mask

    def _condition(self, term: Term, answers: Answers | None) -> Mask:
        values = [str(value) for value in term.values]
        if term.field == "class":
            return self._labelled(values)
        if term.field in ("split", "source", "format", "author"):
            return self._coded(term.field, values)
        if term.field == "case":
            return self._coded("case", values) | self._asked_for(values)
        if term.field == "key":
            return self._keys.contains([form for value in values for form in folded(value)])
        if term.field in STATISTICS:
            return _within(self._numbers[term.field][: self._n], term)
        if term.field == "is":
            found = [self._state(value, answers) for value in values]
            return np.logical_or.reduce(found)  # type: ignore[no-any-return]
        if term.field in ("predicted", "confidence"):
            return self._answered_with(term, answers)
        column = self._metadata.get(term.field.removeprefix(META))
        return np.zeros(self._n, bool) if column is None else column.meets(self._n, term)

    def _coded(self, name: str, values: Sequence[str]) -> Mask:
        words = self._words[name]
        return words.among(self._codes[name][: self._n], [words.of.get(v, -1) for v in values])

    def _labelled(self, values: Sequence[str]) -> Mask:
        words = self._words["class"]
        wanted = set(values)
        codes = [
            code
            for code, text in enumerate(words.values)
            if wanted & set(json.loads(text) or (NOTHING,))
        ]
        return words.among(self._codes["class"][: self._n], codes)

    def _asked_for(self, cases: Sequence[str]) -> Mask:
        """Images about which something was asked for those cases; that is not of a revision."""
        asked = (
            sa.select(_s.c.id)
            .join(_t, sa.and_(_t.c.project == _s.c.project, _t.c.key == _s.c.key))
            .where(_t.c.project == self._project, _t.c.case.in_(cases), _s.c.rev_to.is_(None))
        )
        mask = np.zeros(self._n, bool)
        mask[self._places(list(set(self.conn.execute(asked).scalars())))] = True
        return mask

    def _state(self, state: str, answers: Answers | None) -> Mask:
        codes = self._codes["class"][: self._n]
        if state != "disputed":
            labelled: Mask = codes >= 0
            return labelled if state == "labelled" else ~labelled
        if answers is None:
            return np.zeros(self._n, bool)
        says = self._says(answers)
        # (label in force, what the model says) -> whether they are at odds; the last row and
        # column are for none.
        texts = self._words["class"].values
        odds = np.zeros((len(texts) + 1, len(answers.classes) + 1), bool)
        for code, text in enumerate(texts):
            labels = json.loads(text)
            odds[code, :-1] = [
                name in self._classes and name not in labels for name in answers.classes
            ]
        return odds[codes, says]

    def _answered_with(self, term: Term, answers: Answers | None) -> Mask:
        if answers is None:
            return np.zeros(self._n, bool)
        says = self._says(answers)
        if term.field == "predicted":
            wanted = np.zeros(len(answers.classes) + 1, bool)
            wanted[[answers.classes.index(str(value)) for value in term.values]] = True
            return wanted[says]
        if not len(answers.confidence):
            return says >= 0
        sure = answers.confidence[self._answered(answers)].astype(np.float64)
        return (says >= 0) & _within(sure, term)

    def _says(self, answers: Answers) -> npt.NDArray[np.int16]:
        """The number of the class that the model says of each row, -1 for none."""
        places = self._answered(answers)
        if not len(answers.label):
            return np.full(self._n, -1, np.int16)
        return np.where(places >= 0, answers.label[places], np.int16(-1))

    def _answered(self, answers: Answers) -> Numbers:
        """Where each row's image stands in ``answers``, -1 for nowhere; looked up once a row."""
        places = None if self._said is None or self._said[0] is not answers else self._said[1]
        if places is None:
            places = answers.places(self._names[: self._n])
        elif len(places) < self._n:
            fresh = answers.places(self._names[len(places) : self._n])
            places = np.concatenate([places, fresh])
        self._said = (answers, places)
        return places

    # -- order ---------------------------------------------------------------------------

    def _by_key(self, mask: Mask, order: Order) -> npt.NDArray[np.int32]:
        """Rows in the order of their keys, which are unique among those that are current."""
        ranked = self._keys.order
        if order.after is not None:
            value = str(order.after[0])
            first = self._keys.rank(value, after=not order.down)
            ranked = ranked[:first] if order.down else ranked[first:]
        if order.down:
            ranked = ranked[::-1]
        need = order.offset + order.limit
        found: list[npt.NDArray[np.int32]] = []
        have = 0
        # A first page is found among the first rows.
        for start in range(0, len(ranked), 65_536):
            part = ranked[start : start + 65_536]
            found.append(part[mask[part]])
            have += len(found[-1])
            if have >= need:
                break
        places = np.concatenate(found) if found else np.zeros(0, np.int32)
        return places[order.offset : need]

    def _by_number(self, mask: Mask, order: Order, column: npt.NDArray[Any]) -> Numbers:
        places = np.flatnonzero(mask)
        first, last = order.offset, min(order.offset + order.limit, len(places))
        if first >= last:
            return places[:0]
        ids = self._ids[: self._n]
        if last <= _FULL_ORDER or len(places) - first <= _FULL_ORDER:
            down = order.down
            if last > len(places) - first:  # nearer to the end: counted from there
                found = _least(places, column, ids, len(places) - first, not down)[::-1]
                return found[: last - first]
            return _least(places, column, ids, last, down)[first:]
        ranked = self._orders.get(order.by)
        if ranked is None:
            while len(self._orders) >= _ORDERS_KEPT:
                self._orders.pop(next(iter(self._orders)))
            ranked = self._orders[order.by] = np.lexsort((ids, column)).astype(np.int32)
        ranked = ranked[::-1] if order.down else ranked
        return ranked[mask[ranked]][first:last].astype(np.int64)


def _least(
    places: Numbers, column: npt.NDArray[Any], ids: Numbers, many: int, down: bool
) -> Numbers:
    """The first ``many`` of those rows by (value, id), or the last ones backwards."""
    values = column[places]
    if many < len(places):
        at = len(places) - many if down else many - 1
        limit = np.partition(values, at)[at]
        surely = places[values > limit] if down else places[values < limit]
        # Rows are in the order of their ids.
        same = places[values == limit]
        rest = many - len(surely)
        places = np.concatenate([surely, same[len(same) - rest :] if down else same[:rest]])
    ranked = places[np.lexsort((ids[places], column[places]))]
    return ranked[::-1] if down else ranked


def _within(column: npt.NDArray[Any], term: Term) -> Mask:
    mask = np.zeros(len(column), bool)
    for low, high in ends(term):
        mask |= (column >= low) & (column <= high)
    return mask
