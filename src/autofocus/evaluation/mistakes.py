"""Which class was taken for which, and what went wrong with areas."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from autofocus.evaluation.areas import ClassMap, joint_areas, seen_map, truth_map
from autofocus.types.geometry import Shape
from autofocus.types.mistakes import IOU, NEAR, Judgement, Mistake
from autofocus.types.models import Detection
from autofocus.types.overlap import Ints
from autofocus.types.rle import from_pixels
from autofocus.types.scenes import Scene


def confusion(
    scenes: Sequence[Scene], judged: Sequence[Judgement], classes: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    """Objects by true class (row) and seen class (column), (classes + 1) each; the last is nothing.

    What is badly placed stands for an object not found and for something seen where nothing is.
    """
    place = {name: i for i, name in enumerate(classes)}
    nothing = len(classes)
    table: Ints = np.zeros((nothing + 1, nothing + 1), np.int64)
    for scene, judgement in zip(scenes, judged, strict=True):
        for i, _ in judgement.found:
            k = place[scene.truth[i].label]
            table[k, k] += 1
        for m in judgement.mistakes:
            if m.error == "swapped" and m.truth and m.seen:
                table[place[m.truth.label], place[m.seen.label]] += 1
                continue
            if m.truth and m.error != "duplicate":
                table[place[m.truth.label], nothing] += 1
            if m.seen:
                table[nothing, place[m.seen.label]] += 1
    return tuple(tuple(int(v) for v in row) for row in table)


def judge_areas(
    scene: Scene, classes: Sequence[str], background: Collection[str]
) -> tuple[Mistake, ...]:
    """What is wrong with the areas of one image, each as one mistake about all of its pixels.

    An area counts as right from half of intersection over union on. It is swapped where another
    class is seen on most of it, badly placed where it is met somewhat, else missed; an area that
    is nowhere is spurious, unless it was taken for another.
    """
    place = {name: k for k, name in enumerate(classes)}
    truth, seen = (
        truth_map(scene.truth, classes, scene.size),
        seen_map(scene.seen, classes, scene.size, background),
    )
    table = joint_areas(truth, seen, len(classes))
    mistakes: list[Mistake] = []
    explained: set[int] = set()
    for name in (n for n in classes if n in background):
        k = place[name]
        there, said, both = int(table[k].sum()), int(table[:, k].sum()), int(table[k, k])
        if not there or both / (there + said - both) >= IOU:
            continue
        overlap = both / (there + said - both)
        shape = Shape(f"area-{k}", name, from_pixels(truth == k))
        other = int(np.where(np.arange(len(classes)) == k, 0, table[k, :-1]).argmax())
        if 2 * int(table[k, other]) > there and other != k:
            explained.add(other)
            mistakes.append(Mistake("swapped", shape, _area(scene, seen, classes, other), overlap))
        elif overlap >= NEAR:
            mistakes.append(Mistake("badly placed", shape, _area(scene, seen, classes, k), overlap))
        else:
            mistakes.append(Mistake("missed", shape, None, overlap))
    mistakes += [
        Mistake("spurious", None, _area(scene, seen, classes, place[name]))
        for name in classes
        if name in background
        and not table[place[name]].sum()
        and table[:, place[name]].sum()
        and place[name] not in explained
    ]
    return tuple(mistakes)


def _area(scene: Scene, seen: ClassMap, classes: Sequence[str], k: int) -> Detection:
    """All that was seen of a class, as sure as the surest part of it."""
    surest = max(d.score for d in scene.seen if d.label == classes[k])
    return Detection(classes[k], from_pixels(seen == k), surest)
