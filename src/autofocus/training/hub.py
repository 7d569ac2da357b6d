"""Architectures and weights of transformers, from a Hub repository or a local folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autofocus.errors import InvalidInput
from autofocus.training.detector import BoxTargets
from autofocus.training.segmenter import segmentation_loss
from autofocus.types.data import Task

_AUTO: dict[Task, str] = {
    "classification": "AutoModelForImageClassification",
    "detection": "AutoModelForObjectDetection",
    "segmentation": "AutoModelForSemanticSegmentation",
}


class HubNetwork(nn.Module):
    """A transformers model that is given images in 0..1 and normalises them as it was taught."""

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def ask(self, images: Tensor, **options: Any) -> Any:
        """The model's own answer."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        return self.model(pixel_values=(images - mean) / std, **options)


class HubClassifier(HubNetwork):
    """A transformers image classifier behind our interface."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        output = self.ask(images, output_hidden_states=True)
        return output.logits, _embedding(output.hidden_states[-1])


class HubDetector(HubNetwork):
    """A transformers detector of the DETR family, which finds a set and learns by its own loss."""

    def __init__(
        self, model: nn.Module, mean: Sequence[float], std: Sequence[float], classes: int
    ) -> None:
        super().__init__(model, mean, std)
        self.classes = classes

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.ask(images)
        logits = output.logits
        if logits.shape[2] > self.classes:
            # One class more, "nothing": shares that sum to 1, written as the logit of each.
            shares = torch.softmax(logits, dim=2)[..., : self.classes].clamp(1e-6, 1 - 1e-6)
            logits = torch.log(shares) - torch.log(1.0 - shares)
        height, width = images.shape[2:]
        sides = torch.tensor([width, height], dtype=images.dtype)
        centre, size = output.pred_boxes[..., :2] * sides, output.pred_boxes[..., 2:] * sides
        boxes = torch.cat([centre - size / 2, centre + size / 2], dim=2)
        encoded: Any = getattr(output, "encoder_last_hidden_state", None)
        if not (isinstance(encoded, Tensor) and encoded.dim() == 3):
            encoded = output.last_hidden_state
        return logits, boxes, _embedding(encoded)

    def loss(self, images: Tensor, targets: BoxTargets) -> Tensor:
        """The model's own; crowds are left out, it cannot pass them over."""
        height, width = images.shape[2:]
        sides = torch.tensor([width, height, width, height], dtype=torch.float32)
        wanted = targets.there & targets.judged
        labels = []
        for boxes, names, there in zip(targets.boxes, targets.labels, wanted, strict=True):
            share = boxes[there] / sides
            centre, size = (share[:, :2] + share[:, 2:]) / 2, share[:, 2:] - share[:, :2]
            labels.append({"class_labels": names[there], "boxes": torch.cat([centre, size], dim=1)})
        found: Tensor = self.ask(images, labels=labels).loss
        return found


class HubSegmenter(HubNetwork):
    """A transformers semantic segmenter; it learns the depth in an object as one class more."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        output = self.ask(images, output_hidden_states=True)
        return output.logits, _embedding(output.hidden_states[-1])

    def loss(self, images: Tensor, kinds: Tensor, deep: Tensor, weights: Tensor) -> Tensor:
        """That of our own segmenter."""
        return segmentation_loss(self(images)[0], kinds, deep, weights)


def from_hub(source: str, classes: Sequence[str], task: Task = "classification") -> nn.Module:
    """The model of a repository or folder, with our classes; raises InvalidInput.

    A local folder with a configuration alone gives random weights.
    """
    try:
        from transformers import AutoConfig, AutoImageProcessor
    except ImportError as exc:
        raise InvalidInput(
            f"hf:{source} needs the package transformers.", hint="pip install 'autofocus[hf]'"
        ) from exc
    names = list(classes)
    if task == "segmentation":
        names = ["(nothing)", *names, "(depth)"]
    labels = {
        "num_labels": len(names),
        "id2label": dict(enumerate(names)),
        "label2id": {name: i for i, name in enumerate(names)},
    }
    try:
        config = AutoConfig.from_pretrained(source, **labels)
        if task == "detection" and hasattr(config, "auxiliary_loss"):
            config.auxiliary_loss = True  # every layer of the decoder learns: far fewer steps
        model = _model(source, config, task)
    except (OSError, ValueError, ImportError) as exc:
        raise InvalidInput(f"hf:{source} cannot be loaded for {task}: {exc}") from exc
    mean: Sequence[float] = (0.5, 0.5, 0.5)
    std: Sequence[float] = (0.5, 0.5, 0.5)
    try:
        processor: Any = AutoImageProcessor.from_pretrained(source)
        mean = getattr(processor, "image_mean", None) or mean
        std = getattr(processor, "image_std", None) or std
    except (OSError, ValueError, ImportError):
        pass  # a folder with a configuration alone: the usual half and half
    if task == "detection":
        return HubDetector(model, mean, std, len(classes))
    return (HubSegmenter if task == "segmentation" else HubClassifier)(model, mean, std)


def _model(source: str, config: Any, task: Task) -> nn.Module:
    import transformers

    auto = getattr(transformers, _AUTO[task])
    found: nn.Module = (
        auto.from_pretrained(
            source, config=config, ignore_mismatched_sizes=True, use_safetensors=True
        )
        if _has_weights(source)
        else auto.from_config(config)
    )
    return found


def _embedding(last: Tensor) -> Tensor:
    """(n, d) of (n, d, h, w) of a convolutional net or (n, tokens, d) of a transformer."""
    return last.mean(dim=(2, 3)) if last.dim() == 4 else last.mean(dim=1)


def _has_weights(source: str) -> bool:
    """False only for a local folder that holds a configuration and no weights."""
    if not os.path.isdir(source):  # noqa: PTH112 - a repository's name is no path
        return True
    return any(name.endswith(".safetensors") for name in os.listdir(source))  # noqa: PTH208
