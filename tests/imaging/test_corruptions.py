"""Corruptions are repeatable, grow with severity and keep the picture's shape."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from autofocus.errors import InvalidInput
from autofocus.imaging.corruptions import FAMILIES, SEVERITIES, Pixels, corrupt


def scene(height: int = 48, width: int = 64) -> Pixels:
    rng = np.random.default_rng(0)
    small = rng.integers(40, 216, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_severity_grows_and_shape_stays(family: str) -> None:
    image = scene()
    before = image.copy()
    distances = []
    for severity in SEVERITIES:
        # Over a few seeds: the place of a bar or the direction of a shift is drawn.
        copies = [corrupt(image, family, severity, seed=s) for s in range(8)]
        assert all(c.shape == image.shape and c.dtype == np.uint8 for c in copies)
        gaps = [np.abs(c.astype(int) - image.astype(int)).mean() for c in copies]
        distances.append(np.mean(gaps))
    assert 0 < distances[0] < distances[1] < distances[2]
    assert np.array_equal(image, before)


def test_the_same_arguments_give_the_same_pixels_in_another_process() -> None:
    code = (
        "import hashlib, numpy as np\n"
        "from autofocus.imaging.corruptions import FAMILIES, corrupt\n"
        "image = np.arange(32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)\n"
        "parts = [corrupt(image, f, 2, seed=5).tobytes() for f in sorted(FAMILIES)]\n"
        "print(hashlib.sha256(b''.join(parts)).hexdigest())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.parametrize("size", [(8, 8), (20, 32), (300, 11)])
def test_odd_sizes_work(size: tuple[int, int]) -> None:
    image = scene(*size)
    for family in FAMILIES:
        assert corrupt(image, family, 3).shape == image.shape


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no corruption"):
        corrupt(scene(), "sunset", 1)
    with pytest.raises(InvalidInput, match="severity 9"):
        corrupt(scene(), "blur", 9)
