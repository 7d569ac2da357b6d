"""Verdicts from labels keep their error bounds and need few labels."""

import json

import numpy as np
import pytest

from autofocus.errors import InvalidInput
from autofocus.monitoring.evidence import (
    GRID,
    HarmTest,
    PairedTest,
    error_lower,
    error_upper,
    loss_lower,
    loss_upper,
)


def first_reach(margin, rate, n, runs, seed=0):
    """Labels until harm is proven at .05, inf where never; the same formula, vectorised."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(runs):
        x = (rng.random(n) < rate).astype(float)
        wealth = np.cumsum(np.log1p(GRID / margin * (x[:, None] - margin)), axis=0)
        hit = np.flatnonzero(np.logaddexp.reduce(wealth, axis=1) - np.log(len(GRID)) >= np.log(20))
        out.append(hit[0] + 1 if len(hit) else np.inf)
    return np.array(out)


def test_false_harm_at_the_boundary_stays_below_alpha():
    for margin in (0.05, 0.2):
        assert np.isfinite(first_reach(margin, margin, 2000, 300)).mean() <= 0.05


@pytest.mark.parametrize(
    ("margin", "rate", "bar"), [(0.05, 0.10, 190), (0.10, 0.15, 355), (0.05, 0.15, 60)]
)
def test_labels_until_proven(margin, rate, bar):
    assert np.median(first_reach(margin, rate, 2000, 300)) <= bar


def test_clear_harm_and_clear_harmlessness_are_seen_soon():
    rng = np.random.default_rng(1)
    harm = HarmTest(0.08).update((rng.random(40) < 0.4).astype(float))
    assert harm.verdict == "harmful"
    safe = HarmTest(0.2).update((rng.random(60) < 0.01).astype(float))
    assert safe.verdict == "harmless"
    assert HarmTest(0.1).verdict == "undecided"


def test_one_by_one_equals_all_at_once_and_survives_json():
    losses = (np.random.default_rng(2).random(30) < 0.2).astype(float)
    whole, single = HarmTest(0.1).update(losses), HarmTest(0.1)
    for loss in losses:
        single = HarmTest.from_json(json.loads(json.dumps(single.as_json()))).update([loss])
    assert single.e_harm == pytest.approx(whole.e_harm)
    assert single.best_harm == pytest.approx(whole.best_harm)
    assert single.n == whole.n == 30


def test_labels_needed_is_of_the_right_size():
    test = HarmTest(0.05).update([0.0] * 9 + [1.0])
    k = test.labels_needed(0.15)
    assert 20 <= k <= 160
    assert HarmTest(0.05).labels_needed(0.05) is None
    done = HarmTest(0.05).update([1.0] * 10)
    assert done.labels_needed() == 0


def test_weighted_losses_estimate_the_uniform_mean():
    rng = np.random.default_rng(3)
    risk = np.where(np.arange(4000) % 4 == 0, 0.5, 0.05)
    loss = (rng.random(4000) < risk).astype(float)
    want = np.where(risk > 0.1, 2.0, 2 / 3)  # drawn more often where it is likely wrong
    drawn = rng.choice(4000, 3000, p=want / want.sum())
    x, scale, shift = HarmTest.weighted(loss[drawn], want[drawn], floor=0.5)
    assert x.min() >= 0
    assert x.max() <= 1
    assert (x.mean() - shift) / scale == pytest.approx(loss.mean(), abs=0.02)
    with pytest.raises(InvalidInput, match="floor"):
        HarmTest.weighted(loss[drawn], want[drawn], floor=1.0)


def paired(win, loss, n, runs, seed=0):
    rng = np.random.default_rng(seed)
    stream, paid = [], []
    for _ in range(runs):
        u = rng.random(n)
        outcome = np.where(u < win, 1, np.where(u < win + loss, -1, 0))
        test = PairedTest()
        for i in np.flatnonzero(outcome):
            test = test.update([int(outcome[i])])
            if test.decision == "challenger":
                stream.append(i + 1)
                paid.append(test.wins + test.losses)
                break
    return len(stream) / runs, stream, paid


def test_no_better_challenger_is_rarely_promoted():
    assert paired(0.04, 0.04, 2000, 150)[0] <= 0.05
    assert paired(0.02, 0.07, 1000, 60)[0] == 0


def test_five_points_better_is_promoted_within_204_stream_labels():
    share, stream, paid = paired(0.07, 0.02, 2500, 200, seed=1)
    assert share == 1.0
    assert np.median(stream) <= 204
    assert np.median(paid) <= 25


def test_paired_test_round_trips_and_mirrors():
    test = PairedTest().update([1, 0, -1, 1, 1])
    assert PairedTest.from_json(json.loads(json.dumps(test.as_json()))) == test
    mirror = PairedTest().update([-1, 0, 1, -1, -1])
    assert mirror.e_worse == test.e_better
    assert PairedTest().update([-1] * 10).decision == "champion"
    assert PairedTest().update([1] * 3).labels_needed() in range(1, 10)
    with pytest.raises(InvalidInput):
        PairedTest().update([2])


def test_right_or_wrong_is_a_uniform_prior_on_the_win_rate():
    from scipy.special import betainc, betaln

    for wins, losses in ((3, 0), (9, 2), (40, 31), (200, 150)):
        upper = np.log(1.0 - betainc(wins + 1, losses + 1, 0.5))
        n = wins + losses
        exact = np.exp(np.log(2) * (n + 1) + betaln(wins + 1, losses + 1) + upper)
        test = PairedTest(1e9).update([1] * wins + [-1] * losses)
        assert test.e_better == pytest.approx(exact, rel=1e-6)


def test_a_challenger_that_loses_as_much_as_it_wins_is_rarely_promoted():
    rng = np.random.default_rng(3)
    promoted = 0
    for _ in range(300):
        # Rare large losses against frequent small wins: equal on average.
        d = np.where(rng.random(300) < 0.8, 0.1, -0.4)
        promoted += PairedTest().update(d).best_win >= 20.0
    assert promoted / 300 <= 0.05
    better = [PairedTest().update(rng.uniform(-0.2, 0.8, 60)).decision for _ in range(20)]
    assert better.count("challenger") >= 18


def test_labels_needed_counts_on_wins_of_the_size_seen():
    small, large = PairedTest().update([0.2] * 4), PairedTest().update([0.9] * 4)
    assert large.labels_needed() < small.labels_needed()
    assert PairedTest().update([-0.5] * 5).labels_needed() is None


def test_clopper_pearson_covers():
    from scipy.stats import binomtest

    exact = binomtest(7, 100).proportion_ci(0.90, method="exact")
    assert error_upper(7, 100) == pytest.approx(exact.high)
    assert error_lower(7, 100) == pytest.approx(exact.low)
    assert (error_upper(0, 0), error_lower(0, 0), error_upper(5, 5)) == (1.0, 0.0, 1.0)


def test_bounds_of_losses_between_right_and_wrong_cover():
    rng, missed = np.random.default_rng(5), 0
    for _ in range(200):
        losses = np.where(rng.random(150) < 0.6, 0.0, rng.uniform(0, 0.8, 150))  # mean 0.16
        low, high = loss_lower(losses), loss_upper(losses)
        assert low < losses.mean() < high
        missed += high < 0.16 or low > 0.16
    assert missed / 200 <= 0.1
    # Spread is what costs: losses that hardly vary are known better than right-or-wrong ones.
    assert loss_upper([0.1, 0.11] * 100) < error_upper(21, 200)


def test_bounds_of_right_or_wrong_are_exact_and_nothing_is_known_without_losses():
    assert loss_upper([1.0] * 7 + [0.0] * 93) == error_upper(7, 100)
    assert loss_lower([1.0] * 7 + [0.0] * 93) == error_lower(7, 100)
    assert (loss_upper([]), loss_lower([])) == (1.0, 0.0)


def test_margin_comes_from_the_reference():
    test = HarmTest.against_reference([1.0] * 20 + [0.0] * 380, tolerance=0.02)
    assert test.margin == pytest.approx(error_upper(20, 400) + 0.02)
    with pytest.raises(InvalidInput):
        HarmTest(0.0)
    with pytest.raises(InvalidInput):
        HarmTest(0.1).update([1.5])
