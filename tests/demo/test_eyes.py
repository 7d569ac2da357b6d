"""The renderer of the demo: same seed, same bytes, in every process; two classes that differ."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from autofocus.demo.eyes import Drawing, render, render_many


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)


@pytest.mark.parametrize("size", [64, 96])
def test_draws_a_jpeg_of_the_size_asked_for(size: int) -> None:
    data = render(1, closed=False, glasses=True, size=size)
    assert data[:2] == b"\xff\xd8"
    assert _pixels(data).shape == (size, size, 3)


def test_same_seed_gives_same_bytes_in_another_process() -> None:
    drawings = [Drawing(seed, seed % 2 == 0, seed % 3 == 0) for seed in range(402)]
    elsewhere = render_many(drawings, workers=2)
    here = [render(d.seed, closed=d.closed, glasses=d.glasses) for d in drawings]
    assert elsewhere == here
    assert len({hashlib.sha256(image).digest() for image in here}) == len(here)


def test_glasses_change_the_picture_but_not_the_face() -> None:
    ratios = []
    for seed in range(40):
        bare = _pixels(render(seed, closed=seed % 2 == 0, glasses=False))
        worn = _pixels(render(seed, closed=seed % 2 == 0, glasses=True))
        other = _pixels(render(seed + 1000, closed=seed % 2 == 0, glasses=False))
        change = np.abs(bare - worn).mean()
        assert change > 1.0
        ratios.append(change / np.abs(bare - other).mean())
    assert np.median(ratios) < 0.6


def test_faces_vary_in_light_and_skin() -> None:
    means = np.array([_pixels(render(s, closed=True, glasses=False)).mean() for s in range(60)])
    assert means.std() > 25
    assert means.max() - means.min() > 90
