"""The demo's world keeps its truth to itself, and the scorekeeper counts rightly."""

from __future__ import annotations

import hashlib
import itertools
import json
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from autofocus.api.replay import Answered, Request
from autofocus.demo.figures import DemoOptions
from autofocus.demo.measures import quality
from autofocus.demo.scorekeeper import Scorekeeper
from autofocus.demo.world import Belt, Crowd, Shown
from autofocus.errors import InvalidInput
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Mask


def test_the_crowd_wears_glasses_only_after_the_shift() -> None:
    world, shifted = Crowd(3), False
    stream = world.stream(lambda: shifted)
    before = list(itertools.islice(stream, 60))
    assert not any(request.tag.shifted for request in before)
    shifted = True
    after = list(itertools.islice(stream, 300))
    share = sum(request.tag.shifted for request in after) / len(after)
    assert 0.1 < share < 0.3
    assert len(world.shifted_images) == sum(request.tag.shifted for request in after)
    # Nothing but the image and the person goes out with a request.
    assert all(r.metadata is None and r.key.startswith("person-") for r in before + after)


def test_truth_is_known_only_of_images_that_were_shown() -> None:
    world = Crowd(1)
    request = next(world.stream(lambda: False))
    assert world.truth(hashlib.sha256(request.image).hexdigest()) == request.tag.label
    assert world.truth(hashlib.sha256(b"another").hexdigest()) is None


def test_training_folder_is_balanced_and_repeatable(tmp_path: Path) -> None:
    counts = {"train": 8, "val": 4, "test": 2}
    assert Crowd(5).write_training_folder(tmp_path / "a", counts) == 14
    Crowd(5).write_training_folder(tmp_path / "b", counts)
    names = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.jpg"))
    assert len(names) == 14
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(list((tmp_path / "a" / "train" / "open").iterdir())) == 4


@pytest.mark.parametrize(("task", "kind"), [("detection", Box), ("segmentation", Mask)])
def test_the_belt_is_written_as_coco_with_every_part(
    tmp_path: Path, task: Literal["detection", "segmentation"], kind: type
) -> None:
    world = Belt(2, task)
    assert world.write_training_folder(tmp_path, {"train": 6, "test": 2}) == 8
    document = json.loads((tmp_path / "_annotations.coco.json").read_text())
    assert [c["name"] for c in document["categories"]] == list(world.classes)
    for image in document["images"]:
        sha256 = hashlib.sha256((tmp_path / image["file_name"]).read_bytes()).hexdigest()
        assert world.truth(sha256) is None  # the training images are nobody's question
        assert image["file_name"].split("/")[0] in ("train", "test")
    with_masks = [a for a in document["annotations"] if "segmentation" in a]
    assert len(with_masks) == (len(document["annotations"]) if kind is Mask else 0)
    assert all(len(a["bbox"]) == 4 and a["area"] > 0 for a in document["annotations"])


def test_black_parts_come_only_after_the_shift_and_their_truth_is_kept() -> None:
    world = Belt(4, "detection")
    bright = list(itertools.islice(world.stream(lambda: False), 20))
    assert not any(request.tag.shifted for request in bright)
    black = list(itertools.islice(world.stream(lambda: True), 60))
    share = sum(request.tag.shifted for request in black) / len(black)
    assert 0.05 < share < 0.5
    for request in bright + black:
        assert world.truth(hashlib.sha256(request.image).hexdigest()) == request.tag.label


def _answered(
    i: int, *, shifted: bool, right: bool | None, model: str = "eyes-1", at: float | None = None
) -> Answered:
    shown = Shown(i, Tag("open"), shifted, "0" * 64)
    got = {"label": "open" if right else "closed", "model": model, "prediction_id": f"p-{i}"}
    answer = None if right is None else got
    error = "refused" if right is None else ""
    return Answered(i, Request(b"", tag=shown), answer, error, float(i if at is None else at), 0.0)


def _signal(last: int) -> dict:
    return {"model": "eyes-1", "last_prediction": f"p-{last}", "leading_score": "domain"}


def test_counts_shifted_images_until_the_alarm() -> None:
    keeper = Scorekeeper(partial(quality, "classification"))
    for i in range(10):
        keeper.take(_answered(i, shifted=i >= 4 and i % 2 == 0, right=True))
    newest_first = [_signal(7), _signal(3)]
    early, late = keeper.alarms(newest_first)
    assert (early["images"], early["shifted_images"], early["false"]) == (4, 0, True)
    assert (late["images"], late["shifted_images"], late["false"]) == (8, 2, False)


def test_counts_right_answers_by_model_and_failures_around_swaps() -> None:
    keeper = Scorekeeper(partial(quality, "classification"))
    keeper.take(_answered(0, shifted=True, right=False))
    keeper.take(_answered(1, shifted=True, right=True, model="eyes-2"))
    keeper.take(_answered(2, shifted=False, right=True))
    keeper.take(_answered(3, shifted=True, right=None, at=100.0))
    assert keeper.sent == 4
    assert keeper.failed == 1
    assert keeper.failures() == ["refused"]
    assert keeper.served(shifted=True).value == 0.5
    assert keeper.served(shifted=True, models=["eyes-2"]).value == 1.0
    assert keeper.served(shifted=True, models=["eyes-3"]).value is None
    assert keeper.around_swaps([101.0]) == {"swaps": 1, "served": 0, "failed": 1}
    assert keeper.around_swaps([2.5]) == {"swaps": 1, "served": 3, "failed": 0}
    assert keeper.images_by(1.5) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "tracking"},  # nobody plays that
        {"annotator_delay": -1.0},
        {"rate": 0.0},
        {"json_file": Path("no/such/folder/out.json")},
    ],
)
def test_wrong_options_are_told_before_anything_starts(wrong: dict) -> None:
    with pytest.raises(InvalidInput):
        DemoOptions(**wrong)
