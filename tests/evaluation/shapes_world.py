"""Pictures of red and blue blocks, and models that find them by their colour, more or less well."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np

from autofocus.evaluation.samples import EvalSample
from autofocus.imaging.decode import decode
from autofocus.types.data import Task
from autofocus.types.geometry import Box, Geometry, Shape, Shapes
from autofocus.types.models import Detection, PredictionBatch
from autofocus.types.rle import from_pixels

CLASSES = ("stop", "go")
COLOURS = {"stop": (200, 40, 40), "go": (40, 40, 200)}
HEIGHT, WIDTH = 72, 96


@dataclass(frozen=True)
class ColourFinder:
    """Finds blocks by colour.

    ``offset``: boxes are that many pixels too far right; ``blind``: a class it never sees;
    ``swaps``: it takes go for stop; ``twice``: it says everything again a little less surely;
    ``dim``: sees nothing in images darker than that; ``sure``: how sure it is of what it sees.
    """

    name: str = "finder-1"
    task: Task = "detection"
    classes: tuple[str, ...] = CLASSES
    threshold: float = 0.5
    offset: float = 0.0
    blind: str = ""
    swaps: bool = False
    twice: bool = False
    dim: float = 0.0
    sure: float = 0.9
    delay: float = 0.0
    background: tuple[str, ...] = ()

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        time.sleep(self.delay)
        none = np.zeros((len(images), 1), np.float32)
        p = np.zeros((len(images), len(self.classes)), np.float32)
        return PredictionBatch(p, none, none, tuple(self._look(decode(d)) for d in images))

    def _look(self, pixels: Any) -> tuple[Detection, ...]:
        if pixels.mean() < self.dim:
            return ()
        found = []
        red, blue = (pixels[..., i].astype(int) for i in (0, 2))
        for name, more in (("stop", red - blue), ("go", blue - red)):
            if name == self.blind:
                continue
            mask = (more > 60).astype(np.uint8)
            n, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
            if name in self.background:  # one area
                n, parts, stats = 2, mask, np.array([[0] * 5, [0, 0, WIDTH, HEIGHT, mask.sum()]])
            for k in range(1, n):
                if stats[k, 4] < 20:
                    continue
                geometry: Geometry = from_pixels(parts == k)
                if self.task == "detection":
                    box = geometry.bounds
                    geometry = Box(box.x + self.offset, box.y, box.width, box.height)
                label = "stop" if self.swaps else name
                found.append(Detection(label, geometry, self.sure))
                if self.twice:
                    found.append(Detection(label, geometry, self.sure - 0.1))
        return tuple(sorted(found, key=lambda d: -d.score))


@dataclass(frozen=True)
class Picture:
    """One picture: PNG and its label for a task."""

    data: bytes
    label: Shapes
    names: tuple[str, ...] = field(default=())


def picture(seed: int, task: Task = "detection", *, light: float = 1.0) -> Picture:
    """Up to four blocks in different cells of a grid, on grey noise; every seventh has none."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(90, 130, (HEIGHT, WIDTH, 3)).astype(np.float64)
    shapes = []
    cells = rng.permutation(4)[: 0 if seed % 7 == 6 else int(rng.integers(1, 5))]
    for i, cell in enumerate(cells.tolist()):
        top, left = 36 * (cell // 2), 48 * (cell % 2)
        height, width = int(rng.integers(12, 30)), int(rng.integers(12, 40))
        y, x = top + int(rng.integers(0, 36 - height)), left + int(rng.integers(0, 48 - width))
        name = CLASSES[int(rng.integers(0, 2))]
        pixels[y : y + height, x : x + width] = COLOURS[name]
        geometry: Geometry = Box(x, y, width, height)
        if task == "segmentation":
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[y : y + height, x : x + width] = True
            geometry = from_pixels(mask)
        shapes.append(Shape(f"s{i}", name, geometry))
    _, data = cv2.imencode(".png", (pixels * light).astype(np.uint8)[..., ::-1])
    return Picture(data.tobytes(), Shapes(tuple(shapes)))


def samples(n: int = 60, task: Task = "detection", **metadata: Any) -> list[EvalSample]:
    """Pictures from dark to light, of camera a or b."""
    found = []
    for i in range(n):
        light = 0.55 + 0.45 * i / max(1, n - 1)
        made = picture(i, task, light=light)
        more = {"camera": "a" if i % 3 else "b", **metadata}
        if i < 10:
            more["fixed_case"] = "blocks-case-1"
        load = partial(_data, made.data)
        found.append(EvalSample(f"test/{i:03}.png", f"{i:064x}", load, made.label, more))
    return found


def _data(data: bytes) -> bytes:
    return data
