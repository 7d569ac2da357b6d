"""Bets are fair, and the wealth is the mixture that the formula says."""

import numpy as np
import pytest
from scipy.integrate import quad

from autofocus.monitoring.betting import LOG_CAP, WEIGHTS, Wealth, not_invested, payoffs


def feed(wealth, p, batch=64):
    last = None
    for i in range(0, len(p), batch):
        part = p[i : i + batch, None]
        last = wealth.trace(part)
        rows = np.arange(i + 1, i + 1 + len(part))
        wealth.commit(last, rows, np.array([f"id-{r}" for r in rows]))
    return last


@pytest.mark.parametrize("bet", range(len(WEIGHTS)))
def test_every_bet_pays_one_on_average(bet):
    mean, _ = quad(lambda p: float(payoffs(np.array([p]))[0, bet]), 0, 1)
    assert mean == pytest.approx(1.0, abs=1e-6)
    assert payoffs(np.linspace(0, 1, 101))[:, bet].min() >= 0.0


def test_no_observation_pays_exactly_one():
    assert (payoffs(np.array([np.nan])) == 1.0).all()


def test_wealth_equals_the_sum_over_starting_points():
    p = np.random.default_rng(1).random(150)
    pay = payoffs(p)
    expected_e, expected_r = not_invested(150) + 0.0, 0.0
    for b, weight in enumerate(WEIGHTS):
        for j in range(150):
            product = np.prod(pay[j:, b])
            expected_e += weight * (not_invested(j) - not_invested(j + 1)) * product
            expected_r += weight * product
    wealth = Wealth(1)
    feed(wealth, p, batch=7)
    assert wealth.log_e[0] == pytest.approx(np.log(expected_e), rel=1e-9)
    assert wealth.log_r[0] == pytest.approx(np.log(expected_r), rel=1e-9)


def test_the_next_fair_p_value_changes_no_expectation():
    wealth = Wealth(1)
    feed(wealth, np.random.default_rng(2).random(300))
    grid = (np.arange(20_000) + 0.5) / 20_000
    after = [np.exp(wealth.trace(np.array([[p]])).log_e[0, 0]) for p in grid[::10]]
    assert np.mean(after) == pytest.approx(np.exp(wealth.log_e[0]), rel=1e-3)


def test_the_change_is_named_and_wealth_is_capped():
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.random(1000), 0.97 + 0.03 * rng.random(600)])
    wealth = Wealth(1)
    feed(wealth, p)
    assert wealth.mixture.max() == LOG_CAP
    best = int(np.argmax(wealth.mixture[0]))
    assert abs(int(wealth.low_at[0, best]) - 1001) <= 60
    assert wealth.low_id[0, best] == f"id-{wealth.low_at[0, best]}"


def test_a_late_change_is_still_seen_soon():
    rng = np.random.default_rng(4)
    wealth = Wealth(1)
    feed(wealth, rng.random(100_000))
    images = 0
    while wealth.log_e[0] < np.log(100):
        feed(wealth, np.array([0.99]))
        images += 1
    assert images <= 15
