"""What a run teaches a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from autofocus.training.augmentation import augment, mix_same_class
from autofocus.training.fitting import Order, Pixels, Rows, Step, class_weights, forward, to_float
from autofocus.training.parameters import TrainingParameters

_EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Decoded images uint8 (n, h, w, 3) and their class index (n,); -1 where unknown."""

    pixels: Pixels
    truth: Rows

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a run learns from: ``train`` and ``val`` labelled, ``pool`` without labels.

    ``focus`` (n,) bool marks the new images among ``train`` that fine-tuning is for.
    """

    train: Examples
    val: Examples
    pool: Examples
    focus: npt.NDArray[np.bool_]


def pool_weight(parameters: TrainingParameters, *, finetune: bool) -> float:
    """The weight of the images without a label."""
    if parameters.pool_weight is not None:
        return parameters.pool_weight
    return 1.0 if finetune else 0.0


def answer(network: nn.Module, pixels: Pixels) -> tuple[Tensor, Tensor]:
    """Logits (n, classes) and embedding (n, d) of decoded images, without gradients."""
    network.eval()
    logits, embeddings = [], []
    with torch.no_grad():
        for start in range(0, len(pixels), _EVALUATION_BATCH):
            batch = forward(network, to_float(pixels[start : start + _EVALUATION_BATCH]))
            logits.append(batch[0])
            embeddings.append(batch[1])
    return torch.cat(logits), torch.cat(embeddings)


class ClassLesson:
    """One class for each image: cross-entropy, mixing of new images with old ones of their
    class, and the average as teacher of images without a label."""

    def __init__(
        self,
        material: Material,
        parameters: TrainingParameters,
        *,
        classes: int,
        seed: int,
        finetune: bool,
    ) -> None:
        self.material = material
        self.parameters = parameters
        self.finetune = finetune
        self._weights = class_weights(parameters, material.train.truth, classes)
        self._pool = Order(np.arange(len(material.pool), dtype=np.int64), seed, "pool")
        self._trusted = True

    @property
    def count(self) -> int:
        return len(self.material.train)

    @property
    def focus(self) -> npt.NDArray[np.bool_]:
        return self.material.focus

    def begin(self, average: nn.Module) -> None:
        """Whether the model knows enough for mixing and for teaching itself."""
        if self.finetune:
            accuracy = self.look(average)["val_accuracy"]
            self._trusted = accuracy >= self.parameters.trusted_accuracy

    def loss(self, step: Step) -> Tensor:
        """Of the labelled images, and of those without a label."""
        parameters, train, generator = self.parameters, self.material.train, step.generator
        strength = torch.full((len(step.rows),), parameters.augmentation)
        strength[: step.new] = parameters.focus.augmentation
        images = to_float(train.pixels[step.rows])
        images = augment(images, strength, generator, flip=parameters.flip)
        truth = torch.from_numpy(train.truth[step.rows])
        if step.new and self._trusted:
            images = mix_same_class(images, truth, step.new, parameters.focus.mixing, generator)
        loss = functional.cross_entropy(
            forward(step.network, images)[0],
            truth,
            weight=self._weights,
            label_smoothing=parameters.label_smoothing,
        )
        weight = pool_weight(parameters, finetune=self.finetune)
        if weight > 0 and len(self.material.pool) > 0 and self._trusted:
            loss = loss + weight * self._pool_loss(step)
        return loss

    def _pool_loss(self, step: Step) -> Tensor:
        """Images without a label teach what the averaged model is sure of (FixMatch, Sohn et al.,
        NeurIPS 2020, with the average as teacher)."""
        count = self.parameters.batch // 2
        pixels = self.material.pool.pixels[self._pool.take(step.number * count, count)]
        images = to_float(pixels)
        step.average.eval()
        with torch.no_grad():
            teacher = forward(step.average, images)[0]
            sure, guess = torch.softmax(teacher, dim=1).max(dim=1)
        strong = torch.full((len(images),), self.parameters.focus.augmentation)
        changed = augment(images, strong, step.generator, flip=self.parameters.flip)
        logits = forward(step.network, changed)[0]
        losses = functional.cross_entropy(logits, guess, reduction="none")
        return (losses * (sure >= self.parameters.pool_confidence)).mean()

    def look(self, average: nn.Module) -> dict[str, float]:
        """Log loss and accuracy on the validation images."""
        logits, _ = answer(average, self.material.val.pixels)
        truth = torch.from_numpy(self.material.val.truth)
        return {
            "val_loss": float(functional.cross_entropy(logits, truth)),
            "val_accuracy": float((logits.argmax(dim=1) == truth).float().mean()),
        }
