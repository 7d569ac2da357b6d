"""Label QA: which labels are probably wrong, worst first, put before people as questions.

A finding is a question of the labelling queue with the purpose ``review``: the class that the
model sees is its suggestion, so accepting, rejecting (giving the same class again) and another
class are one key each, with undo, history and shares as for every question. A question is named by
image and label, so a label that was looked at and kept is not asked about again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from autofocus.data import rows
from autofocus.data.finding import raw_names
from autofocus.errors import InvalidInput, NotFound
from autofocus.labels.asking import REVIEW
from autofocus.labels.confident import (
    cohen_kappa,
    confident_joint,
    contradiction,
    cross_fitted,
    estimated_errors,
    fold_of,
)
from autofocus.store import tables
from autofocus.types.data import Tag

if TYPE_CHECKING:
    from autofocus.data.dataset import Dataset
    from autofocus.labels.queue import Labels
    from autofocus.store.database import Database

# Fewer labels than this say nothing about one another.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that the data contradicts.

    ``confidence`` is the out-of-sample probability of ``suggested``, ``score`` that less the
    probability of ``given``, -1 .. 1. ``reviewed``: a person looked at it and kept it.
    """

    key: str
    sha256: str
    given: str
    suggested: str
    confidence: float
    score: float
    author: str
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Confused:
    """How many labels ``given`` are estimated to be ``suggested``."""

    given: str
    suggested: str
    labels: float


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """What QA found: of ``checked`` labels about ``estimated_errors`` are wrong.

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
    """Two people on the same images: ``kappa`` is Cohen's, None where it is not defined."""

    first: str
    second: str
    images: int
    agreed: int
    kappa: float | None


def assess(database: Database, dataset: Dataset) -> LabelQuality:
    """Look at every label in force through the champion's embeddings, as far as they are there.

    Raises NotFound without a champion and InvalidInput where fewer than two classes or ``FEWEST``
    images are labelled.
    """
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
            reviewed=question_id(dataset.project, seen[i][0], seen[i][1], names[given[i]]) in kept,
        )
        for i in order
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
    said: dict[str, dict[str, str]] = {}
    with labels._database.read() as conn:
        for key, author, value in conn.execute(query):
            if value["kind"] == "tag":
                said.setdefault(key, {})[author] = Tag(value["label"]).label
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for by in said.values():
        people = sorted(by)
        for i, first in enumerate(people):
            for second in people[i + 1 :]:
                pairs.setdefault((first, second), []).append((by[first], by[second]))
    return [
        Agreement(
            first,
            second,
            len(both),
            Counter(a == b for a, b in both)[True],
            cohen_kappa([a for a, _ in both], [b for _, b in both]),
        )
        for (first, second), both in sorted(pairs.items())
    ]
