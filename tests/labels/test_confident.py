"""Which labels the data contradicts: on clusters whose wrong labels are known."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from autofocus.labels.confident import (
    Ints,
    cohen_kappa,
    confident_joint,
    contradiction,
    cross_fitted,
    estimated_errors,
    fold_of,
)


def clusters(
    seed: int, images: int, classes: int, wrong: float, spread: float
) -> tuple[npt.NDArray[np.float32], Ints, Ints, npt.NDArray[np.bool_]]:
    """Embeddings in clusters with a share of wrong labels; and which those are."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, images)
    embedding = rng.normal(0, 1, (classes, 32))[truth] + rng.normal(0, spread, (images, 32))
    flipped = rng.random(images) < wrong
    given = np.where(flipped, (truth + rng.integers(1, classes, images)) % classes, truth)
    folds = np.array([fold_of(hashlib.sha256(str(i).encode()).hexdigest()) for i in range(images)])
    return embedding.astype(np.float32), given, folds, flipped


@pytest.mark.parametrize(("classes", "spread"), [(2, 1.0), (5, 1.0), (10, 1.5)])
def test_four_fifths_of_wrong_labels_are_among_the_first_fifteen_percent(
    classes: int, spread: float
) -> None:
    for seed in range(5):
        embedding, given, folds, flipped = clusters(seed, 1500, classes, 0.05, spread)
        probabilities = cross_fitted(embedding, given, folds, classes)
        score, other = contradiction(probabilities, given)
        first = np.argsort(-score)[: int(0.15 * len(given))]
        assert flipped[first].sum() >= 0.8 * flipped.sum()
        assert (other[first] != given[first]).all()


@pytest.mark.parametrize("wrong", [0.0, 0.05, 0.2])
def test_the_number_of_wrong_labels_is_estimated(wrong: float) -> None:
    embedding, given, folds, flipped = clusters(3, 2000, 4, wrong, 0.8)
    joint = confident_joint(cross_fitted(embedding, given, folds, 4), given)
    assert joint.sum(axis=1) == pytest.approx(np.bincount(given, minlength=4))
    assert estimated_errors(joint) == pytest.approx(flipped.sum(), rel=0.25, abs=20)


def test_a_class_with_labels_in_one_fold_only_is_no_error() -> None:
    embedding, given, folds, _ = clusters(0, 200, 2, 0.0, 0.5)
    given[folds == 1] = 2  # outside of fold 1 nobody knows class 2
    probabilities = cross_fitted(embedding, given, folds, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert np.isfinite(confident_joint(probabilities, given)).all()


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        (["a", "b", "a", "b"], ["a", "b", "a", "b"], 1.0),
        (["a", "a", "b", "b"], ["a", "b", "a", "b"], 0.0),
        (["a", "b"], ["b", "a"], -1.0),
        (["a", "a"], ["a", "a"], None),
        ([], [], None),
        # 60 of 100 agree, where chance alone would agree on 50.
        (["y"] * 50 + ["n"] * 50, ["y"] * 45 + ["n"] * 20 + ["y"] * 35, 0.2),
    ],
)
def test_kappa(first: list[str], second: list[str], kappa: float | None) -> None:
    found = cohen_kappa(first, second)
    assert found == (None if kappa is None else pytest.approx(kappa))
