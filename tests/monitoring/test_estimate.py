"""Estimated accuracy comes with an interval, and says how far to trust it."""

import json

import numpy as np
import pytest

from autofocus.errors import InvalidInput
from autofocus.monitoring.estimate import (
    Calibration,
    LabelledSample,
    band_by_left_out_families,
    estimate_accuracy,
    estimate_from_labels,
    shift_features,
)


def calibration(world, reference, slope=1.0):
    points = []
    for family, unsure in (("noise", 0.5), ("blur", 0.4), ("dark", 0.6)):
        for severity, share in enumerate((0.25, 0.5, 1.0)):
            p, x, _, _ = world.draw(600, share, 3.0, unsure)
            features = shift_features(reference, p, x)
            points.append({
                "family": family, "severity": severity, "features": features,
                "drop": slope * features["confidence_drop"],
            })  # fmt: skip
    return Calibration.from_json(json.loads(json.dumps({"points": points, "band90": None})))


def test_no_shift_keeps_the_reference_accuracy(world):
    w = world(1)
    found = estimate_accuracy(w.reference(1000), w.window(500)[0])
    assert found.value == pytest.approx(0.9, abs=0.04)
    assert found.low < 0.9 < found.high
    assert found.high - found.low < 0.12


def test_shift_lowers_it_and_widens_the_interval(world):
    w = world(2)
    reference = w.reference(1000)
    model = calibration(w, reference, slope=2.0)
    clean = estimate_accuracy(reference, w.window(500)[0], model)
    drifted = estimate_accuracy(reference, w.window(500, share=0.5, shift=3.0)[0], model)
    assert drifted.value < clean.value - 0.03
    assert drifted.high - drifted.low > clean.high - clean.low
    assert drifted.method == "calibrated+confidence"


def test_far_outside_the_calibration_is_said(world):
    w = world(3)
    reference = w.reference(800)
    found = estimate_accuracy(
        reference, w.window(400, share=1.0, shift=40.0)[0], calibration(w, reference)
    )
    assert "more than anything" in found.note


def test_agreement_moves_the_estimate(world):
    w = world(4)
    reference, window = w.reference(800), w.window(400)[0]
    plain = estimate_accuracy(reference, window)
    lower = estimate_accuracy(reference, window, agreement=(0.95, 0.75))
    assert lower.value < plain.value - 0.05


def test_labels_decide_when_there_are_some():
    correct = np.array([True] * 45 + [False] * 5)
    found = estimate_from_labels(LabelledSample(1.0 - correct))
    assert found.value == pytest.approx(0.9)
    assert found.low < 0.85
    assert found.high > 0.93
    assert found.labels == 50


def test_stratified_labels_weigh_strata_by_their_size():
    correct = np.array([True] * 20 + [False] * 20)
    stratum = np.array([0] * 20 + [1] * 20)
    found = estimate_from_labels(LabelledSample(1.0 - correct, stratum, {0: 900.0, 1: 100.0}))
    assert found.value == pytest.approx(0.9)
    missing = estimate_from_labels(
        LabelledSample(1.0 - correct[:20], stratum[:20], {0: 900.0, 1: 100.0})
    )
    assert "10 %" in missing.note


def test_stratified_interval_covers():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        a, b = rng.random(40) < 0.97, rng.random(20) < 0.5
        found = estimate_from_labels(
            LabelledSample(
                1.0 - np.concatenate([a, b]), np.repeat([0, 1], [40, 20]), {0: 800, 1: 200}
            )
        )
        hits += found.low <= 0.8 * 0.97 + 0.2 * 0.5 <= found.high
    assert hits / 300 >= 0.88


def test_band_is_large_where_a_family_behaves_differently():
    same = [
        {"family": f, "features": {"confidence_drop": d}, "drop": d}
        for f in "abc"
        for d in (0.1, 0.2, 0.3)
    ]
    odd = [*same, {"family": "d", "features": {"confidence_drop": 0.0}, "drop": 0.5}]
    assert band_by_left_out_families(odd) > band_by_left_out_families(same)


def test_unknown_stays_unknown(world):
    w = world(6)
    reference = w.reference(100)
    unlabelled = type(reference).from_window(w.window(50)[0])
    assert estimate_accuracy(unlabelled, w.window(50)[0]).value is None
    with pytest.raises(InvalidInput, match="points"):
        Calibration.from_json({})
