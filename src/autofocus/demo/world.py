"""The demo's worlds: what passes before the camera, and what is true of it.

The truth stays here. The annotator may look up single images that he is asked for, the
scorekeeper counts with it, and nothing else ever sees it.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from autofocus.api.replay import Request
from autofocus.demo import eyes, scenes
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Mask, Shapes

PEOPLE = 400

# Seeds of images: one block per purpose, so that no two images are ever the same.
_BLOCK = 1_000_000
_PURPOSES = ("train", "val", "test", "stream", "exam-clean", "exam-shifted")

Drawn = tuple[bytes, Label]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the world knows of one image it showed."""

    number: int
    label: Label
    shifted: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Exam:
    """Images that are never sent anywhere, with their labels: the scorekeeper's yardstick."""

    images: tuple[bytes, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to be drawn: its seed, what a coin decided about it, and whether it is shifted."""

    seed: int
    coin: bool
    shifted: bool


class World(ABC):
    """Draws everything from one seed; a share of the images is shifted once the shift is there."""

    classes: tuple[str, ...]
    share: float

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._truth: dict[str, Label] = {}
        self._shifted: list[Drawn] = []

    @abstractmethod
    def draw(self, wanted: Sequence[Wanted]) -> list[Drawn]:
        """Draw images with their labels, in the order given; the same bytes every time."""

    @abstractmethod
    def write(self, folder: Path, images: Mapping[str, Drawn]) -> None:
        """Write images by their relative path in a format that an import reads with labels."""

    def truth(self, sha256: str) -> Label | None:
        """The label of an image that was shown, None for one that never was."""
        return self._truth.get(sha256)

    @property
    def shifted_images(self) -> list[Drawn]:
        """All shifted images shown so far, with their labels."""
        return list(self._shifted)

    def write_training_folder(self, folder: Path, counts: Mapping[str, int]) -> int:
        """Write ordinary images for each split below ``folder``; returns the number."""
        names = [(split, i) for split, count in counts.items() for i in range(count)]
        drawn = self.draw([self._wanted(split, i, i % 2 == 1, shifted=False) for split, i in names])
        self.write(
            folder, {f"{s}/{i:05d}.jpg": one for (s, i), one in zip(names, drawn, strict=True)}
        )
        return len(drawn)

    def write_shifted_folder(self, folder: Path) -> int:
        """Write all shifted images shown so far with their labels; returns the number."""
        self.write(folder, {f"shown-{i:05d}.jpg": one for i, one in enumerate(self._shifted)})
        return len(self._shifted)

    def stream(self, shift: Callable[[], bool]) -> Iterator[Request]:
        """Endless traffic; while ``shift()`` holds, a share of it is shifted."""
        rng = np.random.default_rng((self._seed, 1))
        number = 0
        while True:
            coin, shifted = bool(rng.random() < 0.5), bool(rng.random() < self.share)
            person = int(rng.integers(PEOPLE))
            wanted = self._wanted("stream", number, coin, shifted=shifted and shift())
            [(image, label)] = self.draw([wanted])
            shown = Shown(number, label, wanted.shifted, hashlib.sha256(image).hexdigest())
            self._truth[shown.sha256] = label
            if shown.shifted:
                self._shifted.append((image, label))
            yield Request(image, key=f"person-{person:03d}", tag=shown)
            number += 1

    def exam(self, count: int, *, shifted: bool) -> Exam:
        """``count`` fresh images."""
        purpose = "exam-shifted" if shifted else "exam-clean"
        wanted = [self._wanted(purpose, i, i % 2 == 1, shifted=shifted) for i in range(count)]
        drawn = self.draw(wanted)
        return Exam(tuple(image for image, _ in drawn), tuple(label for _, label in drawn))

    def _wanted(self, purpose: str, number: int, coin: bool, *, shifted: bool) -> Wanted:
        block = self._seed * len(_PURPOSES) + _PURPOSES.index(purpose)
        return Wanted(block * _BLOCK + number, coin, shifted)


class Crowd(World):
    """Faces whose eyes are open or closed; the shift is that some of them wear glasses."""

    classes = eyes.CLASSES
    share = 0.2

    def draw(self, wanted: Sequence[Wanted]) -> list[Drawn]:
        """Closed where the coin says so."""
        images = eyes.render_many([eyes.Drawing(w.seed, w.coin, w.shifted) for w in wanted])
        labels = [Tag("closed" if w.coin else "open") for w in wanted]
        return list(zip(images, labels, strict=True))

    def write(self, folder: Path, images: Mapping[str, Drawn]) -> None:
        """A folder per class, below the folder that the path names."""
        for path, (image, label) in images.items():
            assert isinstance(label, Tag)
            place = folder / path
            target = place.parent / label.label / place.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(image)


class Belt(World):
    """Parts on a conveyor belt; the shift is a supplier whose parts are burnished black."""

    classes = scenes.CLASSES
    share = 0.25

    def __init__(self, seed: int, task: Literal["detection", "segmentation"]) -> None:
        super().__init__(seed)
        self._task = task

    def draw(self, wanted: Sequence[Wanted]) -> list[Drawn]:
        """Boxes or masks of the parts, as the task wants them."""
        drawn = scenes.render_many([scenes.Drawing(w.seed, w.shifted) for w in wanted])
        return [(scene.image, scene.label(self._task)) for scene in drawn]

    def write(self, folder: Path, images: Mapping[str, Drawn]) -> None:
        """The images, and one COCO file for all of them."""
        document = _coco(self.classes, images)
        for path, (image, _) in images.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(image)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "_annotations.coco.json").write_text(json.dumps(document))


def _coco(classes: Sequence[str], images: Mapping[str, Drawn]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for number, (_, label) in enumerate(images.values(), start=1):
        assert isinstance(label, Shapes)
        for shape in label.shapes:
            box, geometry = shape.geometry.bounds, shape.geometry
            found: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": classes.index(shape.label) + 1,
                "bbox": [box.x, box.y, box.width, box.height],
                "area": geometry.area,
                "iscrowd": 0,
            }
            if isinstance(geometry, Mask):
                size = [geometry.height, geometry.width]
                found["segmentation"] = {"size": size, "counts": geometry.counts}
            annotations.append(found)
    return {
        "images": [
            {"id": i, "file_name": path, "width": scenes.SIZE, "height": scenes.SIZE}
            for i, path in enumerate(images, start=1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(classes, start=1)],
    }
