"""What a label must be in a project: its kind by the task, its classes, its place in the image."""

from __future__ import annotations

from dataclasses import dataclass

from autofocus.errors import InvalidInput
from autofocus.types.data import Label, Task
from autofocus.types.geometry import Shape, Shapes


@dataclass(frozen=True, slots=True)
class LabelRules:
    """The rules of one project; detection and segmentation take boxes, polygons and masks."""

    project: str
    task: Task
    classes: tuple[str, ...]

    @property
    def drawn(self) -> bool:
        """Whether labels are shapes, not one class for the whole image."""
        return self.task != "classification"

    def check(self, label: Label, *, width: int, height: int) -> None:
        """Raise InvalidInput unless it may label an upright image of that size.

        The error's context names the shape that is wrong by its id.
        """
        if not isinstance(label, Shapes):
            self.check_class(label.label)
            return
        if not self.drawn:
            raise InvalidInput(
                f"Project {self.project} is for {self.task}: its labels are one class for the "
                "whole image, not shapes.",
                field="label",
            )
        for shape in label.shapes:
            self.check_shape(shape, width=width, height=height)

    def check_shape(self, shape: Shape, *, width: int, height: int) -> None:
        """Raise InvalidInput unless its class is declared and it lies in an image of that size."""
        if shape.label not in self.classes:
            raise InvalidInput(
                f"Shape {shape.id} has the class {shape.label!r}, which is not declared in "
                f"project {self.project}.",
                hint=f"Declared are: {', '.join(self.classes)}.",
                field="label",
                shape=shape.id,
            )
        shape.check_inside(width, height)

    def check_class(self, name: str) -> None:
        """Raise InvalidInput unless ``name`` may label a whole image here."""
        if self.drawn:
            raise InvalidInput(
                f"Project {self.project} is for {self.task}: one class for the whole image is no "
                "label there.",
                hint="Draw boxes, polygons or masks on the label page, or save them with "
                "project.labels.annotate or PUT /api/projects/PROJECT/annotations/KEY.",
                field="label",
            )
        if name not in self.classes:
            raise InvalidInput(
                f"Class {name!r} is not declared in project {self.project}.",
                hint=f"Declared are: {', '.join(self.classes)}.",
                field="label",
            )
