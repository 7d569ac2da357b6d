"""What to look for among the images: a value, and the small language in which people write it.

::

    query = word word ...              every word must hold
    word  = [-] what                   with "-" in front: must not hold
    what  = field ":" value,value,...  one of the values
          | field (<|<=|>|>=) number
          | field ":" low ".." high    a range with both ends in it; one end may be left out
          | text                       the image's key contains it, in any case

Fields are ``class``, ``split``, ``source``, ``author`` (of the label), ``case``, ``predicted`` (by
the champion), ``format``, ``key``; the numbers ``brightness``, ``contrast``, ``blur``,
``entropy``, ``width``, ``height`` and ``confidence`` (the champion's); ``is:labelled``,
``is:unlabelled`` and ``is:disputed`` (the champion says another class than the label). Every other
name is a column of the metadata; ``meta.`` in front says so where a column is called like a field.
What holds blanks, commas or signs stands in double quotes: ``class:"half open"``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from autofocus.errors import InvalidInput
from autofocus.types.data import SPLITS

Operator = Literal[":", "<", "<=", ">", ">=", ".."]

WORDS = ("class", "split", "source", "author", "case", "predicted", "format", "key", "is")
STATISTICS = ("brightness", "contrast", "blur", "entropy", "width", "height")
NUMBERS = (*STATISTICS, "confidence")
STATES = ("labelled", "unlabelled", "disputed")
META = "meta."

_ALIASES = {"label": "class"}
_MAX_TERMS = 50
_MAX_VALUES = 200
_MAX_TEXT = 4000
_OPERATOR = re.compile(r"<=|>=|<|>|:|=")
_BARE = re.compile(r"[\w./+@][\w./+@-]*")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: ``field`` is one of :data:`WORDS`, :data:`NUMBERS` or ``meta.<column>``.

    ``:`` is met by any of ``values``; the comparisons take one number, ``..`` two (the lower end
    first, infinite where it is open). ``key`` is met by a key that contains the value.
    """

    field: str
    operator: Operator
    values: tuple[str | float, ...]
    negated: bool = False

    def __post_init__(self) -> None:
        known = self.field in WORDS or self.field in NUMBERS
        column = self.field.removeprefix(META) if self.field.startswith(META) else ""
        if not known and not column:
            raise InvalidInput(
                f"{self.field!r} is no field to search by.",
                hint=f"Fields: {', '.join((*WORDS, *NUMBERS))}; columns of the metadata as "
                "meta.NAME.",
                field=self.field,
            )
        if self.operator not in get_args(Operator):
            raise InvalidInput(f"{self.operator!r} is not a comparison.", field=self.field)
        if not 1 <= len(self.values) <= _MAX_VALUES or "" in self.values:
            raise InvalidInput(
                f"{self.field} needs 1 to {_MAX_VALUES} values that are not empty.",
                field=self.field,
            )
        if self.operator == ":":
            self._check_values()
        else:
            self._check_numbers()

    def _check_values(self) -> None:
        if self.field in NUMBERS:
            if not all(_is_number(value) for value in self.values):
                raise InvalidInput(f"{self.field} is a number, got {list(self.values)}.")
            return
        if not all(isinstance(value, str) for value in self.values):
            raise InvalidInput(f"{self.field} takes words, got {list(self.values)}.")
        allowed = {"split": SPLITS, "is": STATES}.get(self.field)
        for value in self.values:
            if allowed is not None and value not in allowed:
                raise InvalidInput(
                    f"{self.field}:{value} means nothing: {self.field} is one of "
                    f"{', '.join(allowed)}.",
                    field=self.field,
                )

    def _check_numbers(self) -> None:
        if self.field in WORDS:
            raise InvalidInput(
                f"{self.field} is no number and cannot be compared with {self.operator!r}.",
                hint=f"Write {self.field}:VALUE.",
                field=self.field,
            )
        wanted = 2 if self.operator == ".." else 1
        if len(self.values) != wanted or not all(
            isinstance(v, float) and not math.isnan(v) for v in self.values
        ):
            raise InvalidInput(
                f"{self.field}{self.operator} needs {wanted} number(s), got {list(self.values)}.",
                field=self.field,
            )
        if self.operator == ".." and self.values[0] > self.values[1]:  # type: ignore[operator]
            raise InvalidInput(
                f"The range of {self.field} ends before it begins: {self.values[0]} to "
                f"{self.values[1]}.",
                field=self.field,
            )

    def __str__(self) -> str:
        name = self.field
        if name.startswith(META):
            column = name.removeprefix(META)
            bare = _BARE.fullmatch(column) and ".." not in column
            name = name if bare else f'"{_escaped(name)}"'
        if self.operator == "..":
            low, high = (_number(v) for v in self.values)
            text = f"{name}:{low}..{high}"
        elif self.operator == ":":
            text = f"{name}:{','.join(_quoted(value) for value in self.values)}"
        else:
            text = f"{name}{self.operator}{_number(self.values[0])}"
        return "-" + text if self.negated else text


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions that all must hold; the empty query is met by every image."""

    terms: tuple[Term, ...] = field(default=())

    def __post_init__(self) -> None:
        if len(self.terms) > _MAX_TERMS:
            raise InvalidInput(f"A query has at most {_MAX_TERMS} words, not {len(self.terms)}.")

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a query as people write it; raises InvalidInput naming the word that is wrong."""
        if len(text) > _MAX_TEXT:
            raise InvalidInput(f"A query has at most {_MAX_TEXT} characters, not {len(text)}.")
        return cls(tuple(_term(word) for word in _words(text)))

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def without(self, *fields: str) -> Query:
        """The query less its conditions on those fields."""
        return Query(tuple(term for term in self.terms if term.field not in fields))

    def asks_for(self, *fields: str) -> bool:
        """Whether a condition is on one of those fields."""
        return any(term.field in fields for term in self.terms)

    @property
    def needs_answers(self) -> bool:
        """Whether it can only be answered with what the champion says of the images."""
        return any(
            term.field in ("predicted", "confidence")
            or (term.field == "is" and "disputed" in term.values)
            for term in self.terms
        )


# -- reading ---------------------------------------------------------------------------------

# A word is read as characters that know whether they stood in quotes: a comma or colon in quotes
# is text.
_Char = tuple[str, bool]


def _words(text: str) -> Iterator[list[_Char]]:
    word: list[_Char] = []
    quoted = begun = False
    position = 0
    while position < len(text):
        char = text[position]
        if quoted and char == "\\" and position + 1 < len(text):
            position += 1
            word.append((text[position], True))
        elif char == '"':
            quoted, begun = not quoted, True
        elif char.isspace() and not quoted:
            if word or begun:
                yield word
            word, begun = [], False
        else:
            word.append((char, quoted))
        position += 1
    if quoted:
        shown = "".join(char for char, _ in word)
        raise InvalidInput(
            f"The quotation mark in {shown!r} is not closed.", hint='Write "..." around a value.'
        )
    if word or begun:
        yield word


def _term(word: list[_Char]) -> Term:
    shown = "".join(char for char, _ in word)
    negated = len(word) > 1 and word[0] == ("-", False)
    if negated:
        word = word[1:]
    # Signs in quotes are hidden from the search for the operator.
    plain = "".join("\0" if quoted else char for char, quoted in word)
    found = _OPERATOR.search(plain)
    try:
        if found is None:
            return Term("key", ":", ("".join(char for char, _ in word),), negated)
        name = "".join(char for char, _ in word[: found.start()])
        if not name:
            raise InvalidInput("There is no field in front of the sign.")
        bare = name.lower() if name.lower() in (*WORDS, *NUMBERS, *_ALIASES) else name
        bare = _ALIASES.get(bare, bare)
        if bare not in WORDS and bare not in NUMBERS and not bare.startswith(META):
            bare = META + bare
        return _with_values(bare, found.group(), word[found.end() :], negated)
    except InvalidInput as error:
        raise InvalidInput(
            f"The word {shown!r} was not understood. {error.message}",
            hint=error.hint or "For example: class:open split:train,val brightness<40 -camera:door",
            word=shown,
        ) from None


def _with_values(name: str, sign: str, rest: list[_Char], negated: bool) -> Term:
    parts: list[list[_Char]] = [[]]
    for char in rest:
        if char == (",", False):
            parts.append([])
        else:
            parts[-1].append(char)
    texts = ["".join(char for char, _ in part) for part in parts]
    if sign not in (":", "="):
        if len(texts) > 1:
            raise InvalidInput("A comparison takes one number.")
        return Term(name, sign, (_as_number(texts[0]),), negated)  # type: ignore[arg-type]
    if name in WORDS:
        return Term(name, ":", tuple(texts), negated)
    bare = not any(quoted for _, quoted in rest)
    low, dots, high = texts[0].partition("..") if bare and len(texts) == 1 else ("", "", "")
    if dots and (name in NUMBERS or _is_range(low, high)):
        if not low and not high:
            raise InvalidInput("The range has no end.")
        ends = (_as_number(low) if low else -math.inf, _as_number(high) if high else math.inf)
        return Term(name, "..", ends, negated)
    if name in NUMBERS:
        return Term(name, ":", tuple(_as_number(text) for text in texts), negated)
    return Term(name, ":", tuple(texts), negated)


def _as_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a number.") from None
    if not math.isfinite(value):
        raise InvalidInput(f"{text!r} is not a number to compare with.")
    return value


def _is_range(low: str, high: str) -> bool:
    """For metadata ``a..b`` is only a range where its ends are numbers."""
    try:
        return bool(low or high) and all(math.isfinite(float(end)) for end in (low, high) if end)
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


# -- writing ---------------------------------------------------------------------------------


def _number(value: str | float) -> str:
    assert isinstance(value, float)
    if math.isinf(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _quoted(value: str | float) -> str:
    if isinstance(value, float):
        return _number(value)
    return value if _BARE.fullmatch(value) and ".." not in value else f'"{_escaped(value)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
