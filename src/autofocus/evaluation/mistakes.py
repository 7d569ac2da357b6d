"""What went wrong with each object: five kinds of mistakes, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from autofocus.evaluation.areas import ClassMap, joint_areas, seen_map, truth_map
from autofocus.evaluation.matching import match
from autofocus.evaluation.overlap import Bools, Ints
from autofocus.evaluation.scenes import Scene
from autofocus.types.geometry import Shape
from autofocus.types.models import Detection
from autofocus.types.rle import from_pixels

Error = Literal["missed", "spurious", "badly placed", "swapped", "duplicate"]
ERRORS: tuple[Error, ...] = ("missed", "spurious", "badly placed", "swapped", "duplicate")

IOU = 0.5
# What overlaps less than this has nothing to do with the object.
NEAR = 0.1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: the object it is about, what was seen, and how much the two overlap.

    ``missed`` has nothing seen, ``spurious`` no object. ``badly placed``: the right class,
    overlapping too little; ``swapped``: in its place, another class; ``duplicate``: what was found
    already is seen once more.
    """

    error: Error
    truth: Shape | None
    seen: Detection | None
    overlap: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """One image: which truth was found by what (truth, seen), and the mistakes.

    ``ignored`` (seen,) lies in a crowd.
    """

    found: tuple[tuple[int, int], ...]
    mistakes: tuple[Mistake, ...]
    ignored: Bools


def judge(scene: Scene, *, iou: float = IOU) -> Judgement:
    """Tell right from wrong in one image, of which only sure detections should be left.

    First everything seen takes an object of its class, as for the loss. What is left over is
    explained, each object and each thing seen once, in this order: it lies on an object of another
    class (swapped); it overlaps one of its class somewhat (badly placed); it lies on an object
    that was found already (duplicate); nothing of all that (spurious). An object that no mistake
    explains was missed.
    """
    names = np.array([s.label for s in scene.truth], np.str_)
    said = np.array([d.label for d in scene.seen], np.str_)
    same = names[:, None] == said[None, :]
    overlap, crowd = scene.overlap, scene.crowd
    first = match(overlap, same, crowd, iou=iou)
    found = [(i, j) for j, i in enumerate(first.truth.tolist()) if i >= 0]
    open_truth = ~first.found & ~crowd
    open_seen = (first.truth < 0) & ~first.ignored
    mistakes: list[Mistake] = []
    explanations: tuple[tuple[Error, Bools, float], ...] = (
        ("swapped", ~same, iou),
        ("badly placed", same, NEAR),
    )
    for error, allowed, least in explanations:
        allowed = allowed & open_truth[:, None] & open_seen[None, :]
        more = match(overlap, allowed, crowd, iou=least)
        for j in np.flatnonzero(more.truth >= 0).tolist():
            i = int(more.truth[j])
            mistakes.append(Mistake(error, scene.truth[i], scene.seen[j], float(overlap[i, j])))
            open_truth[i], open_seen[j] = False, False
    for j in np.flatnonzero(open_seen).tolist():
        of_found = np.where(first.found, overlap[:, j], 0.0)
        i = int(of_found.argmax()) if len(of_found) else -1
        if i >= 0 and of_found[i] >= iou:
            shape = scene.truth[i]
            mistakes.append(Mistake("duplicate", shape, scene.seen[j], float(of_found[i])))
        else:
            mistakes.append(Mistake("spurious", None, scene.seen[j]))
    mistakes += [Mistake("missed", scene.truth[i], None) for i in np.flatnonzero(open_truth)]
    return Judgement(tuple(found), tuple(mistakes), first.ignored)


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
