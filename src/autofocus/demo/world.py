"""The demo's world: who stands before the camera, and what is true of them.

The truth stays here. The annotator may look up single images that he is asked for, the
scorekeeper counts with it, and nothing else ever sees it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autofocus.api.replay import Request
from autofocus.demo.eyes import CLASSES, Drawing, render, render_many

GLASSES_SHARE = 0.2
PEOPLE = 400

# Seeds of images: one block per purpose, so that no two images are ever the same.
_BLOCK = 1_000_000
_PURPOSES = ("train", "val", "test", "stream", "exam-clean", "exam-shifted")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the world knows of one image it showed."""

    number: int
    label: str
    shifted: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Exam:
    """Images that are never sent anywhere, with their labels: the scorekeeper's yardstick."""

    images: tuple[bytes, ...]
    labels: tuple[str, ...]


class World:
    """Draws everything from one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._truth: dict[str, str] = {}
        self._shifted: list[tuple[bytes, str]] = []

    def truth(self, sha256: str) -> str | None:
        """The label of an image that was shown, None for one that never was."""
        return self._truth.get(sha256)

    @property
    def shifted_images(self) -> list[tuple[bytes, str]]:
        """All images with glasses shown so far, with their labels."""
        return list(self._shifted)

    def write_training_folder(self, folder: Path, counts: dict[str, int]) -> int:
        """Write ``folder/<split>/<class>/<number>.jpg`` without glasses; returns the number."""
        drawings = [
            (split, i, self._drawing(split, i, closed=i % 2 == 1, glasses=False))
            for split, count in counts.items()
            for i in range(count)
        ]
        images = render_many([drawing for _, _, drawing in drawings])
        for split in counts:
            for name in CLASSES:
                (folder / split / name).mkdir(parents=True, exist_ok=True)
        for (split, i, drawing), image in zip(drawings, images, strict=True):
            (folder / split / _label(drawing) / f"{i:05d}.jpg").write_bytes(image)
        return len(images)

    def write_shifted_folder(self, folder: Path) -> int:
        """Write all shifted images shown so far as ``folder/<class>/<number>.jpg``."""
        for name in CLASSES:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for i, (image, label) in enumerate(self._shifted):
            (folder / label / f"shown-{i:05d}.jpg").write_bytes(image)
        return len(self._shifted)

    def stream(self, shift: Callable[[], bool]) -> Iterator[Request]:
        """An endless crowd; while ``shift()`` holds, a share of it wears glasses."""
        rng = np.random.default_rng((self._seed, 1))
        number = 0
        while True:
            closed, glasses = bool(rng.random() < 0.5), bool(rng.random() < GLASSES_SHARE)
            person = int(rng.integers(PEOPLE))
            drawing = self._drawing("stream", number, closed=closed, glasses=glasses and shift())
            image = render(drawing.seed, closed=drawing.closed, glasses=drawing.glasses)
            shown = Shown(
                number, _label(drawing), drawing.glasses, hashlib.sha256(image).hexdigest()
            )
            self._truth[shown.sha256] = shown.label
            if shown.shifted:
                self._shifted.append((image, shown.label))
            yield Request(image, key=f"person-{person:03d}", tag=shown)
            number += 1

    def exam(self, count: int, *, glasses: bool) -> Exam:
        """``count`` fresh images."""
        purpose = "exam-shifted" if glasses else "exam-clean"
        drawings = [
            self._drawing(purpose, i, closed=i % 2 == 1, glasses=glasses) for i in range(count)
        ]
        return Exam(tuple(render_many(drawings)), tuple(_label(d) for d in drawings))

    def _drawing(self, purpose: str, number: int, *, closed: bool, glasses: bool) -> Drawing:
        block = self._seed * len(_PURPOSES) + _PURPOSES.index(purpose)
        return Drawing(block * _BLOCK + number, closed, glasses)


def _label(drawing: Drawing) -> str:
    return "closed" if drawing.closed else "open"
