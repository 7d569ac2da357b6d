"""The parts that the built-in networks are made of."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the first with stride 2, beside an averaged shortcut."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(after)
        self.shortcut = nn.Conv2d(before, after, 1, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(maps)))
        inner = self.second_norm(self.second(inner))
        # ceil_mode, so that odd sides shrink as the strided convolution shrinks them.
        outer = functional.avg_pool2d(maps, 2, ceil_mode=True, count_include_pad=False)
        return functional.relu(inner + self.shortcut_norm(self.shortcut(outer)))
