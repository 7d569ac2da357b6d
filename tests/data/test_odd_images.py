"""A folder of odd files: each is accepted, or refused by name with its reason, and again alike."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autofocus.data.dataset import Dataset
from autofocus.imaging.decode import decode
from autofocus.imaging.thumbnail import thumbnail


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene() -> Image.Image:
    """160 x 120, bright at the top left, so that every turn shows."""
    y, x = np.mgrid[0:120, 0:160]
    grey = (255 - x * 0.8 - y * 0.6).astype(np.uint8)
    return Image.fromarray(np.stack([grey, grey // 2, 255 - grey], axis=2))


def turned(orientation: int) -> bytes:
    """A JPEG that shows the scene after EXIF turns it."""
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    image = scene()
    for step in undo.get(orientation, []):
        image = image.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "JPEG", quality=98, exif=exif)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    folder.mkdir()
    grey16 = Image.fromarray(np.arange(160 * 120, dtype=np.uint16).reshape(120, 160) * 3)
    frames = [Image.new("P", (8, 8), i) for i in range(2)]
    frames[1].putpixel((0, 0), 5)
    jpeg = encoded(scene(), "JPEG")
    files = {
        **{f"exif_{o}.jpg": turned(o) for o in range(9)},
        "cmyk.jpg": encoded(scene().convert("CMYK"), "JPEG"),
        "deep.png": encoded(grey16, "PNG"),
        "palette.png": encoded(scene().convert("P"), "PNG", transparency=0),
        "progressive.jpg": encoded(scene(), "JPEG", progressive=True),
        "icon.ico": encoded(scene().resize((16, 16)), "ICO"),
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "truncated.jpg": jpeg[: len(jpeg) // 2],
        "float.tif": encoded(Image.new("F", (8, 8)), "TIFF"),
        "huge.png": encoded(Image.new("1", (1001, 1001)), "PNG"),  # of 1,000,000 allowed
        "empty.png": b"",
        "container.dat2": b"\0\1 something else",
        "photo.heic": b"\0\0\0\x18ftypheic" + bytes(40),
        "NOTICE": b"Where all this is from.",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


REFUSED = {
    "animated.gif": "animated", "truncated.jpg": "truncated", "float.tif": "unsupported",
    "huge.png": "too_many_pixels", "empty.png": "not_an_image", "container.dat2": "not_an_image",
    "photo.heic": "unsupported",
}  # fmt: skip


def test_every_file_is_accepted_or_refused_with_its_reason(dataset: Dataset, odd: Path) -> None:
    report = dataset.import_path(odd)
    assert {s.path: s.code for s in report.skipped} == REFUSED
    accepted = {s.key: s for s in dataset.samples().items}
    everything = {path.name for path in odd.iterdir()} - {"NOTICE"}
    assert set(accepted) == everything - set(REFUSED)
    assert any("1 file(s) that are no images" in notice for notice in report.notices)
    upright = [accepted[f"exif_{o}.jpg"].facts for o in range(9)]
    assert {(f.width, f.height) for f in upright} == {(160, 120)}
    assert max(f.brightness for f in upright) - min(f.brightness for f in upright) < 1
    again = dataset.import_path(odd)
    assert (again.accepted, again.unchanged) == (0, len(accepted))
    assert {s.key: s.sha256 for s in dataset.samples().items} == {
        key: s.sha256 for key, s in accepted.items()
    }


def test_thumbnails_of_all_turns_look_the_same() -> None:
    reference = decode(thumbnail(turned(1), 96)[0]).astype(int)
    for orientation in range(2, 9):
        shown = decode(thumbnail(turned(orientation), 96)[0]).astype(int)
        assert shown.shape == reference.shape
        assert np.abs(shown - reference).mean() < 2
