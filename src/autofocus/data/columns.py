"""Columns in memory: words as numbers, keys with their order, metadata of any kind."""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from autofocus.data.finding import FACET_VALUES, MetadataValues, ends
from autofocus.data.query import Term
from autofocus.data.search_sql import plain_name

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_WORD_BYTES = 150  # about what a value and its place in a dictionary take
_MAX_PIECES = 64
_WHOLE = 2**53  # whole numbers below are written alike by every database

Mask = npt.NDArray[np.bool_]
CodeArray = npt.NDArray[np.int32]


def grown(array: npt.NDArray[Any], n: int, fresh: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The first ``n`` values and then ``fresh``, with room for more behind them."""
    if n + len(fresh) > len(array):
        wider = np.empty((max(n + len(fresh), n + n // 8), *array.shape[1:]), array.dtype)
        wider[:n] = array[:n]
        array = wider
    array[n : n + len(fresh)] = fresh
    return array


class NameIndex:
    """Finds sha256 (32 raw bytes) among many, by their first eight bytes."""

    def __init__(self, names: npt.NDArray[np.bytes_]) -> None:
        self._names = names
        head = _heads(names)
        self._order = np.argsort(head, kind="stable")
        self._heads = head[self._order]

    @property
    def different(self) -> npt.NDArray[np.bytes_]:
        """Every name once."""
        return self._names[np.unique(self.places(self._names))]

    def places(self, names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
        """Where each of ``names`` stands first, -1 for nowhere."""
        found = np.full(len(names), -1, np.int64)
        head = _heads(names)
        at = np.searchsorted(self._heads, head)
        open_ = np.flatnonzero(at < len(self._heads))
        while len(open_):
            open_ = open_[self._heads[at[open_]] == head[open_]]
            there = self._order[at[open_]]
            right = self._names[there] == names[open_]
            found[open_[right]] = there[right]
            # Another name may begin alike.
            open_ = open_[~right]
            at[open_] += 1
            open_ = open_[at[open_] < len(self._heads)]
        return found


def _heads(names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint64]:
    whole = np.ascontiguousarray(names).view(np.uint64).reshape(len(names), 4)
    return np.ascontiguousarray(whole[:, 0])


class Codes:
    """Words by number in the order in which they came; -1 is none."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self.values: list[str] = []

    @property
    def nbytes(self) -> int:
        return _WORD_BYTES * len(self.values)

    def code(self, word: str | None) -> int:
        """The number of a word, a new one for a new word."""
        if word is None:
            return -1
        found = self.of.get(word)
        if found is None:
            found = self.of[word] = len(self.values)
            self.values.append(word)
        return found

    def encode(self, words: Sequence[str | None]) -> CodeArray:
        """The numbers of many words."""
        found = pa.array(words, pa.string()).dictionary_encode()
        numbers = np.array([self.code(w) for w in found.dictionary.to_pylist()] + [-1], np.int32)
        which: npt.NDArray[np.int64] = found.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return numbers[which]

    def among(self, codes: CodeArray, wanted: Sequence[int]) -> Mask:
        """Which of ``codes`` are one of ``wanted``; -1 never is."""
        table = np.zeros(len(self.values) + 1, bool)
        table[list(wanted)] = True
        table[-1] = False
        return table[codes]


class KeyColumn:
    """Keys by row, and the rows in the order of their keys (by code points)."""

    def __init__(self) -> None:
        self._pieces: list[pa.Array] = []
        self._small: list[pa.Array] = []
        self._starts = [0]
        self.order: CodeArray = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, row: int) -> str:
        piece = bisect.bisect_right(self._starts, row) - 1
        return str(self._pieces[piece][row - self._starts[piece]].as_py())

    @property
    def nbytes(self) -> int:
        pieces = sum(int(p.nbytes) for p in [*self._pieces, *self._small])
        return pieces + self.order.nbytes

    def append(self, keys: Sequence[str]) -> None:
        """More rows; say then where they stand: :meth:`sort` or :meth:`insert`."""
        if len(self._pieces) >= _MAX_PIECES:
            self._pieces = [pa.concat_arrays(self._pieces)]
            self._small = [pa.concat_arrays(self._small)]
            self._starts = [0, len(self._pieces[0])]
        piece = pa.array(keys, pa.string())
        self._pieces.append(piece)
        self._small.append(pc.ascii_lower(piece))
        self._starts.append(self._starts[-1] + len(piece))

    def sort(self) -> None:
        """Put all rows in order."""
        if self._pieces:
            order = pc.sort_indices(pa.chunked_array(self._pieces))
            self.order = order.to_numpy().astype(np.int32)

    def insert(self, first: int) -> None:
        """Put the rows from ``first`` on into the order; equal keys stand by row."""
        fresh = sorted((self[row], row) for row in range(first, len(self)))
        at = [self.rank(key, after=True) for key, _ in fresh]
        self.order = np.insert(self.order, at, [row for _, row in fresh])

    def rank(self, key: str, *, after: bool) -> int:
        """How many keys come before ``key``, with ``after`` those that are equal as well."""
        side = bisect.bisect_right if after else bisect.bisect_left
        return side(range(len(self.order)), key, key=lambda i: self[int(self.order[i])])

    def contains(self, parts: Sequence[str]) -> Mask:
        """Which keys contain one of those parts, ASCII letters of the key taken as small ones."""
        mask = np.zeros(len(self), bool)
        for piece, start in zip(self._small, self._starts, strict=False):
            for part in parts:
                found = pc.match_substring(piece, part).to_numpy(zero_copy_only=False)
                mask[start : start + len(piece)] |= found
        return mask


class MetadataColumn:
    """One column of the metadata: values by number, each as text, as a number, for a count.

    The texts are those that the database writes, since they are what is compared and counted.
    """

    def __init__(self, name: str, dialect: str) -> None:
        self._sqlite = dialect == "sqlite"
        # Texts of lists and objects cannot be reached by such a name in SQLite, and are no
        # values to count there.
        self._nested = not self._sqlite
        self._nested_by_name = self._nested or plain_name(name)
        self._codes: CodeArray = np.zeros(0, np.int32)
        self._of: dict[tuple[str, Any], int] = {}
        self._texts: list[str] = []
        self._number: list[float] = []
        self._counted: list[bool] = []
        self._by_text: dict[str, list[int]] = {}
        self._unsettled: list[int] = []

    @property
    def nbytes(self) -> int:
        return self._codes.nbytes + 3 * _WORD_BYTES * len(self._texts)

    def code(self, value: Any) -> int:
        """The number of a value (not None), a new one for a new value."""
        kind = type(value).__name__
        text = value if kind == "str" else json.dumps(value)
        found = self._of.get((kind, text))
        if found is not None:
            return found
        found = self._of[kind, text] = len(self._texts)
        nested = kind in ("list", "dict")
        if nested and self._sqlite:
            text = json.dumps(value, separators=(",", ":"))
        self._texts.append(text)
        self._number.append(_as_number(value))
        self._counted.append(self._nested or not nested)
        if self._sqlite and (kind == "float" or (kind == "int" and abs(value) > _WHOLE)):
            self._unsettled.append(found)
        elif not nested or self._nested_by_name:
            self._by_text.setdefault(text, []).append(found)
        return found

    def settle(self, conn: Connection) -> None:
        """Ask SQLite how it writes numbers that came new."""
        for start in range(0, len(self._unsettled), 10_000):
            part = self._unsettled[start : start + 10_000]
            each = sa.func.json_each("[" + ",".join(self._texts[i] for i in part) + "]")
            table = each.table_valued("key", "atom")
            written = sa.select(sa.cast(table.c.atom, sa.String)).order_by(table.c.key)
            for code, text in zip(part, conn.execute(written).scalars(), strict=True):
                self._texts[code] = text
                self._by_text.setdefault(text, []).append(code)
        self._unsettled.clear()

    def append(self, n: int, codes: CodeArray) -> None:
        """The values of the rows from ``n`` on."""
        if len(self._codes) < n:
            self._codes = grown(self._codes, len(self._codes), np.full(n - len(self._codes), -1))
        self._codes = grown(self._codes, n, codes)

    def meets(self, n: int, term: Term) -> Mask:
        """Which of the first ``n`` rows meet a condition on this column."""
        table = np.zeros(len(self._texts) + 1, bool)
        numbers = np.array([*self._number, np.nan])
        if term.operator != ":":
            low, high = ends(term)[0]
            table |= (numbers >= low) & (numbers <= high)
        for value in term.values if term.operator == ":" else ():
            table[self._by_text.get(str(value), [])] = True
            try:
                table |= numbers == float(value)
            except ValueError:
                continue
        return table[self._codes[:n]]

    def counts(self, n: int, mask: Mask | None) -> MetadataValues:
        """How often values occur among the first ``n`` rows, or those of them in ``mask``."""
        codes = self._codes[:n] if mask is None else self._codes[:n][mask]
        counts = np.bincount(codes + 1, minlength=len(self._texts) + 1)[1:]
        counts = np.where(self._counted, counts, 0)
        there = np.flatnonzero(counts)
        if len(self._by_text) == len(self._texts):
            many = len(there)
            if many > FACET_VALUES:
                # Those that can be among the most frequent.
                least = np.partition(counts[there], -FACET_VALUES)[-FACET_VALUES]
                there = there[counts[there] >= least]
            values = [(self._texts[i], int(counts[i])) for i in there.tolist()]
        else:
            # Values of several kinds that are written alike are one.
            alike: dict[str, int] = {}
            for i in there.tolist():
                alike[self._texts[i]] = alike.get(self._texts[i], 0) + int(counts[i])
            values, many = list(alike.items()), len(alike)
        values.sort(key=lambda pair: (-pair[1], pair[0]))
        return values[:FACET_VALUES], many


def _as_number(value: Any) -> float:
    """NaN for what is none; whole numbers may be larger than any float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
