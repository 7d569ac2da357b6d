"""Model tests end to end on small images: metrics, slices, comparison, gates, failures."""

from __future__ import annotations

import json

import pytest
from judged_world import BrightnessPredictor, sample, samples

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation.evaluate import evaluate
from autofocus.evaluation.slices import metadata_slices, thirds
from autofocus.types.codec import decode, encode
from autofocus.types.models import Report

LENIENT = GatePolicy(max_latency_ratio=1000.0)


def gates(report: Report) -> dict[str, bool]:
    return {gate.name: gate.passed for gate in report.gates}


def test_a_good_model_alone() -> None:
    report = evaluate(BrightnessPredictor(), samples(), project="p", subject="p-1")
    assert report.passed
    assert report.subject == "p-1"
    assert report.metric("accuracy").value >= 0.97
    assert report.metric("accuracy").low < report.metric("accuracy").value
    assert report.metric("accuracy", "camera=b").n == 40
    assert report.metric("accuracy", "brightness=low").n == 40
    assert report.metric("accuracy", "fixed_case=eyes-case-1").n == 10
    assert report.metric("robust_accuracy", "corruption=noise").value > 0.9
    assert report.metric("robust_accuracy", "corruption=darker").value < 0.9
    assert sum(map(sum, report.confusion)) == 120
    assert gates(report) == {"classes": True}


def test_a_report_travels_as_json() -> None:
    report = evaluate(
        BrightnessPredictor(), samples(40), champion=BrightnessPredictor("old"), gates=LENIENT
    )
    again = decode(Report, json.loads(json.dumps(encode(report), allow_nan=False)))
    assert encode(again) == encode(report)


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = (evaluate(BrightnessPredictor(), samples(60), seed=3) for _ in range(2))
    assert encode(first) == encode(second)


def test_an_equal_challenger_passes() -> None:
    report = evaluate(
        BrightnessPredictor("new", threshold=129.0),
        samples(),
        champion=BrightnessPredictor("old"),
        gates=LENIENT,
    )
    assert report.passed, [g.reason for g in report.gates]
    assert set(gates(report)) == {
        "classes", "max_drop", "slices", "fixed_case=eyes-case-1", "robustness", "latency",
    }  # fmt: skip
    assert report.details["comparison"]["n"] == 120
    assert "camera=a" in report.details["slices"]


def test_a_worse_challenger_fails_where_it_is_worse() -> None:
    report = evaluate(
        BrightnessPredictor("new", blind_below=60.0),
        samples(),
        champion=BrightnessPredictor("old"),
        gates=LENIENT,
    )
    failed = {name for name, passed in gates(report).items() if not passed}
    assert {"max_drop", "slices", "fixed_case=eyes-case-1"} <= failed
    reasons = {g.name: g.reason for g in report.gates}
    assert "brightness=low" in reasons["slices"]
    assert "points below old" in reasons["max_drop"]
    worst = report.failures[0]
    assert worst["truth"] == "dark"
    assert worst["predicted"] == "bright"
    confidences = [f["confidence"] for f in report.failures]
    assert confidences == sorted(confidences, reverse=True)


def test_a_slow_challenger_fails_the_latency_gate() -> None:
    report = evaluate(
        BrightnessPredictor("new", delay=0.01),
        samples(40),
        champion=BrightnessPredictor("old"),
        gates=GatePolicy(max_latency_ratio=2.0),
    )
    assert not gates(report)["latency"]


def test_a_fragile_challenger_fails_the_robustness_gate() -> None:
    """It is right on clean images and wrong once they are darker."""
    known = [sample((60, 190)[i % 2], i) for i in range(60)]
    report = evaluate(
        BrightnessPredictor("new", blind_below=50.0),
        known,
        champion=BrightnessPredictor("old"),
        gates=LENIENT,
    )
    assert gates(report)["max_drop"]
    assert not gates(report)["robustness"]


def test_a_model_that_gives_one_answer_fails_even_alone() -> None:
    report = evaluate(BrightnessPredictor(threshold=600.0), samples(40))
    assert gates(report) == {"classes": False}


def test_the_absolute_bar() -> None:
    bar = GatePolicy(min_accuracy=0.9)
    assert evaluate(BrightnessPredictor(), samples(60), gates=bar).passed
    assert not evaluate(BrightnessPredictor(threshold=200.0), samples(60), gates=bar).passed


def test_one_image_of_a_fixed_case_is_chance() -> None:
    known = samples()
    one_off = BrightnessPredictor("new", blind_below=21.0)
    report = evaluate(one_off, known, champion=BrightnessPredictor("old"), gates=LENIENT)
    assert gates(report)["fixed_case=eyes-case-1"]


def test_classes_in_another_order_are_matched_by_name() -> None:
    turned = BrightnessPredictor("old", classes=("bright", "dark"))
    report = evaluate(BrightnessPredictor(), samples(), champion=turned, gates=LENIENT)
    assert report.metric("accuracy_difference").value == 0.0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none"):
        evaluate(BrightnessPredictor(), [])
    with pytest.raises(InvalidInput, match="no class"):
        evaluate(BrightnessPredictor(), [sample(20, 1, label="grey")])
    with pytest.raises(InvalidInput, match="cannot be compared"):
        evaluate(
            BrightnessPredictor(),
            samples(5),
            champion=BrightnessPredictor("old", classes=("dark", "bright", "grey")),
        )


def test_a_handful_of_images_is_enough() -> None:
    report = evaluate(
        BrightnessPredictor(), samples(2), champion=BrightnessPredictor("old"), gates=LENIENT
    )
    assert report.metric("accuracy").n == 2


def test_slices_need_enough_images_and_few_values() -> None:
    rows = [
        {"id": f"u{i}", "camera": "ab"[i % 2], "rare": "yes" if i < 5 else "no", "age": i / 7,
         "same": 1}
        for i in range(90)
    ]  # fmt: skip
    found = metadata_slices(rows)
    assert set(found) == {
        "camera=a", "camera=b", "rare=no", "age=low", "age=middle", "age=high",
    }  # fmt: skip
    assert found["age=low"].sum() == 30


def test_a_constant_has_no_thirds() -> None:
    import numpy as np

    assert thirds("size", np.full(100, 64.0)) == {}
