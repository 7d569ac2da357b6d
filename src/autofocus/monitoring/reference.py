"""What is normal for a model: its answers on images that did not drift."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.types.production import Window


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """n answers of a model on undrifted images.

    probabilities (n, classes) float32; whitened (n, k) float32; brightness, contrast, blur (n,)
    float32; truth (n,) int64 class index, -1 where unknown, or None if no truth is known;
    fitted (n,) bool, True for images that the temperature or the whitening was fitted on: the
    model looks slightly better on them than on new images, so they serve comparisons but never
    as calibration of a test; sha256 and key (n,) str where known.

    Where objects are seen: outputs (n, 3) float32, number, size and score of what was said (see
    ``types.answers``); quality (n,) float32, 1 - loss of answers whose truth is known, else NaN.
    """

    probabilities: npt.NDArray[np.float32]
    whitened: npt.NDArray[np.float32]
    brightness: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    blur: npt.NDArray[np.float32]
    truth: npt.NDArray[np.int64] | None = None
    fitted: npt.NDArray[np.bool_] | None = None
    sha256: npt.NDArray[np.str_] | None = None
    key: npt.NDArray[np.str_] | None = None
    outputs: npt.NDArray[np.float32] | None = None
    quality: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.probabilities)
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None and len(value) != n:
                raise InvalidInput(f"Reference.{f.name} has {len(value)} rows, expected {n}.")

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """Highest probability of each row, (n,)."""
        result: npt.NDArray[np.float32] = self.probabilities.max(axis=1)
        return result

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Class index of each answer, (n,)."""
        result: npt.NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return result

    @property
    def losses(self) -> npt.NDArray[np.float64]:
        """How wrong each answer with known truth was, 0 to 1; for a class that is 0 or 1."""
        if self.quality is not None:
            judged = ~np.isnan(self.quality)
            return np.asarray(1.0 - self.quality[judged].astype(np.float64))
        if self.truth is None:
            return np.zeros(0)
        known = self.truth >= 0
        wrong = self.predicted[known] != self.truth[known]
        return np.asarray(wrong, np.float64)

    def take(self, index: Any) -> Reference:
        """Rows by index array, boolean mask or slice."""
        values: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            values[f.name] = None if value is None else value[index]
        return Reference(**values)

    def unfitted(self) -> Reference:
        """The rows that nothing was fitted on: exchangeable with new images of the same kind."""
        return self if self.fitted is None else self.take(~self.fitted)

    @classmethod
    def empty(cls, classes: int, whitened: int, outputs: int = 0) -> Reference:
        """No rows: the monitor takes the first production images as its calibration."""
        none = np.zeros(0, np.float32)
        return cls(
            np.zeros((0, classes), np.float32),
            np.zeros((0, whitened), np.float32),
            none,
            none,
            none,
            outputs=np.zeros((0, outputs), np.float32),
        )

    @classmethod
    def from_window(cls, window: Window) -> Reference:
        """The rows of a window that is known, or declared, to be normal."""
        return cls(
            probabilities=np.asarray(window.probabilities, np.float32),
            whitened=np.asarray(window.whitened, np.float32),
            brightness=np.asarray(window.brightness, np.float32),
            contrast=np.asarray(window.contrast, np.float32),
            blur=np.asarray(window.blur, np.float32),
            sha256=window.sha256,
            outputs=np.asarray(window.outputs, np.float32),
        )

    @classmethod
    def from_npz(cls, source: bytes | Path) -> Reference:
        """Read a bundle's ``reference.npz``; raises InvalidInput naming a missing array."""
        with np.load(io.BytesIO(source) if isinstance(source, bytes) else source) as data:
            wanted = ("probabilities", "whitened", "brightness", "contrast", "blur")
            missing = [name for name in wanted if name not in data.files]
            if missing:
                raise InvalidInput(
                    f"reference.npz lacks {missing}, it has {sorted(data.files)}.",
                    hint="Train the model again with this version of autofocus.",
                )
            arrays: dict[str, Any] = {name: data[name].astype(np.float32) for name in wanted}
            for name, dtype in (
                ("truth", np.int64), ("fitted", np.bool_), ("outputs", np.float32),
                ("quality", np.float32),
            ):  # fmt: skip
                if name in data.files:
                    arrays[name] = data[name].astype(dtype)
            for name in ("sha256", "key"):
                if name in data.files:
                    arrays[name] = data[name]
        return cls(**arrays)
