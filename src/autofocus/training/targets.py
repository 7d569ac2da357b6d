"""What is marked in the images of a version, as a network is asked for it.

Everything is in preprocessed pixels: where the model sees the image, not where it was marked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autofocus.errors import Corrupted, InvalidInput
from autofocus.imaging.instances import UNJUDGED, depth
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.training.detector import BoxTargets, stack_boxes
from autofocus.types.codec import digest
from autofocus.types.geometry import Shapes
from autofocus.types.rle import draw, to_crop

if TYPE_CHECKING:
    from autofocus.store.manifests import Manifest

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

MOST_CLASSES = 250  # a class is one byte of a map, and some bytes mean something else
_IN_MEMORY_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes of one image: edges float32 (m, 4), labels int64 (m,), judged bool (m,), False
    for a crowd."""

    edges: Floats
    labels: npt.NDArray[np.int64]
    judged: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """The pixels of n images.

    kinds uint8 (n, h, w): 0 nothing, 1 + class index, 255 a crowd, which is not judged; deep
    uint8 (n, h, w): 0 at an object's edge to 255 in its core; objects uint16 (n, h, w): which
    object of its image a pixel belongs to, 0 none.
    """

    kinds: Pixels
    deep: Pixels
    objects: npt.NDArray[np.uint16]

    def take(self, rows: Any) -> Maps:
        """Those of some images."""
        return Maps(self.kinds[rows], self.deep[rows], self.objects[rows])


def shapes_of(manifest: Manifest, row: int) -> Shapes:
    """The label of a row; raises InvalidInput where it is none with shapes."""
    label = manifest.label(row)
    if not isinstance(label, Shapes):
        raise InvalidInput(
            f"{manifest.row(row).key} is labelled with a class for the whole image; shapes were "
            "expected."
        )
    return label


def read_boxes(
    manifest: Manifest, rows: Rows, classes: Sequence[str], preprocessing: Preprocessing
) -> list[Boxes]:
    """The boxes around the shapes of each row."""
    place = {name: i for i, name in enumerate(classes)}
    heights, widths = manifest.column("height"), manifest.column("width")
    found = []
    for row in rows.tolist():
        shapes = shapes_of(manifest, row).shapes
        frame = preprocessing.frame(heights[row], widths[row])
        bounds = [s.geometry.bounds for s in shapes]
        corners = np.array([(b.x, b.y, b.right, b.bottom) for b in bounds], np.float64)
        seen = frame.seen(corners.reshape(-1, 2, 2))
        low = (frame.left, frame.top)
        high = (frame.left + frame.width, frame.top + frame.height)
        edges = np.clip(seen, low, high).reshape(-1, 4).astype(np.float32)
        found.append(
            Boxes(
                edges,
                np.array([place[s.label] for s in shapes], np.int64),
                np.array([not s.crowd for s in shapes], bool),
            )
        )
    return found


def batch_boxes(boxes: Sequence[Boxes], weights: Tensor | None = None) -> BoxTargets:
    """Boxes of a batch as tensors, weighted by their class with ``weights`` (classes,)."""
    return stack_boxes(
        [torch.from_numpy(b.edges) for b in boxes],
        [torch.from_numpy(b.labels) for b in boxes],
        [torch.from_numpy(b.judged) for b in boxes],
        weights,
    )


def read_maps(
    manifest: Manifest,
    rows: Rows,
    classes: Sequence[str],
    background: Sequence[str],
    preprocessing: Preprocessing,
    cache: Path,
) -> Maps:
    """Class, depth and object of each pixel of each row; the last shape drawn is on top.

    Large sets are memory-mapped below ``cache``, whose content may be deleted at any time.
    """
    if len(classes) > MOST_CLASSES:
        raise InvalidInput(
            f"Segmentation takes up to {MOST_CLASSES} classes, this project has {len(classes)}."
        )
    place = {name: i for i, name in enumerate(classes)}
    shape = (len(rows), preprocessing.height, preprocessing.width)
    name = digest(
        {
            "version": manifest.digest,
            "size": preprocessing,
            "rows": rows.tolist(),
            "classes": list(classes),
            "background": list(background),
        }
    )

    def fill(kinds: Any, deep: Any, objects: Any) -> None:
        for i, row in enumerate(rows.tolist()):
            size = (manifest.column("height")[row], manifest.column("width")[row])
            shapes = shapes_of(manifest, row)
            kinds[i], deep[i], objects[i] = draw_maps(
                shapes, size, place, background, preprocessing
            )

    return Maps(*_arrays(shape, (np.uint8, np.uint8, np.uint16), fill, cache, name))


def draw_maps(
    shapes: Shapes,
    size: tuple[int, int],
    place: dict[str, int],
    background: Sequence[str],
    preprocessing: Preprocessing,
) -> tuple[Pixels, Pixels, npt.NDArray[np.uint16]]:
    """Kind, depth and object of each preprocessed pixel of an image of ``size`` (height, width).

    Raises InvalidInput for more than 65,534 shapes.
    """
    if len(shapes.shapes) > 65_534:
        raise InvalidInput(f"An image has {len(shapes.shapes)} shapes, more than 65,534.")
    canvas = np.zeros(size, np.uint16)
    for number, shape in enumerate(shapes.shapes, 1):
        try:
            mask = draw(shape.geometry, *size)
        except InvalidInput:  # so small that it holds no pixel's centre
            continue
        pixels, top, left = to_crop(mask)
        rows, columns = pixels.shape
        canvas[top : top + rows, left : left + columns][pixels] = number
    at = preprocessing.frame(*size)
    inner = canvas
    if size != (at.height, at.width):
        inner = np.asarray(
            cv2.resize(canvas, (at.width, at.height), interpolation=cv2.INTER_NEAREST_EXACT)
        )
    objects = np.zeros((preprocessing.height, preprocessing.width), np.uint16)
    objects[at.top : at.top + at.height, at.left : at.left + at.width] = inner
    kind = np.zeros(len(shapes.shapes) + 1, np.uint8)
    single = np.zeros(len(shapes.shapes) + 1, bool)
    for number, shape in enumerate(shapes.shapes, 1):
        kind[number] = UNJUDGED if shape.crowd else 1 + place[shape.label]
        single[number] = not shape.crowd and shape.label not in background
    kinds = kind[objects]
    objects = np.where(single[objects], objects, 0).astype(np.uint16)
    deep = np.round(255.0 * depth(objects.astype(np.int32))).astype(np.uint8)
    return kinds, deep, objects


def _arrays(
    shape: tuple[int, ...],
    kinds: Sequence[Any],
    fill: Callable[..., None],
    cache: Path,
    name: str,
) -> list[Any]:
    """Arrays of one shape that ``fill`` writes: in memory, or mapped from files of the cache."""
    bytes_ = int(np.prod(shape)) * sum(np.dtype(kind).itemsize for kind in kinds)
    if bytes_ <= _IN_MEMORY_BYTES:
        arrays = [np.empty(shape, kind) for kind in kinds]
        fill(*arrays)
        return arrays
    folder = cache / "targets"
    paths = [folder / f"{name[:32]}-{i}.npy" for i in range(len(kinds))]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        parts = [path.with_suffix(f".{os.getpid()}.part") for path in paths]
        mapped = [
            np.lib.format.open_memmap(part, mode="w+", dtype=kind, shape=shape)
            for part, kind in zip(parts, kinds, strict=True)
        ]
        fill(*mapped)
        for array, part, path in zip(mapped, parts, paths, strict=True):
            array.flush()
            part.replace(path)
    loaded = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
    if any(array.shape != shape for array in loaded):
        raise Corrupted(f"{paths[0]} holds other images.", hint="Delete it and train again.")
    return loaded
