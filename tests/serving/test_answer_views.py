"""Objects as JSON: masks as runs or as rings, and back."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autofocus.errors import InvalidInput
from autofocus.serving.answers import PLAIN, View, answer_json, parse_view, read_detections
from autofocus.types.geometry import Box
from autofocus.types.models import Detection
from autofocus.types.rle import from_pixels


def _mask() -> Any:
    pixels = np.zeros((8, 10), bool)
    pixels[1:6, 2:8] = True
    pixels[3, 4:6] = False
    return from_pixels(pixels)


SEEN = (Detection("nut", _mask(), 0.9), Detection("washer", Box(0, 0, 3, 4), 0.4))


def answer(task: str = "segmentation") -> Any:
    predictor = SimpleNamespace(classes=("nut", "washer"))
    return SimpleNamespace(
        prediction_id="p-s1-1", role="champion", threshold=0.5, detections=SEEN,
        sees_objects=task != "classification", probabilities=np.array([0.9, 0.1], np.float32),
        model=SimpleNamespace(id="parts-1", predictor=predictor),
    )  # fmt: skip


def test_masks_are_runs_unless_rings_are_asked_for() -> None:
    [found] = json.loads(answer_json(answer(), PLAIN))["detections"]
    assert found["box"] == [2.0, 1.0, 8.0, 6.0]
    assert found["mask"] == {"size": [8, 10], "counts": _mask().counts}
    [rings] = json.loads(answer_json(answer(), View(masks="polygon")))["detections"]
    outer, hole = rings["polygons"]
    assert set(zip(outer[::2], outer[1::2], strict=True)) == {(2, 1), (8, 1), (8, 6), (2, 6)}
    assert set(zip(hole[::2], hole[1::2], strict=True)) == {(4, 3), (6, 3), (6, 4), (4, 4)}
    [bare] = json.loads(answer_json(answer(), View(masks="none")))["detections"]
    assert set(bare) == {"label", "score", "box"}


def test_what_goes_out_can_be_read_back() -> None:
    told = json.loads(answer_json(answer(), View(threshold=0.0)))
    assert read_detections(told) == SEEN


def test_a_classifier_has_no_masks() -> None:
    assert json.loads(answer_json(answer("classification"), PLAIN))["label"] == "nut"
    with pytest.raises(InvalidInput, match="answers with a class"):
        answer_json(answer("classification"), View(threshold=0.3))


def test_wishes_are_read_from_query_and_header() -> None:
    assert parse_view(b"", b"*/*") is PLAIN
    assert parse_view(b"threshold=0.25&masks=polygon", b"") == View(0.25, "polygon")
    assert parse_view(b"", b"image/jpeg") == View(overlay=True)
    assert parse_view(b"overlay=0", b"image/jpeg") == View()
