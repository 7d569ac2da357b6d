"""The parts of training on their own: orders, schedule, augmentation, checkpoints, calibration."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autofocus.errors import InvalidInput
from autofocus.training import checkpoints
from autofocus.training.architectures import CompactNet, build, check_network
from autofocus.training.augmentation import augment, mix_same_class
from autofocus.training.calibration import fit_temperature, fit_whitening, softmax
from autofocus.training.checkpoints import Checkpoint
from autofocus.training.fitting import (
    Order,
    class_weights,
    learning_rate,
    planned_steps,
    seed_of,
    weights_digest,
)
from autofocus.training.parameters import Focus, TrainingParameters, parse_parameters


def test_new_images_are_mixed_with_old_ones_of_their_own_class_only() -> None:
    # Old images of class 0 are 0.0, of class 1 are 1.0; new ones are 0.5; class 2 has no old one.
    truth = torch.tensor([0, 1, 2, 0, 0, 1, 1])
    images = torch.tensor([0.5, 0.5, 0.5, 0.0, 0.0, 1.0, 1.0]).view(-1, 1, 1, 1).expand(-1, 3, 8, 8)
    mixed = mix_same_class(images, truth, 3, 1.0, torch.Generator().manual_seed(1))
    assert mixed.shape == images.shape
    assert bool((mixed[0] <= 0.5).all())
    assert float(mixed[0].min()) < 0.45
    assert bool((mixed[1] >= 0.5).all())
    assert float(mixed[1].max()) > 0.55
    assert torch.equal(mixed[2:], images[2:])
    again = mix_same_class(images, truth, 3, 1.0, torch.Generator().manual_seed(1))
    assert torch.equal(mixed, again)
    none = mix_same_class(images, truth, 3, 0.0, torch.Generator().manual_seed(1))
    assert torch.equal(none, images)
    only_new = mix_same_class(images[:3], truth[:3], 3, 1.0, torch.Generator().manual_seed(1))
    assert torch.equal(only_new, images[:3])


@given(st.integers(1, 40), st.integers(0, 300), st.integers(0, 90), st.integers(0, 5))
@settings(deadline=None)
def test_an_order_has_each_row_once_a_pass_and_any_part_can_be_taken(
    n: int, start: int, count: int, seed: int
) -> None:
    rows = np.arange(n, dtype=np.int64) * 3
    whole = Order(rows, seed, "x").take(0, 6 * n + start + count)
    assert (
        Order(rows, seed, "x").take(start, count).tolist() == whole[start : start + count].tolist()
    )
    for k in range(5):
        assert sorted(whole[k * n : (k + 1) * n].tolist()) == rows.tolist()


def test_orders_of_other_seeds_and_names_differ() -> None:
    rows = np.arange(50, dtype=np.int64)
    orders = [
        Order(rows, s, name).take(0, 50).tolist() for s, name in ((0, "a"), (1, "a"), (0, "b"))
    ]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_seeds_are_stable_across_processes() -> None:
    # First 63 bits of sha256("0/weights"): a change would make every recorded run irreproducible.
    expected = int(hashlib.sha256(b"0/weights").hexdigest()[:16], 16) >> 1
    assert seed_of(0, "weights") == expected == 133441691874178746
    assert seed_of(0, "a", 1) != seed_of(0, "a", 11)


def test_the_learning_rate_rises_falls_and_ends_near_nothing() -> None:
    p = TrainingParameters(learning_rate=1.0)
    rates = [learning_rate(p, k, 100, finetune=False) for k in range(100)]
    top = rates.index(max(rates))
    assert rates[top] == pytest.approx(1.0)
    assert 10 <= top <= 20
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.02
    assert learning_rate(p, 0, 1, finetune=True) > 0


def test_steps_come_from_passes_unless_they_are_given() -> None:
    p = TrainingParameters(epochs=10, batch=50, finetune_steps=77)
    assert planned_steps(p, 1000, finetune=False) == 600  # the fewest
    assert planned_steps(p, 1000, finetune=True) == 77
    assert planned_steps(parse_parameters({"steps": 5}), 1000, finetune=True) == 5


def test_rare_classes_weigh_more_only_where_counts_are_uneven() -> None:
    even, uneven = np.repeat([0, 1], [60, 40]), np.repeat([0, 1], [90, 10])
    p = TrainingParameters()
    assert class_weights(p, even, 2).tolist() == [1.0, 1.0]
    weights = class_weights(p, uneven, 2).numpy()
    assert weights[1] / weights[0] == pytest.approx(3.0)
    assert float(weights[uneven].mean()) == pytest.approx(1.0)


def test_parameters_name_what_is_wrong() -> None:
    assert parse_parameters({"image_size": 48}).image_size == (48, 48)
    assert parse_parameters({"focus": {"share": 0.25}}).focus == Focus(share=0.25)
    for wrong, word in (
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"focus": {"share": 2.0}}, "focus.share"),
        ({"image_size": 4}, "image_size"),
        ({"steps": "many"}, "steps"),
        ({"average": 1.0}, "average"),
    ):
        with pytest.raises(InvalidInput, match=word):
            parse_parameters(wrong)


def test_focus_by_key_or_by_metadata() -> None:
    assert Focus().takes("production/p-1", {})
    assert not Focus().takes("train/1.jpg", {"case": "c"})
    by_case = Focus(metadata="case", value="c-1")
    assert by_case.takes("x", {"case": "c-1"})
    assert not by_case.takes("production/x", {"case": "c-2"})


@pytest.mark.parametrize("size", [(64, 64), (32, 24), (20, 33)])
def test_augmentation_is_repeatable_bounded_and_of_the_wished_strength(
    size: tuple[int, int],
) -> None:
    images = torch.rand(8, 3, *size, generator=torch.Generator().manual_seed(0))
    strength = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0])

    def changed(seed: int) -> torch.Tensor:
        return augment(images, strength, torch.Generator().manual_seed(seed), flip=True)

    first = changed(1)
    assert torch.equal(first, changed(1))
    assert not torch.equal(first, changed(2))
    assert first.shape == images.shape
    assert first.min() >= 0.0
    assert first.max() <= 1.0
    assert torch.equal(first[:2], images[:2])
    assert not any(torch.equal(first[i], images[i]) for i in range(2, 8))


def test_mild_augmentation_leaves_the_picture_recognisable() -> None:
    """A large blob stays closer to itself than to its mirror image."""
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, 64).expand(40, 3, 64, 64).contiguous()
    out = augment(ramp, torch.ones(40), torch.Generator().manual_seed(0))
    same = (out - ramp).abs().mean(dim=(1, 2, 3))
    mirrored = (out - ramp.flip(3)).abs().mean(dim=(1, 2, 3))
    assert bool((same < mirrored).all())


def some_checkpoint(step: int, name: str = "run") -> Checkpoint:
    tensors = {"network/a": torch.full((3,), float(step)), "optimizer/0/step": torch.tensor(1.0)}
    return Checkpoint(name, step, tensors, {"history": [1.5, math.pi], "best_loss": None})


def test_a_checkpoint_comes_back_as_it_was_and_the_newest_wins(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path, "run") is None
    for step in (5, 10, 100):
        checkpoints.save(tmp_path, some_checkpoint(step))
    found = checkpoints.newest(tmp_path, "run")
    assert found is not None
    assert found.step == 100
    assert found.values == {"history": [1.5, math.pi], "best_loss": None}
    assert torch.equal(found.tensors["network/a"], torch.full((3,), 100.0))
    assert len(list(tmp_path.iterdir())) == 1
    assert checkpoints.newest(tmp_path, "another run") is None


def test_a_torn_checkpoint_is_passed_over(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, some_checkpoint(5))
    torn = tmp_path / "step-000000010"
    torn.mkdir()
    (torn / "values.json").write_text('{"name": "run", "step": 10, "values": {}}')
    (torn / "tensors.safetensors").write_bytes(b"\x10\x00\x00")
    found = checkpoints.newest(tmp_path, "run")
    assert found is not None
    assert found.step == 5


@pytest.mark.parametrize("true_temperature", [0.6, 1.0, 3.0])
def test_the_temperature_is_found(true_temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (6000, 3)).astype(np.float32)
    p = softmax(logits, true_temperature)
    truth = (rng.random((6000, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    assert fit_temperature(logits, truth) == pytest.approx(true_temperature, rel=0.1)


def test_the_temperature_of_a_faultless_model_stays_sane() -> None:
    truth = np.arange(100) % 2
    logits = (6.0 * np.eye(2)[truth]).astype(np.float32)
    assert 0.5 < fit_temperature(logits, truth) < 10.0


def test_whitening_centres_scales_and_is_bounded() -> None:
    rng = np.random.default_rng(0)
    embedding = (rng.normal(size=(400, 48)) @ rng.normal(size=(48, 48)) + 3).astype(np.float32)
    whitening = fit_whitening(embedding)
    white = whitening.apply(embedding)
    assert white.shape == (400, 32)
    assert np.allclose(white.mean(axis=0), 0, atol=1e-3)
    assert np.allclose(np.cov(white.T), np.eye(32), atol=1e-2)
    assert fit_whitening(embedding[:30]).matrix.shape == (48, 5)
    flat = np.repeat(embedding[:, :1], 48, axis=1)
    assert fit_whitening(flat).matrix.shape == (48, 1)


@pytest.mark.parametrize("size", [(64, 64), (32, 32), (48, 33)])
def test_the_compact_network_keeps_the_interface_at_odd_sizes(size: tuple[int, int]) -> None:
    network = CompactNet(3)
    assert check_network(network, 3, *size) == network.head.in_features
    assert sum(p.numel() for p in network.parameters()) < 500_000


def test_the_same_seed_builds_the_same_weights() -> None:
    digests = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        digests.append(weights_digest(build("compact", ("a", "b"), 32, 32)))
    assert digests[0] == digests[1] != digests[2]


def test_networks_that_break_the_interface_are_refused() -> None:
    with pytest.raises(InvalidInput, match="pair"):
        check_network(torch.nn.Conv2d(3, 2, 3), 2, 32, 32)
    with pytest.raises(InvalidInput, match="expected"):
        check_network(CompactNet(5), 2, 32, 32)
    with pytest.raises(InvalidInput, match="no architecture"):
        build("huge", ("a", "b"), 32, 32)
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        build("no.such.module:net", ("a", "b"), 32, 32)
