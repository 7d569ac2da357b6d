"""Label QA: which labels are probably wrong, worst first, put before people as questions.

A finding is a question of the labelling queue with the purpose ``review``: the class that the
model sees is its suggestion, so accepting, rejecting (giving the same class again) and another
class are one key each, with undo, history and shares as for every question. A question is named by
image and label, so a label that was looked at and kept is not asked about again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from autofocus.data import rows
from autofocus.data.finding import raw_names
from autofocus.errors import InvalidInput, NotFound
from autofocus.labels.asking import REVIEW, Question
from autofocus.labels.confident import (
    cohen_kappa,
    confident_joint,
    contradiction,
    cross_fitted,
    estimated_errors,
    fold_of,
)
from autofocus.labels.shape_quality import Finding, doubts, question_name
from autofocus.store import tables
from autofocus.types.codec import encode
from autofocus.types.data import Label, as_label
from autofocus.types.geometry import NOTHING, Shapes
from autofocus.types.scenes import compared

if TYPE_CHECKING:
    from autofocus.data.dataset import Dataset
    from autofocus.labels.queue import Labels
    from autofocus.store.database import Database

# Fewer labels than this say nothing about one another.
FEWEST = 20
_FEW = 3  # findings of an image that are told in words


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that the data contradicts.

    ``confidence`` is the out-of-sample probability of ``suggested``, ``score`` that less the
    probability of ``given``, -1 .. 1. ``reviewed``: a person looked at it and kept it.
    ``question`` names the question whether it is right. Of boxes and masks ``findings`` says where
    label and model differ, ``suggested`` the same in words, ``confidence`` is that of the surest
    finding and ``score`` the sum of their gains: about how many faults a look mends.
    """

    key: str
    sha256: str
    given: str
    suggested: str
    confidence: float
    score: float
    author: str
    question: str
    reviewed: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Confused:
    """How many labels ``given`` are estimated to be ``suggested``.

    Of shapes, ``(none)`` is given where something was not marked, and suggested where something
    was marked that is not there.
    """

    given: str
    suggested: str
    labels: float


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """What QA found: of ``checked`` labels about ``estimated_errors`` are wrong.

    Of boxes and masks, the labels of ``checked`` images have about ``estimated_errors`` faults.
    ``missing`` labelled images could not be looked at by the model ``model``. ``suspects`` come
    worst first.
    """

    project: str
    model: str
    checked: int
    missing: int
    estimated_errors: float
    confused: tuple[Confused, ...]
    suspects: tuple[Suspect, ...]
    reviewed: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two people on the same images: ``kappa`` is Cohen's, None where it is not defined.

    Of boxes and masks, ``agreed`` images have the same objects, ``f1`` is the mean share of objects
    that agree, ``overlap`` how much those overlap on average, and there is no kappa.
    """

    first: str
    second: str
    images: int
    agreed: int
    kappa: float | None
    f1: float | None = None
    overlap: float | None = None


def assess(database: Database, dataset: Dataset) -> LabelQuality:
    """Look at every label in force through the champion's embeddings, as far as they are there.

    Raises NotFound without a champion and InvalidInput where fewer than two classes or ``FEWEST``
    images are labelled. Boxes and masks are compared with what ``dataset.sightings`` holds.
    """
    if dataset.rules.drawn:
        return _assess_shapes(database, dataset)
    status = dataset.embeddings.status()
    if not status.model:
        raise NotFound(
            f"Project {dataset.project} has no champion, through which labels are compared.",
            hint="Train a model with the labels as they are and promote it: autofocus train, "
            "autofocus models promote.",
        )
    looked = dataset.embeddings.answers()
    sample, label = tables.sample, tables.annotation
    with database.read() as conn:
        found = [
            (row["key"], row["sha256"], row["label_value"]["label"])
            for row in conn.execute(
                rows.current(dataset.project)
                .where(label.c.label.is_not(None))
                .order_by(sample.c.key)
            ).mappings()
            if row["label_value"]["kind"] == "tag"
        ]
        of = (label.c.project == dataset.project, label.c.rev_to.is_(None))
        authors = {
            row.key: row.author
            for row in conn.execute(sa.select(label.c.key, label.c.author).where(*of))
        }
        kept = set(
            conn.execute(
                sa.select(tables.label_task.c.id).where(
                    tables.label_task.c.project == dataset.project,
                    tables.label_task.c.purpose == REVIEW,
                    tables.label_task.c.state == "done",
                )
            ).scalars()
        )
    seen = []
    if looked is not None:
        places = looked.places(raw_names([sha for _, sha, _ in found]))
        seen = [
            (*named, int(at))
            for named, at in zip(found, places, strict=True)
            if at >= 0 and looked.label[at] >= 0
        ]
    names = sorted({given for _, _, given, _ in seen})
    if looked is None or len(seen) < FEWEST or len(names) < 2:
        raise InvalidInput(
            f"Label QA compares labels with one another: it needs {FEWEST} labelled images of two "
            f"classes that the model could look at, here are {len(seen)} of {len(names)}.",
            hint="Label more images first.",
        )
    number = {name: i for i, name in enumerate(names)}
    given = np.array([number[name] for _, _, name, _ in seen], np.int64)
    folds = np.array([fold_of(sha) for _, sha, _, _ in seen], np.int64)
    embedding = looked.embedding[[at for *_, at in seen]].astype(np.float32)
    probabilities = cross_fitted(embedding, given, folds, len(names))
    joint = confident_joint(probabilities, given)
    score, other = contradiction(probabilities, given)
    # Ties by key, so that the same labels give the same order.
    order = np.argsort(-score, kind="stable")
    suspects = tuple(
        Suspect(
            key=seen[i][0],
            sha256=seen[i][1],
            given=names[given[i]],
            suggested=names[other[i]],
            confidence=round(float(probabilities[i, other[i]]), 6),
            score=round(float(score[i]), 6),
            author=authors.get(seen[i][0], ""),
            reviewed=name in kept,
            question=name,
        )
        for i in order
        if (name := question_id(dataset.project, seen[i][0], seen[i][1], names[given[i]]))
    )
    confused = [
        Confused(names[i], names[j], round(float(joint[i, j]), 1))
        for i, j in np.argwhere(joint >= 0.5)
        if i != j
    ]
    return LabelQuality(
        project=dataset.project,
        model=status.model,
        checked=len(seen),
        missing=len(found) - len(seen),
        estimated_errors=round(estimated_errors(joint), 1),
        confused=tuple(sorted(confused, key=lambda c: (-c.labels, c.given, c.suggested))),
        suspects=suspects,
        reviewed=sum(s.reviewed for s in suspects),
    )


def question_id(project: str, key: str, sha256: str, given: str) -> str:
    """The name of the question whether this label of this image is right."""
    digest = hashlib.sha256("\n".join((project, key, sha256, given)).encode()).hexdigest()
    return f"{project}-review-{digest[:16]}"


def questions(suspects: Sequence[Suspect], model: str) -> list[Question]:
    """What people are asked about suspected labels, which ``model`` contradicts."""
    by = f"{model} " if model else ""
    return [
        Question(
            id=s.question,
            key=s.key,
            sha256=s.sha256,
            reason=f"labelled {s.given}{f' by {s.author}' if s.author else ''}, {by}sees "
            f"{s.suggested}",
            purpose=REVIEW,
            priority=s.score,
            suggestion=None if s.findings else s.suggested,
            suggestion_confidence=None if s.findings else s.confidence,
            suggested_by=None if s.findings else model or None,
            details={"findings": encode(s.findings)} if s.findings else {},
        )
        for s in suspects
    ]


def _assess_shapes(database: Database, dataset: Dataset) -> LabelQuality:
    found, looked, missing = doubts(database, dataset)
    confused: dict[tuple[str, str], float] = defaultdict(float)
    for finding in (f for d in found if not d.reviewed for f in d.findings):
        if finding.doubt != "badly placed":
            confused[finding.given or NOTHING, finding.suggested or NOTHING] += finding.gain
    return LabelQuality(
        project=dataset.project,
        model=dataset.sightings.model,
        checked=looked,
        missing=missing,
        estimated_errors=round(sum(d.gain for d in found if not d.reviewed), 1),
        confused=tuple(
            Confused(given, suggested, round(labels, 1))
            for (given, suggested), labels in sorted(
                confused.items(), key=lambda item: (-item[1], item[0])
            )
            if labels >= 0.5
        ),
        suspects=tuple(
            Suspect(
                key=d.key,
                sha256=d.sha256,
                given=d.label.words,
                suggested=_told(d.findings),
                confidence=max(f.confidence or f.gain for f in d.findings),
                score=round(d.gain, 6),
                author=d.author,
                reviewed=d.reviewed,
                question=question_name(dataset.project, d),
                findings=d.findings,
            )
            for d in found
        ),
        reviewed=sum(d.reviewed for d in found),
    )


def _told(findings: Sequence[Finding]) -> str:
    words = [f.words for f in findings[:_FEW]]
    more = len(findings) - len(words)
    return "; ".join(words) + (f"; and {more} more" if more else "")


def agreement(labels: Labels) -> list[Agreement]:
    """For every two people who labelled the same images: how often they agree, and kappa.

    Of several labels by one person for an image the last counts. Imports and models are not
    people.
    """
    table = tables.annotation
    query = (
        sa.select(table.c.key, table.c.author, table.c.label)
        .where(table.c.project == labels.project, table.c.source == "human")
        .order_by(table.c.id)
    )
    said: dict[str, dict[str, Label]] = {}
    with labels._database.read() as conn:
        for key, author, value in conn.execute(query):
            said.setdefault(key, {})[author] = as_label(value)
        both = [key for key, by in said.items() if len(by) > 1]
        images = rows.current_rows(conn, labels.project, both)
    pairs: dict[tuple[str, str], list[_Pair]] = {}
    for key in (k for k in both if k in images):
        size = images[key]["height"], images[key]["width"]
        people = sorted(said[key])
        for i, first in enumerate(people):
            for second in people[i + 1 :]:
                pair = _Pair(said[key][first], said[key][second], size)
                pairs.setdefault((first, second), []).append(pair)
    boxes = labels._dataset.rules.task == "detection"
    return [_agreed(first, second, of, boxes) for (first, second), of in sorted(pairs.items())]


@dataclass(frozen=True, slots=True)
class _Pair:
    one: Label
    other: Label
    size: tuple[int, int]


def _agreed(first: str, second: str, pairs: Sequence[_Pair], boxes: bool) -> Agreement:
    drawn = [
        compared(p.one.shapes, p.other.shapes, boxes=boxes, size=p.size)
        for p in pairs
        if isinstance(p.one, Shapes) and isinstance(p.other, Shapes)
    ]
    if not drawn:
        ours, theirs = [p.one.words for p in pairs], [p.other.words for p in pairs]
        same = sum(a == b for a, b in zip(ours, theirs, strict=True))
        return Agreement(first, second, len(pairs), same, cohen_kappa(ours, theirs))
    overlaps = [overlap for found in drawn for overlap in found.overlaps]
    return Agreement(
        first,
        second,
        len(drawn),
        sum(found.f1 == 1.0 for found in drawn),
        None,
        f1=round(float(np.mean([found.f1 for found in drawn])), 6),
        overlap=round(float(np.mean(overlaps)), 6) if overlaps else None,
    )
