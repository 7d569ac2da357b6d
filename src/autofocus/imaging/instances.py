"""From maps of classes to single objects: what touches is taken apart at its cores.

A segmenter says of each pixel what it is and how deep it lies in its own object. Pixels that lie
deep make up the core of an object, one each; the rest of an object's pixels joins the core that
is nearest through its own class. This is the watershed's idea, on a depth that was learnt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

# How deep, in pixels that the model sees, counts as deepest: objects thicker than twice this
# have a flat core, so that a long one does not fall apart.
DEEPEST = 6.0
UNJUDGED = 255  # pixels of a crowd
# Pixels that no core reaches within so many steps are an object of their own.
_FARTHEST = 128


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """Objects and areas in an image of (height, width).

    labels int32 (height, width): 0 for nothing, else 1 + the place in ``kinds`` (m,), the class
    index, and ``scores`` (m,), the mean share of the class over the pixels.
    """

    labels: Labels
    kinds: npt.NDArray[np.int64]
    scores: Floats


def depth(labels: npt.NDArray[np.integer], deepest: float = DEEPEST) -> Floats:
    """How deep each pixel lies in its object, 0 outside to 1 in the core, float32 (h, w).

    ``labels`` (h, w) names the object of each pixel, 0 for none. The edge of the image is no edge
    of an object.
    """
    found = np.zeros(labels.shape, np.float32)
    height, width = labels.shape
    rows, columns = np.nonzero(labels)
    if len(rows) == 0:
        return found
    names, inverse = np.unique(labels[rows, columns], return_inverse=True)
    for k, (top, left, bottom, right) in enumerate(_extents(inverse, rows, columns, len(names))):
        rows_at = slice(max(top - 1, 0), min(bottom + 2, height))
        at = (rows_at, slice(max(left - 1, 0), min(right + 2, width)))
        mask = (labels[at] == names[k]).astype(np.uint8)
        if mask.all():
            found[at] = 1.0
            continue
        far = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
        found[at] += np.minimum(far / min(float(far.max()), deepest), 1.0)
    return np.minimum(found, 1.0)


def separate(
    shares: Floats,
    deep: Floats,
    *,
    areas: Collection[int] = (),
    core: float = 0.5,
    smallest: float = 1.0,
) -> Instances:
    """Objects and areas of an image.

    ``shares`` (1 + classes, h, w) says what share of each pixel is nothing or a class, ``deep``
    (h, w) how deep it lies in its object. Classes in ``areas`` come out as one each. Cores are
    where ``deep`` is above ``core``; objects of fewer than ``smallest`` pixels are left out.
    """
    kind = shares.argmax(axis=0)
    labels = np.zeros(kind.shape, np.int32)
    kinds: list[int] = []
    scores: list[float] = []
    for c in range(len(shares) - 1):
        mask = (kind == c + 1).astype(np.uint8)
        if not mask.any():
            continue
        if c in areas:
            parts, n = mask.astype(np.int32), 1
        else:
            parts, n = _objects(mask, deep > core)
        size = np.bincount(parts.ravel(), minlength=n + 1)
        total = np.bincount(parts.ravel(), weights=shares[c + 1].ravel(), minlength=n + 1)
        kept = np.flatnonzero(size >= (1 if c in areas else max(smallest, 1.0)))
        kept = kept[kept > 0]
        number = np.zeros(n + 1, np.int32)
        number[kept] = len(kinds) + 1 + np.arange(len(kept))
        labels += number[parts]
        kinds += [c] * len(kept)
        scores += (total[kept] / size[kept]).tolist()
    return Instances(
        labels, np.array(kinds, np.int64), np.clip(np.array(scores, np.float32), 0.0, 1.0)
    )


def _objects(mask: npt.NDArray[np.uint8], deep: npt.NDArray[np.bool_]) -> tuple[Labels, int]:
    """The objects of one class: a number for each pixel, and how many there are."""
    n, cores = cv2.connectedComponents(mask & deep.astype(np.uint8), connectivity=4)
    _, pieces = cv2.connectedComponents(mask, connectivity=8)
    reached = np.zeros(int(pieces.max()) + 1, bool)
    reached[pieces[cores > 0]] = True
    lonely = (mask > 0) & ~reached[pieces]  # too thin for a core
    _, extra = cv2.connectedComponents(lonely.astype(np.uint8), connectivity=8)
    cores = np.where(extra > 0, extra + (n - 1), cores)
    n = n - 1 + int(extra.max())
    grown = _grow(cores.astype(np.float32), mask > 0)
    return grown.astype(np.int32), n


def _grow(cores: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """Each core grows through ``mask`` one pixel a step, around corners in every second one."""
    around = (
        cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)),
        cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3)),
    )
    still = 0
    for step in range(_FARTHEST):
        free = mask & (cores == 0)
        if not free.any():
            break
        spread = np.where(free, cv2.dilate(cores, around[step % 2]), cores)
        still = still + 1 if np.array_equal(spread, cores) else 0
        cores = spread.astype(np.float32)
        if still == 2:
            break
    return cores


def _extents(
    inverse: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    n: int,
) -> npt.NDArray[np.int64]:
    """First and last row and column of each of ``n`` objects, (n, 4): top, left, bottom, right."""
    found = np.empty((n, 4), np.int64)
    for place, values in ((0, rows), (1, columns)):
        low = np.full(n, np.iinfo(np.int64).max)
        high = np.full(n, -1)
        np.minimum.at(low, inverse, values)
        np.maximum.at(high, inverse, values)
        found[:, place], found[:, 2 + place] = low, high
    return found
