"""Searching: the language, and that SQL finds what a plain filter over the same rows finds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.finding import hex_names
from autofocus.data.query import META, NUMBERS, STATES, STATISTICS, Query, Term
from autofocus.data.search import SORTS
from autofocus.errors import InvalidInput
from autofocus.store.annotations import write_annotation
from autofocus.store.database import Database, next_revision
from autofocus.types.data import SPLITS, Sample, Tag

Draw = Callable[..., bytes]

# -- the language ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("class:open", [Term("class", ":", ("open",))]),
        ("label:open,closed", [Term("class", ":", ("open", "closed"))]),
        ('class:"half open"', [Term("class", ":", ("half open",))]),
        ("-split:train,val", [Term("split", ":", ("train", "val"), True)]),
        ("brightness<40", [Term("brightness", "<", (40.0,))]),
        ("Brightness>=1.5", [Term("brightness", ">=", (1.5,))]),
        ("blur:10..40.5", [Term("blur", "..", (10.0, 40.5))]),
        ("width:..64", [Term("width", "..", (-math.inf, 64.0))]),
        ("height:64..", [Term("height", "..", (64.0, math.inf))]),
        ("width:64,128", [Term("width", ":", (64.0, 128.0))]),
        ("camera:door", [Term("meta.camera", ":", ("door",))]),
        ("camera=door", [Term("meta.camera", ":", ("door",))]),
        ("age>30", [Term("meta.age", ">", (30.0,))]),
        ("age:30..40", [Term("meta.age", "..", (30.0, 40.0))]),
        ("path:a..b", [Term("meta.path", ":", ("a..b",))]),
        ("meta.source:x", [Term("meta.source", ":", ("x",))]),
        ('"my column":"a,b"', [Term("meta.my column", ":", ("a,b",))]),
        ("shoes/17", [Term("key", ":", ("shoes/17",))]),
        ('"two words" is:unlabelled',
         [Term("key", ":", ("two words",)), Term("is", ":", ("unlabelled",))]),
        (r'"say \"hi\""', [Term("key", ":", ('say "hi"',))]),
    ],
)  # fmt: skip
def test_what_people_write(text: str, terms: list[Term]) -> None:
    assert Query.parse(text) == Query(tuple(terms))
    assert Query.parse(str(Query(tuple(terms)))) == Query(tuple(terms))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("class:open split:trian", "'split:trian' was not understood.*train, val, test, pool"),
        ("brightness:dark", "'brightness:dark' was not understood.*'dark' is not a number"),
        ("brightness>", "'brightness>' was not understood"),
        ("brightness:..", "no end"),
        ("brightness:9..3", "ends before it begins"),
        ("brightness<nan", "not a number to compare"),
        ("split<3", "cannot be compared"),
        ("class:", "not empty"),
        ("class:open,", "not empty"),
        (":open", "no field in front"),
        ("meta.:x", "no field to search by"),
        ('class:"open', "not closed"),
        ("is:blurred", "labelled, unlabelled"),
        (" ".join("a" for _ in range(51)), "at most 50"),
        ("a" * 5000, "4000 characters"),
    ],
)
def test_what_was_not_understood_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Query.parse(text)


ALPHABET = 'aB7.,:;<>=-_/+@"\\ \t\nüß漢'  # all signs of the language, and some of none
texts = st.text(ALPHABET, min_size=1, max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def any_term(draw: st.DrawFn) -> Term:
    field = draw(
        st.sampled_from(["class", "split", "source", "is", "key", *NUMBERS])
        | texts.map(lambda name: META + name)
    )
    negated = draw(st.booleans())
    if field in ("split", "is"):
        values = draw(st.lists(st.sampled_from(SPLITS if field == "split" else STATES), min_size=1))
        return Term(field, ":", tuple(values), negated)
    number = field in NUMBERS
    if number or (field.startswith(META) and draw(st.booleans())):
        operator = draw(st.sampled_from(["<", "<=", ">", ">=", ".."]))
        if operator == "..":
            low, high = sorted((draw(numbers), draw(numbers)))
            return Term(field, "..", (low, draw(st.sampled_from([high, math.inf]))), negated)
        return Term(field, operator, (draw(numbers),), negated)
    return Term(field, ":", tuple(draw(st.lists(texts, min_size=1, max_size=3))), negated)


@given(st.lists(any_term(), max_size=4))
def test_every_query_can_be_written_and_read_again(terms: list[Term]) -> None:
    query = Query(tuple(terms))
    assert Query.parse(str(query)) == query


@given(st.text(ALPHABET, max_size=40))
def test_any_text_is_a_query_or_an_error_of_ours(text: str) -> None:
    try:
        query = Query.parse(text)
    except InvalidInput:
        return
    assert Query.parse(str(query)) == query


# -- what is found ---------------------------------------------------------------------------

CAMERAS: list[Any] = ["door", "hall", 3, 3.5, True, None, "Über", "3", 'a"b']
COLUMNS = ["camera", "strange name", 'quo"te', "größe"]


class Says:
    """A model's answers about some images."""

    classes = ("open", "closed")

    def __init__(self, answers: dict[str, tuple[str, float]]) -> None:
        self.answers = answers
        self.label = np.array([self.classes.index(said) for said, _ in answers.values()], np.int16)
        self.confidence = np.array([sure for _, sure in answers.values()], np.float64)

    def places(self, names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
        place = {name: i for i, name in enumerate(self.answers)}
        return np.array([place.get(name, -1) for name in hex_names(names)], np.int64)

    def predicted(self, label: str) -> list[str]:
        return [name for name, (said, _) in self.answers.items() if said == label]

    def confident(self, low: float, high: float) -> list[str]:
        return [name for name, (_, sure) in self.answers.items() if low <= sure <= high]


class World:
    """Sixty images of every kind, and what a plain filter has to know of them."""

    def __init__(self, database: Database, dataset: Dataset, draw: Draw) -> None:
        self.dataset = dataset
        images = []
        for i in range(60):
            metadata = {COLUMNS[i % 4]: CAMERAS[i % 9], "n": i} if i % 5 else {}
            label = None if i % 3 == 0 else Tag("open" if i % 2 else "closed")
            images.append(
                NewImage(
                    f"Set{i % 4}/Bild {i:02}.png", draw(i, side=12 + i % 5),
                    SPLITS[i % 4], metadata, source=f"s{i % 2}", label=label,
                    author=f"a{i % 3}", case="eyes-case-1" if i % 7 == 1 else None,
                )
            )  # fmt: skip
        dataset.add_images(images)
        # History that must not be found: a label and a split that were.
        dataset.set_split([images[0].key], "test")
        with database.begin() as conn:
            write_annotation(
                conn, project="eyes", key=images[1].key, label=Tag("closed"), author="zoe",
                source="human", revision=next_revision(conn, "eyes"),
            )  # fmt: skip
        self.samples = list(dataset.samples(limit=1000).items)
        self.author = {new.key: new.author for new in images} | {images[1].key: "zoe"}
        self.case = {new.key: new.case for new in images} | {images[1].key: None}
        self.says = Says(
            {
                s.sha256: ("open" if i % 2 else "closed", 0.5 + i / 200)
                for i, s in enumerate(self.samples)
                if i % 4
            }
        )

    def meets(self, s: Sample, term: Term) -> bool:
        found = self._meets(s, term)
        return not found if term.negated else found

    def _meets(self, s: Sample, term: Term) -> bool:
        label = s.label.label if s.label else None
        said, sure = self.says.answers.get(s.sha256, (None, None))
        match term.field:
            case "class":
                return label in term.values
            case "split":
                return s.split in term.values
            case "source":
                return s.source in term.values
            case "format":
                return s.facts.format in term.values
            case "author":
                return label is not None and self.author[s.key] in term.values
            case "case":
                return label is not None and self.case[s.key] in term.values
            case "key":
                return any(str(v).lower() in s.key.lower() for v in term.values)
            case "predicted":
                return said in term.values
            case "confidence":
                return self._number(sure, term)
            case "is":
                states = {
                    "labelled": label is not None,
                    "unlabelled": label is None,
                    "disputed": label is not None and said is not None and said != label,
                }
                return any(states[str(v)] for v in term.values)
        if not term.field.startswith(META):
            return self._number(getattr(s.facts, term.field), term)
        value = s.metadata.get(term.field.removeprefix(META))
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if term.operator != ":":
            return is_number and self._number(value, term)
        if value is None:
            return False
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        return any(shown == v or (is_number and _float(v) == value) for v in term.values)

    @staticmethod
    def _number(value: Any, term: Term) -> bool:
        if value is None:
            return False
        first = term.values[0]
        match term.operator:
            case ":":
                return value in term.values
            case "<":
                return bool(value < first)
            case "<=":
                return bool(value <= first)
            case ">":
                return bool(value > first)
            case ">=":
                return bool(value >= first)
        return bool(first <= value <= term.values[1])


def _float(text: Any) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@pytest.fixture
def world(database: Database, dataset: Dataset, picture: Draw) -> World:
    made = World(database, dataset, picture)
    made.dataset._search._answers = lambda: made.says
    made.dataset.warm()
    return made


@pytest.fixture
def rows_asked(world: World) -> Dataset:
    """The same dataset for a process that never keeps its rows in memory."""
    data = world.dataset
    asking = Dataset(
        data._database, data._objects, data._packs, "eyes", classes=data.classes, search_memory=0
    )
    asking._search._answers = lambda: world.says
    assert not asking.warm()
    return asking


WORDS: dict[str, list[str]] = {
    "class": ["open", "closed"], "split": list(SPLITS), "source": ["s0", "s1", "other"],
    "author": ["a0", "a1", "a2", "zoe"], "case": ["eyes-case-1", "none"],
    "predicted": ["open", "closed"], "format": ["PNG", "JPEG"], "is": list(STATES),
    "key": ["set1", "BILD 0", "7.png", "nothing"],
    **{META + c: ["door", "hall", "3", "3.0", "3.5", "true", "Über", 'a"b'] for c in COLUMNS},
}  # fmt: skip
LIMITS = st.sampled_from([0.0, 0.7, 3.0, 3.5, 14.0, 30.0, 60.0, 127.5, 4000.0])


@st.composite
def term_about_the_world(draw: st.DrawFn) -> Term:
    negated = draw(st.booleans())
    if draw(st.booleans()):
        field = draw(st.sampled_from(list(WORDS)))
        values = draw(st.lists(st.sampled_from(WORDS[field]), min_size=1, max_size=3))
        return Term(field, ":", tuple(values), negated)
    field = draw(st.sampled_from([*NUMBERS, *(META + c for c in COLUMNS), "meta.n"]))
    operator = draw(st.sampled_from(["<", "<=", ">", ">=", ".."]))
    if operator == "..":
        low, high = sorted((draw(LIMITS), draw(LIMITS)))
        return Term(field, "..", (low, high), negated)
    return Term(field, operator, (draw(LIMITS),), negated)


@settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    terms=st.lists(term_about_the_world(), max_size=3),
    sort=st.sampled_from([sign + name for name in SORTS for sign in ("", "-")]),
    limit=st.integers(7, 25),
)
def test_a_search_finds_what_a_plain_filter_finds(
    world: World, rows_asked: Dataset, terms: list[Term], sort: str, limit: int
) -> None:
    query = Query(tuple(terms))
    wanted = {s.key for s in world.samples if all(world.meets(s, t) for t in terms)}
    got: list[Sample] = []
    cursor = None
    while True:
        page = world.dataset.search(query, sort=sort, limit=limit, cursor=cursor)
        assert page.total == len(wanted)
        # Whether rows are asked or columns in memory.
        assert page == rows_asked.search(query, sort=sort, limit=limit, cursor=cursor)
        # A window by offset is the page that the cursor leads to.
        window = world.dataset.search(query, sort=sort, limit=limit, offset=len(got), count=False)
        assert window.items == page.items
        got += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
        assert len(page.items) == limit
    assert len(got) == len({s.key for s in got})
    assert {s.key for s in got} == wanted
    name = sort.removeprefix("-")
    if name in STATISTICS:
        values = [getattr(s.facts, name) for s in got]
        assert values == sorted(values, reverse=sort.startswith("-"))
    facets = world.dataset.facets(query)
    assert facets.total == len(wanted)
    assert facets == rows_asked.facets(query)


def test_facets_count_the_alternatives_of_what_was_chosen(world: World) -> None:
    facets = {
        f.field: dict(f.values)
        for f in world.dataset.facets("split:train source:s0").facets
        if f.values
    }
    here = [s for s in world.samples if s.source == "s0"]
    assert facets["split"] == {
        split: n for split in SPLITS if (n := sum(s.split == split for s in here))
    }
    train = [s for s in here if s.split == "train"]
    assert facets["class"] == {
        name: n
        for name in ("open", "closed", "")
        if (n := sum((s.label.label if s.label else "") == name for s in train))
    }
    cameras = [s.metadata["camera"] for s in train if s.metadata.get("camera") is not None]
    shown = [str(c).lower() if isinstance(c, bool) else str(c) for c in cameras]
    assert facets["meta.camera"] == {c: shown.count(c) for c in sorted(set(shown))}
    chosen = {f.field: dict(f.values) for f in world.dataset.facets("camera:door").facets}
    assert {"door", "hall"} <= set(chosen["meta.camera"])
    assert world.dataset.facets("split:train source:s0") == world.dataset.facets(
        Query.parse("split:train source:s0")
    )
    ranges = world.dataset.facets("width:14").ranges
    assert ranges["width"] == (12.0, 16.0)


def test_what_cannot_be_answered_is_said(world: World, new_dataset: Callable[..., Dataset]) -> None:
    dataset = new_dataset("others")
    with pytest.raises(InvalidInput, match="'opne' is not declared"):
        world.dataset.search("class:opne")
    assert "'camra'; there is: camera" in world.dataset.search("camra:door").notices[0]
    found = dataset.search("predicted:open")
    assert (found.total, found.items) == (0, ())
    assert "not computed" in found.notices[0]
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"sort": "colour"}):
        with pytest.raises(InvalidInput):
            world.dataset.search("", **wrong)
    cursor = world.dataset.search("", limit=1).next_cursor
    for bad in ("nonsense", "W10", cursor):
        with pytest.raises(InvalidInput, match="cursor"):
            world.dataset.search("", sort="-blur", cursor=bad)


def test_images_that_come_while_pages_are_read_do_not_shift_them(
    world: World, picture: Draw
) -> None:
    first = world.dataset.search("", limit=10)
    assert world.dataset.facets("").total == 60
    world.dataset.add_images([NewImage("Set0/Aaa.png", picture(999), "train")])
    assert world.dataset.facets("").total == 61  # what was counted before is not what is now
    second = world.dataset.search("", limit=10, cursor=first.next_cursor)
    keys = [s.key for s in itertools.chain(first.items, second.items)]
    assert keys == [s.key for s in world.samples[:20]]
