"""From what a graph gives to what is seen in an image, in pixels of the upright original.

Loads numpy and OpenCV only: an inference server has nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.errors import Corrupted
from autofocus.imaging.instances import Instances, separate
from autofocus.imaging.preprocessing import Frame, Preprocessing
from autofocus.types import rle
from autofocus.types.geometry import Box, Mask
from autofocus.types.models import Detection, ModelBundle

Floats = npt.NDArray[np.float32]
Outputs = Sequence[npt.NDArray[np.float32]]
Size = tuple[int, int]

BOX_OUTPUTS = ("boxes", "scores", "labels")
MAP_OUTPUTS = ("maps",)


class Decoder:
    """The detections of a bundle's graph."""

    def __init__(self, bundle: ModelBundle, preprocessing: Preprocessing) -> None:
        self._classes = bundle.classes
        self._preprocessing = preprocessing
        self._areas = [bundle.classes.index(name) for name in bundle.background]
        self._task = bundle.task
        wanted = {"detection": ("threshold",), "segmentation": ("threshold", "core", "smallest")}
        missing = [n for n in wanted.get(bundle.task, ()) if n not in bundle.decoding]
        if missing:
            raise Corrupted(
                f"Bundle {bundle.digest[:12]} for {bundle.task} does not say its {missing}."
            )
        self._decoding = bundle.decoding

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of the graph that are read beside the common ones."""
        return {"detection": BOX_OUTPUTS, "segmentation": MAP_OUTPUTS}.get(self._task, ())

    def read(self, outputs: Outputs, sizes: Sequence[Size]) -> tuple[tuple[Detection, ...], ...]:
        """One tuple an image, the surest first; ``sizes`` (height, width) of the originals."""
        if self._task == "detection":
            boxes, scores, labels = outputs
            return tuple(
                self._boxes(boxes[i], scores[i], labels[i], size) for i, size in enumerate(sizes)
            )
        return tuple(self._masks(outputs[0][i], size) for i, size in enumerate(sizes))

    def _boxes(
        self, boxes: Floats, scores: Floats, labels: Floats, size: Size
    ) -> tuple[Detection, ...]:
        rows, columns = size
        frame = self._preprocessing.frame(rows, columns)
        some = int((scores > 0).sum())  # they fall
        corners = frame.original(boxes[:some].reshape(-1, 2, 2).astype(np.float64))
        corners = np.clip(corners, 0.0, (float(columns), float(rows))).reshape(-1, 4)
        found = []
        for (left, top, right, bottom), score, label in zip(
            corners.tolist(), scores[:some].tolist(), labels[:some].tolist(), strict=True
        ):
            if right > left and bottom > top:  # it may lie in the letterbox's frame
                box = Box.from_corners(left, top, right, bottom)
                found.append(Detection(self._classes[int(label)], box, min(score, 1.0)))
        return tuple(found)

    def _masks(self, maps: Floats, size: Size) -> tuple[Detection, ...]:
        frame = self._preprocessing.frame(*size)
        inner = maps[:, frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
        instances = separate(
            inner[:-1],
            inner[-1],
            areas=self._areas,
            core=self._decoding["core"],
            smallest=self._decoding["smallest"],
        )
        found = []
        for place, mask in enumerate(enlarged(instances, frame)):
            if mask is not None:
                label = self._classes[int(instances.kinds[place])]
                found.append(Detection(label, mask, float(instances.scores[place])))
        return tuple(sorted(found, key=lambda d: -d.score))


def enlarged(instances: Instances, frame: Frame) -> list[Mask | None]:
    """The mask of each instance on the original picture; None where no pixel is left.

    ``instances`` are of the picture alone, without the letterbox's frame. Edges are smoothed in
    between, so that an enlarged mask has no stairs.
    """
    height, width = instances.labels.shape
    down, across = frame.rows / height, frame.columns / width
    found: list[Mask | None] = []
    for place, (top, left, bottom, right) in enumerate(_extents(instances)):
        if right <= left:
            found.append(None)
            continue
        mask = instances.labels[top:bottom, left:right] == place + 1
        if (frame.rows, frame.columns) == (height, width):
            found.append(rle.from_crop(mask, top, left, height, width))
            continue
        # Where the part lies on the original, with the pixel around it that smoothing reaches.
        up, begin = max(0, int((top - 1) * down)), max(0, int((left - 1) * across))
        low = min(frame.rows, int(np.ceil((bottom + 1) * down)))
        end = min(frame.columns, int(np.ceil((right + 1) * across)))
        # Centres of pixels: x on the original is (x + 0.5) / across - 0.5 on the part's map.
        matrix = np.array(
            [
                [1 / across, 0.0, (begin + 0.5) / across - 0.5 - left + 1],
                [0.0, 1 / down, (up + 0.5) / down - 0.5 - top + 1],
            ]
        )
        padded = np.pad(mask.astype(np.float32), 1)
        # Beyond the picture's own edge the object goes on.
        padded[0] = padded[1] if top == 0 else 0.0
        padded[-1] = padded[-2] if bottom == height else 0.0
        padded[:, 0] = padded[:, 1] if left == 0 else 0.0
        padded[:, -1] = padded[:, -2] if right == width else 0.0
        large = cv2.warpAffine(
            padded, matrix, (end - begin, low - up), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        pixels = np.asarray(large) > 0.5
        some = bool(pixels.any())
        found.append(rle.from_crop(pixels, up, begin, frame.rows, frame.columns) if some else None)
    return found


def _extents(instances: Instances) -> list[tuple[int, int, int, int]]:
    """Top, left, bottom and right (exclusive) of each instance; all 0 for one without pixels."""
    rows, columns = np.nonzero(instances.labels)
    number = instances.labels[rows, columns] - 1
    n = len(instances.kinds)
    low = np.full((2, n), np.iinfo(np.int64).max)
    high = np.zeros((2, n), np.int64)
    for axis, values in enumerate((rows, columns)):
        np.minimum.at(low[axis], number, values)
        np.maximum.at(high[axis], number, values + 1)
    low = np.where(high > 0, low, 0)
    return [(int(low[0, i]), int(low[1, i]), int(high[0, i]), int(high[1, i])) for i in range(n)]
