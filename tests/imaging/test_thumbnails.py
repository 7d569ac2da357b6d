"""Small pictures: upright, never larger than asked, the same picture as the large one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from autofocus.errors import ImageRejected, InvalidInput
from autofocus.imaging.decode import decode
from autofocus.imaging.thumbnail import SIZES, thumbnail


def encoded(width: int, height: int, kind: str, **options: object) -> bytes:
    """Left half red, right half blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize(("width", "height"), [(1000, 400), (300, 900), (200, 200), (40, 30)])
@pytest.mark.parametrize("size", [96, 160])
def test_fitted_and_never_enlarged(kind: str, width: int, height: int, size: int) -> None:
    data = encoded(width, height, kind)
    small, media = thumbnail(data, size)
    with Image.open(io.BytesIO(small)) as picture:
        assert f"image/{picture.format.lower()}" == media
        assert media in ("image/jpeg", "image/png")
        shown = picture.size
    scale = min(1.0, size / max(width, height))
    assert shown == (round(width * scale), round(height * scale))
    got = decode(small).astype(int)
    left, right = got[:, : shown[0] // 3].mean((0, 1)), got[:, -(shown[0] // 3) :].mean((0, 1))
    assert left[0] > 200 > left[2] + 100
    assert right[2] > 200 > right[0] + 100


def test_a_small_picture_that_browsers_show_keeps_every_byte() -> None:
    for kind in ("JPEG", "PNG"):
        data = encoded(64, 48, kind)
        assert thumbnail(data, 96)[0] == data


@pytest.mark.parametrize("side", [60, 600])
def test_the_orientation_of_a_photograph_is_applied(side: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    small, _ = thumbnail(encoded(2 * side, side, "JPEG", exif=exif), 96)
    got = decode(small).astype(int)
    assert got.shape[0] == min(96, 2 * side) > got.shape[1]
    assert got[: got.shape[0] // 3, :, 0].mean() > 200  # red, once left, is above


def test_what_cannot_be_shown_says_so() -> None:
    with pytest.raises(InvalidInput, match="160"):
        thumbnail(encoded(40, 40, "PNG"), 161)
    with pytest.raises(ImageRejected):
        thumbnail(b"no image", SIZES[0])
    with pytest.raises(ImageRejected, match="pixels"):
        thumbnail(encoded(1000, 400, "PNG"), 96, max_pixels=100_000)
