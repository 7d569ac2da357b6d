"""A compact anchor-free detector: its network, what each place of it should learn, its loss.

Every place of the feature maps answers for itself which class is there and how far the object's
edges are away (Tian et al., FCOS, ICCV 2019). Which places are to answer for an object is decided
by their own answers: those that are most nearly right, class and box together (Feng et al., TOOD,
ICCV 2021), so no size of an object has to be tied to a map by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from autofocus.training.networks import ResidualBlock

CHANNELS = (16, 32, 64, 96, 128)
WIDTH = 64
STRIDES = (8, 16, 32)
# How many places answer for one object, and how much class and box count in choosing them.
PLACES, CLASS_POWER, BOX_POWER = 10, 0.5, 4.0
BOX_WEIGHT = 2.0
_PRIOR = 0.01  # what a place says of a class before it has learnt anything
_TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class BoxTargets:
    """The objects of n images, padded to m each.

    boxes float32 (n, m, 4): left, top, right, bottom in preprocessed pixels; labels int64 (n, m);
    there bool (n, m), False for padding; judged bool (n, m), False for crowds and what was cut
    off: the places in them are neither right nor wrong; weight float32 (n, m), how much each
    counts: more for rare classes.
    """

    boxes: Tensor
    labels: Tensor
    there: Tensor
    judged: Tensor
    weight: Tensor


class CompactDetector(nn.Module):
    """A residual trunk, a pyramid of maps at strides 8, 16 and 32, a head on each.

    ``forward`` gives logits (n, places, classes), boxes (n, places, 4) as left, top, right and
    bottom in pixels, and the embedding (n, d), the mean over the last map of the trunk. About
    0.9 million weights.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        first, *rest = CHANNELS
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        blocks = []
        for width in rest:
            blocks.append(ResidualBlock(first, width))
            first = width
        self.blocks = nn.ModuleList(blocks)
        self.inner = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in CHANNELS[-len(STRIDES) :])
        self.heads = nn.ModuleList(Head(classes) for _ in STRIDES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self.stem(images * 4.0 - 2.0)
        trunk = []
        for block in self.blocks:
            maps = block(maps)
            trunk.append(maps)
        embedding = maps.mean(dim=(2, 3))
        levels = [conv(m) for conv, m in zip(self.inner, trunk[-len(STRIDES) :], strict=True)]
        for i in range(len(levels) - 1, 0, -1):
            size = levels[i - 1].shape[2:]
            levels[i - 1] = levels[i - 1] + functional.interpolate(levels[i], size=size)
        logits, boxes = [], []
        for head, level, stride in zip(self.heads, levels, STRIDES, strict=True):
            of_class, edges = head(level)
            points = places(level.shape[2], level.shape[3], stride)
            distance = edges.flatten(2).transpose(1, 2) * stride
            boxes.append(torch.cat([points - distance[..., :2], points + distance[..., 2:]], dim=2))
            logits.append(of_class.flatten(2).transpose(1, 2))
        return torch.cat(logits, dim=1), torch.cat(boxes, dim=1), embedding

    def loss(self, images: Tensor, targets: BoxTargets) -> Tensor:
        """What is to be minimised on images (n, 3, h, w)."""
        logits, boxes, _ = self(images)
        height, width = images.shape[2:]
        points = torch.cat(
            [places(math.ceil(height / s), math.ceil(width / s), s) for s in STRIDES]
        )
        return detection_loss(logits, boxes, points, targets)


class Head(nn.Module):
    """Two branches over one map: the classes, and the four distances in strides."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.of_class = _branch(classes, -math.log((1 - _PRIOR) / _PRIOR))
        self.of_box = _branch(4, 2.0)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        return self.of_class(level), functional.softplus(self.of_box(level))


def _branch(outputs: int, start: float) -> nn.Sequential:
    last = nn.Conv2d(WIDTH, outputs, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(last.bias, start)  # type: ignore[arg-type]
    return nn.Sequential(
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        last,
    )


def places(rows: int, columns: int, stride: int) -> Tensor:
    """The centres (rows * columns, 2) of a map's places as (x, y) in pixels."""
    x = (torch.arange(columns, dtype=torch.float32) + 0.5) * stride
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) * stride
    across, down = x.repeat(rows), y.repeat_interleave(columns)
    return torch.stack([across, down], dim=1)


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4), of shapes that broadcast."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    return shared / (_area(a) + _area(b) - shared).clamp(min=_TINY)


def generalized_overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Overlap less the share of the box around both that neither fills (Rezatofighi et al.,
    CVPR 2019), in -1..1, of boxes (..., 4)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    union = (_area(a) + _area(b) - shared).clamp(min=_TINY)
    low, high = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    around = (high - low).clamp(min=0).prod(dim=-1).clamp(min=_TINY)
    return shared / union - (around - union) / around


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


@torch.no_grad()
def assign(
    logits: Tensor, boxes: Tensor, points: Tensor, targets: BoxTargets
) -> tuple[Tensor, Tensor]:
    """Which object each place answers for, (n, places) int64, and how right it should be, (n,
    places) in 0..1: 0 where it answers for none."""
    n, m = targets.labels.shape
    wanted = targets.there & targets.judged
    score = torch.sigmoid(logits).transpose(1, 2)
    of_class = score.gather(1, targets.labels.unsqueeze(2).expand(-1, -1, score.shape[2]))
    overlap = overlaps(targets.boxes.unsqueeze(2), boxes.unsqueeze(1))  # (n, m, places)
    inside = _inside(points, targets.boxes)
    centre = (targets.boxes[..., :2] + targets.boxes[..., 2:]) / 2
    nearest = torch.cdist(centre, points.expand(n, -1, -1)).argmin(dim=2, keepdim=True)
    inside.scatter_(2, nearest, True)  # an object may be smaller than the stride
    inside &= wanted.unsqueeze(2)
    fit = of_class.pow(CLASS_POWER) * (overlap + 1e-3).pow(BOX_POWER) * inside
    best, index = fit.topk(min(PLACES, fit.shape[2]), dim=2)
    chosen = torch.zeros_like(inside).scatter_(2, index, best > 0)
    # A place that two objects want answers for the one that it overlaps most.
    rank = torch.where(chosen, overlap + _TINY, torch.zeros_like(overlap))
    strongest, owner = rank.max(dim=1)
    chosen &= torch.arange(m).view(1, m, 1) == owner.unsqueeze(1)
    fit = fit * chosen
    top = fit.amax(dim=2, keepdim=True).clamp(min=_TINY)
    reach = (overlap * chosen).amax(dim=2, keepdim=True)
    wish = fit / top * reach.clamp(min=0.1)  # a new network overlaps nothing: it must begin
    return owner, wish.amax(dim=1) * (strongest > 0)


def detection_loss(logits: Tensor, boxes: Tensor, points: Tensor, targets: BoxTargets) -> Tensor:
    """Classes by cross-entropy against how right each place should be, boxes by overlap."""
    owner, wish = assign(logits, boxes, points, targets)
    labels = targets.labels.gather(1, owner)
    wanted = torch.zeros_like(logits).scatter(2, labels.unsqueeze(2), wish.unsqueeze(2))
    counts = torch.ones_like(wish)
    if bool((targets.there & ~targets.judged).any()):
        unjudged = _inside(points, targets.boxes) & (targets.there & ~targets.judged).unsqueeze(2)
        counts = (~unjudged.any(dim=1) | (wish > 0)).float()
    total = wish.sum().clamp(min=1.0)
    # Easy places are many: what is far from its wish weighs more (Lin et al., ICCV 2017; with
    # soft wishes: Li et al., NeurIPS 2020).
    score = torch.sigmoid(logits)
    hardness = torch.where(wanted > 0, torch.ones_like(score), score.pow(2)).detach()
    plain = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    counts = torch.where(wish > 0, targets.weight.gather(1, owner), counts)
    of_class = (plain * hardness * counts.unsqueeze(2)).sum() / total
    at = wish > 0
    if not bool(at.any()):
        return of_class + 0.0 * boxes.sum()
    goal = targets.boxes.gather(1, owner.unsqueeze(2).expand(-1, -1, 4))[at]
    off = 1.0 - generalized_overlaps(boxes[at], goal)
    return of_class + BOX_WEIGHT * (off * wish[at]).sum() / total


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Which boxes (n, m, 4) hold which points (p, 2), (n, m, p)."""
    x, y = points[:, 0], points[:, 1]
    left, top, right, bottom = (boxes[..., i].unsqueeze(2) for i in range(4))
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def stack_boxes(
    boxes: Sequence[Tensor],
    labels: Sequence[Tensor],
    judged: Sequence[Tensor],
    weights: Tensor | None = None,
) -> BoxTargets:
    """The objects of several images as one, with ``weights`` (classes,) by their class; at least
    one place each, so that shapes are never empty."""
    n, m = len(boxes), max([1, *(len(b) for b in boxes)])
    stacked = BoxTargets(
        torch.zeros(n, m, 4),
        torch.zeros(n, m, dtype=torch.int64),
        torch.zeros(n, m, dtype=torch.bool),
        torch.ones(n, m, dtype=torch.bool),
        torch.ones(n, m),
    )
    for i, (where, what, counts) in enumerate(zip(boxes, labels, judged, strict=True)):
        stacked.boxes[i, : len(where)] = where
        stacked.labels[i, : len(where)] = what
        stacked.there[i, : len(where)] = True
        stacked.judged[i, : len(where)] = counts
        if weights is not None:
            stacked.weight[i, : len(where)] = weights[what]
    return stacked
