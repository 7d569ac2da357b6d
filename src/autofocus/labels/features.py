"""What can be seen in an image before there is a model: edges, colours, and the picture, small.

The labelling assistant learns on these where no champion's embedding is there. They are a
``Predictor`` like a model, so that they are computed once and kept like a model's embeddings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.data.embeddings import Embedder
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.types.models import PredictionBatch

NAME = "edges and colours"
# Goes up with every change of what is computed: what was kept before is then not read.
VERSION = 1
SIDE = 32
SMALL = 14

_LOOK = Preprocessing(SIDE, SIDE, fit="letterbox")
_CELL = 8
_DIRECTIONS = 9

_ROWS = np.arange(SIDE) // _CELL
# The number of the cell that each pixel is in.
_CELLS = (_ROWS[:, None] * (SIDE // _CELL) + _ROWS[None, :]).ravel()

Floats = npt.NDArray[np.float32]


class Features:
    """Looks at images without having learnt anything; its answers say nothing."""

    name = NAME

    def __init__(self, classes: tuple[str, ...], *, max_pixels: int = 64_000_000) -> None:
        self.classes = classes
        self._max_pixels = max_pixels

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        """``embedding`` has :func:`features` of each; raises ImageRejected."""
        seen = np.stack([features(_LOOK.apply(i, max_pixels=self._max_pixels)) for i in images])
        even = np.full((len(images), len(self.classes)), 1.0 / len(self.classes), np.float32)
        return PredictionBatch(even, seen, np.zeros((len(images), 0), np.float32))


def embedder(classes: tuple[str, ...], *, max_pixels: int = 64_000_000) -> Embedder:
    """The features as a model to look through."""
    digest = hashlib.sha256(f"{NAME}/{VERSION}/{_LOOK.digest}".encode()).hexdigest()
    return Embedder(NAME, digest, classes, lambda: Features(classes, max_pixels=max_pixels))


def features(pixels: npt.NDArray[np.uint8]) -> Floats:
    """One vector for RGB pixels (32, 32, 3): three parts that weigh alike."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    edges = _edges(grey)
    small = cv2.resize(grey, (SMALL, SMALL), interpolation=cv2.INTER_AREA).astype(np.float32)
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    patches = cv2.resize(lab, (4, 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    colour = [np.histogram(lab[..., c], 8, (0, 256))[0].astype(np.float32) for c in range(3)]
    return np.concatenate(
        [
            _scaled(edges, 1.0),
            # Brightness and contrast stay in the small picture: an unlit image is not a lit one.
            _scaled(small.ravel() / 128 - 1, 1.0),
            _scaled(np.concatenate([patches.ravel() / 128 - 1, *(h / 512 for h in colour)]), 1.0),
        ]
    ).astype(np.float32)


def _edges(grey: npt.NDArray[np.uint8]) -> Floats:
    """Histograms of oriented gradients (Dalal & Triggs 2005): how strong edges run which way.

    4 x 4 cells of 8 x 8 pixels, nine directions, in nine overlapping blocks of four cells, each
    of unit length: 324 numbers.
    """
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1)
    strength = np.hypot(across, down).ravel()
    # The direction without its sign, shared between the two bins beside it.
    place = (np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS).ravel()
    low = np.floor(place)
    share = place - low
    first = low.astype(np.int64) % _DIRECTIONS
    bins = _CELLS * _DIRECTIONS
    size = bins.max() + _DIRECTIONS
    found = np.bincount(bins + first, strength * (1 - share), size)
    found += np.bincount(bins + (first + 1) % _DIRECTIONS, strength * share, size)
    cells = found.reshape(SIDE // _CELL, SIDE // _CELL, _DIRECTIONS)
    blocks = np.stack([cells[r : r + 2, c : c + 2].ravel() for r in range(3) for c in range(3)])
    length = np.linalg.norm(blocks, axis=1, keepdims=True)
    return np.asarray(blocks / (length + 4.0), np.float32).ravel()


def _scaled(part: Floats, weight: float) -> Floats:
    return np.asarray(part * (weight / np.sqrt(len(part))), np.float32)
