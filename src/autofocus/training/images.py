"""The images of a version in memory, decoded once, as the model will see them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from autofocus.errors import ImageRejected, InvalidInput
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.types.codec import digest
from autofocus.types.data import Task
from autofocus.types.geometry import Shapes

if TYPE_CHECKING:
    from autofocus.store.manifests import Manifest

Rows = npt.NDArray[np.int64]

# A set larger than this is kept in a memory-mapped file of the cache instead of in memory.
_IN_MEMORY_BYTES = 512 * 2**20
_VAL_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers of the manifest by what they serve; all but ``pool`` are labelled.

    ``val_is_train`` says that the version had too few validation images, so that a part of the
    training images (chosen by their hash) was taken away for them.
    """

    train: Rows
    val: Rows
    test: Rows
    pool: Rows
    val_is_train: bool


def split_rows(manifest: Manifest, classes: Sequence[str]) -> Split:
    """Who serves what; raises InvalidInput if a class has no training image."""
    labels = manifest.class_sets()
    unknown = sorted({name for found in labels for name in found or ()} - set(classes))
    if unknown:
        raise InvalidInput(
            f"The version has labels {unknown} that are no class of the run ({list(classes)})."
        )
    train = manifest.select("train", labelled=True)
    val = manifest.select("val", labelled=True)
    test = manifest.select("test", labelled=True)
    pool = manifest.select("pool", labelled=False)
    taken = len(val) < max(10, 2 * len(classes))
    if taken and len(train) >= 8:
        sha256 = manifest.column("sha256")
        held = np.array([int(sha256[i][:8], 16) / 2**32 < _VAL_SHARE for i in train], dtype=bool)
        val, train = np.sort(np.concatenate([val, train[held]])), train[~held]
    missing = sorted(set(classes) - {name for i in train for name in labels[i] or ()})
    if missing or len(val) == 0:
        what = f"no training image of {missing}" if missing else "no image to validate on"
        raise InvalidInput(
            f"The version has {what}: {len(train)} for training, {len(val)} for validation.",
            hint="Label some images, put them into split train, and commit a new version.",
        )
    return Split(train, val, test, pool, taken)


def choose_preprocessing(
    manifest: Manifest,
    rows: Rows,
    size: tuple[int, int] | None,
    fit: Literal["stretch", "letterbox"],
    task: Task = "classification",
) -> Preprocessing:
    """``size`` (height, width), or the median of the images, within what the task can learn from.

    Classification: each side within 64..128, in steps of 8. Smaller images are enlarged: the
    network's strides leave 4 x 4 places of a side of 64, and 2 x 2 of 32, which cost 14 points on
    real digits of 32 x 20 pixels. Detection and segmentation: the longer side within 128..256,
    in steps of 32, the shorter one in proportion; up to 320 where many objects would be smaller
    than 16 pixels otherwise.
    """
    if size is not None:
        return Preprocessing(size[0], size[1], fit)
    height = float(np.median(np.asarray(manifest.column("height"))[rows]))
    width = float(np.median(np.asarray(manifest.column("width"))[rows]))
    if task == "classification":
        return Preprocessing(_side(height, 8, 64, 128), _side(width, 8, 64, 128), fit)
    scale = min(1.0, 256 / max(height, width))
    small = _small_object(manifest, rows)
    if small is not None and small * scale < 16:
        scale = min(max(16 / small, scale), 320 / max(height, width), max(1.0, scale))
    scale = max(scale, 128 / max(height, width))
    return Preprocessing(_side(scale * height, 32, 64, 320), _side(scale * width, 32, 64, 320), fit)


def _side(length: float, step: int, low: int, high: int) -> int:
    return int(np.clip(round(length / step) * step, low, high))


def _small_object(manifest: Manifest, rows: Rows) -> float | None:
    """Side in pixels of a square as large as an object that a tenth of all are smaller than."""
    sides = []
    for row in rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), 200)).astype(int))]:
        label = manifest.label(int(row))
        if isinstance(label, Shapes):
            sides += [np.sqrt(s.geometry.bounds.area) for s in label.shapes if not s.crowd]
    return float(np.quantile(sides, 0.1)) if sides else None


def load_pixels(
    manifest: Manifest, rows: Rows, preprocessing: Preprocessing, cache: Path
) -> npt.NDArray[np.uint8]:
    """Decode ``rows`` into uint8 (n, height, width, 3).

    Large sets are memory-mapped below ``cache``, whose content may be deleted at any time.
    Raises ImageRejected naming the image that cannot be used.
    """
    shape = (len(rows), preprocessing.height, preprocessing.width, 3)
    if int(np.prod(shape)) <= _IN_MEMORY_BYTES:
        pixels = np.empty(shape, np.uint8)
        _decode_into(pixels, manifest, rows, preprocessing)
        return pixels
    name = digest({"version": manifest.digest, "size": preprocessing, "rows": rows.tolist()})
    path = cache / "pixels" / f"{name[:32]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        mapped = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        _decode_into(mapped, manifest, rows, preprocessing)
        mapped.flush()
        part.replace(path)
    loaded: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return loaded


def _decode_into(
    pixels: npt.NDArray[np.uint8], manifest: Manifest, rows: Rows, preprocessing: Preprocessing
) -> None:
    def work(place: int) -> None:
        row = int(rows[place])
        try:
            pixels[place] = preprocessing.apply(manifest.image(row))
        except ImageRejected as exc:
            key = manifest.row(row).key
            raise ImageRejected(f"{key}: {exc.message}", hint=exc.hint, key=key) from exc

    # Decoders leave the interpreter lock.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        for _ in threads.map(work, range(len(rows))):
            pass


def truths(manifest: Manifest, rows: Rows, classes: Sequence[str]) -> Rows:
    """Class index of each row, (n,); the rows must be labelled."""
    place: Mapping[str, int] = {name: i for i, name in enumerate(classes)}
    labels: list[Any] = manifest.classes()
    return np.array([place[labels[i]] for i in rows], dtype=np.int64)
