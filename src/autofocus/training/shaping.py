"""What a run teaches a detector or a segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autofocus.imaging.instances import UNJUDGED
from autofocus.training.exams import BoxExam
from autofocus.training.fitting import Pixels, Rows, Step, class_weights, forward, to_float
from autofocus.training.matching import mean_average_precision
from autofocus.training.moving import move_boxes, move_maps
from autofocus.training.parameters import TrainingParameters
from autofocus.training.targets import Boxes, Maps, batch_boxes

_EVALUATION_BATCH = 16
# Validation images that a look during the training takes: it is there to see where things go.
_MOST_LOOKED_AT = 300
Bools = npt.NDArray[np.bool_]


class BoxLesson:
    """Boxes: the network's own loss on images that were moved with what is in them."""

    def __init__(
        self,
        pixels: Pixels,
        boxes: Sequence[Boxes],
        focus: Bools,
        val_pixels: Pixels,
        val_boxes: Sequence[Boxes],
        parameters: TrainingParameters,
        *,
        classes: int,
    ) -> None:
        self.focus = focus
        self._pixels, self._boxes = pixels, boxes
        marked = np.concatenate([np.zeros(0, np.int64), *(b.labels for b in boxes)])
        self._weights = class_weights(parameters, marked, classes)
        some = _spread(len(val_pixels))
        self._val_pixels = val_pixels[some]
        self._exam = BoxExam([val_boxes[i] for i in some.tolist()])
        self._parameters = parameters

    @property
    def count(self) -> int:
        return len(self._pixels)

    def begin(self, average: nn.Module) -> None:
        """Nothing depends on what the network knew before."""

    def loss(self, step: Step) -> Tensor:
        """Of the labelled images."""
        images, targets = move_boxes(
            to_float(self._pixels[step.rows]),
            batch_boxes([self._boxes[i] for i in step.rows.tolist()], self._weights),
            _strength(self._parameters, step),
            step.generator,
            flip=self._parameters.flip,
        )
        return _loss(step.network, images, targets)

    def look(self, average: nn.Module) -> dict[str, float]:
        """Mean average precision; the loss is what it lacks, over overlaps from 0.5 to 0.95."""
        founds = self._exam.look(average, self._val_pixels)
        each = [mean_average_precision(founds, iou) for iou in np.linspace(0.5, 0.95, 10)]
        if not np.isfinite(each[0]):  # no validation image holds anything: what is seen is wrong
            return {"val_loss": float(np.mean([f.scores.sum() for f in founds]))}
        return {"val_loss": 1.0 - float(np.mean(each)), "val_map50": each[0]}


class MapLesson:
    """Pixels: classes and depth on images that were moved with their maps."""

    def __init__(
        self,
        pixels: Pixels,
        maps: Maps,
        focus: Bools,
        val_pixels: Pixels,
        val_maps: Maps,
        parameters: TrainingParameters,
        *,
        classes: int,
    ) -> None:
        self.focus = focus
        self._pixels, self._maps = pixels, maps
        some = _spread(len(val_pixels))
        self._val_pixels, self._val_maps = val_pixels[some], val_maps.take(some)
        self._parameters = parameters
        counts = sum(
            (np.bincount(kinds.ravel(), minlength=256) for kinds in maps.kinds),
            start=np.zeros(256, np.int64),
        )[: classes + 1]
        # In thousandths of all pixels: the weights need how often, not which.
        often = np.round(1000.0 * counts / max(int(counts.sum()), 1)).astype(np.int64)
        shares = np.repeat(np.arange(classes + 1), often)
        self._weights = class_weights(parameters, shares, classes + 1).clamp(max=5.0)

    @property
    def count(self) -> int:
        return len(self._pixels)

    def begin(self, average: nn.Module) -> None:
        """Nothing depends on what the network knew before."""

    def loss(self, step: Step) -> Tensor:
        """Of the labelled images."""
        kinds, deep = self._maps.kinds[step.rows], self._maps.deep[step.rows]
        images, of_class, depth = move_maps(
            to_float(self._pixels[step.rows]),
            torch.from_numpy(np.asarray(kinds, np.int64)),
            torch.from_numpy(np.asarray(deep, np.float32) / 255.0),
            _strength(self._parameters, step),
            step.generator,
            flip=self._parameters.flip,
        )
        return _loss(step.network, images, of_class, depth, self._weights)

    def look(self, average: nn.Module) -> dict[str, float]:
        """The loss without changed images, and the share of pixels that are right."""
        average.eval()
        losses, right, judged = [], 0, 0
        for start in range(0, len(self._val_pixels), _EVALUATION_BATCH):
            at = slice(start, start + _EVALUATION_BATCH)
            kinds = torch.from_numpy(np.asarray(self._val_maps.kinds[at], np.int64))
            deep = torch.from_numpy(np.asarray(self._val_maps.deep[at], np.float32) / 255.0)
            images = to_float(self._val_pixels[at])
            with torch.no_grad():
                loss = _loss(average, images, kinds, deep, self._weights)
                maps = forward(average, images)[0]
            losses.append(float(loss) * len(images))
            guess = maps[:, :-1].argmax(dim=1)
            small = torch.nn.functional.interpolate(
                kinds.unsqueeze(1).float(), size=guess.shape[1:], mode="nearest"
            ).squeeze(1)
            known = small != UNJUDGED
            right += int((guess == small)[known].sum())
            judged += int(known.sum())
        return {
            "val_loss": sum(losses) / len(self._val_pixels),
            "val_pixel_accuracy": right / max(judged, 1),
        }


def _spread(n: int) -> Rows:
    """At most ``_MOST_LOOKED_AT`` places of ``n``, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_LOOKED_AT)).astype(np.int64))


def _strength(parameters: TrainingParameters, step: Step) -> Tensor:
    strength = torch.full((len(step.rows),), parameters.augmentation)
    strength[: step.new] = parameters.focus.augmentation
    return strength


def _loss(network: Any, images: Tensor, *targets: Any) -> Tensor:
    found: Tensor = network.loss(images.contiguous(memory_format=torch.channels_last), *targets)
    return found
