"""Label QA of boxes and masks: which labels the model contradicts, and where.

The champion looks at every labelled image. What it surely sees and nobody marked may be an object
that was overlooked; what is marked and it does not see may be none; what it sees as another class,
or elsewhere, may be marked wrongly. Each finding has a gain, about the probability that the label
is wrong there; an image's gain is their sum: how many faults one look at it can mend.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sqlalchemy as sa

from autofocus.data import rows
from autofocus.errors import InvalidInput, NotFound
from autofocus.labels.asking import REVIEW
from autofocus.store import tables
from autofocus.types.codec import canonical_json
from autofocus.types.data import as_label
from autofocus.types.geometry import Geometry, Shapes
from autofocus.types.mistakes import Judgement, Mistake, judge
from autofocus.types.scenes import Scene

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autofocus.data.dataset import Dataset
    from autofocus.store.database import Database

Doubt = Literal["unmarked", "unseen", "badly placed", "swapped"]
DOUBTS: tuple[Doubt, ...] = ("unmarked", "unseen", "badly placed", "swapped")

# Fewer labelled images than this say nothing of the model that is to judge them.
FEWEST = 20
# Findings of less gain are not worth a look.
_LEAST_GAIN = 0.1
# How many marks are on nothing, before anything is known: one in fifty.
_PRIOR = 0.02


@dataclass(frozen=True, slots=True)
class Finding:
    """One place in an image where label and model differ.

    ``unmarked``: seen, but there is no such shape; ``unseen``: marked, but not seen; ``badly
    placed``: both, overlapping too little; ``swapped``: another class is seen there. ``shape`` is
    the id of the shape in the label; ``confidence`` of what is ``suggested``, ``geometry`` where
    it is seen. ``gain``: about the probability that the label is wrong here.
    """

    doubt: Doubt
    gain: float
    given: str | None = None
    shape: str | None = None
    suggested: str | None = None
    confidence: float | None = None
    overlap: float = 0.0
    geometry: Geometry | None = None

    @property
    def words(self) -> str:
        """What people read."""
        sure = "" if self.confidence is None else f" ({self.confidence:.0%})"
        if self.doubt == "unmarked":
            return f"{self.suggested}{sure} without a label"
        if self.doubt == "unseen":
            return f"no {self.given} where one is marked"
        if self.doubt == "swapped":
            return f"{self.suggested}{sure} where {self.given} is marked"
        return f"{self.given} elsewhere{sure}, overlapping by {self.overlap:.0%}"


@dataclass(frozen=True, slots=True)
class Doubted:
    """An image whose label the model contradicts: its findings, the largest gain first."""

    key: str
    sha256: str
    label: Shapes
    findings: tuple[Finding, ...]
    author: str
    reviewed: bool

    @property
    def gain(self) -> float:
        """About how many faults a look at it mends."""
        return sum(f.gain for f in self.findings)


@dataclass(frozen=True, slots=True)
class _Image:
    key: str
    sha256: str
    label: Shapes
    annotation: int
    author: str
    size: tuple[int, int]


def labelled_images(database: Database, dataset: Dataset) -> list[str]:
    """sha256 of the images that label QA looks at."""
    return [image.sha256 for image in _images(database, dataset)]


def doubts(database: Database, dataset: Dataset) -> tuple[list[Doubted], int, int]:
    """The images whose labels the champion contradicts, the largest gain first; how many labelled
    images it looked at, and how many not.

    Looks at what ``dataset.sightings`` holds. Raises NotFound without a champion, InvalidInput
    where it has looked at fewer than ``FEWEST``.
    """
    sightings = dataset.sightings
    if not sightings.model:
        raise NotFound(
            f"Project {dataset.project} has no champion, with which labels are compared.",
            hint="Train a model with the labels as they are and promote it: autofocus train, "
            "autofocus models promote.",
        )
    seen, images = sightings.seen(), _images(database, dataset)
    looked = [image for image in images if image.sha256 in seen]
    if len(looked) < FEWEST:
        raise InvalidInput(
            f"Label QA needs {FEWEST} labelled images that the model has looked at, here are "
            f"{len(looked)}.",
            hint="Label more images first.",
        )
    boxes = dataset.rules.task == "detection"
    whole = [
        Scene(i.label.shapes, seen[i.sha256], i.size, boxes).part(without=sightings.background)
        for i in looked
    ]
    judged = [judge(scene.part(threshold=sightings.threshold)) for scene in whole]
    usual = _usual(whole, judged, sightings.threshold)
    kept = _reviewed(database, dataset.project)
    found = [
        Doubted(
            image.key, image.sha256, image.label, findings, image.author,
            reviewed=image.annotation in kept,
        )
        for image, scene, judgement in zip(looked, whole, judged, strict=True)
        if (findings := _findings(scene, judgement, usual))
    ]  # fmt: skip
    found.sort(key=lambda d: (-d.gain, d.key))
    return found, len(looked), len(images) - len(looked)


def question_name(project: str, doubted: Doubted) -> str:
    """The name of the question whether this label of this image is right."""
    parts = (project, doubted.key, doubted.sha256, canonical_json(doubted.label).decode())
    return f"{project}-review-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class _Usual:
    """How the model does on most labels, class by class: the share of them that it finds, and how
    much what it finds overlaps."""

    recall: Mapping[str, float]
    overlap: Mapping[str, float]


def _usual(scenes: Sequence[Scene], judged: Sequence[Judgement], threshold: float) -> _Usual:
    there: Counter[str] = Counter()
    overlap: dict[str, list[float]] = defaultdict(list)
    for scene, judgement in zip(scenes, judged, strict=True):
        there.update(s.label for s in scene.truth if not s.crowd)
        sure = scene.part(threshold=threshold)
        for i, j in judgement.found:
            overlap[scene.truth[i].label].append(float(sure.overlap[i, j]))
    # Half a label found of one more: a class of few labels says little.
    recall = {name: (len(overlap[name]) + 0.5) / (n + 1) for name, n in there.items()}
    return _Usual(recall, {name: float(np.median(v)) for name, v in overlap.items() if v})


def _findings(scene: Scene, judgement: Judgement, usual: _Usual) -> tuple[Finding, ...]:
    found = [f for m in judgement.mistakes if (f := _finding(scene, m, usual)) is not None]
    return tuple(
        sorted((f for f in found if f.gain >= _LEAST_GAIN), key=lambda f: (-f.gain, f.words))
    )


def _finding(scene: Scene, mistake: Mistake, usual: _Usual) -> Finding | None:
    truth, seen = mistake.truth, mistake.seen
    told: dict[str, Any] = {"overlap": round(mistake.overlap, 4)}
    if truth is not None:
        told |= {"given": truth.label, "shape": truth.id}
    if seen is not None:
        told |= {
            "suggested": seen.label,
            "confidence": round(seen.score, 4),
            "geometry": seen.geometry,
        }
    if mistake.error == "spurious" and seen is not None:
        return Finding("unmarked", round(seen.score, 4), **told)
    if mistake.error == "swapped" and seen is not None:
        return Finding("swapped", round(seen.score, 4), **told)
    if mistake.error == "badly placed" and seen is not None and truth is not None:
        # As far below the usual overlap as it is, it is more than the model's own carelessness.
        least = usual.overlap.get(truth.label, 1.0)
        gain = seen.score * max(0.0, 1.0 - mistake.overlap / least)
        return Finding("badly placed", round(gain, 4), **told)
    if mistake.error == "missed" and truth is not None:
        # What is seen there after all, only not surely, speaks for the label.
        row = scene.truth.index(truth)
        there = [
            d.score
            for d, overlap in zip(scene.seen, scene.overlap[row].tolist(), strict=True)
            if d.label == truth.label and overlap >= 0.5
        ]
        # A wrong mark is never seen; a right one is not seen as often as the class is missed.
        missed = 1.0 - usual.recall.get(truth.label, 0.0)
        wrong = _PRIOR / (_PRIOR + (1.0 - _PRIOR) * missed)
        gain = wrong * (1.0 - max(there, default=0.0))
        return Finding("unseen", round(gain, 4), **told)
    return None  # a duplicate is the model's fault alone


def _images(database: Database, dataset: Dataset) -> list[_Image]:
    sample, label = tables.sample, tables.annotation
    with database.read() as conn:
        of = (label.c.project == dataset.project, label.c.rev_to.is_(None))
        authors = {
            row.key: (row.id, row.author)
            for row in conn.execute(sa.select(label.c.key, label.c.id, label.c.author).where(*of))
        }
        query = rows.current(dataset.project).where(label.c.label.is_not(None))
        found = []
        for row in conn.execute(query.order_by(sample.c.key)).mappings():
            value = as_label(row["label_value"])
            if isinstance(value, Shapes):
                number, author = authors[row["key"]]
                size = (row["height"], row["width"])
                found.append(_Image(row["key"], row["sha256"], value, number, author, size))
    return found


def _reviewed(database: Database, project: str) -> set[int]:
    """The annotations that people gave when they were asked to review a label."""
    table = tables.label_task
    query = sa.select(table.c.annotation).where(
        table.c.project == project,
        table.c.purpose == REVIEW,
        table.c.state == "done",
        table.c.annotation.is_not(None),
    )
    with database.read() as conn:
        return set(conn.execute(query).scalars())
