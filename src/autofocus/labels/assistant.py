"""The labelling assistant: a small model that learns while people label.

It looks at images through the champion's embeddings, or through edges and colours where there is
no champion, learns from all labels in force, and puts its opinion on every question that people
ask for themselves: the suggestion where the champion has none, and the order of the queue. It
trains in a process of its own, at low priority: first after ten labels of two classes, then when a
training can be expected to pay. How often it was right is counted on answers given after it had
said its own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sqlalchemy as sa

from autofocus.data import rows
from autofocus.data.finding import raw_names
from autofocus.errors import AutofocusError, InvalidInput, NotFound
from autofocus.events import Event
from autofocus.labels.asking import MANUAL
from autofocus.labels.confident import fold_of
from autofocus.labels.features import embedder
from autofocus.labels.learning import (
    FIRST,
    Learnt,
    disagreement,
    learn,
    next_training,
    usefulness,
)
from autofocus.store import tables
from autofocus.store.database import record_event
from autofocus.types.clock import now

if TYPE_CHECKING:
    from autofocus.compute.executor import LocalExecutor
    from autofocus.data.dataset import Dataset
    from autofocus.data.embeddings import Embeddings, Looked
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore

log = logging.getLogger("autofocus.assistant")

TASK = "autofocus.workspace.assist:work"
NICENESS = 15
# Its record is about the latest answers: what it did not know at first is learnt by now.
WINDOW = 100
# Learning from more takes longer than people want to wait, and teaches a linear model little.
MOST = 5000
# Images by which the features are scaled.
_REFERENCE = 1000
_PART = 1000
_CHUNK = 500
_LOOK_AGAIN_SECONDS = 5.0

State = Literal["off", "waiting", "training", "ready"]


@dataclass(frozen=True, slots=True)
class AssistantStatus:
    """What the assistant knows.

    ``state``: ``off`` (not for this task), ``waiting`` for first labels, ``training``, ``ready``.
    ``trained_on`` labels of ``classes``, seen ``through`` a model. ``agreement`` is the share of
    the latest ``answered`` answers that it had foretold, None before there are any; ``held_out``
    the same on images held out at the training. ``labelled`` images there are, ``needed`` more
    labels until it trains again. It has an opinion on ``suggested`` of ``open`` questions.
    """

    project: str
    state: State
    trained_on: int = 0
    classes: tuple[str, ...] = ()
    through: str = ""
    agreement: float | None = None
    answered: int = 0
    held_out: float | None = None
    labelled: int = 0
    needed: int = FIRST
    suggested: int = 0
    open: int = 0
    trained_at: str = ""
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Training:
    """The last training, as it is kept in the object store."""

    trained_on: int
    classes: tuple[str, ...]
    through: str
    digest: str
    held_out: float | None
    trained_at: str
    seconds: float
    # Open questions whose images could not be looked at.
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A labelled image that can be learnt from."""

    number: int
    sha256: str
    label: str


@dataclass(frozen=True, slots=True)
class _Open:
    """An open question, as far as the assistant is concerned."""

    id: str
    sha256: str
    suggestion: str | None
    suggested_by: str | None


class Assistant:
    """The assistant of one project."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        dataset: Dataset,
        executor: Callable[[], LocalExecutor],
        arguments: dict[str, Any],
    ) -> None:
        self._database = database
        self._objects = objects
        self._dataset = dataset
        self._executor = executor
        self._arguments = arguments
        self.project = dataset.project
        self._on = dataset.rules.task == "classification"
        self._lock = threading.Lock()
        self._looked_at: tuple[int, float] = (-1, 0.0)
        self._problem = ""
        self._failed_at = -1
        self._through: tuple[str, Embeddings] | None = None

    # -- looking -------------------------------------------------------------------------

    def status(self) -> AssistantStatus:
        """What it knows, how good it is, and when it learns again."""
        if not self._on:
            return AssistantStatus(self.project, "off")
        last = self._last()
        labelled, classes = self._counts()
        open_, suggested = self._open_counts()
        state: State = "waiting" if last is None else "ready"
        if self._running():
            state = "training"
        known = AssistantStatus(
            self.project,
            state,
            labelled=labelled,
            open=open_,
            suggested=suggested,
            problem=self._problem,
        )
        if last is None:
            # One class is not enough, however many labels it has.
            missing = max(FIRST - labelled, 0 if classes > 1 else 1)
            return replace(known, needed=missing)
        agreed, answered = self._record()
        return replace(
            known,
            trained_on=last.trained_on,
            classes=last.classes,
            through=last.through,
            agreement=agreed / answered if answered else None,
            answered=answered,
            held_out=last.held_out,
            needed=max(0, last.trained_on + self._wanted(last) - labelled),
            trained_at=last.trained_at,
            seconds=last.seconds,
        )

    def due(self) -> bool:
        """Whether a training can be expected to pay, or new questions wait for an opinion."""
        if not self._on:
            return False
        open_, suggested = self._open_counts()
        if not open_:
            return False
        labelled, classes = self._counts()
        if labelled < FIRST or classes < 2:
            return False
        last = self._last()
        if last is None:
            return True
        return (
            labelled >= last.trained_on + self._wanted(last)
            or open_ - suggested > last.unseen
            or last.through != self._see()[0]
        )

    # -- doing ---------------------------------------------------------------------------

    def tick(self, *, at_once: bool = False) -> bool:
        """Start the process where there is something to learn; True if it was started.

        Cheap where nothing changed: asked several times a second.
        """
        if not self._on:
            return False
        with self._database.read() as conn:
            revision = rows.revision(conn, self.project)
        seen, when = self._looked_at
        if not at_once and seen == revision and time.monotonic() - when < _LOOK_AGAIN_SECONDS:
            return False
        self._looked_at = (revision, time.monotonic())
        if self._running() or not self.due():
            return False
        if not at_once and self._failed_at == self._counts()[0]:
            return False  # the same labels would fail the same way
        return self.start()

    def start(self) -> bool:
        """Start the process; False if it runs already. Raises InvalidInput with too few labels."""
        self._check()
        with self._lock:
            if self._running():
                return False
            executor = self._executor()
            shutil.rmtree(executor.folder(self._job), ignore_errors=True)
            executor.submit(self._job, TASK, self._arguments)
            return True

    def work(self) -> AssistantStatus:
        """Learn and suggest, in this process, until nothing is left to look at or to learn.

        Raises InvalidInput for a task that it does not help with and with too few labels.
        """
        self._check()
        while not self._suggest(*self._train()):
            pass
        return self.status()

    # -- learning ------------------------------------------------------------------------

    def _train(self) -> tuple[_Training, Learnt]:
        began = time.perf_counter()
        labelled = self._labelled()
        through, looked = self._look(
            [*(image.sha256 for image in labelled), *self._reference()], _PART
        )
        usable = [image for image in labelled if _can_see(looked, image.sha256)]
        if len({image.label for image in usable}) < 2:
            raise InvalidInput(
                "Of the labelled images that can be looked at, all are of one class.",
                hint="Label more images of other classes.",
            )
        reference = [name for name in self._reference() if _can_see(looked, name)]
        learnt = learn(
            looked.vectors([image.sha256 for image in usable]),
            [image.label for image in usable],
            np.array([fold_of(image.sha256) for image in usable], np.int64),
            looked.vectors(reference),
        )
        named = json.dumps([through, [(i.sha256, i.label) for i in usable]])
        training = _Training(
            trained_on=self._counts()[0],
            classes=learnt.classes,
            through=through,
            digest=hashlib.sha256(named.encode()).hexdigest(),
            held_out=None if learnt.held_out is None else round(learnt.held_out, 4),
            trained_at=now(),
            seconds=round(time.perf_counter() - began, 3),
        )
        return training, learnt

    def _suggest(self, training: _Training, learnt: Learnt) -> bool:
        """Put opinions on all open questions; False if there is more to learn before the end."""
        questions = self._questions()
        _, looked = self._look([], 0)
        known = looked.places(raw_names([q.sha256 for q in questions])) >= 0
        seen = [q for q, there in zip(questions, known, strict=True) if there]
        self._write(training, learnt, looked, seen)
        self._keep(training, len(questions))
        self._say(training, len(seen))
        later = [q for q, there in zip(questions, known, strict=True) if not there]
        for start in range(0, len(later), _PART):
            part = later[start : start + _PART]
            _, looked = self._look([q.sha256 for q in part], _PART)
            self._write(training, learnt, looked, part)
            if self._counts()[0] >= training.trained_on + self._wanted(training):
                return False
        if later:
            self._say_rest(training, len(later))
        open_, suggested = self._open_counts()
        self._keep(training, open_ - suggested)
        return True

    def _write(
        self, training: _Training, learnt: Learnt, looked: Looked, questions: Sequence[_Open]
    ) -> None:
        # In an order of their own, so that the same labels give the same queue.
        asked = [q for q in sorted(questions, key=lambda q: q.id) if _can_see(looked, q.sha256)]
        if not asked:
            return
        vectors = looked.vectors([q.sha256 for q in asked])
        probabilities = learnt.probabilities(vectors)
        answer = probabilities.argmax(axis=1)
        number = {name: i for i, name in enumerate(learnt.classes)}
        # Where the champion has said something, that stays the suggestion.
        own = [q.suggestion is None or _is_assistant(q.suggested_by) for q in asked]
        suggested = np.array(
            [
                answer[i] if own[i] else number.get(q.suggestion or "", -1)
                for i, q in enumerate(asked)
            ],
            np.int64,
        )
        rng = np.random.default_rng(int(training.digest[:16], 16))
        useful = usefulness(vectors, probabilities, rng)
        against = disagreement(probabilities, suggested)
        sure = probabilities.max(axis=1)
        name = f"assistant-{training.trained_on}"
        changes = [
            {
                "of_id": q.id,
                "of_opinion": learnt.classes[answer[i]],
                "of_confidence": round(float(sure[i]), 6),
                "of_disagreement": round(float(against[i]), 6),
                "of_priority": float(useful[i]),
                "of_suggestion": learnt.classes[answer[i]] if own[i] else q.suggestion,
                "own": own[i],
            }
            for i, q in enumerate(asked)
        ]
        table = tables.label_task
        update = (
            sa.update(table)
            .where(
                table.c.id == sa.bindparam("of_id"),
                sa.or_(table.c.state == "open", table.c.state == "leased"),
            )
            .values(
                opinion=sa.bindparam("of_opinion"),
                opinion_confidence=sa.bindparam("of_confidence"),
                disagreement=sa.bindparam("of_disagreement"),
                priority=sa.bindparam("of_priority"),
            )
        )
        suggest = update.values(
            suggestion=sa.bindparam("of_suggestion"),
            suggestion_confidence=sa.bindparam("of_confidence"),
            suggested_by=name,
        )
        for statement, wanted in ((suggest, True), (update, False)):
            of_kind = [
                {k: v for k, v in c.items() if k != "own" and (wanted or k != "of_suggestion")}
                for c in changes
                if c["own"] is wanted
            ]
            # In pieces, so that whoever saves a label meanwhile hardly waits.
            for start in range(0, len(of_kind), _CHUNK):
                with self._database.begin() as conn:
                    conn.execute(statement, of_kind[start : start + _CHUNK])

    def _say(self, training: _Training, suggested: int) -> None:
        with self._database.begin() as conn:
            record_event(
                conn,
                Event(
                    kind="assistant.trained",
                    project=self.project,
                    key=f"{self.project}/assistant/{training.digest[:24]}",
                    what=f"The assistant learnt from {training.trained_on} labels, through "
                    f"{training.through}; it suggests a class for {suggested} images.",
                    actor="assistant",
                    body={**asdict(training), "suggested": suggested},
                ),
            )

    def _say_rest(self, training: _Training, count: int) -> None:
        with self._database.begin() as conn:
            record_event(
                conn,
                Event(
                    kind="labels.suggested",
                    project=self.project,
                    key=f"{self.project}/assistant/{training.digest[:24]}/{count}",
                    what=f"The labelling assistant has looked at {count} more images.",
                    actor="assistant",
                    body={"count": count, "digest": training.digest},
                ),
            )

    # -- reading -------------------------------------------------------------------------

    def _see(self) -> tuple[str, Embeddings]:
        """Through what images are looked at now: the champion, or edges and colours."""
        champion = self._dataset.embeddings.model
        if champion:
            return champion, self._dataset.embeddings
        if self._through is None:
            plain = embedder(self._dataset.classes, max_pixels=self._dataset.max_pixels)
            self._through = (plain.model, self._dataset.looked_through(plain))
        return self._through

    def _look(self, names: Sequence[str], part: int) -> tuple[str, Looked]:
        """Look at images, and give all that was seen so far."""
        through, embeddings = self._see()
        for start in range(0, len(names), max(part, 1)):
            embeddings.compute(names=names[start : start + part])
        looked = embeddings.answers()
        if looked is None:
            raise InvalidInput(
                "None of the images can be looked at.", hint="Check them: autofocus data verify"
            )
        return through, looked

    def _labelled(self) -> list[_Labelled]:
        """The latest labels in force, by image."""
        sample, label = tables.sample, tables.annotation
        query = (
            sa.select(label.c.id, sample.c.sha256, label.c.classes)
            .join(
                sample,
                sa.and_(
                    sample.c.project == label.c.project,
                    sample.c.key == label.c.key,
                    sample.c.rev_to.is_(None),
                ),
            )
            .where(label.c.project == self.project, label.c.rev_to.is_(None))
            .order_by(label.c.id.desc())
            .limit(MOST)
        )
        with self._database.read() as conn:
            found = [
                _Labelled(int(number), sha256, names[0])
                for number, sha256, text in conn.execute(query)
                if (names := json.loads(text))
            ]
        # One label an image, and in an order that does not depend on who was first.
        latest = {image.sha256: image for image in reversed(found)}
        return sorted(latest.values(), key=lambda image: image.sha256)

    def _reference(self) -> list[str]:
        with self._database.read() as conn:
            return sorted(rows.current_images(conn, self.project))[:_REFERENCE]

    def _questions(self) -> list[_Open]:
        table = tables.label_task
        query = (
            sa.select(table.c.id, table.c.sha256, table.c.suggestion, table.c.suggested_by)
            .where(*self._open())
            .order_by(table.c.priority.desc(), table.c.id)
        )
        with self._database.read() as conn:
            return [_Open(*row) for row in conn.execute(query)]

    def _open(self) -> tuple[sa.ColumnElement[bool], ...]:
        table = tables.label_task
        return (
            table.c.project == self.project,
            table.c.state.in_(("open", "leased")),
            table.c.purpose == MANUAL,
        )

    def _open_counts(self) -> tuple[int, int]:
        """Open questions, and those with an opinion."""
        table = tables.label_task
        query = sa.select(sa.func.count(), sa.func.count(table.c.opinion)).where(*self._open())
        with self._database.read() as conn:
            open_, suggested = conn.execute(query).one()
        return int(open_), int(suggested)

    def _counts(self) -> tuple[int, int]:
        """Labelled images and their classes."""
        label = tables.annotation
        query = (
            sa.select(label.c.classes, sa.func.count())
            .where(label.c.project == self.project, label.c.rev_to.is_(None))
            .group_by(label.c.classes)
        )
        with self._database.read() as conn:
            found = {text: int(n) for text, n in conn.execute(query) if text != "[]"}
        return sum(found.values()), len(found)

    def _record(self) -> tuple[int, int]:
        """Of the latest answers to questions on which it had an opinion, how many agree."""
        task, label = tables.label_task, tables.annotation
        query = (
            sa.select(task.c.opinion, label.c.classes)
            .join(label, label.c.id == task.c.annotation)
            .where(
                task.c.project == self.project,
                task.c.state == "done",
                task.c.purpose == MANUAL,
                task.c.opinion.is_not(None),
            )
            .order_by(task.c.done_at.desc())
            .limit(WINDOW)
        )
        with self._database.read() as conn:
            found = [[opinion] == json.loads(said) for opinion, said in conn.execute(query)]
        return sum(found), len(found)

    def _wanted(self, last: _Training) -> int:
        """New labels that the next training is worth."""
        agreed, answered = self._record()
        # Its own record, as soon as there is one that says something.
        score = agreed / answered if answered >= FIRST else last.held_out
        return next_training(last.trained_on, 0.5 if score is None else score)

    # -- inner ---------------------------------------------------------------------------

    def _check(self) -> None:
        if not self._on:
            raise InvalidInput(
                f"The assistant helps to classify; {self.project} is for "
                f"{self._dataset.rules.task}.",
            )
        labelled, classes = self._counts()
        if labelled < FIRST or classes < 2:
            raise InvalidInput(
                f"The assistant learns from {FIRST} labelled images of two classes, here are "
                f"{labelled} of {classes}.",
                hint="Label a few images first: autofocus labels ask, then the page.",
            )

    @property
    def _job(self) -> str:
        return f"assistant-{self.project}"

    @property
    def _key(self) -> str:
        return f"assistant/{self.project}.json"

    def _keep(self, training: _Training, unseen: int) -> None:
        told = asdict(replace(training, unseen=unseen))
        self._objects.put(self._key, json.dumps(told).encode())

    def _last(self) -> _Training | None:
        try:
            told = json.loads(self._objects.get(self._key))
        except NotFound:
            return None
        return _Training(**{**told, "classes": tuple(told["classes"])})

    def _running(self) -> bool:
        """Whether its process runs; takes note of how it ended."""
        executor = self._executor()
        folder = executor.folder(self._job)
        if not folder.exists():
            return False
        job = executor.job(self._job)
        state = job.poll()
        if state == "running":
            return True
        self._problem = ""
        if state != "done":
            self._failed_at = self._counts()[0]
            try:
                job.result()
            except AutofocusError as error:
                self._problem = str(error)
        return False


def _can_see(looked: Looked, name: str) -> bool:
    place = looked.at(name)
    return place is not None and bool(looked.label[place] >= 0)


def _is_assistant(name: str | None) -> bool:
    return name is not None and name.startswith("assistant-")
