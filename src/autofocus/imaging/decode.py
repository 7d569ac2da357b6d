"""Encoded bytes to upright RGB pixels, or a refusal with its reason.

JPEG goes through libjpeg-turbo's scaled decode (simplejpeg), everything else through Pillow. The
rules are the same for training, evaluation and serving, because another decoder gives other
pixels:

* The EXIF orientation is applied.
* Transparent pixels are laid on white.
* 12- and 16-bit grey is mapped linearly to 8 bits; CMYK is converted without a colour profile.
* Refused: truncated and corrupt files, animations and multi-page files, floating-point, 32-bit and
  Lab pixels, more pixels than allowed (known from the header, before anything is decoded).
  Of an MPO (stereo or gain-map photograph of a phone) the primary picture is taken.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, UnidentifiedImageError

from autofocus.errors import ImageRejected

# Callers run one decode per core; threads of OpenCV's own would only fight over the cores.
cv2.setNumThreads(1)

MAX_PIXELS = 64_000_000

# An explicit list keeps out formats that start other programs (EPS) or are not pixel images.
_FORMATS = (
    "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "JPEG", "JPEG2000",
    "PPM", "ICO", "QOI", "SGI", "PCX", "DDS", "TGA",
)  # fmt: skip
# What Pillow's readers raise on bytes that are not what they claim to be; UserWarning where the
# process turns warnings into errors.
_PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError,
    OverflowError, ZeroDivisionError, NotImplementedError, RuntimeError, MemoryError,
    AssertionError, struct.error, zlib.error, UserWarning,
)  # fmt: skip
# simplejpeg says KeyError for a subsampling it has no name for.
_JPEG_ERRORS = (ValueError, KeyError, OverflowError, MemoryError, RuntimeError)
_SCALED_JPEG_SPACES = frozenset({"Gray", "YCbCr", "RGB"})
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Pixels and what the file said: ``width`` and ``height`` are those of the upright original,
    also where ``pixels`` (h, w, 3) were decoded smaller."""

    pixels: Pixels
    format: str
    width: int
    height: int
    orientation: int


def decode(
    data: bytes, *, max_pixels: int = MAX_PIXELS, min_size: tuple[int, int] | None = None
) -> Pixels:
    """Decode ``data`` to uint8 RGB (h, w, 3), upright.

    ``min_size`` (height, width) allows a JPEG to be decoded at the smallest of libjpeg's scales
    that still has at least that many rows and columns; images that are smaller come as they are.
    Raises ImageRejected; ``context["reason"]`` is one of ``not_an_image``, ``truncated``,
    ``corrupt``, ``too_many_pixels``, ``animated``, ``unsupported``.
    """
    return decode_with_facts(data, max_pixels=max_pixels, min_size=min_size).pixels


def decode_with_facts(
    data: bytes, *, max_pixels: int = MAX_PIXELS, min_size: tuple[int, int] | None = None
) -> Decoded:
    """As :func:`decode`, with format, original size and orientation."""
    if not data:
        raise rejected("not_an_image", "The file is empty.")
    if data[:3] == b"\xff\xd8\xff":
        return _decode_jpeg(data, max_pixels, min_size)
    return _decode_with_pillow(data, max_pixels)


_AGAIN = "Copy or export it again from where it came from."
_SMALLER = "Scale it down, or raise max_pixels in the settings."


def rejected(reason: str, message: str, hint: str = "") -> ImageRejected:
    """An ImageRejected whose ``context`` carries a reason for machines."""
    return ImageRejected(message, hint=hint, reason=reason)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width <= 0 or height <= 0:
        raise rejected("corrupt", f"The image says it is {width} x {height} pixels.")
    if width * height > max_pixels:
        raise rejected(
            "too_many_pixels",
            f"The image has {width} x {height} pixels, more than the {max_pixels:,} allowed.",
            _SMALLER,
        )


def _decode_jpeg(data: bytes, max_pixels: int, min_size: tuple[int, int] | None) -> Decoded:
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except _JPEG_ERRORS:
        return _decode_with_pillow(data, max_pixels)
    _check_size(width, height, max_pixels)
    orientation = jpeg_orientation(data)
    swapped = orientation >= 5
    if space not in _SCALED_JPEG_SPACES:
        return _decode_with_pillow(data, max_pixels)
    rows, columns = min_size or (0, 0)
    if swapped:
        rows, columns = columns, rows
    try:
        pixels = simplejpeg.decode_jpeg(
            data, colorspace="RGB", min_height=rows, min_width=columns, strict=True
        )
    except _JPEG_ERRORS as exc:
        # Strict mode also refuses harmless oddities (stray bytes between markers), which Pillow
        # reads; missing or broken picture data is refused here, since Pillow would fill it up.
        text = str(exc).lower()
        if "premature end" in text:
            raise rejected(
                "truncated", "The JPEG is truncated: its picture data ends too early.", _AGAIN
            ) from exc
        if "huffman" in text or "corrupt jpeg data: found marker" in text:
            raise rejected(
                "corrupt", f"The JPEG's picture data is corrupt ({exc}).", _AGAIN
            ) from exc
        return _decode_with_pillow(data, max_pixels)
    if swapped:
        width, height = height, width
    return Decoded(_upright(pixels, orientation), "JPEG", width, height, orientation)


def _decode_with_pillow(data: bytes, max_pixels: int) -> Decoded:
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise rejected(
            "too_many_pixels",
            f"The image has more than the {max_pixels:,} pixels allowed.",
            _SMALLER,
        ) from exc
    except _PILLOW_ERRORS as exc:
        raise _unreadable(data, exc) from exc
    with image:
        _check_size(*image.size, max_pixels)
        try:
            if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                pages = "has several pages" if image.format == "TIFF" else "is animated"
                raise rejected(
                    "animated",
                    f"The {image.format} file {pages}; one picture per file was expected.",
                    "Save the wanted picture as a file of its own.",
                )
            orientation = (
                jpeg_orientation(data)
                if data[:2] == b"\xff\xd8"
                else _valid_orientation(image.getexif().get(_ORIENTATION))
            )
            turned_by_pillow = image.format == "TIFF"
            image.load()
            # An icon's directory may promise less than the picture inside holds.
            _check_size(*image.size, max_pixels)
            pixels = _to_rgb(image)
        except ImageRejected:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
            raise rejected(
                "too_many_pixels",
                f"The image has more than the {max_pixels:,} pixels allowed.",
                _SMALLER,
            ) from exc
        except _PILLOW_ERRORS as exc:
            raise _broken(image.format or "image", exc) from exc
        name = "JPEG" if image.format == "MPO" else image.format or "unknown"
    if not turned_by_pillow:
        pixels = _upright(pixels, orientation)
    return Decoded(pixels, name, pixels.shape[1], pixels.shape[0], orientation)


def _unreadable(data: bytes, exc: BaseException) -> ImageRejected:
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"heim", b"hevc"):
        return rejected(
            "unsupported",
            "HEIC/HEIF pictures are not supported.",
            "Convert them to JPEG, PNG or AVIF.",
        )
    if isinstance(exc, UnidentifiedImageError):
        return rejected(
            "not_an_image",
            "The bytes are not an image in a format that can be read.",
            "JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF and JPEG 2000 are the common ones.",
        )
    return _broken("image", exc)


def _broken(name: str, exc: BaseException) -> ImageRejected:
    text = str(exc) or type(exc).__name__
    lowered = text.lower()
    if any(word in lowered for word in ("truncat", "unexpected end", "not enough", "end of file")):
        return rejected("truncated", f"The {name} file is truncated ({text}).", _AGAIN)
    return rejected("corrupt", f"The {name} file cannot be decoded ({text}).", _AGAIN)


def _to_rgb(image: Image.Image) -> Pixels:
    mode = image.mode
    if mode in ("I;16", "I;16L", "I;16B", "I;16N") or (mode == "I" and image.format == "PPM"):
        return _grey16_to_rgb(image)
    if mode in ("F", "I", "LAB"):
        kind = {"F": "floating-point", "I": "32-bit integer", "LAB": "Lab"}[mode]
        raise rejected(
            "unsupported",
            f"The {image.format} file has {kind} pixels, which have no fixed range in RGB.",
            "Convert it to 8-bit RGB or grey.",
        )
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        front = image.convert("RGBA")
        image = Image.new("RGB", front.size, (255, 255, 255))
        image.paste(front, mask=front.getchannel("A"))
    elif mode != "RGB":
        image = image.convert("RGB")
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8))


def _grey16_to_rgb(image: Image.Image) -> Pixels:
    tags: Any = getattr(image, "tag_v2", {})
    stored = tags.get(_BITS_PER_SAMPLE, (16,))
    bits = stored[0] if isinstance(stored, tuple) else stored
    shift = 4 if bits == 12 else 8
    stored_grey = np.asarray(image).astype(np.int64)
    grey = np.clip(stored_grey >> shift, 0, 255).astype(np.uint8)
    clear = image.info.get("transparency")  # of a 16-bit PNG: the grey that is seen through
    if isinstance(clear, int):
        grey[stored_grey == clear] = 255
    return np.repeat(grey[:, :, None], 3, axis=2)


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo the rotation or mirroring of the EXIF orientation (1..8)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _valid_orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def jpeg_orientation(data: bytes) -> int:
    """The EXIF orientation of a JPEG, 1 (upright) if there is none or it makes no sense.

    Reads only the segments before the picture data; several times cheaper than a full EXIF parse
    on the path of every request. Source: Exif 2.32, sections 4.5 and 4.6.
    """
    position, size = 2, len(data)
    while position + 4 <= size and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA or marker == 0xD9:
            break
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            return _tiff_orientation(data[position + 10 : position + 2 + length])
        position += 2 + max(length, 2)
    return 1


def _tiff_orientation(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 1
    (offset,) = struct.unpack_from(order + "I", tiff, 4)
    if offset + 2 > len(tiff):
        return 1
    (entries,) = struct.unpack_from(order + "H", tiff, offset)
    for index in range(entries):
        at = offset + 2 + 12 * index
        if at + 12 > len(tiff):
            break
        tag, kind = struct.unpack_from(order + "HH", tiff, at)
        if tag == _ORIENTATION and kind == 3:
            return _valid_orientation(struct.unpack_from(order + "H", tiff, at + 8)[0])
    return 1
