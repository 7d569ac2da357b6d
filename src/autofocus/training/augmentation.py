"""Random changes of training images that leave their class alone.

Every number comes from a generator that is seeded for the step, so a step changes its images the
same way whenever and wherever it is run.
"""

from __future__ import annotations

import kornia
import torch
from torch import Tensor
from torch.nn import functional

# At strength 1: shift as a share of the side, turn in degrees, change of scale, of the gain of
# each colour, of brightness and of gamma (as a power of e), standard deviation of the noise.
SHIFT, TURN, SCALE, GAIN, BRIGHTNESS, GAMMA, NOISE = 0.08, 8.0, 0.12, 0.15, 0.10, 0.25, 0.03
BLUR_CHANCE, BLUR_SIGMA = 0.15, 1.5
ERASE_CHANCE, ERASE_SIDE = 0.25, 0.35
# The mask that mixes two images: side of the grid of random numbers that it is drawn from, and how
# steep its edges are.
MASK_GRID, MASK_STEEPNESS = 4, 4.0


def augment(
    images: Tensor, strength: Tensor, generator: torch.Generator, *, flip: bool = False
) -> Tensor:
    """Changed copies of ``images`` (n, 3, h, w) in 0..1; ``strength`` (n,), 0 leaves as it is."""
    changed = _moved(images, strength, generator, flip)
    changed = lit(changed, strength, generator)
    changed = blurred(changed, strength, generator)
    noise = torch.randn(changed.shape, generator=generator) * column(
        NOISE * strength * torch.rand(len(images), generator=generator)
    )
    changed = _erased((changed + noise).clamp(0.0, 1.0), strength, generator)
    return torch.where(column(strength) > 0, changed, images)


def mix_same_class(
    images: Tensor, truth: Tensor, new: int, share: float, generator: torch.Generator
) -> Tensor:
    """``images`` (n, 3, h, w) in which some of the first ``new`` have parts of an old image.

    Each is mixed with probability ``share``, through a smooth random mask, with one of the others
    that has the same class in ``truth`` (n,), so its label stays right (CutMix, Yun et al., ICCV
    2019, within a class and across domains). A few new images thus show what is new about them
    on very many old ones.
    """
    n, _, height, width = images.shape
    chosen = torch.rand(new, generator=generator) < share
    partner = torch.rand((new, n - new), generator=generator)
    partner = partner.masked_fill(truth[:new, None] != truth[None, new:], -1.0)
    best = partner.max(dim=1) if new < n else None
    grid = torch.randn((new, 1, MASK_GRID, MASK_GRID), generator=generator)
    if best is None:
        return images
    smooth = functional.interpolate(grid, size=(height, width), mode="bicubic")
    mask = torch.sigmoid(MASK_STEEPNESS * smooth)
    old = images[new:][best.indices]
    mixed = mask * images[:new] + (1.0 - mask) * old
    take = column(chosen & (best.values >= 0.0))
    return torch.cat([torch.where(take, mixed, images[:new]), images[new:]])


def column(values: Tensor) -> Tensor:
    """(n,) as (n, 1, 1, 1), to go with images."""
    return values.view(-1, 1, 1, 1)


def signed(n: int, generator: torch.Generator, width: int = 1) -> Tensor:
    """Uniform in -1..1, (n, width)."""
    return torch.rand((n, width), generator=generator) * 2.0 - 1.0


def _moved(images: Tensor, strength: Tensor, generator: torch.Generator, flip: bool) -> Tensor:
    n, _, height, width = images.shape
    reach = strength.clamp(max=3.0).view(-1, 1)
    sides = torch.tensor([[float(width), float(height)]])
    shift = signed(n, generator, 2) * SHIFT * reach * sides
    angle = (signed(n, generator) * TURN * reach).view(-1)
    scale = torch.exp(signed(n, generator, 2) * 0.4 * SCALE * reach)
    scale = scale * torch.exp(signed(n, generator) * SCALE * reach)
    mirrored = torch.rand(n, generator=generator) < 0.5
    if flip:
        images = torch.where(column(mirrored), images.flip(3), images)
    centre = (sides / 2.0 - 0.5).expand(n, 2)
    matrix = kornia.geometry.transform.get_affine_matrix2d(shift, centre, scale, angle)
    moved: Tensor = kornia.geometry.transform.warp_affine(
        images, matrix[:, :2], (height, width), padding_mode="reflection", align_corners=True
    )
    return moved


def lit(images: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Another exposure, tint and gamma."""
    n = len(images)
    reach = strength.view(-1, 1)
    tint = signed(n, generator, 3) * 0.5 * GAIN * reach
    gain = torch.exp(tint + signed(n, generator) * GAIN * reach).view(n, 3, 1, 1)
    offset = column((signed(n, generator) * BRIGHTNESS * reach).view(-1))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    lit = ((images - mean) * gain + mean + offset).clamp(0.0, 1.0)
    gamma = torch.exp(signed(n, generator) * GAMMA * reach).view(-1)
    changed: Tensor = kornia.enhance.adjust_gamma(lit, gamma)
    return changed


def blurred(images: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Some of the images softened by a Gaussian."""
    n = len(images)
    draw = torch.rand(n, generator=generator)
    sigma = 0.3 + torch.rand((n, 1), generator=generator) * BLUR_SIGMA
    chosen = torch.nonzero((draw < BLUR_CHANCE) & (strength > 0)).view(-1)
    if len(chosen) == 0:
        return images
    soft = kornia.filters.gaussian_blur2d(
        images[chosen], (7, 7), sigma[chosen].expand(-1, 2).contiguous()
    )
    return images.index_copy(0, chosen, soft)


def _erased(images: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Fill a rectangle with a random colour (random erasing, Zhong et al., AAAI 2020)."""
    n, _, height, width = images.shape
    chosen = torch.rand(n, generator=generator) < ERASE_CHANCE * strength.clamp(max=2.0)
    size = torch.rand((n, 2), generator=generator) * ERASE_SIDE
    corner = torch.rand((n, 2), generator=generator) * (1.0 - size)
    colour = torch.rand((n, 3, 1, 1), generator=generator)
    rows = (torch.arange(height) + 0.5).div(height).view(1, -1)
    columns = (torch.arange(width) + 0.5).div(width).view(1, -1)
    in_rows = (rows >= corner[:, :1]) & (rows < corner[:, :1] + size[:, :1])
    in_columns = (columns >= corner[:, 1:]) & (columns < corner[:, 1:] + size[:, 1:])
    hole = (in_rows.unsqueeze(2) & in_columns.unsqueeze(1)).unsqueeze(1)
    return torch.where(hole & column(chosen), colour, images)
