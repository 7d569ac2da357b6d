"""The plays of the demo, one a task: whose world it is, what is told, what is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autofocus.demo.measures import map50, mean_iou, right_answers
from autofocus.demo.world import Belt, Crowd, Exam, World
from autofocus.types.data import Task

if TYPE_CHECKING:
    from autofocus.types.models import Predictor


@dataclass(frozen=True, slots=True)
class Targets:
    """What we build for: seconds of the story, images until the alarm, labels, and the ratio of
    the shifted images' figure to the reference's."""

    seconds: float
    images_until_alarm: int
    labels: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Play:
    """One story: its world, its words, its measure.

    ``measure`` scores a model on an exam, 0 to 1, and is told as ``measure_name``; ``tested`` is
    the metric of the model tests that is told after the first training. ``rate`` is requests a
    second; ``clean_images`` are sent before the shift and ``after_images`` after the heal;
    ``exam_images`` a side are never sent. ``policy`` is the project's, in YAML.
    """

    task: Task
    project: str
    world: Callable[[int], World]
    ordinary: str
    shifted: str
    arrival: str
    measure: Callable[[Predictor, Exam], float]
    measure_name: str
    tested: str
    targets: Targets
    training_images: Mapping[str, int]
    training_parameters: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 50.0
    clean_images: int = 700
    after_images: int = 700
    exam_images: int = 1000
    policy: str = ""


_EYES = Play(
    task="classification",
    project="eyes",
    world=Crowd,
    ordinary="eyes without glasses",
    shifted="eyes with glasses",
    arrival="Glasses arrive: {share:.0%} of the faces wear them now",
    measure=right_answers,
    measure_name="accuracy",
    tested="accuracy",
    targets=Targets(seconds=300, images_until_alarm=100, labels=60, ratio=0.97),
    training_images={"train": 2400, "val": 300, "test": 500},
    training_parameters={"steps": 360},
)
_BOXES = Play(
    task="detection",
    project="parts",
    world=lambda seed: Belt(seed, "detection"),
    ordinary="pictures of bright parts",
    shifted="pictures of black parts",
    arrival="Another supplier: the parts in {share:.0%} of the pictures are burnished black now",
    measure=map50,
    measure_name="mAP50",
    tested="map50",
    targets=Targets(seconds=480, images_until_alarm=100, labels=60, ratio=0.95),
    training_images={"train": 1000, "val": 150, "test": 250},
    training_parameters={"steps": 700},
    rate=25.0,
    clean_images=500,
    after_images=500,
    exam_images=400,
)
_MASKS = Play(
    task="segmentation",
    project="parts",
    world=lambda seed: Belt(seed, "segmentation"),
    ordinary=_BOXES.ordinary,
    shifted=_BOXES.shifted,
    arrival=_BOXES.arrival,
    measure=mean_iou,
    measure_name="mIoU",
    tested="miou",
    targets=_BOXES.targets,
    training_images=_BOXES.training_images,
    training_parameters=_BOXES.training_parameters,
    rate=_BOXES.rate,
    clean_images=_BOXES.clean_images,
    after_images=_BOXES.after_images,
    exam_images=_BOXES.exam_images,
)
PLAYS: Mapping[str, Play] = {play.task: play for play in (_EYES, _BOXES, _MASKS)}
