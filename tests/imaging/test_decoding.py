"""Which files are accepted, which are refused and why; the same pixels every time."""

from __future__ import annotations

import contextlib
import io
import struct

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from autofocus.errors import ImageRejected
from autofocus.imaging.decode import decode, decode_with_facts, jpeg_orientation
from autofocus.imaging.inspect import inspect


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    """A gradient with one bright corner, so that every orientation looks different."""
    rows, columns = np.mgrid[0:height, 0:width]
    rgb = np.stack([rows * 255 // height, columns * 255 // width, 0 * rows], axis=2)
    rgb[: height // 4, : width // 4] = 255
    return rgb.astype(np.uint8)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def jpeg(rgb: np.ndarray, orientation: int | None = None) -> bytes:
    image = Image.fromarray(rgb)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    return encoded(image, "JPEG", quality=95, subsampling=0, exif=exif)


# What was stored so that the EXIF orientation brings the upright picture back.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", sorted(STORED))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = picture()
    data = jpeg(np.ascontiguousarray(STORED[orientation](upright)), orientation)
    decoded = decode_with_facts(data)
    assert (decoded.height, decoded.width, decoded.orientation) == (48, 64, orientation)
    assert np.abs(decoded.pixels.astype(int) - upright).mean() < 3
    assert jpeg_orientation(data) == Image.open(io.BytesIO(data)).getexif()[0x0112]


def test_orientation_of_a_png_is_applied_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(picture(), 1))
    data = encoded(Image.fromarray(stored), "PNG", exif=exif)
    assert np.array_equal(decode(data), picture())


def test_nonsense_orientation_counts_as_upright() -> None:
    assert decode_with_facts(jpeg(picture(), 9)).orientation == 1


def test_scaled_decode_keeps_at_least_the_asked_size() -> None:
    data = jpeg(picture(480, 640), 6)
    decoded = decode_with_facts(data, min_size=(64, 64))
    assert min(decoded.pixels.shape[:2]) >= 64
    assert decoded.pixels.shape[0] < 640
    assert (decoded.height, decoded.width) == (640, 480)


RGB = picture()
GREY16 = (RGB[:, :, 0].astype(np.uint16) << 8) | 7
ACCEPTED = {
    "grey": (encoded(Image.fromarray(RGB[:, :, 0]), "PNG"), RGB[:, :, :1].repeat(3, axis=2)),
    "16-bit grey keeps the high byte": (
        encoded(Image.fromarray(GREY16), "PNG"),
        RGB[:, :, :1].repeat(3, axis=2),
    ),
    "16-bit grey that is seen through is laid on white": (
        encoded(Image.fromarray(np.full((48, 64), 7, np.uint16)), "PNG", transparency=7),
        np.full((48, 64, 3), 255),
    ),
    "transparent is laid on white": (
        encoded(Image.new("RGBA", (64, 48), (9, 9, 9, 0)), "PNG"),
        np.full((48, 64, 3), 255),
    ),
    "palette": (encoded(Image.new("P", (64, 48), 0), "GIF"), np.zeros((48, 64, 3))),
    "bitmap": (encoded(Image.new("1", (64, 48), 1), "PNG"), np.full((48, 64, 3), 255)),
    "bmp": (encoded(Image.fromarray(RGB), "BMP"), RGB),
    "tiff": (encoded(Image.fromarray(RGB), "TIFF"), RGB),
    "webp": (encoded(Image.fromarray(RGB), "WEBP", lossless=True), RGB),
    "cmyk": (encoded(Image.new("CMYK", (64, 48)), "JPEG"), np.full((48, 64, 3), 255)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    data, expected = ACCEPTED[name]
    pixels = decode(data)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, expected)


def _frames() -> bytes:
    first, second = Image.new("P", (8, 8), 0), Image.new("P", (8, 8), 1)
    second.putpixel((0, 0), 5)
    return encoded(first, "GIF", save_all=True, append_images=[second])


def _pages() -> bytes:
    page = Image.new("L", (8, 8))
    return encoded(page, "TIFF", save_all=True, append_images=[page])


def _png_claiming(width: int, height: int) -> bytes:
    """A PNG of which only the header says that it is huge."""
    import zlib

    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0")
    chunks = b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, body)
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


def _jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(jpeg(picture()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


JPEG = jpeg(picture(200, 200))
PNG = ACCEPTED["grey"][0]
REFUSED = {
    "empty": (b"", "not_an_image"),
    "text": (b"hello, world, this is no picture at all", "not_an_image"),
    "truncated jpeg": (JPEG[: len(JPEG) // 2], "truncated"),
    "truncated jpeg with an end marker": (JPEG[: len(JPEG) // 2] + b"\xff\xd9", "truncated"),
    "truncated png": (PNG[: len(PNG) // 2], "truncated"),
    "animated": (_frames(), "animated"),
    "several pages": (_pages(), "animated"),
    "float": (encoded(Image.new("F", (8, 8)), "TIFF"), "unsupported"),
    "heic": (b"\0\0\0\x18ftypheic" + b"\0" * 40, "unsupported"),
    "png bomb": (_png_claiming(60_000, 60_000), "too_many_pixels"),
    "png above Pillow's warning": (_png_claiming(10_000, 10_000), "too_many_pixels"),
    "jpeg bomb": (_jpeg_claiming(65_000, 65_000), "too_many_pixels"),
    "postscript is never run": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(ImageRejected) as caught:
        decode(data)
    assert caught.value.context["reason"] == (reason or "not_an_image")
    with pytest.raises(ImageRejected):
        inspect(data)


def test_pixel_limit_is_the_callers() -> None:
    with pytest.raises(ImageRejected, match="more than the 100 allowed"):
        decode(PNG, max_pixels=100)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", JPEG[:300], PNG[:60], b"BM", b"II*\0"]))
def test_any_bytes_are_decoded_or_refused(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(ImageRejected):
        decode(head + tail, max_pixels=1_000_000)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(JPEG) - 1), st.integers(0, 255))
def test_a_flipped_byte_never_escapes_as_another_error(at: int, value: int) -> None:
    data = bytearray(JPEG)
    data[at] = value
    with contextlib.suppress(ImageRejected):
        decode(bytes(data), max_pixels=1_000_000, min_size=(64, 64))


def test_facts_are_the_same_on_every_run_and_for_every_orientation() -> None:
    upright = inspect(jpeg(picture(400, 600)))
    assert upright == inspect(jpeg(picture(400, 600)))
    assert (upright.width, upright.height, upright.format) == (600, 400, "JPEG")
    for orientation, store in STORED.items():
        turned = inspect(jpeg(np.ascontiguousarray(store(picture(400, 600))), orientation))
        assert (turned.width, turned.height) == (600, 400)
        assert bin(int(turned.phash, 16) ^ int(upright.phash, 16)).count("1") <= 4


def test_simplejpeg_and_pillow_agree_within_a_grey_level() -> None:
    data = jpeg(picture(300, 300))
    pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(simplejpeg.decode_jpeg(data).astype(int) - pillow).mean() < 1
