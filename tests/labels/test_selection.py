"""What is asked next: drifted, different from each other, never twice, with known chances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.errors import InvalidInput
from autofocus.labels.selection import (
    first_of_each,
    select_diverse,
    select_drifted,
    select_stratified,
    select_uniform,
)


def pool(seed, m=400, d=12, classes=3):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 5, m)
    x = rng.normal(size=(5, d))[groups] * 4 + rng.normal(size=(m, d)) * 0.2
    p = rng.dirichlet(np.ones(classes) * 0.5, m)
    return x.astype(np.float32), p.astype(np.float32), groups


def test_diverse_spreads_over_groups_and_is_repeatable():
    x, _, groups = pool(1)
    p = np.full((len(x), 2), 0.5, np.float32)
    chosen = select_diverse(x, p, 5, np.random.default_rng(0))
    assert len(set(groups[chosen].tolist())) >= 4
    again = select_diverse(x, p, 5, np.random.default_rng(0))
    assert np.array_equal(chosen, again)


def test_diverse_equals_the_explicit_gradient_embedding():
    x, p, _ = pool(2, m=60)
    onehot = np.eye(p.shape[1])[p.argmax(axis=1)]
    g = ((p - onehot)[:, :, None] * x[:, None, :]).reshape(len(x), -1).astype(float)
    first = int(np.argmax((g * g).sum(axis=1)))
    distance = ((g - g[first]) ** 2).sum(axis=1)
    distance[first] = 0.0
    rng = np.random.default_rng(4)
    second = int(rng.choice(len(x), p=distance / distance.sum()))
    chosen = select_diverse(x, p, 2, np.random.default_rng(4))
    assert chosen.tolist() == [first, second]


@given(st.integers(1, 40), st.integers(0, 60))
def test_diverse_never_repeats(m, n):
    x, p, _ = pool(3, m=m)
    p[: m // 2] = np.eye(3, dtype=np.float32)[0]  # certain answers have no gradient
    chosen = select_diverse(x, p, n, np.random.default_rng(n))
    assert len(chosen) == min(m, n) == len(set(chosen.tolist()))


def test_drifted_first_with_a_uniform_part():
    x, p, _ = pool(4)
    drift = np.zeros(400)
    drift[:80] = 0.9
    chosen = select_drifted(drift, x, p, 20, np.random.default_rng(1), uniform_share=0.1)
    known = ~np.isnan(chosen.propensity)
    assert known.sum() == 2
    assert (chosen.propensity[known] == 2 / 400).all()
    assert (chosen.index[~known] < 80).all()
    assert len(set(chosen.index.tolist())) == 20
    assert chosen.reason[0] == "drifted and different"


def test_equal_contents_are_asked_once_and_known_ones_never():
    x, p, _ = pool(5, m=40)
    sha = np.array([f"{i // 2:064x}" for i in range(40)])
    chosen = select_drifted(
        np.ones(40), x, p, 40, np.random.default_rng(1), sha256=sha, exclude=[sha[0], sha[2]]
    )
    asked = sha[chosen.index].tolist()
    assert len(asked) == len(set(asked)) == 18
    assert sha[0] not in asked
    assert first_of_each(["b", "a", "b"]).tolist() == [0, 1]


def test_uniform_and_stratified_have_their_chances():
    rng = np.random.default_rng(6)
    strata = np.repeat([0, 1, 2], [70, 20, 10])
    uniform, stratified = np.zeros(100), np.zeros(100)
    for _ in range(3000):
        uniform[select_uniform(100, 10, rng).index] += 1
        s = select_stratified(strata, 10, rng)
        stratified[s.index] += 1
        assert np.bincount(strata[s.index], minlength=3).tolist() == [7, 2, 1]
    assert np.abs(uniform / 3000 - 0.1).max() < 0.03
    assert np.abs(stratified / 3000 - 0.1).max() < 0.03
    assert s.propensity.tolist() == [0.1] * 10


def test_edges():
    assert len(select_uniform(0, 5, np.random.default_rng(0))) == 0
    assert len(select_stratified(np.zeros(0, int), 5, np.random.default_rng(0))) == 0
    with pytest.raises(InvalidInput):
        select_diverse(np.zeros((3, 2)), np.zeros((2, 2)), 1, np.random.default_rng(0))


def test_without_probabilities_the_embedding_alone_spreads():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.eye(6) * 8.0, 20, axis=0) + rng.normal(0, 0.3, (120, 6))
    chosen = select_diverse(groups, None, 6, rng)
    assert len({int(i) // 20 for i in chosen}) == 6
    picked = select_drifted(np.linspace(0, 1, 120), groups, None, 10, rng)
    assert len(picked) == 10
