"""What a model said, whatever the task: kept, given back, judged, compared."""

from __future__ import annotations

import json

import pytest

from autofocus.evaluation.said import Judge, Said, suggestion, words
from autofocus.types.answers import as_shapes
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Shape, Shapes
from autofocus.types.models import Detection

EYES = Judge("classification", ("open", "closed"))
PARTS = Judge("detection", ("nut", "washer"))
NUT, WASHER = Box(0, 0, 10, 10), Box(20, 0, 10, 10)
BOTH = (Detection("nut", NUT, 0.9), Detection("washer", WASHER, 0.8))
TRUTH = Shapes((Shape("1", "nut", NUT), Shape("2", "washer", WASHER)))


@pytest.mark.parametrize(
    ("judge", "said", "told"),
    [(EYES, Tag("open"), "open"), (PARTS, BOTH, "nut, washer"), (PARTS, (), "(none)")],
)
def test_what_was_said_is_kept_as_json_with_words(judge: Judge, said: Said, told: str) -> None:
    kept = json.loads(json.dumps(judge.remember(said)))
    assert kept["words"] == told == words(said)
    assert judge.recall(kept) == said


def test_a_class_is_right_or_wrong_and_objects_lie_between() -> None:
    assert EYES.loss(Tag("open"), Tag("open")) == 0.0
    assert EYES.loss(Tag("open"), Tag("closed")) == 1.0
    assert PARTS.loss(TRUTH, BOTH) == 0.0
    assert PARTS.loss(TRUTH, BOTH[:1]) == pytest.approx(1 / 3)
    assert PARTS.loss(TRUTH, ()) == 1.0
    # Logged is what a model meant to say: how sure it was is no matter any more.
    unsure = tuple(Detection(d.label, d.geometry, 0.1) for d in BOTH)
    assert PARTS.loss(TRUTH, unsure) == 0.0


def test_two_answers_are_as_far_apart_as_one_is_wrong_by_the_other() -> None:
    assert EYES.difference(Tag("open"), Tag("closed")) == 1.0
    assert PARTS.difference(BOTH, BOTH) == 0.0
    assert PARTS.difference(BOTH, BOTH[:1]) == pytest.approx(1 / 3)
    assert PARTS.difference((), ()) == 0.0


def test_objects_are_suggested_as_drawn_and_classes_as_words() -> None:
    assert suggestion(BOTH, "parts-1") == as_shapes(BOTH, model="parts-1")
    assert suggestion(Tag("open"), "eyes-1") is None
