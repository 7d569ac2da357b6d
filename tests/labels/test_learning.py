"""What the assistant learns: the same from the same, sure where it is right, and when to go on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.labels.features import Features, features
from autofocus.labels.learning import disagreement, learn, next_training, usefulness


def clouds(count: int, classes: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(classes, 12)) * 3
    number = np.arange(count) % classes
    points = (centres[number] + rng.normal(size=(count, 12))).astype(np.float32)
    return points, [f"c{i}" for i in number]


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_knows_classes_apart_and_is_the_same_every_time(classes: int) -> None:
    points, labels = clouds(12 * classes, classes)
    new, truth = clouds(200, classes, seed=1)
    folds = np.arange(len(points)) % 5
    learnt = learn(points, labels, folds, new)
    answer = learnt.probabilities(new)
    assert answer.sum(axis=1) == pytest.approx(1)
    right = [learnt.classes[i] == t for i, t in zip(answer.argmax(axis=1), truth, strict=True)]
    assert np.mean(right) > 0.95
    assert learnt.held_out is not None
    assert learnt.held_out > 0.9
    again = learn(points, labels, folds, new)
    assert np.array_equal(again.probabilities(new), answer)


def test_a_class_of_one_image_and_a_feature_that_never_changes_do_no_harm() -> None:
    points, labels = clouds(20, 2)
    labels[0] = "rare"
    points = np.hstack([points, np.full((20, 1), 7, np.float32)])
    learnt = learn(points, labels, np.arange(20) % 5, points)
    assert np.isfinite(learnt.probabilities(points)).all()
    odd = points.copy()
    odd[:, -1] = 1e6
    assert np.array_equal(learnt.probabilities(odd), learnt.probabilities(points))


@pytest.mark.parametrize(
    ("trained_on", "score", "wanted"),
    [
        (100, 0.80, 32),  # the example of the rule's authors
        (10, 0.50, 10),  # never fewer than ten
        (100, 0.99, 100),
        (1000, 1.00, 334),  # no logarithm of nothing
        (100, 0.0, 11),
    ],
)
def test_when_the_next_training_pays(trained_on: int, score: float, wanted: int) -> None:
    assert next_training(trained_on, score) == wanted


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_the_next_training_is_always_some_labels_away(trained_on: int, score: float) -> None:
    assert next_training(trained_on, score) >= 10


def test_the_unsure_come_first_and_differ() -> None:
    rng = np.random.default_rng(0)
    sure = np.linspace(0.5, 1.0, 700)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    useful = usefulness(rng.normal(size=(700, 8)).astype(np.float32), probabilities, rng)
    front = np.argsort(-useful)[:64]
    assert (useful[front] > 1).all()
    assert front.max() < 512  # of the unsurest
    rest = np.setdiff1d(np.arange(700), front)
    assert (np.diff(useful[rest]) <= 0).all()


def test_disagreement_says_how_much_a_suggestion_is_contradicted() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    found = disagreement(probabilities, np.array([0, 1, -1]))
    assert found == pytest.approx([-0.8, 0.8, 0.6])


def test_features_tell_edges_colours_and_light_apart() -> None:
    across = np.zeros((32, 32, 3), np.uint8)
    across[::4] = 255
    down = across.transpose(1, 0, 2).copy()
    red, blue = np.zeros((2, 32, 32, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    seen = [features(p) for p in (across, down, red, blue, red // 4)]
    assert len({len(s) for s in seen}) == 1
    for i, one in enumerate(seen):
        assert np.array_equal(one, features((across, down, red, blue, red // 4)[i]))
        for other in seen[:i]:
            assert np.linalg.norm(one - other) > 0.1


def test_features_are_a_predictor(picture: object) -> None:
    assert callable(picture)
    batch = Features(("open", "closed")).predict([picture(1), picture(2)])
    assert batch.embedding.shape == (2, 592)
    assert batch.probabilities == pytest.approx(0.5)
