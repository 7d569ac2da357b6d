"""Classes as areas: which pixels are what, and how well their borders are met."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.types.geometry import Geometry, Shape
from autofocus.types.models import Detection
from autofocus.types.overlap import Bools, Floats, Ints, Size, region

ClassMap = npt.NDArray[np.int64]
NOTHING, UNJUDGED = -1, -2
# Share of the image's diagonal that counts as border, on the inside of an area.
BORDER = 0.02


def truth_map(truth: Sequence[Shape], classes: Sequence[str], size: Size) -> ClassMap:
    """The class number of every pixel (height, width): of the last shape drawn there.

    -1 where there is none, -2 where a crowd says that it must not be judged.
    """
    place = {name: i for i, name in enumerate(classes)}
    return _paint([(UNJUDGED if s.crowd else place[s.label], s.geometry) for s in truth], size)


def seen_map(
    seen: Sequence[Detection], classes: Sequence[str], size: Size, background: Collection[str]
) -> ClassMap:
    """As :func:`truth_map`: objects lie on ``background``, and what is surer on the rest."""
    place = {name: i for i, name in enumerate(classes)}
    top_first = sorted(seen, key=lambda d: (d.label in background, -d.score))
    return _paint([(place[d.label], d.geometry) for d in reversed(top_first)], size)


def _paint(shapes: Sequence[tuple[int, Geometry]], size: Size) -> ClassMap:
    height, width = size
    down = np.full(height * width, NOTHING, np.int64)  # column by column, as regions run
    for number, shape in shapes:
        drawn = region(shape, size)
        for begin, end in zip(drawn.begin.tolist(), drawn.end.tolist(), strict=True):
            down[begin:end] = number
    return down.reshape(width, height).T


def joint_areas(truth: ClassMap, seen: ClassMap, classes: int) -> Ints:
    """Pixels by true (row) and seen class (column), (classes + 1) each; the last is nothing."""
    judged = truth != UNJUDGED
    one = np.where(truth[judged] == NOTHING, classes, truth[judged])
    other = np.where(seen[judged] == NOTHING, classes, seen[judged])
    counts = np.bincount(one * (classes + 1) + other, minlength=(classes + 1) ** 2)
    found: Ints = counts.reshape(classes + 1, classes + 1)
    return found


def mean_iou(table: Ints, chosen: Sequence[int]) -> float | None:
    """Mean intersection over union of the ``chosen`` classes that are there or seen, if any."""
    ious = [
        table[k, k] / union
        for k in chosen
        if (union := int(table[k].sum() + table[:, k].sum() - table[k, k]))
    ]
    return float(np.mean(ious)) if ious else None


def border(mask: Bools) -> Bools:
    """The pixels of ``mask`` (height, width) within 2 % of the diagonal of what is outside.

    The edge of the image counts as outside (Cheng et al., "Boundary IoU", CVPR 2021).
    """
    height, width = mask.shape
    steps = max(1, round(BORDER * float(np.hypot(height, width))))
    padded = np.pad(mask.astype(np.uint8), 1)
    inner = cv2.erode(
        padded, np.ones((3, 3), np.uint8), iterations=steps,
        borderType=cv2.BORDER_CONSTANT, borderValue=0,
    )  # fmt: skip
    found: Bools = mask & (inner[1:-1, 1:-1] == 0)
    return found


def border_overlaps(truth: ClassMap, seen: ClassMap, classes: int) -> Ints:
    """Pixels in both borders and in either, for each class, (classes, 2)."""
    judged = truth != UNJUDGED
    found = np.zeros((classes, 2), np.int64)
    for k in np.unique(np.concatenate([truth.ravel(), seen[judged]])).tolist():
        if k >= 0:
            one, other = border(truth == k), border((seen == k) & judged)
            found[k] = (one & other).sum(), (one | other).sum()
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """Pixels of each class in n images: in truth and answer, in one of them, in their borders.

    shared, there, said (n, classes); border (n, classes, 2) as :func:`border_overlaps` gives it;
    right, judged (n,): pixels that are right, nothing included, of those that are judged; table
    (classes + 1, classes + 1): all pixels by true and seen class.
    """

    shared: Floats
    there: Floats
    said: Floats
    border: Floats
    right: Floats
    judged: Floats
    table: Ints


def measure_areas(
    scenes: Sequence[tuple[Sequence[Shape], Sequence[Detection], Size]],
    classes: Sequence[str],
    background: Collection[str],
) -> Areas:
    """Compare truth and answer of every image pixel by pixel."""
    n, k = len(scenes), len(classes)
    shared, there, said = (np.zeros((n, k)) for _ in range(3))
    borders, right, judged = np.zeros((n, k, 2)), np.zeros(n), np.zeros(n)
    total = np.zeros((k + 1, k + 1), np.int64)
    for at, (truth, seen, size) in enumerate(scenes):
        one = truth_map(truth, classes, size)
        other = seen_map(seen, classes, size, background)
        table = joint_areas(one, other, k)
        total += table
        shared[at] = table.diagonal()[:k]
        there[at], said[at] = table.sum(axis=1)[:k], table.sum(axis=0)[:k]
        borders[at] = border_overlaps(one, other, k)
        right[at], judged[at] = table.diagonal().sum(), table.sum()
    return Areas(shared, there, said, borders, right, judged, total)


def _ratio(a: Floats, b: Floats) -> Floats:
    result: Floats = np.divide(a, b, out=np.full_like(a, np.nan), where=b > 0)
    return result


def area_values(areas: Areas, weights: Floats) -> dict[str, Floats]:
    """``iou``, ``dice`` and ``boundary_iou`` of every class, (resamples, classes), and
    ``pixel_accuracy`` (resamples,), over all pixels of the weighted images (resamples, n).

    NaN for a class that is neither there nor seen.
    """
    shared, there, said = weights @ areas.shared, weights @ areas.there, weights @ areas.said
    inner = weights @ areas.border[:, :, 0]
    outer = weights @ areas.border[:, :, 1]
    return {
        "iou": _ratio(shared, there + said - shared),
        "dice": _ratio(2 * shared, there + said),
        "boundary_iou": _ratio(inner, outer),
        "pixel_accuracy": _ratio(weights @ areas.right, weights @ areas.judged),
    }
