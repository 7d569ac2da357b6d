"""Images whose pixels are numbers or colours of classes, not pictures: PNG masks."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Mask

VOID = 255
_MAX_PIXELS = 256_000_000
# Formats that keep a number as it is; JPEG makes numbers of its own along every edge.
_FORMATS = ("PNG", "TIFF", "BMP", "GIF")
_ERRORS = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError)


@dataclass(frozen=True, slots=True, eq=False)
class IndexPicture:
    """``numbers`` (h, w) of a palette or grey picture, else ``colours`` (h, w, 3) of an RGB one.

    ``wide`` says that the file has 16 bits or more a pixel, ``palette`` gives the colour of each
    number.
    """

    numbers: npt.NDArray[np.int64] | None
    colours: npt.NDArray[np.uint8] | None
    wide: bool = False
    palette: tuple[tuple[int, int, int], ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        pixels: Any = self.numbers if self.numbers is not None else self.colours
        return int(pixels.shape[1]), int(pixels.shape[0])


def read_index(path: Path) -> IndexPicture:
    """Read a mask's numbers without turning a palette into colours; raises InvalidInput."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.format not in _FORMATS:
                    raise InvalidInput(
                        f"{path.name} is a {image.format} picture; its compression invents numbers "
                        "that are no class.",
                        hint="Masks must be PNG.",
                    )
                if image.width * image.height > _MAX_PIXELS:
                    raise InvalidInput(f"{path.name} has more than {_MAX_PIXELS:,} pixels.")
                image.load()
                return _read(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise InvalidInput(f"{path.name} has too many pixels for a mask.") from exc
    except _ERRORS as exc:
        raise InvalidInput(f"{path.name} is no picture that can be read: {exc}.") from exc


def _read(image: Image.Image) -> IndexPicture:
    mode = image.mode
    if mode == "P":
        flat = image.getpalette("RGB") or []
        palette = tuple(
            (flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - len(flat) % 3, 3)
        )
        return IndexPicture(np.asarray(image).astype(np.int64), None, palette=palette)
    if mode == "1":
        return IndexPicture(np.asarray(image).astype(np.int64), None)
    if mode == "L":
        return IndexPicture(np.asarray(image).astype(np.int64), None)
    if mode.startswith("I"):
        return IndexPicture(np.asarray(image).astype(np.int64), None, wide=True)
    if mode in ("RGB", "RGBA", "LA"):
        colours = np.asarray(image.convert("RGB"))
        if (colours[..., :1] == colours).all():
            return IndexPicture(colours[..., 0].astype(np.int64), None)
        return IndexPicture(None, colours)
    raise InvalidInput(f"A mask with pixels of mode {mode} has no numbers of classes.")


def png(numbers: npt.NDArray[Any], colours: Sequence[tuple[int, int, int]] | None = None) -> bytes:
    """Numbers (h, w) as PNG: 16-bit grey, or 8-bit with a palette if ``colours`` are given."""
    if colours is None:
        image = Image.fromarray(numbers.astype(np.uint16))
    else:
        height, width = numbers.shape
        image = Image.frombytes("P", (width, height), numbers.astype(np.uint8).tobytes())
        image.putpalette([value for colour in colours for value in colour])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def mask_of(
    pixels: npt.NDArray[np.bool_], window: tuple[slice, slice], height: int, width: int
) -> Mask:
    """The mask of an image whose pixels are those of a window in it, elsewhere none.

    Costs what the window costs, however large the image. Raises InvalidInput if it is empty, or
    if the window does not lie in the image.
    """
    top, left = window[0].start, window[1].start
    bottom, right = top + pixels.shape[0], left + pixels.shape[1]
    if min(top, left) < 0 or bottom > height or right > width:
        raise InvalidInput(
            f"A mask from ({left}, {top}) to ({right}, {bottom}) does not lie in an image of "
            f"{width} x {height} pixels."
        )
    column, row = np.nonzero(pixels.T)
    at = (column + left).astype(np.int64) * height + row + top
    if len(at) == 0:
        raise InvalidInput("The mask is empty: no pixel is in it.")
    apart = np.flatnonzero(np.diff(at) > 1)
    begin = at[np.concatenate([[0], apart + 1])]
    end = at[np.concatenate([apart, [-1]])] + 1
    edges = np.stack([begin, end], axis=1).reshape(-1)
    runs = np.diff(np.concatenate([[0], edges, [height * width]]))
    return Mask(height, width, rle.write_counts(runs[:-1] if runs[-1] == 0 else runs))


def each(numbers: npt.NDArray[np.int64]) -> list[tuple[int, tuple[slice, slice]]]:
    """The numbers in a picture, ascending, each with the smallest window that holds it."""
    from scipy import ndimage

    found = np.unique(numbers)
    order = np.searchsorted(found, numbers) + 1
    windows = ndimage.find_objects(order)
    return [(int(v), w) for v, w in zip(found, windows, strict=True) if w is not None]
