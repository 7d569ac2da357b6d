"""How good a model is on an exam, and a single answer that a client got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autofocus.types.data import Label, Tag

if TYPE_CHECKING:
    from autofocus.demo.world import Exam
    from autofocus.types.models import Predictor

BATCH = 100


def right_answers(predictor: Predictor, exam: Exam) -> float:
    """Share of an exam that a classifier answers rightly."""
    right = 0
    for i in range(0, len(exam.images), BATCH):
        answers = predictor.predict(exam.images[i : i + BATCH]).probabilities.argmax(axis=1)
        right += sum(
            Tag(predictor.classes[a]) == label
            for a, label in zip(answers, exam.labels[i : i + BATCH], strict=True)
        )
    return right / len(exam.images)


def quality(truth: Label, answer: Mapping[str, Any]) -> float:
    """How good an answer of the inference server is, 0 to 1."""
    assert isinstance(truth, Tag)
    return float(answer["label"] == truth.label)
