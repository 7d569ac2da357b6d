"""Networks that can be trained: built in, from the Hub, or the user's own.

A network takes float32 (n, 3, height, width), RGB in 0..1, does its own normalisation, and gives

- for classification ``(logits, embedding)``: float32 (n, classes) and (n, d);
- for detection ``(logits, boxes, embedding)``: (n, p, classes), whose sigmoid says how surely an
  object of the class is there, (n, p, 4) as left, top, right and bottom in pixels, (n, d). It has
  a method ``loss(images, targets)`` with :class:`autofocus.training.detector.BoxTargets`;
- for segmentation ``(maps, embedding)``: (n, 2 + classes, h, w) at any size, logits of nothing and
  of each class and how deep a pixel lies in its own object, (n, d). It has a method
  ``loss(images, kinds, deep, weights)``, as :func:`autofocus.training.segmenter.segmentation_loss`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from autofocus.errors import InvalidInput
from autofocus.hooks import merge, plugin_manager
from autofocus.training.detector import CompactDetector
from autofocus.training.hub import from_hub
from autofocus.training.networks import ResidualBlock
from autofocus.training.segmenter import CompactSegmenter
from autofocus.types.data import Task

Builder = Callable[..., nn.Module]

# What a network gives for two images, named as in the head of this file.
_WANTED: dict[Task, tuple[str, str]] = {
    "classification": ("logits, embedding", "(2, {classes}), (2, d)"),
    "detection": ("logits, boxes, embedding", "(2, p, {classes}), (2, p, 4), (2, d)"),
    "segmentation": ("maps, embedding", "(2, 2 + {classes}, h, w), (2, d)"),
}

COMPACT_CHANNELS = (16, 32, 64, 96)


class CompactNet(nn.Module):
    """A small residual network (He et al., CVPR 2016) for images of 32 to 128 pixels.

    A strided stem and three strided residual blocks; the embedding is the mean over the last
    map. About 0.22 million weights.
    """

    def __init__(self, classes: int, channels: Sequence[int] = COMPACT_CHANNELS) -> None:
        super().__init__()
        first, *rest = channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        blocks = []
        for width in rest:
            blocks.append(ResidualBlock(first, width))
            first = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(first, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.blocks(self.stem(images * 4.0 - 2.0))
        embedding = maps.mean(dim=(2, 3))
        return self.head(embedding), embedding


COMPACT: dict[Task, Callable[[int], nn.Module]] = {
    "classification": CompactNet,
    "detection": CompactDetector,
    "segmentation": CompactSegmenter,
}


def build(
    architecture: str,
    classes: Sequence[str],
    height: int,
    width: int,
    task: Task = "classification",
) -> nn.Module:
    """The network of that name for a task; raises InvalidInput if there is none.

    ``compact``, a plug-in's name, ``hf:<folder or repository>``, or ``module:function`` that is
    called with ``classes``, ``height`` and ``width``. Weights are drawn from torch's global
    generator, or come with the repository.
    """
    if architecture.startswith("hf:"):
        return from_hub(architecture.removeprefix("hf:"), classes, task)
    offered = merge(plugin_manager().hook.architectures())
    if architecture == "compact" and "compact" not in offered:
        return COMPACT[task](len(classes))
    builder = offered.get(architecture) or _imported(architecture, sorted({*offered, "compact"}))
    network = builder(classes=tuple(classes), height=height, width=width)
    if not isinstance(network, nn.Module):
        raise InvalidInput(
            f"Architecture {architecture!r} gave {type(network).__name__}, expected a torch Module."
        )
    return network


def check_network(
    network: nn.Module, classes: int, height: int, width: int, task: Task = "classification"
) -> int:
    """Size of the embedding; raises InvalidInput if the network does not keep the interface."""
    network.eval()
    with torch.no_grad():
        answer = network(torch.zeros(2, 3, height, width))
    names, shapes = _WANTED[task]
    if task != "classification" and not callable(getattr(network, "loss", None)):
        raise InvalidInput(f"A network for {task} must have a method loss(images, ...).")
    if not (isinstance(answer, tuple) and len(answer) == names.count(",") + 1):
        kind = "triple" if names.count(",") == 2 else "pair"
        raise InvalidInput(f"A network for {task} must give a {kind} ({names}).")
    given = [tuple(value.shape) for value in answer]
    fits = len(given[-1]) == 2 and given[-1][0] == 2
    first = given[0]
    if task == "detection":
        fits &= len(first) == 3 and (first[0], first[2]) == (2, classes)
        fits &= given[1] == (*first[:2], 4)
    elif task == "segmentation":
        fits &= len(first) == 4 and first[:2] == (2, 2 + classes)
    else:
        fits &= first == (2, classes)
    if not fits:
        raise InvalidInput(
            f"For two images the network gives {names} of shapes {given}; expected "
            f"{shapes.format(classes=classes)}."
        )
    return int(given[-1][1])


def source_file(architecture: str) -> str | None:
    """The file that defines a ``module:function`` architecture, None for the others."""
    if ":" not in architecture or architecture.startswith("hf:"):
        return None
    return inspect.getsourcefile(_imported(architecture, []))


def _imported(architecture: str, known: list[str]) -> Builder:
    module, sign, name = architecture.partition(":")
    hint = f"Known: {known}, hf:<folder or repository>, module:function."
    if not sign:
        raise InvalidInput(f"There is no architecture {architecture!r}.", hint=hint)
    try:
        builder = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as exc:
        raise InvalidInput(f"Architecture {architecture!r} cannot be loaded: {exc}.") from exc
    if not callable(builder):
        raise InvalidInput(f"Architecture {architecture!r} is not a function.", hint=hint)
    found: Builder = builder
    return found
