"""A picture of what drifted beside what is usual, for people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput

if TYPE_CHECKING:
    from PIL import ImageDraw

TILE = 128
GAP = 8
MARGIN = 20
LINE = 17
BACKGROUND = (250, 250, 248)
INK = (28, 30, 34)
SOFT = (120, 124, 130)
EMPTY = (232, 232, 228)


def contact_sheet(
    images: Sequence[bytes],
    captions: Sequence[str] = (),
    *,
    title: str = "",
    columns: int = 6,
    tile: int = TILE,
) -> bytes:
    """PNG of encoded ``images`` as a grid, each with its caption below (as many or none)."""
    return contact_sheets([(title, images, captions)], columns=columns, tile=tile)


def contact_sheets(
    groups: Sequence[tuple[str, Sequence[bytes], Sequence[str]]],
    *,
    heading: str = "",
    columns: int = 6,
    tile: int = TILE,
) -> bytes:
    """PNG of several titled grids of (title, images, captions) below each other.

    Pictures are fitted into square tiles without being cut; one that cannot be decoded is shown
    as an empty tile. Raises InvalidInput when captions are neither none nor one per image.
    """
    from PIL import Image, ImageDraw, ImageFont

    if columns < 1 or tile < 16:
        raise InvalidInput(f"A sheet needs columns >= 1 and tile >= 16, got {columns}, {tile}.")
    for title, images, captions in groups:
        if captions and len(captions) != len(images):
            raise InvalidInput(
                f"{len(captions)} captions for {len(images)} images in {title or 'the sheet'!r}."
            )
    text, bold = ImageFont.load_default(size=12), ImageFont.load_default(size=16)
    width = 2 * MARGIN + columns * tile + (columns - 1) * GAP
    height = MARGIN + (32 if heading else 0)
    for title, images, captions in groups:
        rows = -(-len(images) // columns)
        row = tile + GAP + (LINE if captions else 0)
        height += (28 if title else 0) + rows * row + 12
    sheet = Image.new("RGB", (width, height + MARGIN - 12), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    y = MARGIN
    if heading:
        draw.text((MARGIN, y), heading, fill=INK, font=ImageFont.load_default(size=20))
        y += 32
    for title, images, captions in groups:
        if title:
            draw.text((MARGIN, y), title, fill=INK, font=bold)
            y += 28
        row = tile + GAP + (LINE if captions else 0)
        for i, data in enumerate(images):
            left = MARGIN + (i % columns) * (tile + GAP)
            top = y + (i // columns) * row
            draw.rectangle((left, top, left + tile - 1, top + tile - 1), fill=EMPTY)
            picture = _tile(data, tile)
            if picture is not None:
                shown = Image.fromarray(picture)
                sheet.paste(
                    shown, (left + (tile - shown.width) // 2, top + (tile - shown.height) // 2)
                )
            if captions:
                caption = _shorten(draw, captions[i], text, tile)
                draw.text((left, top + tile + 2), caption, fill=SOFT, font=text)
        y += -(-len(images) // columns) * row + 12
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _tile(data: bytes, tile: int) -> npt.NDArray[np.uint8] | None:
    """The picture fitted into ``tile`` pixels, or None if it cannot be decoded."""
    from PIL import Image

    from autofocus.errors import ImageRejected
    from autofocus.imaging.decode import decode

    try:
        picture = Image.fromarray(decode(data))
    except ImageRejected:
        return None
    scale = tile / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # Small pictures are enlarged smoothly, large ones averaged down.
    method = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS
    return np.asarray(picture.resize(size, method))


def _shorten(draw: ImageDraw.ImageDraw, caption: str, font: Any, width: int) -> str:
    """The caption, cut with an ellipsis where it is wider than its tile."""
    if draw.textlength(caption, font=font) <= width:
        return caption
    while caption and draw.textlength(caption + "…", font=font) > width:
        caption = caption[:-1]
    return caption + "…"
