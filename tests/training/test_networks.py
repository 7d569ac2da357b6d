"""Networks: the built-in one, a user's own, and the digest of their weights."""

from __future__ import annotations

import pytest
import torch

from autofocus.errors import InvalidInput
from autofocus.training.architectures import CompactNet, build, check_network
from autofocus.training.fitting import weights_digest


class Flat(torch.nn.Module):
    """A user's own architecture."""

    def __init__(self, classes: int, pixels: int) -> None:
        super().__init__()
        self.embed = torch.nn.Linear(pixels, 4)
        self.head = torch.nn.Linear(4, classes)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.embed(images.flatten(1))
        return self.head(embedding), embedding


def flat(*, classes: tuple[str, ...], height: int, width: int) -> torch.nn.Module:
    return Flat(len(classes), 3 * height * width)


def wrong(*, classes: tuple[str, ...], height: int, width: int) -> torch.nn.Module:
    return torch.nn.Flatten()


@pytest.mark.parametrize("side", [32, 45, 64])
def test_the_compact_network_takes_any_size(side: int) -> None:
    assert check_network(CompactNet(3), 3, side, side + 8) == 96


def test_a_users_function_is_an_architecture() -> None:
    network = build("test_networks:flat", ("a", "b"), 8, 8)
    assert check_network(network, 2, 8, 8) == 4
    with pytest.raises(InvalidInput, match="logits, embedding"):
        check_network(build("test_networks:wrong", ("a", "b"), 8, 8), 2, 8, 8)
    with pytest.raises(InvalidInput, match="no architecture 'compct'"):
        build("compct", ("a", "b"), 8, 8)


def test_the_digest_tells_one_changed_bit() -> None:
    torch.manual_seed(0)
    first = CompactNet(2)
    torch.manual_seed(0)
    second = CompactNet(2)
    assert weights_digest(first) == weights_digest(second)
    with torch.no_grad():
        second.head.bias[0] = torch.nextafter(second.head.bias[0], torch.tensor(9.0))
    assert weights_digest(first) != weights_digest(second)
