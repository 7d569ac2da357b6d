"""Metrics agree with the reference implementation; intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from autofocus.errors import InvalidInput
from autofocus.evaluation import metrics
from autofocus.evaluation.metrics import Answers, bootstrap, confusion, measure, value, wilson


def some_answers(n: int, classes: int, seed: int, sharpness: float = 2.0) -> Answers:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + sharpness * np.eye(classes)[truth]
    p = np.exp(logits)
    return Answers(p / p.sum(axis=1, keepdims=True), truth)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", [0, 1])
def test_metrics_equal_scikit_learn(classes: int, seed: int) -> None:
    a = some_answers(300, classes, seed)
    labels = list(range(classes))
    expected = {
        "accuracy": reference.accuracy_score(a.truth, a.predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(a.truth, a.predicted),
        "macro_f1": reference.f1_score(a.truth, a.predicted, average="macro"),
        "log_loss": reference.log_loss(a.truth, a.probabilities, labels=labels),
    }
    for name, wanted in expected.items():
        assert value(getattr(metrics, name), a) == pytest.approx(wanted, abs=1e-9), name
    if classes == 2:
        brier = reference.brier_score_loss(a.truth, a.probabilities[:, 1])
        assert value(metrics.brier, a) == pytest.approx(2 * brier)
        wanted = reference.roc_auc_score(a.truth, a.probabilities[:, 1])
        assert value(metrics.auc, a) == pytest.approx(wanted, abs=1e-12)
    table = reference.confusion_matrix(a.truth, a.predicted, labels=labels)
    assert confusion(a, classes) == tuple(map(tuple, table.tolist()))


def test_auc_counts_ties_half() -> None:
    scores = np.array([0.1, 0.5, 0.5, 0.5, 0.9, 0.9, 0.2])
    truth = np.array([0, 0, 1, 1, 1, 0, 0])
    a = Answers(np.stack([1 - scores, scores], axis=1), truth)
    assert value(metrics.auc, a) == pytest.approx(reference.roc_auc_score(truth, scores))


def test_per_class_numbers_equal_scikit_learn() -> None:
    a = some_answers(200, 3, 5)
    found = {(m.name, m.slice): m for m in measure(a, ("a", "b", "c"))}
    p, r, f, n = reference.precision_recall_fscore_support(a.truth, a.predicted)
    for i, name in enumerate("abc"):
        assert found["precision", f"class={name}"].value == pytest.approx(p[i])
        assert found["recall", f"class={name}"].value == pytest.approx(r[i])
        assert found["f1", f"class={name}"].value == pytest.approx(f[i])
        assert found["recall", f"class={name}"].n == n[i]


def test_calibration_error_of_a_calibrated_and_an_overconfident_model() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1.0, 20_000)
    truth = (rng.random(20_000) > p).astype(np.int64)
    honest = Answers(np.stack([p, 1 - p], axis=1), truth)
    assert value(metrics.calibration_error, honest) < 0.02
    sure = np.where(p > 0.5, 0.999, p)
    boastful = Answers(np.stack([sure, 1 - sure], axis=1), truth)
    expected = 0.999 - float((truth == 0).mean())
    assert value(metrics.calibration_error, boastful) == pytest.approx(expected, abs=1e-6)


def test_weights_mean_repeated_images() -> None:
    a = some_answers(60, 2, 3)
    counts = np.random.default_rng(1).integers(0, 4, 60)
    repeated = a.take(np.repeat(np.arange(60), counts))
    weights = counts[None, :].astype(np.float64)
    for metric in (*metrics.METRICS.values(), metrics.auc, metrics.accuracy):
        assert metric(a, weights)[0] == pytest.approx(value(metric, repeated), abs=1e-9)


def test_the_bootstrap_is_the_same_for_the_same_seed_and_narrows_with_images() -> None:
    few, many = some_answers(100, 2, 0), some_answers(2000, 2, 0)
    chosen = {"macro_f1": metrics.macro_f1}
    first = bootstrap(chosen, few, seed=4)["macro_f1"]
    assert first == bootstrap(chosen, few, seed=4)["macro_f1"]
    low, high = bootstrap(chosen, many, seed=4)["macro_f1"]
    assert 0 < high - low < (first[1] - first[0]) / 2


def test_bootstrap_interval_covers_the_truth() -> None:
    population = value(metrics.macro_f1, some_answers(100_000, 2, 99))
    hits = 0
    for seed in range(60):
        sample = some_answers(200, 2, seed)
        low, high = bootstrap({"f": metrics.macro_f1}, sample, seed=seed, resamples=300)["f"]
        hits += low <= population <= high
    assert hits >= 51  # 95 % nominal; fewer than 51 of 60 has a chance below 1 in 1,000


def test_wilson_interval_solves_its_equation() -> None:
    from scipy.stats import norm

    z = norm.ppf(0.975)
    for k, n in ((7, 20), (480, 500), (1, 30)):
        for edge in wilson(k, n):
            assert abs(k / n - edge) == pytest.approx(z * np.sqrt(edge * (1 - edge) / n), abs=1e-9)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_answers_without_images_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same images"):
        Answers(np.zeros((0, 2)), np.zeros(0, np.int64))
