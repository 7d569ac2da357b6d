"""Scenes of coloured plates and discs that a small detector or segmenter learns within a minute."""

from __future__ import annotations

import cv2
import numpy as np

from autofocus.types import rle
from autofocus.types.geometry import Box, Shape, Shapes

CLASSES = ("plate", "disc")
SIDE = 64
COLOURS = {"plate": (200, 60, 40), "disc": (40, 90, 200)}


def scene(
    seed: int, *, masks: bool = False, width: int = SIDE, height: int = SIDE, dark: bool = False
) -> tuple[bytes, Shapes]:
    """A PNG with up to four objects, some of which touch, and its label: boxes or masks.

    The last one drawn is on top, so the masks of those below are cut.
    """
    rng = np.random.default_rng(seed)
    pixels = rng.integers(100, 150, (height, width, 3), dtype=np.uint8)
    owner = np.zeros((height, width), np.uint8)
    labels = []
    for number in range(1, 1 + int(rng.integers(0 if seed % 10 == 0 else 1, 5))):
        label = CLASSES[int(rng.integers(2))]
        half = int(rng.integers(7, 13))
        x, y = int(rng.integers(half, width - half)), int(rng.integers(half, height - half))
        colour = [int(c) for c in np.array(COLOURS[label]) + rng.integers(-25, 26, 3)]
        taken = np.zeros((height, width), np.uint8)
        if label == "plate":
            cv2.rectangle(taken, (x - half, y - half), (x + half - 1, y + half - 1), 1, -1)
        else:
            cv2.circle(taken, (x, y), half - 1, 1, -1)
        if (owner[taken > 0] > 0).mean() > 0.2:
            continue  # hidden too much to be asked for
        pixels[taken > 0] = np.clip(colour, 0, 255)
        owner[taken > 0] = number
        labels.append((number, label, taken))
    shapes = []
    for number, label, taken in labels:
        mask = rle.from_pixels(owner == number)
        whole = rle.from_pixels(taken).bounds
        where = mask if masks else Box(whole.x, whole.y, whole.width, whole.height)
        shapes.append(Shape(f"s{number}", label, where))
    if dark:
        pixels = pixels // 3
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))
    assert done
    return data.tobytes(), Shapes(tuple(shapes))
