"""Data tests of boxes and masks: what is wrong with shapes, and what changed since the parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from autofocus.config.policy import DataPolicy
from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.embeddings import Embedder
from autofocus.data.tests import run_data_tests
from autofocus.imaging.decode import decode
from autofocus.types.geometry import Box, Geometry, Shape, Shapes
from autofocus.types.models import Gate, PredictionBatch, Report
from autofocus.types.rle import draw, from_pixels
from autofocus.types.scenes import agreement

Draw = Callable[..., bytes]
SIZE = (64, 64)


def label(*boxes: tuple[str, Geometry]) -> Shapes:
    return Shapes(tuple(Shape(f"s{i}", name, box) for i, (name, box) in enumerate(boxes)))


@pytest.fixture(params=["detection", "segmentation"])
def made(request: pytest.FixtureRequest, new_dataset: Callable[..., Dataset]) -> Dataset:
    dataset = new_dataset("shapes", ("car", "bus"), request.param)
    return dataset


def fill(dataset: Dataset, picture: Draw, start: int = 0, count: int = 12, **boxes: Box) -> None:
    """Images of 64 x 64 with one car and, in every other one, a bus."""
    car = boxes.get("car", Box(4, 4, 20, 10))
    dataset.add_images(
        [
            NewImage(
                f"{i}.png", picture(i, side=64), ("train", "train", "test")[i % 3],
                label=label(("car", car), *([("bus", Box(30, 30, 20, 20))] if i % 2 else [])),
            )
            for i in range(start, start + count)
        ]
    )  # fmt: skip


def gate(report: Report, name: str) -> Gate:
    (found,) = [g for g in report.gates if g.name == name]
    return found


LOOSE = DataPolicy(min_per_class=1)


def test_sound_shapes_pass_and_are_counted(made: Dataset, picture: Draw) -> None:
    fill(made, picture)
    report = run_data_tests(made, made.commit("first"), LOOSE)
    assert report.passed, [g.reason for g in report.gates if not g.passed]
    assert {g.name for g in report.gates} >= {
        "shapes inside", "shapes large enough", "shapes marked once", "shape balance",
        "shape statistics", "near-duplicates agree",
    }  # fmt: skip
    assert report.metric("shapes").value == 18
    assert report.metric("shapes", "class=bus").value == 6


def test_shapes_smaller_than_a_pixel(made: Dataset, picture: Draw) -> None:
    fill(made, picture)
    thin = label(("car", Box(5, 5, 0.4, 9)), ("bus", Box(20, 20, 1, 1)))
    made.add_images([NewImage("thin.png", picture(99, side=64), "train", label=thin)])
    report = run_data_tests(made, made.commit("thin"), LOOSE)
    found = gate(report, "shapes large enough")
    assert (found.passed, found.value) == (False, 1.0)
    assert "thin.png: shape s0 (car) of 0.4 x 9 pixels" in found.reason


@pytest.mark.parametrize(
    ("second", "twice"),
    [
        (("car", Box(4, 4, 20, 10)), True),  # the very same
        (("car", Box(4.5, 4, 20, 10)), True),  # 195 of 205
        (("car", Box(6, 4, 20, 10)), False),  # 180 of 220
        (("bus", Box(4, 4, 20, 10)), False),  # another class
    ],
)
def test_one_object_marked_twice(
    made: Dataset, picture: Draw, second: tuple[str, Box], twice: bool
) -> None:
    fill(made, picture)
    both = label(("car", Box(4, 4, 20, 10)), second)
    made.add_images([NewImage("both.png", picture(99, side=64), "train", label=both)])
    found = gate(run_data_tests(made, made.commit("both"), LOOSE), "shapes marked once")
    assert found.passed is not twice
    assert ("both.png: shapes s0 and s1 (car) overlap by" in found.reason) is twice


def test_masks_are_compared_by_their_pixels(
    new_dataset: Callable[..., Dataset], picture: Draw
) -> None:
    """A ring and what is in it fill the same box, and share no pixel."""
    inner = np.zeros(SIZE, np.uint8)
    cv2.circle(inner, (30, 30), 20, 1, -1)
    ring = np.ones(SIZE, np.uint8)
    ring[inner > 0] = 0
    ring[:9], ring[52:], ring[:, :9], ring[:, 52:] = 0, 0, 0, 0
    both = label(("car", from_pixels(inner)), ("car", from_pixels(ring)))
    for task, passed in (("detection", False), ("segmentation", True)):
        dataset = new_dataset(f"rings-{task}", ("car", "bus"), task)
        dataset.add_images([NewImage("r.png", picture(1, side=64), "train", label=both)])
        report = run_data_tests(dataset, dataset.commit("rings"), LOOSE)
        assert gate(report, "shapes marked once").passed is passed, task


def test_the_same_image_may_be_drawn_a_little_differently(made: Dataset, picture: Draw) -> None:
    fill(made, picture)
    near = label(("car", Box(5, 4, 20, 11)))
    made.add_images([NewImage("again.png", picture(0, side=64), "train", label=near)])
    assert gate(run_data_tests(made, made.commit("near"), LOOSE), "labels agree").passed
    far = label(("car", Box(40, 40, 20, 10)))
    made.add_images([NewImage("far.png", picture(0, side=64), "train", label=far)])
    found = gate(run_data_tests(made, made.commit("far"), LOOSE), "labels agree")
    assert not found.passed
    assert "car as 0.png and car as far.png" in found.reason


def rich(seed: int, quality: int) -> bytes:
    """A picture with enough in it for a perceptual hash, as a JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, SIZE)
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def test_near_duplicates_that_say_different_things(made: Dataset, picture: Draw) -> None:
    fill(made, picture)
    first, second = label(("car", Box(4, 4, 20, 10))), label(("bus", Box(4, 4, 20, 10)))
    made.add_images(
        [
            NewImage("one.jpg", rich(0, 95), "train", label=first),
            NewImage("other.jpg", rich(0, 85), "train", label=second),
            NewImage("same.jpg", rich(0, 75), "train", label=first),
        ]
    )
    version = made.commit("torn")
    report = run_data_tests(made, version, LOOSE)
    found = gate(report, "near-duplicates agree")
    assert (found.passed, found.value) == (True, 2.0)
    assert "car as one.jpg and bus as other.jpg" in found.reason
    strict = DataPolicy(min_per_class=1, strict=("near-duplicates",))
    assert not gate(run_data_tests(made, version, strict), "near-duplicates agree").passed


def test_shapes_that_change_against_the_parent(made: Dataset, picture: Draw) -> None:
    fill(made, picture)
    for i, side in enumerate((18, 20, 22)):
        made.add_images(
            [NewImage(f"v{i}.png", picture(50 + i, side=64), "train",
                      label=label(("car", Box(4, 4, side, 10))))]
        )  # fmt: skip
    made.commit("first")
    fill(made, picture, 100, 12, car=Box(4, 4, 40, 40))
    version = made.commit("larger")
    report = run_data_tests(made, version, LOOSE)
    found = gate(report, "shape statistics")
    assert found.passed
    assert "differ most in size" in found.reason
    assert report.details["shape_statistics"]["size"] > 1.0
    assert "share of" in gate(report, "shape balance").reason
    strict = DataPolicy(
        min_per_class=1, max_balance_change=0.001, strict=("statistics", "class balance")
    )
    again = run_data_tests(made, version, strict)
    assert not gate(again, "shape statistics").passed
    assert not gate(again, "shape balance").passed


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((), (), 1.0),
        ((("car", Box(0, 0, 10, 10)),), (), 0.0),
        ((("car", Box(0, 0, 10, 10)),), (("car", Box(0, 0, 10, 5)),), 1.0),
        ((("car", Box(0, 0, 10, 10)),), (("bus", Box(0, 0, 10, 10)),), 0.0),
        (
            (("car", Box(0, 0, 10, 10)), ("bus", Box(30, 0, 5, 5))),
            (("car", Box(0, 0, 9, 9)),),
            2 / 3,
        ),
    ],
)
def test_agreement_of_two_labels(one, other, wanted: float) -> None:  # type: ignore[no-untyped-def]
    a, b = label(*one).shapes, label(*other).shapes
    for boxes in (True, False):
        assert agreement(a, b, boxes=boxes, size=SIZE) == pytest.approx(wanted)
        assert agreement(b, a, boxes=boxes, size=SIZE) == pytest.approx(wanted)


def test_agreement_of_masks_goes_by_pixels() -> None:
    left, right = (label(("car", draw(Box(x, 0, 20, 20), *SIZE))) for x in (0, 12))
    assert agreement(left.shapes, right.shapes, boxes=False, size=SIZE) == 0.0
    crowd = Shapes((Shape("c", "car", draw(Box(0, 0, 64, 64), *SIZE), crowd=True),))
    assert agreement(crowd.shapes, left.shapes, boxes=False, size=SIZE) == 1.0


class Blurry:
    """Sees how much brighter each ninth of an image is than the rest."""

    name = "cars-1"
    classes = ("car", "bus")

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        small = [cv2.resize(decode(d), (3, 3), interpolation=cv2.INTER_AREA) for d in images]
        seen = np.array([s.ravel() for s in small], np.float32)
        seen -= seen.mean(axis=1, keepdims=True)
        none = np.zeros((len(images), 2), np.float32)
        return PredictionBatch(none, seen, none)


def test_leaks_that_only_a_model_sees(made: Dataset, picture: Draw) -> None:
    """The same scene, darker: its statistics differ, its hash hardly, and the model knows it."""
    fill(made, picture)
    scene = cv2.resize(np.random.default_rng(5).integers(0, 256, (8, 8, 3), dtype=np.uint8), SIZE)
    dark = (scene * 0.8).astype(np.uint8)
    bright, darker = (bytes(cv2.imencode(".png", pixels)[1]) for pixels in (scene, dark))
    made.add_images(
        [NewImage("bright.png", bright, "train", label=Shapes()),
         NewImage("darker.png", darker, "test", label=Shapes())]
    )  # fmt: skip
    version = made.commit("leaky")
    blind = run_data_tests(made, version, LOOSE)
    assert gate(blind, "near-duplicates").value == 0.0
    assert "no champion has looked" in gate(blind, "near-duplicates by model").reason
    eye = Embedder("cars-1", "a" * 64, ("car", "bus"), Blurry)
    seeing = Dataset(
        made._database, made._objects, made._packs, made.project, classes=made.classes,
        task=made.rules.task, embedder=lambda: eye,
    )  # fmt: skip
    seeing.embeddings.compute()
    report = run_data_tests(seeing, version, LOOSE)
    found = gate(report, "near-duplicates by model")
    assert found.passed
    assert found.value == 1.0
    assert (
        "bright.png and darker.png" in found.reason or "darker.png and bright.png" in found.reason
    )
    strict = DataPolicy(min_per_class=1, strict=("near-duplicates",))
    assert not gate(run_data_tests(seeing, version, strict), "near-duplicates by model").passed
