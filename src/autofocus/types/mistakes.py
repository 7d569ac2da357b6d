"""What went wrong with each object: five kinds of mistakes.

Loads numpy, as :mod:`autofocus.types.rle` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from autofocus.types.geometry import Shape
from autofocus.types.matching import match
from autofocus.types.models import Detection
from autofocus.types.overlap import Bools
from autofocus.types.scenes import Scene

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
