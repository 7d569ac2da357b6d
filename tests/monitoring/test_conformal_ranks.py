"""Online conformal p-values are independent and uniform while nothing changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstest

from autofocus.monitoring.conformal import merge, online_p_values, thin

FLOATS = st.floats(-1e3, 1e3, width=32)


def stream(seed, n=4000, start=300, batch=50, full=2048, keep=1024, ties=False):
    """P-values of an exchangeable stream whose bag is thinned when it is full."""
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=start + n).astype(np.float32)
    if ties:
        values = np.round(values, 1)
    bag, out = np.sort(values[:start]), []
    for i in range(start, start + n, batch):
        new = values[i : i + batch]
        out.append(online_p_values(bag, new, rng.random(len(new))))
        bag = merge(bag, new)
        if len(bag) >= full:
            bag = bag[thin(len(bag), keep, rng)]
    return np.concatenate(out)


def test_uniform_in_97_of_100_streams_and_uncorrelated():
    good, products = 0, []
    for seed in range(100):
        p = stream(seed, n=2000)
        good += kstest(p, "uniform").pvalue > 0.01
        products.append(np.corrcoef(p[:-1], p[1:])[0, 1])
    assert good >= 97
    assert abs(np.mean(products)) < 0.02


def test_tied_scores_stay_uniform():
    pooled = np.concatenate([stream(seed, ties=True) for seed in range(5)])
    assert kstest(pooled, "uniform").pvalue > 0.01


def test_small_batches_and_one_large_batch_give_the_same_ranks():
    rng = np.random.default_rng(0)
    bag = np.sort(rng.normal(size=50)).astype(np.float32)
    new, ties = rng.normal(size=40).astype(np.float32).round(1), rng.random(40)
    whole = online_p_values(bag, new, ties)
    for i in range(40):
        one = online_p_values(bag, new[i : i + 1], ties[i : i + 1])
        assert one[0] == whole[i]
        bag = merge(bag, new[i : i + 1])


@given(arrays(np.float32, st.integers(0, 30), elements=FLOATS),
       arrays(np.float32, st.integers(0, 30), elements=FLOATS))  # fmt: skip
def test_merge_sorts(bag, new):
    assert np.array_equal(merge(np.sort(bag), new), np.sort(np.concatenate([bag, new])))


def test_a_larger_score_has_a_larger_p_value():
    bag = np.arange(100, dtype=np.float32)
    p = online_p_values(bag, np.array([200.0, -1.0], np.float32), np.array([0.5, 0.5]))
    assert p[0] > 0.98
    assert p[1] < 0.02
