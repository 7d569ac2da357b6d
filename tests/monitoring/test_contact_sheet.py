"""Contact sheets are valid pictures, whatever is put on them."""

import io

import numpy as np
import pytest
from PIL import Image

from autofocus.errors import InvalidInput
from autofocus.monitoring.contact_sheet import contact_sheet, contact_sheets


def png(width, height, colour):
    out = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), colour, np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_grid_with_captions():
    images = [png(64, 64, 200), png(20, 90, 90), png(300, 100, 30)] * 3
    sheet = contact_sheet(images, [f"image {i}" for i in range(9)], title="Drifted")
    with Image.open(io.BytesIO(sheet)) as picture:
        assert picture.format == "PNG"
        assert picture.width == 2 * 20 + 6 * 128 + 5 * 8
        pixels = np.asarray(picture.convert("L"))
    assert len(np.unique(pixels)) > 20


def test_groups_broken_images_and_long_captions():
    sheet = contact_sheets(
        [
            ("Drifted", [png(32, 32, 10), b"not an image"], ["x" * 80, ""]),
            ("Usual", [png(32, 32, 240)], ()),
            ("None", [], ()),
        ],
        heading="eyes-1",
    )
    with Image.open(io.BytesIO(sheet)) as picture:
        assert picture.height > 300


def test_captions_must_match():
    with pytest.raises(InvalidInput, match="captions"):
        contact_sheet([png(8, 8, 0)], ["a", "b"])
