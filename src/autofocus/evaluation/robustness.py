"""How answers hold when the pictures get worse."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.evaluation.losses import image_loss
from autofocus.imaging.corruptions import corrupt
from autofocus.imaging.decode import decode
from autofocus.imaging.moving import mirrored, plain, pushed, scaled
from autofocus.types.data import Task
from autofocus.types.geometry import Shapes
from autofocus.types.models import Predictor
from autofocus.types.overlap import Size
from autofocus.types.predictors import threshold_of

FAMILIES = ("noise", "blur", "brighter", "darker", "contrast", "jpeg", "shift")
SEVERITY = 2
IMAGES = 200
_BATCH = 64
# Larger pictures are decoded smaller first: a corruption is a share of the picture's side.
_ENOUGH = (256, 256)


def corrupted_copies(images: Sequence[bytes], family: str, *, seed: int = 0) -> list[bytes]:
    """The images with one corruption, as PNG (nothing else is lost on the way)."""
    copies = []
    for number, data in enumerate(images):
        pixels = corrupt(decode(data, min_size=_ENOUGH), family, SEVERITY, seed=seed + number)
        _, encoded = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        copies.append(encoded.tobytes())
    return copies


def correct_under(
    predictors: Sequence[Predictor],
    images: Sequence[bytes],
    truth: Sequence[str],
    *,
    seed: int = 0,
) -> list[dict[str, npt.NDArray[np.bool_]]]:
    """For each predictor: family to whether each answer was right, (n,), on the same copies."""
    found: list[dict[str, npt.NDArray[np.bool_]]] = [{} for _ in predictors]
    for family in FAMILIES:
        copies = corrupted_copies(images, family, seed=seed)
        for place, predictor in enumerate(predictors):
            found[place][family] = np.array(
                [a == b for a, b in zip(answers(predictor, copies), truth, strict=True)],
                dtype=bool,
            )
    return found


def answers(predictor: Predictor, images: Sequence[bytes]) -> list[str]:
    """The class a predictor gives to each image."""
    found: list[str] = []
    for start in range(0, len(images), _BATCH):
        batch = predictor.predict(images[start : start + _BATCH]).probabilities.argmax(axis=1)
        found += [predictor.classes[int(i)] for i in batch]
    return found


# -- boxes and masks -------------------------------------------------------------------------

MIRROR = "flip"
# Finding things takes longer than naming an image, so fewer images are looked at.
SHAPE_IMAGES = 60
# Longer sides are made this long first: what is tested is the change, and 12 million pixels of
# noise take a second an image.
_LONGEST = 640
_PUSH = 0.08


def changed_scene(
    data: bytes, label: Shapes, family: str, *, boxes: bool, seed: int
) -> tuple[bytes, Shapes, Size]:
    """One image with one corruption as PNG, the label that fits it, and its (height, width).

    ``shift`` and ``flip`` move the label along; the others leave every object where it is.
    """
    pixels = decode(data)
    before = (pixels.shape[0], pixels.shape[1])
    label = plain(label, boxes=boxes, size=before)
    share = min(1.0, _LONGEST / max(before))
    size = (max(1, round(before[0] * share)), max(1, round(before[1] * share)))
    if size != before:
        pixels = np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA))
        label = scaled(label, before, size)
    if family == MIRROR:
        pixels, label = np.ascontiguousarray(pixels[:, ::-1]), mirrored(label, size)
    elif family == "shift":
        angle = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi)
        reach = _PUSH * min(size)
        right, down = round(reach * np.cos(angle)), round(reach * np.sin(angle))
        edges = (max(down, 0), max(-down, 0), max(right, 0), max(-right, 0))
        wide = np.asarray(cv2.copyMakeBorder(pixels, *edges, cv2.BORDER_REPLICATE))
        top, left = max(-down, 0), max(-right, 0)
        pixels = wide[top : top + size[0], left : left + size[1]]
        label = pushed(label, right, down, size)
    else:
        pixels = corrupt(pixels, family, SEVERITY, seed=seed)
    _, encoded = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return encoded.tobytes(), label, size


def losses_under(
    predictors: Sequence[Predictor],
    images: Sequence[bytes],
    labels: Sequence[Shapes],
    *,
    task: Task,
    background: Collection[str] = (),
    flips: bool = False,
    seed: int = 0,
) -> list[dict[str, npt.NDArray[np.float64]]]:
    """For each predictor: family to its loss on each image, (n,), on the same copies.

    ``flips``: also on mirrored images, where a class is the same seen from the other side.
    """
    found: list[dict[str, npt.NDArray[np.float64]]] = [{} for _ in predictors]
    for family in (*FAMILIES, *([MIRROR] if flips else [])):
        losses: list[list[float]] = [[] for _ in predictors]
        for start in range(0, len(images), _BATCH):
            copies = [
                changed_scene(data, label, family, boxes=task == "detection", seed=seed + number)
                for number, (data, label) in enumerate(
                    zip(
                        images[start : start + _BATCH], labels[start : start + _BATCH], strict=True
                    ),
                    start,
                )
            ]
            for place, predictor in enumerate(predictors):
                seen = predictor.predict([data for data, _, _ in copies]).detections
                losses[place] += [
                    image_loss(
                        label, answer, task=task, threshold=threshold_of(predictor), size=size,
                        background=background,
                    )
                    for (_, label, size), answer in zip(copies, seen, strict=True)
                ]  # fmt: skip
        for place, values in enumerate(losses):
            found[place][family] = np.array(values)
    return found
