"""The plays of the demo, one a task: whose world it is, what is told, what is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autofocus.demo.measures import right_answers
from autofocus.demo.world import Crowd, Exam, World
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
PLAYS: Mapping[str, Play] = {play.task: play for play in (_EYES,)}
