"""The graphs that are served: a trained network with everything around it that is fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from autofocus.training.calibration import Whitening
from autofocus.training.detector import overlaps

CLASS_OUTPUTS = ("probabilities", "embedding", "whitened")
BOX_OUTPUTS = (*CLASS_OUTPUTS, "boxes", "scores", "labels")
MAP_OUTPUTS = (*CLASS_OUTPUTS, "maps")

# Answers below this are none; an image has at most so many.
LEAST_SCORE, MOST_OBJECTS = 0.01, 100
# Boxes that overlap more are in the same place.
SAME_PLACE = 0.8
# A class is in an image as surely as in the surest square of it with this side, in pixels.
_PRESENCE = 8


class ServedGraph(nn.Module):
    """uint8 (n, h, w, 3) in; probabilities, embedding and whitened embedding out."""

    outputs: Sequence[str] = CLASS_OUTPUTS

    def __init__(self, network: nn.Module, temperature: float, whitening: Whitening) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature
        self.register_buffer("mean", torch.from_numpy(whitening.mean))
        self.register_buffer("matrix", torch.from_numpy(whitening.matrix))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        logits, embedding = self.network(planes(image))
        probabilities = torch.softmax(logits / self.temperature, dim=1)
        return probabilities, embedding, self.whiten(embedding)

    def whiten(self, embedding: Tensor) -> Tensor:
        """(n, d) to (n, k)."""
        return (embedding - self.get_buffer("mean")) @ self.get_buffer("matrix")


class BoxGraph(ServedGraph):
    """As ServedGraph for a detector: also boxes, scores and labels, best first.

    ``decoding`` has ``slope`` and ``offset``, which make of a logit how often it is right,
    ``nms_iou``: of two boxes of a class that overlap more, the surer one stays, and ``twins``:
    what is left of a score where a surer box of another class is in the same place. Nearly always
    that is one object twice, and few things are two at once.
    """

    outputs = BOX_OUTPUTS

    def __init__(
        self, network: nn.Module, decoding: Mapping[str, float], whitening: Whitening
    ) -> None:
        super().__init__(network, 1.0, whitening)
        self.slope, self.offset = decoding["slope"], decoding["offset"]
        self.nms_iou, self.twins = decoding["nms_iou"], decoding["twins"]

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        logits, boxes, embedding = self.network(planes(image))
        # (n, classes, places), as the operator wants them.
        scores = torch.sigmoid(self.slope * logits + self.offset).transpose(1, 2)
        kept = Suppress.apply(boxes, scores, self.nms_iou)  # type: ignore[no-untyped-call]
        flat = (scores * kept).flatten(1)
        count = min(MOST_OBJECTS, flat.shape[1])
        best, index = flat.topk(count, dim=1)
        places = boxes.shape[1]
        labels = torch.div(index, places, rounding_mode="floor")
        where = (index - labels * places).unsqueeze(2).expand(-1, -1, 4)
        chosen = boxes.gather(1, where)
        surer = best.unsqueeze(1) > best.unsqueeze(2)
        same = overlaps(chosen.unsqueeze(2), chosen.unsqueeze(1)) > SAME_PLACE
        twin = (same & surer).any(dim=2)
        best, order = torch.where(twin, best * self.twins, best).topk(count, dim=1)
        labels = labels.gather(1, order)
        chosen = chosen.gather(1, order.unsqueeze(2).expand(-1, -1, 4))
        return (
            scores.amax(dim=2), embedding, self.whiten(embedding), chosen, best, labels,
        )  # fmt: skip


class MapGraph(ServedGraph):
    """As ServedGraph for a segmenter: also its maps at the size of the image."""

    outputs = MAP_OUTPUTS

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps, embedding = self.network(planes(image))
        maps = functional.interpolate(
            maps, size=image.shape[1:3], mode="bilinear", align_corners=False
        )
        shares = torch.softmax(maps[:, :-1] / self.temperature, dim=1)
        side = min(_PRESENCE, image.shape[1], image.shape[2])
        presence = functional.avg_pool2d(shares[:, 1:], side, stride=max(side // 2, 1))
        maps = torch.cat([shares, torch.sigmoid(maps[:, -1:])], dim=1)
        return presence.amax(dim=(2, 3)), embedding, self.whiten(embedding), maps


class Suppress(torch.autograd.Function):
    """1 for each score (n, classes, places) that no surer one of its class suppresses, else 0.

    ONNX's NonMaxSuppression where it is exported, the same in numpy where it is run here.
    """

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
        kept = np.zeros(scores.shape, np.float32)
        where, sure = boxes.numpy(), scores.numpy()
        for i in range(len(sure)):
            for c in range(sure.shape[1]):
                kept[i, c, suppress(where[i], sure[i, c], iou)] = 1.0
        return torch.from_numpy(kept)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, iou: float) -> Any:
        def constant(values: Any, kind: torch.dtype) -> Any:
            return g.op("Constant", value_t=torch.tensor(values, dtype=kind))

        selected = g.op(
            "NonMaxSuppression",
            boxes,
            scores,
            constant([MOST_OBJECTS], torch.int64),
            constant([iou], torch.float32),
            constant([LEAST_SCORE], torch.float32),
        )
        nothing = g.op("Mul", scores, constant([0.0], torch.float32))
        first, second = constant([0], torch.int64), constant([1], torch.int64)
        count = g.op("Slice", g.op("Shape", selected), first, second)
        ones = g.op("Expand", constant([1.0], torch.float32), count)
        kept = g.op("ScatterND", nothing, selected, ones)
        kept.setType(scores.type())
        return kept


def suppress(
    boxes: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], iou: float
) -> npt.NDArray[np.int64]:
    """Which of the boxes (p, 4) stay: the surest first, at most ``MOST_OBJECTS``."""
    order = np.flatnonzero(scores > LEAST_SCORE)
    order = order[np.argsort(-scores[order], kind="stable")]
    kept: list[int] = []
    size = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    while len(order) and len(kept) < MOST_OBJECTS:
        first, rest = order[0], order[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        union = size[first] + size[rest] - shared
        order = rest[shared <= iou * union]
    return np.array(kept, np.int64)


def planes(image: Tensor) -> Tensor:
    """uint8 (n, h, w, 3) as float32 (n, 3, h, w) in 0..1."""
    return image.permute(0, 3, 1, 2).to(torch.float32) / 255.0
