"""Model tests of boxes and masks end to end: metrics, mistakes, slices, comparison, gates."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shapes_world import CLASSES, ColourFinder, samples

from autofocus.config.policy import GatePolicy
from autofocus.errors import InvalidInput
from autofocus.evaluation.evaluate import evaluate
from autofocus.evaluation.pictures import failure_picture
from autofocus.evaluation.render import to_junit, to_markdown
from autofocus.evaluation.robustness import FAMILIES
from autofocus.imaging.decode import decode as decode_image
from autofocus.types.codec import decode, encode
from autofocus.types.data import Task
from autofocus.types.geometry import Geometry, iou
from autofocus.types.models import Report

LENIENT = GatePolicy(max_latency_ratio=1000.0)


def gates(report: Report) -> dict[str, bool]:
    return {gate.name: gate.passed for gate in report.gates}


def values(report: Report, where: str = "") -> dict[str, float]:
    return {m.name: m.value for m in report.metrics if m.slice == where}


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_a_model_that_finds_everything(task: Task) -> None:
    report = evaluate(
        ColourFinder(task=task), samples(60, task), task=task, project="p", subject="p-1"
    )
    assert report.passed
    assert gates(report) == {"classes": True}
    found = values(report)
    assert found["mean_loss"] == 0.0
    for name in ("map", "map50", "map75", "ar100", "f1", "f1_over_ious", "precision", "recall"):
        assert found[name] == pytest.approx(1.0), name
    assert values(report, "class=go")["ap"] == pytest.approx(1.0)
    assert values(report, "objects=small")["map"] == pytest.approx(1.0)
    assert "objects=large" not in {m.slice for m in report.metrics}  # there is none
    assert ("miou" in found) is (task == "segmentation")
    if task == "segmentation":
        assert found["miou"] == found["dice"] == found["boundary_iou"] == 1.0
    assert report.metric("mean_loss", "camera=b").n == 20
    assert report.metric("mean_loss", "fixed_case=blocks-case-1").n == 10
    assert report.failures == ()
    assert report.details["headline"] == "map50"
    there = sum(len(s.label.shapes) for s in samples(60))
    assert sum(map(sum, report.confusion)) == report.confusion[0][0] + report.confusion[1][1]
    assert sum(map(sum, report.confusion)) == there
    assert {m.slice for m in report.metrics if m.name == "robust_loss"} == {
        "", *(f"corruption={name}" for name in FAMILIES),
    }  # fmt: skip


def test_intervals_hold_their_value_and_narrow() -> None:
    half = ColourFinder(dim=85.0)
    few, many = (evaluate(half, samples(n), task="detection") for n in (30, 120))
    for name in ("map50", "mean_loss", "f1"):
        wide, narrow = few.metric(name), many.metric(name)
        assert wide.low < wide.value < wide.high
        assert narrow.high - narrow.low < wide.high - wide.low
    again = evaluate(half, samples(30), task="detection")
    assert encode(again) == encode(few)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (ColourFinder(blind="go"), "missed"),
        (ColourFinder(swaps=True), "swapped"),
        (ColourFinder(twice=True), "duplicate"),
        (ColourFinder(offset=9.0), "badly placed"),
        (ColourFinder(offset=300.0), "spurious"),
    ],
)
def test_mistakes_have_their_names(model: ColourFinder, error: str) -> None:
    report = evaluate(model, samples(40), task="detection")
    tally = {kind: sum(by.values()) for kind, by in report.details["mistakes"].items()}
    assert max(tally, key=lambda kind: tally[kind]) == error or tally[error] == tally["missed"] > 0
    assert sum(report.details["mistakes"][error].values()) > 10
    worst = report.failures[0]
    assert worst["loss"] == max(f["loss"] for f in report.failures)
    assert worst["errors"][error] >= 1
    told = next(m for m in worst["mistakes"] if m["error"] == error)
    assert (told["truth"] is None) is (error == "spurious")
    assert (told["geometry"] is None) is (error == "missed")
    if told["truth"] and told["geometry"]:
        both = (decode(Geometry, told[name]) for name in ("truth_geometry", "geometry"))
        assert iou(*both) == pytest.approx(told["overlap"], abs=1e-3)


def test_swapped_classes_stand_beside_the_diagonal() -> None:
    report = evaluate(ColourFinder(swaps=True), samples(40), task="detection")
    stop, go, nothing = report.confusion
    assert stop[0] > 0
    assert go[0] > 0
    assert stop[1:] == go[1:] == (0, 0)
    assert nothing == (0, 0, 0)
    assert gates(report) == {"classes": False}  # go is never found
    assert "1 of the 2" in report.gates[0].reason


def test_an_unsure_answer_counts_for_the_curve_only() -> None:
    report = evaluate(ColourFinder(sure=0.4), samples(40), task="detection")
    assert report.metric("map50").value == pytest.approx(1.0)
    assert report.metric("recall").value == 0.0
    assert report.details["threshold"] == 0.5
    bold = evaluate(ColourFinder(sure=0.4, threshold=0.3), samples(40), task="detection")
    assert bold.metric("recall").value == pytest.approx(1.0)


def test_areas_are_measured_by_pixels() -> None:
    model = ColourFinder(task="segmentation", background=CLASSES)
    report = evaluate(model, samples(40, "segmentation"), task="segmentation")
    found = values(report)
    assert report.details["headline"] == "miou"
    assert report.details["background"] == list(CLASSES)
    assert found["miou"] == found["pixel_accuracy"] == 1.0
    assert "map50" not in found
    blind = ColourFinder(task="segmentation", background=CLASSES, blind="go")
    report = evaluate(blind, samples(40, "segmentation"), task="segmentation")
    assert values(report)["miou"] == pytest.approx(0.5)
    assert values(report, "class=go")["iou"] == 0.0
    assert report.details["mistakes"]["missed"]["go"] > 0
    stop, go, nothing = report.confusion
    assert go[1] == 0 < go[2]  # pixels of go, seen as nothing
    assert (stop[1], nothing[0], nothing[1]) == (0, 0, 0)


def test_an_equal_challenger_passes() -> None:
    report = evaluate(
        ColourFinder("new"), samples(), task="detection", champion=ColourFinder("old"),
        gates=LENIENT,
    )  # fmt: skip
    assert report.passed, [g.reason for g in report.gates]
    assert set(gates(report)) == {
        "classes", "max_drop", "max_drop map50", "slices", "fixed_case=blocks-case-1",
        "robustness", "latency",
    }  # fmt: skip
    assert report.metric("mean_loss_difference").value == 0.0
    assert report.metric("map50_difference").value == 0.0
    assert report.details["comparison"]["p_value"] == 1.0


def test_a_worse_challenger_fails_where_it_is_worse() -> None:
    report = evaluate(
        ColourFinder("new", dim=85.0), samples(120), task="detection",
        champion=ColourFinder("old"), gates=LENIENT,
    )  # fmt: skip
    failed = {name for name, passed in gates(report).items() if not passed}
    assert {"max_drop", "max_drop map50", "slices", "fixed_case=blocks-case-1"} <= failed
    reasons = {g.name: g.reason for g in report.gates}
    assert "brightness=low" in reasons["slices"]
    assert "worse" in reasons["max_drop"]
    worst = {part["slice"] for part in report.details["worst_slices"][:2]}
    assert worst == {"brightness=low", "fixed_case=blocks-case-1"}
    assert report.details["lost"]
    assert report.details["gained"] == []
    difference = report.metric("mean_loss_difference")
    assert 0 < difference.low < difference.value < difference.high


def test_a_better_challenger_gains() -> None:
    report = evaluate(
        ColourFinder("new"), samples(), task="detection", champion=ColourFinder("old", blind="go"),
        gates=LENIENT,
    )  # fmt: skip
    assert report.passed
    assert report.metric("mean_loss_difference").high < 0
    assert report.metric("map50_difference").value == pytest.approx(0.5)
    assert report.details["gained"]


def test_a_fragile_challenger_fails_the_robustness_gate() -> None:
    report = evaluate(
        ColourFinder("new", dim=70.0), samples(40)[30:], task="detection",
        champion=ColourFinder("old"), gates=LENIENT,
    )  # fmt: skip
    assert gates(report)["max_drop"]
    assert not gates(report)["robustness"]
    assert report.metric("robust_loss", "corruption=darker").value == 0.9  # one has nothing in it


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_labels_move_with_their_image(task: Task) -> None:
    """A model that sees every block is right on shifted and mirrored images, too."""
    report = evaluate(ColourFinder(task=task), samples(20, task), task=task, flips=True)
    assert report.metric("robust_loss", "corruption=flip").value == 0.0
    assert report.metric("robust_loss", "corruption=shift").value < 0.12


def test_a_slow_challenger_fails_the_latency_gate() -> None:
    report = evaluate(
        ColourFinder("new", delay=0.02), samples(20), task="detection",
        champion=ColourFinder("old"), gates=GatePolicy(max_latency_ratio=2.0),
    )  # fmt: skip
    assert not gates(report)["latency"]


def test_the_absolute_bar_is_on_the_headline() -> None:
    bar = GatePolicy(min_accuracy=0.6)
    assert evaluate(ColourFinder(), samples(20), task="detection", gates=bar).passed
    poor = evaluate(ColourFinder(blind="go"), samples(20), task="detection", gates=bar)
    assert not gates(poor)["min_accuracy"]
    assert "map50 0.5" in next(g.reason for g in poor.gates if g.name == "min_accuracy")


def test_a_report_travels_and_renders() -> None:
    report = evaluate(
        ColourFinder("new", offset=6.0), samples(40), task="detection",
        champion=ColourFinder("old"), gates=LENIENT,
    )  # fmt: skip
    again = decode(Report, json.loads(json.dumps(encode(report), allow_nan=False)))
    assert encode(again) == encode(report)
    text = to_markdown(report)
    assert "| map50 |" in text
    assert "## Mistakes" in text
    assert "(none)" in text  # the last row and column of the confusion
    assert "mistakes" in text
    assert "truth_geometry" not in text
    assert "max_drop map50" in to_junit(report)


def test_a_failure_is_drawn_beside_what_is_there() -> None:
    """Left the truth in its place, right what was seen wrongly in its own."""
    known = samples(40)
    report = evaluate(ColourFinder(offset=9.0), known, task="detection")
    failure = report.failures[0]
    data = next(s.load() for s in known if s.key == failure["key"])
    drawn = decode_image(failure_picture(data, failure, report.classes)).astype(int)
    plain = decode_image(failure_picture(data, {"mistakes": []}, report.classes)).astype(int)
    assert drawn.shape[1] > 2 * drawn.shape[0] * failure["width"] / failure["height"]
    changed = np.abs(drawn - plain).max(axis=2) > 60
    half = drawn.shape[1] // 2
    first = [
        np.flatnonzero(side.any(axis=0)).min() for side in (changed[:, :half], changed[:, half:])
    ]
    scale = (half - 6) / failure["width"]
    assert first[1] - 6 - first[0] == pytest.approx(9 * scale, abs=12)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none"):
        evaluate(ColourFinder(), [], task="detection")
    with pytest.raises(InvalidInput, match="no class"):
        evaluate(ColourFinder(classes=("stop",)), samples(9), task="detection")
    with pytest.raises(InvalidInput, match="cannot be compared"):
        evaluate(
            ColourFinder(), samples(9), task="detection",
            champion=ColourFinder(classes=("stop", "go", "slow")),
        )  # fmt: skip
    with pytest.raises(InvalidInput, match="labelled with shapes"):
        evaluate(ColourFinder(), samples(9))


def test_images_of_nothing_alone_are_judged() -> None:
    empty = [s for s in samples(60) if not s.label.shapes]
    report = evaluate(ColourFinder(), empty, task="detection")
    assert report.metric("mean_loss").value == 0.0
    assert "map50" not in values(report)
    assert report.passed
