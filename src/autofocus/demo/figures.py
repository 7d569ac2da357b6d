"""What goes into the demo and what comes out of it: options and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autofocus.demo.plays import PLAYS, Play
from autofocus.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How the demo runs.

    What is None is as the task's play has it. ``clean_images`` are sent before the shift,
    ``after_images`` after the heal, at ``rate`` a second. ``limit_seconds`` after the shift the
    story ends unhealed; a person who labels has all the time he wants. ``checks`` off leaves out
    the reference model and the reproduction. Port 0 takes a free one. ``open_page`` opens the web
    page at once unless ``headless``. ``workspace`` None makes a new folder, which is kept.
    """

    task: str = "classification"
    headless: bool = False
    open_page: bool = True
    json_file: Path | None = None
    workspace: Path | None = None
    label_yourself: bool = False
    seed: int = 0
    annotator_delay: float = 0.2
    rate: float | None = None
    clean_images: int | None = None
    after_images: int | None = None
    limit_seconds: float = 600.0
    checks: bool = True
    port: int = 0
    inference_port: int = 0
    training_images: Mapping[str, int] | None = None
    training_parameters: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.task not in PLAYS:
            raise InvalidInput(
                f"There is no demo of {self.task!r}.", hint=f"Use --task {', '.join(PLAYS)}."
            )
        if self.annotator_delay < 0 or (self.rate is not None and self.rate <= 0):
            raise InvalidInput(
                f"The annotator's delay must not be negative and the rate must be positive, got "
                f"{self.annotator_delay} and {self.rate}."
            )
        if self.json_file is not None and not self.json_file.absolute().parent.is_dir():
            raise InvalidInput(
                f"There is no folder {self.json_file.absolute().parent} to write "
                f"{self.json_file.name} to."
            )

    @property
    def play(self) -> Play:
        """The task's play, with what these options change about it."""
        names = ("rate", "clean_images", "after_images", "training_images", "training_parameters")
        changed = {n: getattr(self, n) for n in names if getattr(self, n) is not None}
        return replace(PLAYS[self.task], **changed)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The play's measure on images that were never sent anywhere, 0 to 1; None: not measured.

    Classification: share of right answers. Detection: mAP50. Segmentation: mean IoU.
    """

    shifted_before: float | None = None
    shifted_after: float | None = None
    clean_before: float | None = None
    clean_after: float | None = None
    shifted_reference: float | None = None
    clean_reference: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What ``--json`` writes.

    ``accuracy`` is measured on fresh images of the same world by ``measure``, ``served`` on the
    answers that clients got: how good they were (1 - loss an image) on shifted images by the first
    champion and by the healed one. ``images_until_alarm`` counts shifted images.
    ``reference_ratio`` is ``accuracy`` on shifted images after the heal over that of a model
    trained with all their labels.
    """

    task: str
    measure: str
    seed: int
    healed: bool
    timeline: tuple[Mapping[str, Any], ...]
    false_alarms_before_shift: int
    images_until_alarm: int | None
    alarms: tuple[Mapping[str, Any], ...]
    cases: tuple[Mapping[str, Any], ...]
    labels_used: int
    promotions: int
    accuracy: Accuracy
    reference_ratio: float | None
    served: Mapping[str, Any]
    requests: int
    requests_failed: int
    failures: tuple[str, ...]
    swap: Mapping[str, int]
    reproduced: bool | None
    first_model: str
    champion: str
    story_seconds: float
    seconds: Mapping[str, float]
    workspace: str
    contact_sheets: tuple[str, ...]
