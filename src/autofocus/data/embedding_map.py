"""The images as a map: what looks alike to the champion lies close together.

Two numbers an image: its embedding on the two axes along which embeddings differ most (principal
components). Axes are fitted once per model, on the images looked at so far, always the same way,
and stay: images that come later fall into the same map. What the two axes leave out is told.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autofocus.data.finding import Words
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    from autofocus.data.embeddings import Looked

MOST = 100_000
_FIT_ON = 50_000
_PRODUCT = 65_536
_GROWN = 1.5  # axes are fitted anew when so many times as many images were looked at


@dataclass(frozen=True, slots=True)
class ImageMap:
    """Images as points, ascending by id.

    ``x`` and ``y`` (n,) lie in -1..1, the same scale for both. ``label``, ``split`` and ``said``
    (n,) are places in ``labels``, ``splits`` and ``classes``, -1 for none. ``total`` counts all
    images that could be shown, ``explained`` is the share of the variance that two axes keep.
    """

    model: str
    ids: npt.NDArray[np.int64]
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    label: npt.NDArray[np.int16]
    split: npt.NDArray[np.int16]
    said: npt.NDArray[np.int16]
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    classes: tuple[str, ...]
    total: int
    explained: float


@dataclass(frozen=True, slots=True)
class Axes:
    """Where a map lies in the space of embeddings: ``middle`` (width,), ``axes`` (2, width)."""

    middle: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    scale: float
    explained: float
    seen: int

    @classmethod
    def fit(cls, embedding: npt.NDArray[np.float16]) -> Axes:
        """Axes for embeddings (n, width), n >= 1; the same input gives the same axes."""
        step = -(-len(embedding) // _FIT_ON)
        vectors = embedding[::step].astype(np.float64)
        middle = vectors.mean(axis=0)
        spread = (vectors - middle).T @ (vectors - middle) / len(vectors)
        values, columns = np.linalg.eigh(spread)
        axes = np.zeros((2, embedding.shape[1]))
        found = columns.T[::-1][:2]
        # A direction and its opposite are the same axis: the largest part points upwards.
        signs = np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])
        axes[: len(found)] = found * signs[:, None]
        flat = (vectors - middle) @ axes.T
        scale = float(np.abs(flat).max()) or 1.0
        whole = float(values.sum())
        explained = float(values[::-1][:2].sum()) / whole if whole > 0 else 1.0
        return cls(middle, axes, scale, explained, len(embedding))

    def place(
        self, embedding: npt.NDArray[np.float16], rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """(n, 2) where the embeddings of ``rows`` lie, within -1..1."""
        found = np.empty((len(rows), 2), np.float32)
        for start in range(0, len(rows), _PRODUCT):
            part = embedding[rows[start : start + _PRODUCT]].astype(np.float64)
            found[start : start + _PRODUCT] = (part - self.middle) @ self.axes.T / self.scale
        return np.clip(found, -1.0, 1.0)


class MapMaker:
    """Keeps the axes of the model of now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, Axes] | None = None

    def axes(self, bundle: str, looked: Looked) -> Axes:
        """The axes of a model, named by its bundle."""
        with self._lock:
            if (
                self._kept is None
                or self._kept[0] != bundle
                or len(looked) > _GROWN * self._kept[1].seen
            ):
                answered = looked.embedding[looked.label >= 0]
                self._kept = (bundle, Axes.fit(answered))
            return self._kept[1]


def label_names(words: Words) -> tuple[npt.NDArray[np.int16], tuple[str, ...]]:
    """Labels by name, from the column ``class``: one class, nothing, or several."""
    names: dict[str, int] = {}
    table = np.full(len(words.values) + 1, -1, np.int16)
    for code, text in enumerate(words.values):
        classes = json.loads(text) or [NOTHING]
        name = classes[0] if len(classes) == 1 else "several classes"
        table[code] = names.setdefault(name, len(names))
    return table[words.codes], tuple(names)
