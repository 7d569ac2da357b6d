"""Random changes of training images that move what is marked in them along.

As :mod:`autofocus.training.augmentation`, for boxes and masks: every number comes from the step's
generator.
"""

from __future__ import annotations

import kornia
import torch
from torch import Tensor
from torch.nn import functional

from autofocus.imaging.preprocessing import GREY
from autofocus.training.augmentation import NOISE, blurred, column, lit, signed
from autofocus.training.detector import BoxTargets

# At strength 1, for boxes: shift as a share of the side, turn in degrees, zoom and change of the
# aspect as powers of e. A turned box is no box any more, so the turn is small.
BOX_SHIFT, BOX_TURN, BOX_ZOOM, BOX_ASPECT = 0.15, 4.0, 0.45, 0.08
# For masks, which turn with the picture.
MASK_SHIFT, MASK_TURN, MASK_ZOOM, MASK_ASPECT = 0.08, 12.0, 0.2, 0.05
# What is left of a box that the edge cuts must be this share, or nobody can be asked for it.
LEAST_LEFT, LEAST_SIDE = 0.35, 2.0
# How many of the images are four at half their size, at strength 1.
MOSAIC = 0.3


def move_boxes(
    images: Tensor,
    targets: BoxTargets,
    strength: Tensor,
    generator: torch.Generator,
    *,
    flip: bool = False,
) -> tuple[Tensor, BoxTargets]:
    """Changed copies of ``images`` (n, 3, h, w) in 0..1 and where their boxes are then.

    ``strength`` (n,); 0 leaves an image as it is. What the edge cuts off almost wholly is no
    longer judged.
    """
    images, targets = _mosaic(images, targets, strength, generator)
    height, width = images.shape[2:]
    matrix = _matrix(images, strength, generator, flip, BOX_SHIFT, BOX_TURN, BOX_ZOOM, BOX_ASPECT)
    # Mirrored surroundings would show objects that nobody marked.
    moved = (
        kornia.geometry.transform.warp_affine(
            images - GREY / 255.0, matrix, (height, width), align_corners=True
        )
        + GREY / 255.0
    )
    boxes = _moved_boxes(targets.boxes, matrix)
    whole = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-6).prod(dim=2)
    limit = torch.tensor([width, height, width, height], dtype=boxes.dtype)
    inside = torch.minimum(boxes.clamp(min=0.0), limit)
    sides = inside[..., 2:] - inside[..., :2]
    visible = (sides > 0).all(dim=2)
    enough = (sides.clamp(min=0).prod(dim=2) >= LEAST_LEFT * whole) & (
        sides.amin(dim=2) >= LEAST_SIDE
    )
    changed = BoxTargets(
        inside, targets.labels, targets.there & visible, targets.judged & enough, targets.weight
    )
    return finish(moved, images, strength, generator), changed


def move_maps(
    images: Tensor,
    maps: Tensor,
    depth: Tensor,
    strength: Tensor,
    generator: torch.Generator,
    *,
    flip: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Changed copies of ``images`` (n, 3, h, w), of the classes ``maps`` (n, h, w) int64 and of
    ``depth`` (n, h, w) in 0..1, moved alike. Beyond the edge the picture is mirrored."""
    height, width = images.shape[2:]
    matrix = _matrix(
        images, strength, generator, flip, MASK_SHIFT, MASK_TURN, MASK_ZOOM, MASK_ASPECT
    )

    def warp(values: Tensor, mode: str) -> Tensor:
        found: Tensor = kornia.geometry.transform.warp_affine(
            values, matrix, (height, width), mode=mode, padding_mode="reflection",
            align_corners=True,
        )  # fmt: skip
        return found

    moved = warp(images, "bilinear")
    of_class = warp(maps.unsqueeze(1).float(), "nearest").squeeze(1).round().long()
    deep = warp(depth.unsqueeze(1), "bilinear").squeeze(1)
    return finish(moved, images, strength, generator), of_class, deep


def finish(moved: Tensor, images: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Light, blur and noise on what was moved; the images themselves where strength is 0."""
    changed = blurred(lit(moved, strength, generator), strength, generator)
    noise = torch.randn(changed.shape, generator=generator) * column(
        NOISE * strength * torch.rand(len(images), generator=generator)
    )
    return torch.where(column(strength) > 0, (changed + noise).clamp(0.0, 1.0), images)


def _matrix(
    images: Tensor,
    strength: Tensor,
    generator: torch.Generator,
    flip: bool,
    most_shift: float,
    most_turn: float,
    most_zoom: float,
    most_aspect: float,
) -> Tensor:
    """Affine matrices (n, 2, 3) from where a pixel is to where it goes; none at strength 0."""
    n, _, height, width = images.shape
    reach = strength.clamp(max=3.0).view(-1, 1)
    sides = torch.tensor([[float(width), float(height)]])
    shift = signed(n, generator, 2) * most_shift * reach * sides
    angle = (signed(n, generator) * most_turn * reach).view(-1)
    zoom = torch.exp(signed(n, generator) * most_zoom * reach)
    aspect = torch.exp(signed(n, generator) * most_aspect * reach)
    scale = torch.cat([zoom * aspect, zoom / aspect], dim=1)
    centre = (sides / 2.0 - 0.5).expand(n, 2)
    matrix: Tensor = kornia.geometry.transform.get_affine_matrix2d(shift, centre, scale, angle)
    mirrored = torch.rand(n, generator=generator) < 0.5
    if flip:
        mirror = torch.eye(3).repeat(n, 1, 1)
        turned = (mirrored & (strength > 0)).float()
        mirror[:, 0, 0] = 1.0 - 2.0 * turned
        mirror[:, 0, 2] = (width - 1.0) * turned
        matrix = matrix @ mirror
    return matrix[:, :2]


def _moved_boxes(boxes: Tensor, matrix: Tensor) -> Tensor:
    """The boxes (n, m, 4) around moved boxes.

    The matrix speaks of centres of pixels, boxes of their edges: half a pixel apart. What is in a
    box hardly ever fills its corners, so a turned box is taken as the mean of the boxes around
    its corners and around the ellipse in it.
    """
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2 - 0.5
    half = (boxes[..., 2:] - boxes[..., :2]) / 2
    linear, offset = matrix[:, :, :2], matrix[:, :, 2]
    centre = centre @ linear.transpose(1, 2) + offset.unsqueeze(1) + 0.5
    corners = half @ linear.abs().transpose(1, 2)
    ellipse = (half.pow(2) @ linear.pow(2).transpose(1, 2)).sqrt()
    reach = (corners + ellipse) / 2
    return torch.cat([centre - reach, centre + reach], dim=2)


def _mosaic(
    images: Tensor, targets: BoxTargets, strength: Tensor, generator: torch.Generator
) -> tuple[Tensor, BoxTargets]:
    """Some images become four of the batch, each at half its size (Bochkovskiy et al., 2020):
    more objects, smaller ones, and neighbours they never had."""
    n, _, height, width = images.shape
    chosen = torch.rand(n, generator=generator) < MOSAIC * strength.clamp(max=2.0)
    others = torch.randint(0, n, (n, 4), generator=generator)
    if height % 2 or width % 2 or n < 2:
        return images, targets
    rows = torch.nonzero(chosen).view(-1)
    if len(rows) == 0:
        return images, targets
    small = functional.avg_pool2d(images, 2)
    picks = others[rows]
    picks[:, 0] = rows
    top = torch.cat([small[picks[:, 0]], small[picks[:, 1]]], dim=3)
    bottom = torch.cat([small[picks[:, 2]], small[picks[:, 3]]], dim=3)
    mixed = images.index_copy(0, rows, torch.cat([top, bottom], dim=2))
    m = targets.labels.shape[1]
    corner = torch.tensor(
        [[0, 0], [width // 2, 0], [0, height // 2], [width // 2, height // 2]],
        dtype=images.dtype,
    ).repeat(1, 2)
    boxes = torch.zeros(n, 4 * m, 4)
    boxes[:, :m] = targets.boxes
    labels, there, judged, weight = (
        torch.cat([value, value.new_zeros(n, 3 * m)], dim=1)
        for value in (targets.labels, targets.there, targets.judged, targets.weight)
    )
    boxes[rows] = (targets.boxes[picks] / 2 + corner.view(1, 4, 1, 4)).reshape(len(rows), -1, 4)
    for value, of in (
        (labels, targets.labels), (there, targets.there), (judged, targets.judged),
        (weight, targets.weight),
    ):  # fmt: skip
        value[rows] = of[picks].reshape(len(rows), -1)
    return mixed, BoxTargets(boxes, labels, there, judged, weight)
