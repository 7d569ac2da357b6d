"""The diagnosis names the drifted images, counts them and says what is different."""

import dataclasses
import json

import numpy as np
import pytest

from autofocus.errors import InvalidInput
from autofocus.monitoring.diagnosis import diagnose


def test_drifted_images_are_named_and_counted(world):
    w = world(1)
    reference = w.reference(1500)
    window, drifted = w.window(1000, share=0.212, shift=7.0)
    found = diagnose(reference, window, seed=1)
    top = np.argsort(-found.posterior - 1e-9 * found.score)[: drifted.sum()]
    assert drifted[top].mean() >= 0.97
    assert abs(found.count / drifted.sum() - 1) <= 0.10
    assert found.share_low <= drifted.mean() <= found.share_high
    assert found.p_value < 1e-6
    assert drifted[found.typical].all()
    assert len(found.typical) == 12
    assert not drifted[found.ordinary].any()
    assert json.loads(json.dumps(found.as_json()))["drifted"] == found.count


def test_the_core_is_half_of_the_slice_and_the_purer_half(world):
    w = world(4)
    window, drifted = w.window(500, share=0.15, shift=4.0)
    found = diagnose(w.reference(800), window, seed=1)
    core = found.core
    assert len(core) == (found.count + 1) // 2
    assert found.drifted[core].all()
    # Posteriors are equal on plateaus; there the score says who is surer.
    tied = found.posterior == np.median(found.posterior[found.drifted])
    assert tied.sum() > 1
    inside = np.isin(np.arange(500), core) & tied
    outside = ~np.isin(np.arange(500), core) & tied
    if inside.any() and outside.any():
        assert found.score[inside].min() >= found.score[outside].max()
    assert drifted[core].mean() > drifted[found.drifted].mean()


def test_no_drift_gives_no_evidence(world):
    p_values = []
    for seed in range(12):
        w = world(seed)
        found = diagnose(w.reference(600), w.window(400)[0])
        p_values.append(found.p_value)
        assert 0.4 < found.auc < 0.6
        assert found.share_low <= 0.1
    assert np.mean(np.array(p_values) < 0.05) <= 0.25


def test_differences_are_said_in_words(world):
    def metadata(drifted):
        return np.array(['{"camera": "b"}' if d else '{"camera": "a"}' for d in drifted])

    w = world(2)
    reference = w.reference(800)
    window, drifted = w.window(600, share=0.3, shift=7.0, metadata=metadata)
    dark = np.where(drifted, window.brightness - 60, window.brightness).astype(np.float32)
    window = dataclasses.replace(window, brightness=dark)
    found = diagnose(reference, window, before=w.window(200)[0], classes=("closed", "open"))
    text = " ".join(found.differences)
    assert "arker" in text
    assert "camera = b" in text
    assert "less sure" in text


def test_change_start_is_found(world):
    w = world(3)
    first, _ = w.window(300)
    second, _ = w.window(300, share=0.4, shift=7.0)
    both = type(first)(**{
        f.name: np.concatenate([getattr(first, f.name), getattr(second, f.name)])
        for f in dataclasses.fields(first)
    })  # fmt: skip
    assert abs(diagnose(w.reference(600), both).change_at - 300) <= 30


def test_the_same_input_gives_the_same_diagnosis(world):
    reference, window = world(4).reference(300), world(5).window(300, share=0.2)[0]
    a, b = diagnose(reference, window, seed=3), diagnose(reference, window, seed=3)
    assert np.array_equal(a.posterior, b.posterior)
    assert a.as_json() == b.as_json()


def test_too_few_rows_are_refused(world):
    with pytest.raises(InvalidInput, match="20"):
        diagnose(world(0).reference(100), world(0).window(5)[0])
