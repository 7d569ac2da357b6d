"""How good a model is on an exam, and a single answer that a client got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autofocus.evaluation.losses import image_loss
from autofocus.serving.answers import read_detections
from autofocus.types.data import Label, Tag, Task

if TYPE_CHECKING:
    from autofocus.demo.world import Exam
    from autofocus.types.models import Predictor

BATCH = 50


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


def map50(predictor: Predictor, exam: Exam) -> float:
    """Mean average precision of a detector on an exam, boxes overlapping by half or more."""
    return _of_shapes(predictor, exam, "map50", boxes=True)


def mean_iou(predictor: Predictor, exam: Exam) -> float:
    """Mean intersection over union of the classes' pixels of a segmenter on an exam."""
    return _of_shapes(predictor, exam, "miou", boxes=False)


def quality(task: Task, truth: Label, answer: Mapping[str, Any]) -> float:
    """How good an answer of the inference server is, 0 to 1."""
    if isinstance(truth, Tag):
        return float(answer["label"] == truth.label)
    return 1.0 - image_loss(truth, read_detections(answer), task=task, threshold=0.0)


def _of_shapes(predictor: Predictor, exam: Exam, name: str, *, boxes: bool) -> float:
    from autofocus.demo.scenes import SIZE
    from autofocus.evaluation.shape_metrics import score_scenes
    from autofocus.types.predictors import threshold_of
    from autofocus.types.scenes import Scene

    scenes = []
    for i in range(0, len(exam.images), BATCH):
        seen = predictor.predict(exam.images[i : i + BATCH]).detections
        for label, found in zip(exam.labels[i : i + BATCH], seen, strict=True):
            assert not isinstance(label, Tag)
            scenes.append(Scene(label.shapes, found, (SIZE, SIZE), boxes))
    threshold = threshold_of(predictor)
    return score_scenes(scenes, predictor.classes, threshold=threshold).value(name)
