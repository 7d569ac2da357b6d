"""Specs and bundles: names that stay, background classes that fit."""

from __future__ import annotations

import dataclasses

import pytest

from autofocus.errors import InvalidInput
from autofocus.types.codec import decode, digest, encode
from autofocus.types.models import ModelBundle, RunSpec

SPEC = RunSpec(
    project="p", task="segmentation", classes=("sky", "car"), version="a" * 64,
    architecture="compact", parameters={}, seed=0, threads=2, code={},
)  # fmt: skip
BUNDLE = ModelBundle(
    task="classification", classes=("a", "b"), architecture="compact", preprocessing={},
    temperature=1.0, embedding_size=2, whitened_size=2, weights_digest="w", run_spec_digest="r",
    version="v", metrics={}, files={},
)  # fmt: skip


@pytest.mark.parametrize("value", [SPEC, BUNDLE])
def test_what_was_recorded_before_a_field_came_keeps_its_name(value: RunSpec | ModelBundle) -> None:
    old = {k: v for k, v in encode(value).items() if k not in ("background", "decoding")}
    assert value.digest == digest(old)
    assert decode(type(value), old) == value


def test_background_classes_are_part_of_the_name() -> None:
    assert dataclasses.replace(SPEC, background=("sky",)).digest != SPEC.digest
    assert dataclasses.replace(BUNDLE, decoding={"threshold": 0.3}).threshold == 0.3
    assert BUNDLE.threshold == 0.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"background": ("road",)}, "none of"),
        ({"background": ("sky", "sky")}, "each once"),
        ({"background": ("sky",), "task": "detection"}, "Only segmentation"),
        ({"classes": ()}, "at least 1 class"),
        ({"classes": ("a",), "task": "classification"}, "at least 2 class"),
    ],
)
def test_specs_that_cannot_be_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        dataclasses.replace(SPEC, **changes)  # type: ignore[arg-type]
