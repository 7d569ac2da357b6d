"""Data tests: what each gate finds, and that it says so in plain words."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from autofocus.config.policy import DataPolicy
from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.near import near_pairs
from autofocus.data.tests import run_data_tests
from autofocus.errors import InvalidInput
from autofocus.types.data import Split, Tag
from autofocus.types.models import Gate, Report

Draw = Callable[..., bytes]


def fill(dataset: Dataset, picture: Draw, start: int = 0, count: int = 60) -> None:
    splits: tuple[Split, ...] = ("train", "train", "train", "train", "val", "test")
    dataset.add_images(
        [
            NewImage(
                f"{i}.png", picture(i, side=64), splits[i % 6],
                label=Tag("open" if (i // 6) % 2 else "closed"), author="ada",
            )
            for i in range(start, start + count)
        ]
    )  # fmt: skip


def gate(report: Report, name: str) -> Gate:
    (found,) = [g for g in report.gates if g.name == name]
    return found


def test_a_sound_version_passes(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    report = run_data_tests(dataset, dataset.commit("first"))
    assert report.passed, [g.reason for g in report.gates if not g.passed]
    assert (report.kind, report.subject) == ("data", "v1")
    assert report.metric("images").value == 60
    assert report.metric("images", "train").value == 40
    assert "20 training images per class" in gate(report, "enough images").reason


def test_the_same_image_in_two_splits(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    dataset.add_images(
        [
            NewImage("copy.png", picture(0, side=64), "test", label=Tag("closed"), author="ada"),
            NewImage("pooled.png", picture(1, side=64), "pool"),
        ]
    )
    report = run_data_tests(dataset, dataset.commit("leaky"))
    found = gate(report, "no leaks")
    assert (found.passed, found.value) == (False, 1.0)
    assert "0.png and copy.png" in found.reason
    assert report.details["leaks"] == [["0.png", "copy.png"]]
    assert not report.passed


def test_one_image_with_two_labels(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    dataset.add_images(
        [NewImage("again.png", picture(0, side=64), "train", label=Tag("open"), author="ada")]
    )
    found = gate(run_data_tests(dataset, dataset.commit("torn")), "labels agree")
    assert not found.passed
    assert "closed as 0.png and open as again.png" in found.reason


def rich(seed: int) -> bytes:
    """A picture with enough in it for a perceptual hash to hold on to."""
    coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    done, data = cv2.imencode(".png", cv2.resize(coarse, (96, 96)))
    assert done
    return bytes(data)


def again(data: bytes) -> bytes:
    """The same picture, saved once more as a JPEG."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    done, out = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return bytes(out)


def test_nearly_the_same_image_in_two_splits(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    dataset.add_images(
        [
            NewImage("rich.png", rich(0), "train", label=Tag("closed")),
            NewImage("near.jpg", again(rich(0)), "test", label=Tag("closed")),
        ]
    )
    version = dataset.commit("nearly leaky")
    report = run_data_tests(dataset, version)
    found = gate(report, "near-duplicates")
    assert found.passed
    assert "a warning" in found.reason
    assert ["rich.png", "near.jpg"] in [
        sorted(p, reverse=True) for p in report.details["near_leaks"]
    ]
    strict = run_data_tests(dataset, version, DataPolicy(strict=("near-duplicates",)))
    assert not gate(strict, "near-duplicates").passed


def test_flat_pictures_are_not_taken_for_each_other() -> None:
    hashes = np.zeros(3000, dtype=np.uint64)
    groups = np.arange(3000) % 2
    looks = np.linspace(0, 255, 3000)[:, None].repeat(3, axis=1)
    found = list(near_pairs(hashes, looks, groups=groups, bits=4))
    assert all(abs(looks[i, 0] - looks[j, 0]) <= 0.05 * (1 + looks[i, 0]) for i, j in found)
    assert len(found) < 0.1 * 1500 * 1500


def test_near_pairs_are_all_found() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 400, dtype=np.uint64)
    for i in range(0, 400, 2):
        flips = rng.choice(64, size=int(rng.integers(0, 7)), replace=False)
        hashes[i + 1] = hashes[i] ^ np.bitwise_or.reduce(
            np.uint64(1) << flips.astype(np.uint64), initial=np.uint64(0)
        )
    groups = np.arange(400) % 2
    found = set(near_pairs(hashes, np.ones((400, 3)), groups=groups, bits=4))
    expected = {
        (i, j)
        for i in range(0, 400, 2)
        for j in range(1, 400, 2)
        if int(hashes[i] ^ hashes[j]).bit_count() <= 4
    }
    assert found == expected
    assert len(expected) > 100


def test_too_few_images_and_no_test(dataset: Dataset, picture: Draw) -> None:
    dataset.add_images([NewImage("a.png", picture(1), "train", label=Tag("open"), author="ada")])
    version = dataset.commit("tiny")
    found = gate(run_data_tests(dataset, version), "enough images")
    assert not found.passed
    assert "open (1), closed (0)" in found.reason
    assert "no labelled image in split test" in found.reason
    tolerant = gate(run_data_tests(dataset, version, DataPolicy(min_per_class=0)), "enough images")
    assert tolerant.reason == "no labelled image in split test, so no model can be tested"


def test_changes_against_the_parent(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    dataset.commit("first")
    dark = [
        cv2.imencode(".png", np.full((64, 64, 3), i % 20, np.uint8))[1].tobytes() for i in range(20)
    ]
    dataset.add_images(
        [
            NewImage(f"dark/{i}.png", data, "train", label=Tag("open"), author="ada")
            for i, data in enumerate(dark)
        ]
    )
    version = dataset.commit("darker")
    report = run_data_tests(dataset, version)
    assert gate(report, "class balance").passed
    assert "changed by -12.5%" in gate(report, "class balance").reason
    shift = gate(report, "statistics")
    assert shift.passed
    assert shift.value is not None
    assert shift.value > 1.0
    assert "20 new image(s)" in shift.reason
    assert report.details["statistics"]["brightness"] < -1.0
    strict = DataPolicy(max_balance_change=0.1, strict=("statistics", "class balance"))
    again = run_data_tests(dataset, version, strict)
    assert not gate(again, "statistics").passed
    assert not gate(again, "class balance").passed


def test_images_that_cannot_be_read(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    version = dataset.commit("first")
    dataset.delete(["3.png"], forget=True)
    found = gate(run_data_tests(dataset, version), "readable")
    assert not found.passed
    assert "1 of 60 images cannot be read, e.g. 3.png" in found.reason


def test_classes_that_are_no_longer_declared(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture)
    version = dataset.commit("first")
    dataset.classes = ("open", "shut")
    found = gate(run_data_tests(dataset, version), "declared classes")
    assert not found.passed
    assert found.reason == "labels outside the declared classes: closed"


def test_the_policy_is_checked() -> None:
    with pytest.raises(InvalidInput, match="near_bits"):
        DataPolicy(near_bits=20)
    with pytest.raises(InvalidInput, match="negative"):
        DataPolicy(min_per_class=-1)
