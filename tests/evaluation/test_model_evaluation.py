"""Evaluation with real corruptions and predictors whose mistakes are known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation import metrics, render
from autofocus.evaluation.compare import compare
from autofocus.evaluation.evaluate import EvalSample, evaluate
from autofocus.imaging.decode import decode
from autofocus.types.codec import encode
from autofocus.types.models import Gate, PredictionBatch, Report


class Threshold:
    """Calls an image bright if its mean is above a level: a whole, if simple, model."""

    classes = ("dark", "bright")

    def __init__(self, level: float = 128.0, name: str = "threshold") -> None:
        self.level, self.name = level, name

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        means = np.array([decode(image).mean() for image in images])
        p = 1 / (1 + np.exp(-(means - self.level) / 10))
        both = np.stack([1 - p, p], axis=1).astype(np.float32)
        return PredictionBatch(both, both, both)


def png(value: int) -> bytes:
    done, data = cv2.imencode(".png", np.full((16, 16, 3), value, np.uint8))
    assert done
    return data.tobytes()


def samples(n: int = 40) -> list[EvalSample]:
    found = []
    for i in range(n):
        value = (60 if i % 2 else 190) + i % 7
        found.append(
            EvalSample(
                f"image-{i}",
                f"{i:064x}",
                partial(png, value),
                "dark" if i % 2 else "bright",
                {"camera": "a" if i < n // 4 else "b", "serial": i},
            )
        )
    return found


def test_a_right_model_passes_and_is_sliced() -> None:
    report = evaluate(Threshold(), samples(), gates=GatePolicy(min_accuracy=0.9), project="p")
    assert report.passed
    accuracy = report.metric("accuracy")
    assert accuracy.value == 1.0
    assert accuracy.low is not None
    assert 0.9 < accuracy.low < 1.0
    assert report.metric("accuracy", "camera=a").n == 10
    assert not [m for m in report.metrics if m.slice.startswith("serial=")]
    assert report.confusion == ((20, 0), (0, 20))
    assert report.metric("robustness").value < 1.0


def test_a_worse_challenger_fails_against_the_champion() -> None:
    report = evaluate(
        Threshold(193.0, "challenger"),
        samples(),
        gates=GatePolicy(max_latency_ratio=100.0),
        champion=Threshold(name="champion"),
    )
    failed = {gate.name for gate in report.gates if not gate.passed}
    assert "regression" in failed
    assert report.metric("accuracy_difference").value < -0.1
    assert report.details["lost"]
    assert report.failures[0]["predicted"] == "dark"
    assert report.failures[0]["truth"] == "bright"


def test_a_model_that_answers_one_class_alone_fails() -> None:
    report = evaluate(Threshold(255.0), samples(), gates=GatePolicy())
    assert [gate.name for gate in report.gates if not gate.passed] == ["classes"]


def test_the_same_seed_gives_the_same_report() -> None:
    first, second = (evaluate(Threshold(), samples(), gates=GatePolicy(), seed=3) for _ in "ab")
    assert encode(first) == encode(second)


def test_wrong_samples_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no labelled image"):
        evaluate(Threshold(), [], gates=GatePolicy())
    odd = EvalSample("k", "0" * 64, partial(png, 1), "green")
    with pytest.raises(InvalidInput, match="green"):
        evaluate(Threshold(), [odd], gates=GatePolicy())


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_wilson_holds_the_share(n: int, share: float) -> None:
    right = round(n * share)
    low, high = metrics.wilson(right, n)
    assert 0.0 <= low <= right / n + 1e-12
    assert right / n - 1e-12 <= high <= 1.0


def test_metrics_agree_with_scikit_learn() -> None:
    from sklearn.metrics import confusion_matrix, f1_score
    from sklearn.metrics import log_loss as expected_loss

    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 200).astype(np.float32)
    truth = rng.integers(0, 3, 200)
    table = metrics.confusion(truth, p.argmax(axis=1), 3)
    assert (table == confusion_matrix(truth, p.argmax(axis=1))).all()
    f1 = metrics.precision_recall_f1(table)[2]
    assert np.allclose(f1, f1_score(truth, p.argmax(axis=1), average=None))
    normed = p.astype(np.float64) / p.sum(axis=1, keepdims=True, dtype=np.float64)
    assert metrics.log_loss(p, truth) == pytest.approx(expected_loss(truth, normed), rel=1e-4)


def test_the_paired_interval_holds_its_level() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        draw = rng.random(150)
        champion, challenger = draw < 0.9, (draw < 0.86) | (draw > 0.95)
        pair = compare(challenger, champion)
        inside += pair.low <= 0.91 - 0.9 <= pair.high
    assert inside / 400 > 0.86


def test_reports_are_rendered_so_that_hostile_text_cannot_break_them() -> None:
    report = Report(
        "data", "p", "v1|<x>", ("a", "b"), (), (Gate("x", False, "bad | \x00 <tag> & line\nend"),)
    )
    markdown = render.to_markdown(report)
    assert "bad \\|" in markdown
    assert "FAILED" in markdown
    tree = ElementTree.fromstring(render.to_junit(report))
    failure = tree.find(".//failure")
    assert failure is not None
    assert "<tag> & line" in failure.attrib["message"]
    assert '"passed": false' in render.to_json(report)
