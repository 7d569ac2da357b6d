"""The parameters of a training run, with their defaults and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autofocus.errors import InvalidInput
from autofocus.types.codec import decode
from autofocus.types.data import Task

# What differs from the defaults below: larger images, fewer of them, none distorted.
_SHAPES = {"batch": 16, "fit": "letterbox", "epochs": 60.0}
DEFAULTS: Mapping[Task, Mapping[str, Any]] = {
    "classification": {},
    "detection": _SHAPES,
    "segmentation": _SHAPES,
}


@dataclass(frozen=True, slots=True)
class Focus:
    """Which labelled training images are the new ones that a fine-tuning is for.

    Those whose key begins with ``prefix`` or, if ``metadata`` is given, those whose metadata
    column of that name holds ``value``. They make up ``share`` of every batch and are augmented
    by ``augmentation`` (1 is mild); the share ``mixing`` of them is mixed with an old image of
    the same class.
    """

    prefix: str = "production/"
    metadata: str = ""
    value: str | int | float | bool | None = None
    share: float = 0.3
    augmentation: float = 1.5
    mixing: float = 0.6

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise InvalidInput(f"focus.share must lie between 0 and 1, got {self.share}.")
        if not 0.0 <= self.mixing <= 1.0:
            raise InvalidInput(f"focus.mixing must be in 0..1, got {self.mixing}.")

    def takes(self, key: str, metadata: Mapping[str, Any]) -> bool:
        """Whether an image is one of the new ones."""
        if self.metadata:
            return bool(metadata.get(self.metadata) == self.value)
        return bool(self.prefix) and key.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class TrainingParameters:
    """What ``RunSpec.parameters`` may hold.

    ``steps`` gradient steps of ``batch`` images; None: ``epochs`` passes over the training
    images, but at least 600 steps, or ``finetune_steps`` when a run starts from a bundle.
    ``learning_rate`` is the peak of the schedule; None: 4e-3, 1.5e-3 for fine-tuning.
    ``augmentation`` 0 is none, 1 mild; ``flip`` also mirrors left and right. ``image_size`` is
    (height, width); None: by the training images (:func:`.images.choose_preprocessing`).
    ``replay`` bounds how many old images a fine-tuning sees (None: all). ``pool_weight`` is the
    weight of the images without a label (0: not used; None: 1 for fine-tuning, else 0), and
    ``pool_confidence`` how sure the averaged model must be of one before it teaches. Fine-tuning
    takes only those of them that ``focus`` takes. Mixing and images without a label are for
    classification.
    ``patience`` ends a training from scratch after that many looks at the validation images
    without a lower loss (0: never). A fine-tuning mixes and lets unlabelled images teach only
    if the model that it starts from is right on at least ``trusted_accuracy`` of the validation
    images: what a weak model is sure of is too often wrong.
    """

    steps: int | None = None
    epochs: float = 12.0
    finetune_steps: int = 200
    batch: int = 64
    learning_rate: float | None = None
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    class_weights: Literal["auto", "none", "balanced"] = "auto"
    augmentation: float = 1.0
    flip: bool = False
    image_size: tuple[int, int] | None = None
    fit: Literal["stretch", "letterbox"] = "stretch"
    average: float = 0.99
    patience: int = 6
    looks: int = 12
    replay: int | None = None
    focus: Focus = field(default_factory=Focus)
    pool_weight: float | None = None
    pool_confidence: float = 0.95
    trusted_accuracy: float = 0.9

    def __post_init__(self) -> None:
        for name, low in (("batch", 2), ("looks", 1), ("finetune_steps", 1), ("patience", 0)):
            if getattr(self, name) < low:
                raise InvalidInput(f"{name} must be at least {low}, got {getattr(self, name)}.")
        if self.steps is not None and self.steps < 1:
            raise InvalidInput(f"steps must be at least 1, got {self.steps}.")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise InvalidInput(f"learning_rate must be positive, got {self.learning_rate}.")
        if not (self.epochs > 0 and self.augmentation >= 0 and (self.pool_weight or 0.0) >= 0):
            raise InvalidInput(
                "epochs must be positive, augmentation and pool_weight not negative."
            )
        for name in ("label_smoothing", "average"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InvalidInput(f"{name} must be in 0..1, got {getattr(self, name)}.")
        if self.image_size is not None and not all(8 <= side <= 1024 for side in self.image_size):
            raise InvalidInput(f"image_size must be in 8..1024, got {self.image_size}.")


def parse_parameters(
    values: Mapping[str, Any], task: Task = "classification"
) -> TrainingParameters:
    """Read a spec's parameters over the task's defaults; raises InvalidInput naming every wrong
    one.

    ``image_size`` may be one number for a square.
    """
    known = {**DEFAULTS[task], **values}
    size = known.get("image_size")
    if isinstance(size, int) and not isinstance(size, bool):
        known["image_size"] = [size, size]
    return decode(TrainingParameters, known, where="training parameters")
