"""A compact segmenter: its network and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from autofocus.imaging.instances import UNJUDGED
from autofocus.training.networks import ResidualBlock

CHANNELS = (16, 32, 64, 96, 128)
# How much the overlap of whole classes and the depth in an object count beside single pixels.
OVERLAP_WEIGHT, DEPTH_WEIGHT = 1.0, 1.0


class CompactSegmenter(nn.Module):
    """A small U-Net (Ronneberger et al., MICCAI 2015) of residual blocks.

    ``forward`` gives maps (n, 2 + classes, h / 2, w / 2) and the embedding (n, d), the mean over
    the deepest map. Channel 0 of the maps is the logit of nothing, then one a class, and last how
    deep a pixel lies in its own object. About 0.9 million weights.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        first, *rest = CHANNELS
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.Conv2d(first, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        before = first
        down, up = [], []
        for width in rest:
            down.append(ResidualBlock(before, width))
            before = width
        for width in reversed(CHANNELS[:-1]):
            up.append(Joined(before, width))
            before = width
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.head = nn.Conv2d(before, classes + 2, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.stem(images * 4.0 - 2.0)
        passed = []
        for block in self.down:
            passed.append(maps)
            maps = block(maps)
        embedding = maps.mean(dim=(2, 3))
        for block, finer in zip(self.up, reversed(passed), strict=True):
            maps = block(maps, finer)
        return self.head(maps), embedding

    def loss(self, images: Tensor, kinds: Tensor, deep: Tensor, weights: Tensor) -> Tensor:
        """What is to be minimised on images (n, 3, h, w); see :func:`segmentation_loss`."""
        return segmentation_loss(self(images)[0], kinds, deep, weights)


class Joined(nn.Module):
    """A coarse map enlarged, added to the finer one of its size, and two convolutions."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(coarse, fine, 1, bias=False)
        self.first = nn.Conv2d(fine, fine, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(fine)
        self.second = nn.Conv2d(fine, fine, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        wide = functional.interpolate(self.narrow(coarse), size=fine.shape[2:], mode="nearest")
        maps = functional.relu(self.first_norm(self.first(wide + fine)))
        return functional.relu(self.second_norm(self.second(maps)) + maps)


def segmentation_loss(maps: Tensor, kinds: Tensor, deep: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy and soft Dice of the classes, and how far the depth is off.

    maps (n, 2 + classes, h', w') at any size; kinds int64 (n, h, w), 0 nothing, 1 + class,
    255 not judged; deep (n, h, w) in 0..1; weights (1 + classes,) of the cross-entropy.
    """
    maps = functional.interpolate(maps, size=kinds.shape[1:], mode="bilinear", align_corners=False)
    logits, core = maps[:, :-1], maps[:, -1]
    judged = kinds != UNJUDGED
    single = functional.cross_entropy(logits, kinds, weight=weights, ignore_index=UNJUDGED)
    shares = torch.softmax(logits, dim=1) * judged.unsqueeze(1)
    known = torch.where(judged, kinds, torch.zeros_like(kinds))
    wanted = functional.one_hot(known, logits.shape[1]).permute(0, 3, 1, 2) * judged.unsqueeze(1)
    # Over the whole batch: an image without a class would divide by next to nothing.
    shared = (shares * wanted).sum(dim=(0, 2, 3))
    either = shares.sum(dim=(0, 2, 3)) + wanted.sum(dim=(0, 2, 3))
    there = wanted.sum(dim=(0, 2, 3)) > 0
    dice = (1.0 - 2.0 * shared / either.clamp(min=1.0))[there].mean()
    # The depth is asked where objects are, and as much where they are not.
    inside = deep > 0
    off = functional.binary_cross_entropy_with_logits(core, deep, reduction="none") * judged
    outside = judged & ~inside
    depth = (off * inside).sum() / inside.sum().clamp(min=1) + (
        off * outside
    ).sum() / outside.sum().clamp(min=1)
    return single + OVERLAP_WEIGHT * dice + DEPTH_WEIGHT * 0.5 * depth
