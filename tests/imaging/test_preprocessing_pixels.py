"""The preprocessing object: sizes, letterbox, digest; and the cheap statistics."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from autofocus.errors import InvalidInput
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.imaging.statistics import entropy, perceptual_hash, statistics
from autofocus.types.codec import decode, encode


def png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


def photo(seed: int, side: int = 256) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7), (64, 64), (500, 400)])
def test_output_has_the_models_size(fit: str, shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 200, dtype=np.uint8)
    out = Preprocessing(64, 48, fit=fit).apply(png(rgb))  # type: ignore[arg-type]
    assert out.shape == (64, 48, 3)
    assert out.dtype == np.uint8


def test_letterbox_keeps_the_aspect_ratio() -> None:
    out = Preprocessing(64, 64, fit="letterbox").apply(png(np.full((100, 50, 3), 255, np.uint8)))
    white = (out == 255).all(axis=2)
    assert white.any(axis=1).sum() == 64
    assert white.any(axis=0).sum() == 32


def test_digest_names_the_pixels() -> None:
    one = Preprocessing(64, 64)
    assert one.digest == Preprocessing(64, 64).digest != Preprocessing(64, 65).digest
    assert decode(Preprocessing, encode(one)) == one


def test_another_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="version 2"):
        Preprocessing(64, 64, version=2)
    with pytest.raises(InvalidInput, match="height"):
        Preprocessing(0, 64)


def test_statistics_say_dark_flat_and_blurred() -> None:
    sharp = photo(1)
    dark = (sharp * 0.3).astype(np.uint8)
    grainy = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(grainy, (0, 0), 4)
    assert statistics(dark)[0] < statistics(sharp)[0]
    assert statistics(blurred)[2] < statistics(grainy)[2] / 2
    assert statistics(np.full((9, 9, 3), 128, np.uint8)) == (128.0, 0.0, 0.0)
    assert entropy(np.full((9, 9), 3, np.uint8)) == 0.0


def test_statistics_match_their_definition() -> None:
    rgb = photo(2)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(grey, cv2.CV_64F)
    expected = (grey.mean(), grey.std(), edges.var())
    assert statistics(rgb) == pytest.approx(expected, rel=1e-6)


def test_hash_is_near_for_near_duplicates_and_far_for_others() -> None:
    def distance(a: np.ndarray, b: np.ndarray) -> int:
        first, second = (
            int(perceptual_hash(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)), 16) for x in (a, b)
        )
        return (first ^ second).bit_count()

    original = photo(3)
    again = cv2.resize(original, (100, 100), interpolation=cv2.INTER_AREA)
    brighter = np.clip(original.astype(int) + 12, 0, 255).astype(np.uint8)
    assert distance(original, again) <= 4
    assert distance(original, brighter) <= 6
    assert min(distance(original, photo(seed)) for seed in range(4, 24)) > 12
