"""From the rows of a version to what a run learns and what it is asked, task by task."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autofocus.imaging.preprocessing import Preprocessing
from autofocus.training.bundle import HeldOut
from autofocus.training.classifying import ClassLesson, Examples, Material, pool_weight
from autofocus.training.exams import BoxExam, ClassExam, Exam, MapExam
from autofocus.training.fitting import Lesson, Pixels, Rows
from autofocus.training.images import Split, load_pixels, truths
from autofocus.training.parameters import TrainingParameters
from autofocus.training.shaping import BoxLesson, MapLesson
from autofocus.training.targets import Maps, read_boxes, read_maps
from autofocus.types.models import RunSpec

if TYPE_CHECKING:
    from autofocus.store.manifests import Manifest


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The images of a run: a version, its rows by what they serve, and how they are seen."""

    manifest: Manifest
    rows: Split
    spec: RunSpec
    preprocessing: Preprocessing
    cache: Path

    def pixels(self, rows: Rows) -> Pixels:
        """Decoded images, uint8 (n, h, w, 3)."""
        return load_pixels(self.manifest, rows, self.preprocessing, self.cache)

    def maps(self, rows: Rows) -> Maps:
        """What each pixel of the images is."""
        spec = self.spec
        return read_maps(
            self.manifest, rows, spec.classes, spec.background, self.preprocessing, self.cache
        )


def held_out(source: Source) -> HeldOut:
    """The validation and test images with the exam about them."""
    manifest, spec = source.manifest, source.spec
    held = np.sort(np.concatenate([source.rows.val, source.rows.test]))
    keys, hashes, classes = (
        manifest.column("key"), manifest.column("sha256"), manifest.class_sets(),
    )  # fmt: skip
    return HeldOut(
        pixels=source.pixels(held),
        exam=_exam(source, held),
        key=np.array([keys[i] for i in held], dtype=np.str_),
        sha256=np.array([hashes[i] for i in held], dtype=np.str_),
        fitted=np.isin(held, source.rows.val),
        marked=Counter(name for i in held for name in classes[i] or () if name in spec.classes),
    )


def _exam(source: Source, rows: Rows) -> Exam:
    spec = source.spec
    if spec.task == "detection":
        return BoxExam(read_boxes(source.manifest, rows, spec.classes, source.preprocessing))
    if spec.task == "segmentation":
        areas = tuple(spec.classes.index(name) for name in spec.background)
        return MapExam(source.maps(rows), len(spec.classes), areas)
    return ClassExam(truths(source.manifest, rows, spec.classes))


def teach(source: Source, parameters: TrainingParameters, held: HeldOut) -> Lesson:
    """What the run's network learns; ``held`` has the validation images already decoded."""
    spec, train = source.spec, source.rows.train
    pixels = source.pixels(train)
    seen = held.pixels[held.fitted]
    exam, fitted = held.exam, np.flatnonzero(held.fitted)
    focus = _focused(source, parameters, train)
    if isinstance(exam, BoxExam):
        boxes = read_boxes(source.manifest, train, spec.classes, source.preprocessing)
        val = [exam.boxes[i] for i in fitted.tolist()]
        return BoxLesson(pixels, boxes, focus, seen, val, parameters, classes=len(spec.classes))
    if isinstance(exam, MapExam):
        return MapLesson(
            pixels, source.maps(train), focus, seen, exam.maps.take(fitted), parameters,
            classes=len(spec.classes),
        )  # fmt: skip
    finetune = spec.initial_bundle is not None
    rows = source.rows.pool
    pool = rows if pool_weight(parameters, finetune=finetune) > 0 else rows[:0]
    if finetune:
        pool = pool[_focused(source, parameters, pool)]
    material = Material(
        train=Examples(pixels, truths(source.manifest, train, spec.classes)),
        val=Examples(seen, exam.truth[fitted]),
        pool=Examples(source.pixels(pool), np.full(len(pool), -1, np.int64)),
        focus=focus,
    )
    return ClassLesson(
        material, parameters, classes=len(spec.classes), seed=spec.seed, finetune=finetune
    )


def _focused(source: Source, parameters: TrainingParameters, rows: Rows) -> npt.NDArray[np.bool_]:
    found = [source.manifest.row(int(i)) for i in rows]
    return np.array([parameters.focus.takes(r.key, r.metadata) for r in found], dtype=bool)
