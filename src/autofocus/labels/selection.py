"""Which images to ask about: what drifted first, then as different from each other as can be.

Arrays in, positions out; every random draw is recorded with its probability, because only
labels drawn at random with known probability estimate accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput

Floats = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Chosen rows in the order to ask them.

    index (n,) int64 positions; propensity (n,) float64, the probability with which each row was
    drawn, NaN where it was not drawn at random; reason (n,) short words.
    """

    index: Indices
    propensity: npt.NDArray[np.float64]
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.index)


def first_of_each(sha256: Sequence[str] | npt.NDArray[Any]) -> Indices:
    """Positions of the first row of each content: the same image is never asked twice."""
    _, first = np.unique(np.asarray(sha256), return_index=True)
    return np.sort(first).astype(np.int64)


def select_diverse(
    embeddings: Floats, probabilities: Floats | None, n: int, rng: np.random.Generator
) -> Indices:
    """Up to ``n`` positions by BADGE (Ash et al., ICLR 2020), in the order chosen.

    The gradient of the loss at the model's own answer, (p - onehot) x embedding, is long where
    the model is unsure and points where it would learn; k-means++ seeding picks long gradients
    that point different ways. embeddings (m, d), probabilities (m, classes). The outer products
    are never formed: |g_i - g_j|^2 = |r_i|^2 |x_i|^2 + |r_j|^2 |x_j|^2 - 2 (r_i r_j)(x_i x_j).
    Without probabilities the embedding alone counts: a detector that misses an object is sure of
    it, and its gradient would say that there is nothing to learn.
    """
    x = np.asarray(embeddings, np.float64)
    r = np.ones((len(x), 1)) if probabilities is None else np.array(probabilities, np.float64)
    if len(x) != len(r):
        raise InvalidInput(f"{len(x)} embeddings, but {len(r)} rows of probabilities.")
    if len(x) == 0 or n <= 0:
        return np.zeros(0, np.int64)
    if probabilities is not None:
        r[np.arange(len(r)), r.argmax(axis=1)] -= 1.0
    length = (r * r).sum(axis=1) * (x * x).sum(axis=1)
    chosen = [int(np.argmax(length))]
    nearest = np.full(len(x), np.inf)
    while len(chosen) < min(n, len(x)):
        last = chosen[-1]
        distance = length + length[last] - 2.0 * (r @ r[last]) * (x @ x[last])
        nearest = np.minimum(nearest, np.maximum(distance, 0.0))
        nearest[chosen] = 0.0
        total = nearest.sum()
        if total > 0.0:
            chosen.append(int(rng.choice(len(x), p=nearest / total)))
        else:  # what is left lies on chosen points; any of it is as good
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            chosen.append(int(rng.choice(rest)))
    return np.array(chosen, np.int64)


def select_uniform(m: int, n: int, rng: np.random.Generator) -> Selection:
    """``n`` of ``m`` rows, each with the same probability n/m, without repetition."""
    n = min(n, m)
    index = rng.permutation(m)[:n].astype(np.int64)
    return Selection(index, np.full(n, n / m if m else 0.0), ("uniform",) * n)


def select_stratified(strata: npt.NDArray[np.int64], n: int, rng: np.random.Generator) -> Selection:
    """``n`` rows spread over strata in proportion to their sizes, uniformly within each.

    strata (m,) int64 names the stratum of each row. Fractions are rounded at random so that each
    stratum gets its share on average; the propensity is the exact inclusion probability n/m.
    """
    m = len(strata)
    n = min(n, m)
    if n == 0:
        return Selection(np.zeros(0, np.int64), np.zeros(0), ())
    # Systematic sampling along rows sorted by stratum (shuffled within): every row is included
    # with probability n/m, and each stratum gets its share up to one.
    order = np.lexsort((rng.random(m), strata))
    places = (rng.random() + np.arange(n)) * (m / n)
    index = order[np.minimum(places.astype(np.int64), m - 1)]
    return Selection(rng.permutation(index), np.full(n, n / m), ("stratified",) * n)


def select_drifted(
    drift: Floats,
    embeddings: Floats,
    probabilities: Floats | None,
    n: int,
    rng: np.random.Generator,
    *,
    uniform_share: float = 0.1,
    pool: int | None = None,
    sha256: Sequence[str] | npt.NDArray[Any] | None = None,
    exclude: Sequence[str] = (),
) -> Selection:
    """What to label for training: BADGE among the most drifted, plus some at random.

    drift (m,) is the posterior (or any score) of being drifted. ``pool`` is how many of the
    highest are considered: default those above 1/2, at least ``4 n``. ``uniform_share`` of the
    labels (at least one) are drawn uniformly from all rows, because they alone estimate accuracy
    and see what the drift score is blind to. Equal contents and those in ``exclude`` (sha256)
    are asked once or never.
    """
    m = len(drift)
    allowed = np.arange(m) if sha256 is None else first_of_each(sha256)
    if sha256 is not None and len(exclude):
        allowed = allowed[~np.isin(np.asarray(sha256)[allowed], np.asarray(list(exclude)))]
    n = min(n, len(allowed))
    if n == 0:
        return Selection(np.zeros(0, np.int64), np.zeros(0), ())
    random = max(1, round(uniform_share * n)) if uniform_share > 0 else 0
    uniform = select_uniform(len(allowed), random, rng)
    drawn = allowed[uniform.index]
    rest = np.setdiff1d(allowed, drawn)
    value = np.asarray(drift, np.float64)[rest]
    size = max(int((value > 0.5).sum()), 4 * n) if pool is None else pool
    top = rest[np.argsort(-value, kind="stable")[:size]]
    unsure = None if probabilities is None else np.asarray(probabilities)[top]
    picked = top[select_diverse(np.asarray(embeddings)[top], unsure, n - random, rng)]
    return Selection(
        np.concatenate([picked, drawn]),
        np.concatenate([np.full(len(picked), np.nan), uniform.propensity]),
        ("drifted and different",) * len(picked) + ("uniform",) * len(drawn),
    )
