"""What a model said about one image, whatever the task, and how wrong it was.

A class for the whole image, or the objects it saw. Verdicts, comparisons and promotions ask these
few questions and so need not know the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from autofocus.evaluation.losses import image_loss
from autofocus.types.answers import as_shapes, pack, unpack
from autofocus.types.data import Label, Tag, Task
from autofocus.types.geometry import Shapes
from autofocus.types.models import Detection
from autofocus.types.production import Window

Said = Tag | tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows a project's task and classes; ``background`` are classes that are no objects."""

    task: Task
    classes: tuple[str, ...]
    background: tuple[str, ...] = ()

    @property
    def sees_objects(self) -> bool:
        """Whether answers are objects and not one class."""
        return self.task != "classification"

    def said(self, window: Window, i: int) -> Said:
        """The answer in row ``i`` of the log."""
        if self.sees_objects:
            return unpack(window.detections[i], self.classes)
        return Tag(self.classes[int(window.predicted[i])])

    def told(self, row: Mapping[str, Any]) -> str:
        """The answer of a prediction that was looked up, in words."""
        if self.sees_objects:
            return words(unpack(orjson.dumps(row["detections"] or []), self.classes))
        return self.classes[int(row["predicted"])]

    @property
    def question(self) -> str:
        """What a person is asked who must not know what the models said."""
        if self.sees_objects:
            return "mark every object in this image"
        return "tell the class of this image"

    def loss(self, truth: Label, said: Said) -> float:
        """How wrong the answer is, 0 to 1; everything where it is no answer to such a label."""
        if isinstance(truth, Tag) or isinstance(said, Tag):
            return float(truth != said)
        return image_loss(truth, said, task=self.task, threshold=0.0, background=self.background)

    def difference(self, one: Said, other: Said) -> float:
        """How far two answers are apart, 0 (the same) to 1."""
        if isinstance(one, Tag) or isinstance(other, Tag):
            return float(one != other)
        return self.loss(as_shapes(one), other)

    def remember(self, said: Said) -> dict[str, Any]:
        """The answer as JSON, with ``words`` for people; :meth:`recall` gives it back."""
        if isinstance(said, Tag):
            return {"words": said.label}
        return {"words": words(said), "packed": pack(said, self.classes).decode()}

    def recall(self, kept: Mapping[str, Any]) -> Said:
        """What :meth:`remember` kept."""
        if self.sees_objects:
            return unpack(str(kept["packed"]).encode(), self.classes)
        return Tag(str(kept["words"]))


def words(said: Said) -> str:
    """What people read: ``closed``, or ``bracket, 2 nut``."""
    return said.words if isinstance(said, Tag) else as_shapes(said).words


def suggestion(said: Said, model: str) -> Shapes | None:
    """The shapes that an annotator finds already drawn; None where the answer is a class."""
    return None if isinstance(said, Tag) else as_shapes(said, model=model)
