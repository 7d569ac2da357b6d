"""Comparing two models on the same images: level, power, and many slices at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation.compare import (
    compare,
    compare_losses,
    difference_interval,
    holm,
    mcnemar,
    p_worse,
    p_worse_by,
    score,
)
from autofocus.evaluation.gates import drop_gate


def test_mcnemar_is_the_exact_binomial_test() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == pytest.approx(1.0)
    assert mcnemar(1, 9) == pytest.approx(2 * binom.cdf(1, 10, 0.5))
    assert mcnemar(9, 1) == mcnemar(1, 9)


def test_counts_and_difference() -> None:
    model = np.array([1, 1, 1, 0, 0, 1], dtype=bool)
    other = np.array([1, 0, 0, 1, 0, 1], dtype=bool)
    paired = compare(model, other)
    assert (paired.n, paired.wins, paired.losses) == (6, 2, 1)
    assert paired.difference == pytest.approx(1 / 6)
    assert paired.low < paired.difference < paired.high


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 200))
def test_the_interval_is_where_the_score_is_small(wins: int, losses: int, agree: int) -> None:
    n = wins + losses + agree
    if n == 0:
        return
    low, high = difference_interval(wins, losses, n)
    middle = (wins - losses) / n
    assert -1 <= low <= middle <= high <= 1
    z = norm.ppf(0.975)
    for edge in (low, high):
        if -0.999 < edge < 0.999 and n > 3:
            assert abs(score(wins, losses, n, edge)) == pytest.approx(z, abs=1e-3)
    # Exchanging the models mirrors it.
    back = difference_interval(losses, wins, n)
    assert back == pytest.approx((-high, -low), abs=1e-6)


def test_the_score_of_no_difference_is_mcnemars() -> None:
    assert score(12, 5, 100, 0.0) == pytest.approx((12 - 5) / np.sqrt(17))


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    n, wins, losses = 150, 0.06, 0.03
    hits = 0
    for _ in range(400):
        w, lost, _ = rng.multinomial(n, [wins, losses, 1 - wins - losses])
        low, high = difference_interval(int(w), int(lost), n)
        hits += low <= wins - losses <= high
    assert 0.92 <= hits / 400 <= 0.985


def test_an_equal_model_is_hardly_ever_proven_worse() -> None:
    rng = np.random.default_rng(1)
    margin, n = 0.01, 300
    # Exactly at the margin: worse by one point.
    proven = 0
    for _ in range(600):
        w, lost, _ = rng.multinomial(n, [0.02, 0.03, 0.95])
        proven += p_worse(int(w), int(lost), n, margin) <= 0.05
    assert proven / 600 <= 0.08
    assert p_worse(2, 30, n, margin) < 0.001


def test_holm_asks_more_of_many() -> None:
    assert holm({"a": 0.04}) == {"a"}
    assert holm({"a": 0.04, "b": 0.5}) == set()
    assert holm({"a": 0.01, "b": 0.04, "c": 0.02}) == {"a", "b", "c"}
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a"}
    assert holm({}) == set()


def test_other_images_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same images"):
        compare(np.ones(3, bool), np.ones(4, bool))


@pytest.mark.parametrize(
    ("wins", "losses", "n", "passed"),
    [
        (5, 7, 89, True),  # 2.2 points below, which on so few images is chance
        (2, 12, 89, False),
        (3, 9, 600, True),  # exactly the point that is allowed
        (3, 18, 600, False),
        (9, 3, 89, True),
    ],
)
def test_a_drop_fails_the_gate_where_it_is_larger_than_allowed_and_no_chance(
    wins: int, losses: int, n: int, passed: bool
) -> None:
    other = np.arange(n) >= wins
    model = np.ones(n, bool)
    model[wins : wins + losses] = False
    gate = drop_gate(compare(model, other), "eyes-1", GatePolicy())
    assert gate.passed is passed, gate.reason
    assert ("may be chance" in gate.reason) is (passed and losses - wins > 0.01 * n + 1e-9)


# -- losses between 0 and 1 --------------------------------------------------------------------


def test_less_wrong_on_average_with_an_interval() -> None:
    model, other = np.array([0.0, 0.5, 1.0, 0.25]), np.array([0.5, 0.5, 0.9, 0.75])
    paired = compare_losses(model, other)
    assert (paired.n, paired.wins, paired.losses) == (4, 2, 1)
    assert paired.difference == pytest.approx(0.225)
    assert paired.low < 0.225 < paired.high
    turned = compare_losses(other, model)
    assert (turned.wins, turned.losses) == (1, 2)
    assert turned.difference == pytest.approx(-0.225)
    assert turned.low == pytest.approx(-paired.high, abs=0.02)


def test_equal_losses_differ_by_nothing() -> None:
    losses = np.linspace(0, 1, 50)
    paired = compare_losses(losses, losses)
    assert (paired.wins, paired.losses, paired.difference, paired.p_value) == (0, 0, 0.0, 1.0)
    assert p_worse_by(losses, losses, 0.01) == 1.0


@pytest.mark.parametrize(("n", "lost"), [(20, 14), (100, 60), (300, 172)])
def test_wins_and_losses_without_ties_give_clopper_and_pearsons_test(n: int, lost: int) -> None:
    model = np.zeros(n)
    model[:lost] = 1.0
    exact = binom.sf(lost - 1, n, (1 + 0.05) / 2)  # a difference of -0.05 is lost that often
    assert p_worse_by(model, 1 - model, 0.05) == pytest.approx(exact, abs=0.02)


def rare_gain(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Allowed by the margin of 0.01 exactly: a little worse everywhere, far better on a few."""
    gain = rng.random(n) < 0.02
    small = (0.01 + 0.02 * 0.8) / 0.98
    return np.where(gain, 0.1, 0.1 + small), np.where(gain, 0.9, 0.1)


def rare_loss(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return (rng.random(n) < 0.01).astype(float), np.zeros(n)


@pytest.mark.parametrize("draw", [rare_gain, rare_loss])
@pytest.mark.parametrize("n", [20, 100])
def test_a_model_that_is_just_good_enough_is_hardly_ever_condemned(draw, n: int) -> None:
    rng = np.random.default_rng(1)
    p_values = np.array([p_worse_by(*draw(rng, n), 0.01) for _ in range(200)])
    assert (p_values <= 0.2).mean() <= 0.2 + 2 * np.sqrt(0.16 / 200)
    assert (p_values <= 0.05).mean() <= 0.05 + 2 * np.sqrt(0.0475 / 200)


def test_a_model_that_is_plainly_worse_is_condemned() -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(50):
        other = rng.uniform(0.1, 0.4, 100)
        found += p_worse_by(np.clip(other + rng.normal(0.1, 0.2, 100), 0, 1), other, 0.01) < 0.05
    assert found >= 40


def test_the_interval_of_losses_covers_the_truth() -> None:
    rng, hits = np.random.default_rng(3), 0
    for _ in range(200):
        model, other = rare_gain(rng, 60)
        paired = compare_losses(model, other)
        hits += paired.low <= -0.01 <= paired.high
    assert hits >= 188


@pytest.mark.parametrize(
    ("model", "other", "match"),
    [([0.1], [0.1, 0.2], "same images"), ([], [], "same images"), ([1.5], [0.5], "between 0 and 1"),
     ([np.nan], [0.5], "between 0 and 1")],
)  # fmt: skip
def test_what_is_no_loss_is_refused(model: list[float], other: list[float], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        compare_losses(np.array(model), np.array(other))
