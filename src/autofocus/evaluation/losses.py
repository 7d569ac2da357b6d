"""How wrong an answer about one image is, from 0 (nothing) to 1 (everything).

One number an image is what verdicts and promotions rest on: for classes it is 0 or 1, for boxes
and masks it lies between.

- **Objects** (boxes, instances): 1 - F1. What is seen surely enough takes, the surest first, the
  object of its class that it overlaps most, if that is at least half (intersection over union);
  each object is taken once. F1 = 2 taken / (truths + seen). Nothing there and nothing seen: 0.
- **Areas** (background and semantic classes): 1 - mean intersection over union of the pixels of
  each class that is there or seen.
- An image with both: the mean of the two.

A crowd stands for many objects: what is seen in it is neither right nor wrong, and among areas its
pixels are not judged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from autofocus.errors import InvalidInput
from autofocus.evaluation.areas import joint_areas, mean_iou, seen_map, truth_map
from autofocus.types.data import Task
from autofocus.types.geometry import Shape, Shapes
from autofocus.types.matching import match
from autofocus.types.models import Detection
from autofocus.types.overlap import Size, size_of
from autofocus.types.predictors import THRESHOLD
from autofocus.types.scenes import Scene

IOU = 0.5


def image_loss(
    truth: Shapes,
    seen: Sequence[Detection],
    *,
    task: Task,
    threshold: float = THRESHOLD,
    size: Size | None = None,
    background: Collection[str] = (),
    iou: float = IOU,
) -> float:
    """How wrong what was ``seen`` in an image is, 0 to 1.

    Only what the model is sure of by ``threshold`` or more counts. Detection goes by the boxes
    around shapes, segmentation by their pixels on an image of ``size`` (height, width; default:
    their masks', or one that holds all shapes). ``background`` names the classes of segmentation
    that are areas and not objects. Raises InvalidInput for classification, whose answer is one
    class, and for masks of another size.
    """
    if task == "classification":
        raise InvalidInput("Classification has no shapes: its loss is 1 for the wrong class.")
    kept = tuple(d for d in seen if d.score >= threshold)
    boxes = task == "detection"
    if size is None:
        size = (
            (1, 1)
            if boxes
            else size_of([*(s.geometry for s in truth.shapes), *(d.geometry for d in kept)])
        )
    return scene_loss(Scene(truth.shapes, kept, size, boxes), () if boxes else background, iou=iou)


def scene_loss(scene: Scene, background: Collection[str] = (), *, iou: float = IOU) -> float:
    """As :func:`image_loss`, of an image in which only what the model is sure of was seen."""
    objects = scene.part(without=background) if background else scene
    found = []
    if objects.truth or objects.seen:
        found.append(_object_loss(objects, iou))
    if len(objects.truth) + len(objects.seen) < len(scene.truth) + len(scene.seen):
        found.append(_area_loss(scene.truth, scene.seen, scene.size, background))
    return float(np.mean(found)) if found else 0.0


def _object_loss(scene: Scene, iou: float) -> float:
    names = np.array([s.label for s in scene.truth], np.str_)
    seen_names = np.array([d.label for d in scene.seen], np.str_)
    same = names[:, None] == seen_names[None, :]
    matches = match(scene.overlap, same, scene.crowd, iou=iou)
    right = int(matches.found.sum())
    total = int((~scene.crowd).sum()) + int((~matches.ignored).sum())
    return 1.0 - 2.0 * right / total if total else 0.0


def _area_loss(
    truth: Sequence[Shape], seen: Sequence[Detection], size: Size, background: Collection[str]
) -> float:
    names = sorted({s.label for s in truth} | {d.label for d in seen})
    there, said = truth_map(truth, names, size), seen_map(seen, names, size, background)
    chosen = [k for k, name in enumerate(names) if name in background]
    shared = mean_iou(joint_areas(there, said, len(names)), chosen)
    return 0.0 if shared is None else 1.0 - shared
