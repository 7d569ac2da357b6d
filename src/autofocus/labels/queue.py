"""``Labels``: what is asked, who answers, and every answer there ever was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data import rows
from autofocus.data.importing import Progress
from autofocus.errors import Conflict, InvalidInput, NotFound
from autofocus.events import Event
from autofocus.labels.annotate import annotate, annotation_in_force
from autofocus.labels.asking import Asked, Question, ask, request
from autofocus.labels.batch import Decided, Decision, decide
from autofocus.labels.exchange import export_labels, import_labels
from autofocus.labels.leases import (
    Share,
    as_task,
    lease,
    narrowed,
    ordered,
    release,
    renew,
    select_state,
    take,
)
from autofocus.labels.quality import (
    Agreement,
    LabelQuality,
    Suspect,
    agreement,
    assess,
    questions,
)
from autofocus.labels.shape_quality import labelled_images
from autofocus.store import tables
from autofocus.store.annotations import as_annotation, end_annotation, write_annotation
from autofocus.store.database import next_revision, record_event
from autofocus.types.clock import now
from autofocus.types.data import (
    Annotation,
    ImportReport,
    Label,
    LabelSource,
    LabelTask,
    Page,
    Tag,
    as_label,
)
from autofocus.types.geometry import NOTHING

if TYPE_CHECKING:
    from autofocus.data.dataset import Dataset
    from autofocus.store.database import Database

__all__ = ["Answered", "Labels", "Question"]

LEASE_SECONDS = 600.0
STATES = ("open", "leased", "done", "skipped", "cancelled")
Annotations = list[Annotation]


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and its answer in force."""

    task: str
    key: str
    sha256: str
    purpose: str
    label: str
    value: Label
    author: str
    done_at: str
    propensity: float | None
    details: Mapping[str, Any]


class Labels:
    """The queue and the labels of one project."""

    def __init__(self, database: Database, dataset: Dataset, project: str) -> None:
        self._database = database
        self._dataset = dataset
        self.project = project

    # -- asking --------------------------------------------------------------------------

    def request(
        self, questions: Sequence[Question], *, cause: str = "", conn: Connection | None = None
    ) -> int:
        """Put questions into the queue; those asked before are not asked again.

        Returns how many are new. Joins the caller's transaction if one is given.
        """
        if conn is None:
            with self._database.begin() as own:
                return self.request(questions, cause=cause, conn=own)
        return request(self, questions, cause, conn)

    def ask(
        self,
        query: str = "is:unlabelled",
        *,
        keys: Sequence[str] | None = None,
        author: str,
        limit: int = 20_000,
    ) -> Asked:
        """Ask people to label images: those that meet ``query``, or those named by ``keys``.

        The champion's answers are the suggestions, as far as it has looked at the images
        (``data.embeddings.compute()``); without one the assistant's will be. Asking twice is
        asking once, unless the image got a label in between. Raises InvalidInput.
        """
        return ask(self, query, keys=keys, author=author, limit=limit)

    def queue(
        self,
        *,
        state: str = "open",
        case: str | None = None,
        kind: str = "",
        order: str = "useful",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Tasks, most useful first; an expired lease counts as open.

        ``kind`` is ``label`` or ``review`` (empty: both), ``order`` as for :meth:`share`.
        """
        if state not in STATES:
            raise InvalidInput(f"State {state!r} is not one of {list(STATES)}.", field="state")
        query = ordered(narrowed(select_state(self.project, state), kind, case), order)
        offset = int(cursor) if cursor and cursor.isdigit() else 0
        with self._database.read() as conn:
            found = conn.execute(query.offset(offset).limit(limit)).mappings().all()
        items = tuple(as_task(row) for row in found)
        return Page(items, str(offset + limit) if len(items) == limit else None)

    def task(self, name: str) -> LabelTask:
        """One task; raises NotFound."""
        with self._database.read() as conn:
            return as_task(self._row(conn, name))

    def next(
        self, annotator: str, *, case: str | None = None, lease_seconds: float = LEASE_SECONDS
    ) -> LabelTask | None:
        """Lease the most useful open task; two annotators never get the same one."""
        if not annotator:
            raise InvalidInput("A task needs an annotator, got an empty name.", field="annotator")
        query = ordered(narrowed(select_state(self.project, "open"), "", case), "useful").limit(1)
        if self._database.engine.dialect.name == "postgresql":
            # SQLite's write transaction is exclusive already.
            query = query.with_for_update(skip_locked=True)
        with self._database.begin() as conn:
            row = conn.execute(query).mappings().one_or_none()
            if row is None:
                return None
            take(conn, [row["id"]], annotator, lease_seconds)
        return as_task({**row, "state": "leased", "assignee": annotator})

    def share(
        self,
        annotator: str,
        *,
        limit: int = 200,
        kind: str = "",
        case: str | None = None,
        order: str = "useful",
        more: bool = False,
        lease_seconds: float = LEASE_SECONDS,
    ) -> Share:
        """The annotator's share of the queue: up to ``limit`` tasks that nobody else gets.

        Tasks leased to the same annotator come first and are renewed for ``lease_seconds``, so
        calling it again keeps a share alive and fills it up; an expired lease is anybody's. With
        ``more`` only tasks that the annotator does not have yet come. ``kind`` is ``label`` or
        ``review`` (empty: both); ``order`` is ``useful``, ``sure`` (alike stand together),
        ``unsure`` or ``disagreement`` (the assistant contradicts the suggestion most). Raises
        InvalidInput for a limit outside 1 .. 1000 or a lease that is not positive.
        """
        return lease(
            self,
            annotator,
            limit=limit,
            kind=kind,
            case=case,
            order=order,
            more=more,
            lease_seconds=lease_seconds,
        )

    def lease(
        self,
        annotator: str,
        *,
        limit: int = 200,
        case: str | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> list[LabelTask]:
        """The tasks of :meth:`share`, the most useful first."""
        found = self.share(annotator, limit=limit, case=case, lease_seconds=lease_seconds)
        return sorted(found.tasks, key=lambda t: -t.priority)

    def renew(self, annotator: str, *, lease_seconds: float = LEASE_SECONDS) -> int:
        """Keep all that is leased to an annotator; returns how many."""
        return renew(self, annotator, lease_seconds)

    def release(self, annotator: str, tasks: Sequence[str] | None = None) -> int:
        """Give an annotator's leased tasks (or only these) back to everybody; returns how many."""
        return release(self, annotator, tasks)

    # -- answering -----------------------------------------------------------------------

    def answer(
        self,
        task: str,
        label: str,
        author: str,
        *,
        source: LabelSource = "human",
        seconds: float | None = None,
        request: str | None = None,
    ) -> Annotation:
        """Answer a task; answering again corrects it and keeps the answer before in history.

        An answer that accepts the suggestion keeps whose it was (``suggested_by``).
        ``request`` makes sending the same answer twice harmless. Raises NotFound, InvalidInput
        for a class that is not declared, Conflict for a cancelled task.
        """
        self._check(label, author, source)
        with self._database.begin() as conn:
            return self._answer(
                conn, task, label, author, source=source, seconds=seconds, request=request
            )

    def skip(self, task: str, author: str, reason: str = "unsure") -> None:
        """Leave a task unanswered; the loop asks another image instead."""
        with self._database.begin() as conn:
            self._skip(conn, task, author, reason)

    def reopen(self, task: str, author: str) -> LabelTask:
        """Take an answer or a skip back: the task is open again, what was said stays in history.

        A label that the image had before it was asked about comes back into force. Raises
        Conflict for a withdrawn task and for one whose case has ended: its answer was used.
        """
        with self._database.begin() as conn:
            return self._reopen(conn, task, author)

    def decide(self, decisions: Sequence[Decision], author: str, request: str) -> Decided:
        """Many answers, skips and take-backs as one: all of them or none, in one transaction.

        ``request`` names the batch: sending it again changes nothing and gives the same account.
        Raises InvalidInput, NotFound, and Conflict: ``context["conflicts"]`` names every decision
        that met somebody else's, with what is in force. Nothing is overwritten and nothing saved.
        """
        return decide(self, decisions, author, request)

    def cancel(self, case: str, *, conn: Connection | None = None) -> int:
        """Withdraw the open questions of a case; returns how many."""
        if conn is None:
            with self._database.begin() as own:
                return self.cancel(case, conn=own)
        table = tables.label_task
        return conn.execute(
            sa.update(table)
            .where(table.c.case == case, table.c.state.in_(("open", "leased")))
            .values(state="cancelled", done_at=now())
        ).rowcount

    def label(
        self,
        key: str,
        label: str,
        author: str,
        *,
        source: LabelSource = "human",
        request: str | None = None,
    ) -> Annotation:
        """Label an image directly; the label before stays in history.

        ``request`` makes sending the same label twice harmless. Raises NotFound, InvalidInput.
        """
        self._check(label, author, source)
        self._dataset.sample(key)
        with self._database.begin() as conn:
            known = self._saved(conn, request, key, label)
            if known is not None:
                return known
            number = write_annotation(
                conn,
                project=self.project,
                key=key,
                label=Tag(label),
                author=author,
                source=source,
                revision=next_revision(conn, self.project),
                request=request,
            )
            self._record_answer(conn, number, key, label, author, "", "")
            return self._annotation(conn, number)

    def annotate(
        self,
        key: str,
        label: Label,
        author: str,
        *,
        seen: int | None = None,
        request: str | None = None,
        seconds: float | None = None,
        source: LabelSource = "human",
    ) -> Annotation:
        """Put a whole label in force for an image; the labels before stay in history.

        ``seen`` is the id of the annotation that the author looked at, 0 for none; where another
        label is in force by now, Conflict has it under ``context["annotation"]`` and nothing is
        saved (None asks for no check). ``request`` makes saving the same label twice harmless:
        the second time gives what the first one saved. Open questions about the image are
        answered with it. Raises NotFound, InvalidInput naming the shape that is wrong: a class
        that is not declared, or a place outside the image by more than half a pixel.
        """
        return annotate(
            self, key, label, author, seen=seen, request=request, seconds=seconds, source=source
        )

    # -- looking back --------------------------------------------------------------------

    def annotation(self, key: str) -> Annotation | None:
        """The label in force of an image, None without one; raises NotFound without an image."""
        with self._database.read() as conn:
            found = annotation_in_force(conn, self.project, key)
        if found is None:
            self._dataset.sample(key)
        return found

    def history(self, key: str) -> Annotations:
        """Every label an image ever had, newest first; raises NotFound for an unknown image."""
        table = tables.annotation
        query = (
            sa.select(table)
            .where(table.c.project == self.project, table.c.key == key)
            .order_by(table.c.id.desc())
        )
        with self._database.read() as conn:
            found = [as_annotation(row) for row in conn.execute(query).mappings()]
        if not found:
            self._dataset.sample(key)
        return found

    def in_force(self, keys: Sequence[str]) -> dict[str, int]:
        """Ids of the annotations in force now, by key, of those images that have a label."""
        return {key: number for key, (number, _) in self.labels_now(keys).items()}

    def labels_now(self, keys: Sequence[str]) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Annotation in force and its classes, by key, of those images that have a label."""
        table = tables.annotation
        query = sa.select(table.c.key, table.c.id, table.c.classes).where(
            table.c.project == self.project, table.c.rev_to.is_(None)
        )
        found: dict[str, tuple[int, tuple[str, ...]]] = {}
        with self._database.read() as conn:
            for start in range(0, len(keys), 500):
                part = list(keys[start : start + 500])
                found.update(
                    (row.key, (int(row.id), tuple(json.loads(row.classes))))
                    for row in conn.execute(query.where(table.c.key.in_(part)))
                )
        return found

    def answers(self, case: str, *, purpose: str | None = None) -> list[Answered]:
        """The answers to a case's questions, in the order in which they were first given."""
        task, label = tables.label_task, tables.annotation
        query = (
            sa.select(task, label.c.label.label("label_value"), label.c.author)
            .join(
                label,
                sa.and_(
                    label.c.project == task.c.project,
                    label.c.key == task.c.key,
                    label.c.rev_to.is_(None),
                ),
            )
            .where(task.c.project == self.project, task.c.case == case, task.c.state == "done")
            .order_by(task.c.done_at, task.c.id)
        )
        if purpose is not None:
            query = query.where(task.c.purpose == purpose)
        with self._database.read() as conn:
            return [
                Answered(
                    task=row["id"],
                    key=row["key"],
                    sha256=row["sha256"],
                    purpose=row["purpose"],
                    label=(value := as_label(row["label_value"])).words,
                    value=value,
                    author=row["author"],
                    done_at=row["done_at"],
                    propensity=row["propensity"],
                    details=row["details"],
                )
                for row in conn.execute(query).mappings()
            ]

    def progress(self, case: str, purpose: str | None = None) -> dict[str, int]:
        """How many of a case's questions are in each state."""
        table = tables.label_task
        query = (
            sa.select(table.c.state, sa.func.count())
            .where(table.c.project == self.project, table.c.case == case)
            .group_by(table.c.state)
        )
        if purpose is not None:
            query = query.where(table.c.purpose == purpose)
        with self._database.read() as conn:
            found = {state: int(count) for state, count in conn.execute(query)}
        return {state: found.get(state, 0) for state in STATES}

    def stats(self) -> dict[str, Any]:
        """Counts of tasks by state, of labels in force by class and by author.

        An image with shapes of two classes counts in both, one with none as ``(none)``.
        """
        task, label = tables.label_task, tables.annotation
        in_force = (label.c.project == self.project, label.c.rev_to.is_(None))
        with self._database.read() as conn:
            states = conn.execute(
                sa.select(task.c.state, sa.func.count())
                .where(task.c.project == self.project)
                .group_by(task.c.state)
            )
            by_state = {state: int(n) for state, n in states}
            classes: dict[str, int] = {}
            for text, n in conn.execute(
                sa.select(label.c.classes, sa.func.count())
                .where(*in_force)
                .group_by(label.c.classes)
            ):
                for name in json.loads(text) or (NOTHING,):
                    classes[name] = classes.get(name, 0) + int(n)
            authors = {
                author: int(n)
                for author, n in conn.execute(
                    sa.select(label.c.author, sa.func.count())
                    .where(*in_force)
                    .group_by(label.c.author)
                )
            }
        return {
            "tasks": {state: by_state.get(state, 0) for state in STATES},
            "classes": dict(sorted(classes.items())),
            "authors": dict(sorted(authors.items())),
        }

    # -- quality -------------------------------------------------------------------------

    def look(self, progress: Progress | None = None, *, threads: int = 1) -> None:
        """Let the champion look at what :meth:`quality` needs and it has not seen yet."""
        if self._dataset.rules.drawn:
            names = labelled_images(self._database, self._dataset)
            self._dataset.sightings.compute(names, progress, threads=threads)
        else:
            self._dataset.embeddings.compute(progress, threads=threads)

    def quality(self) -> LabelQuality:
        """Which labels are probably wrong, worst first, and how many.

        Looks at all labels in force through the champion's embeddings, as far as they are there:
        :meth:`look` brings the rest. Boxes and masks are compared with what it sees. Raises
        NotFound without a champion, InvalidInput with too few labels.
        """
        return assess(self._database, self._dataset)

    def review(self, suspects: Sequence[Suspect], *, model: str = "") -> int:
        """Ask people about suspected labels, through the queue; returns how many are new.

        Accepting the suggestion corrects the label, giving the same class again keeps it, and
        what was kept is not asked about again. A label of shapes is kept by saving it as it is.
        """
        return self.request(questions(suspects, model), cause="label QA")

    def agreement(self) -> list[Agreement]:
        """How often every two people agree on the images that both labelled."""
        return agreement(self)

    # -- in and out ----------------------------------------------------------------------

    def import_labels(
        self,
        path: str | Path,
        *,
        author: str,
        file_column: str | None = None,
        label_column: str | None = None,
    ) -> ImportReport:
        """Read labels (CSV with file and label, or COCO) for images that are here already.

        Paths match the images' keys, with or without the suffix. All labels that can be used are
        taken in one transaction; the report has a line for each that cannot. Raises NotFound,
        InvalidInput (no table, not one declared class in it, or a project of shapes).
        """
        if self._dataset.rules.drawn:
            raise InvalidInput(
                f"{self.project} is for {self._dataset.rules.task}: a class for a whole image is "
                "no label there.",
                hint="Bring shapes with their images: autofocus data import; images that are here "
                "already are not stored twice.",
                field="path",
            )
        return import_labels(
            self._database,
            self.project,
            self._dataset.classes,
            Path(path),
            author=author,
            file_column=file_column,
            label_column=label_column,
        )

    def export(self, path: str | Path) -> int:
        """Write the labels in force as CSV; returns how many. Never overwrites."""
        return export_labels(self._database, self.project, Path(path))

    # -- inner ---------------------------------------------------------------------------

    def _answer(
        self,
        conn: Connection,
        task: str,
        label: str,
        author: str,
        *,
        source: LabelSource = "human",
        seconds: float | None = None,
        request: str | None = None,
    ) -> Annotation:
        """Answer a task in the caller's transaction."""
        table = tables.label_task
        row = self._row(conn, task, lock=True)
        known = self._saved(conn, request, row["key"], label)
        if known is not None:
            return known
        if row["state"] == "cancelled":
            raise Conflict(
                f"Task {task} was withdrawn, with its case or its image.",
                hint="There is no need for an answer.",
            )
        if row["state"] == "done" and rows.label_in_force(conn, self.project, row["key"]) == (
            Tag(label)
        ):
            return self._annotation(conn, row["annotation"])
        self._check_image(conn, row)
        accepted = row["suggested_by"] is not None and label == row["suggestion"]
        number = write_annotation(
            conn,
            project=self.project,
            key=row["key"],
            label=Tag(label),
            author=author,
            source=source,
            revision=next_revision(conn, self.project),
            confidence=row["suggestion_confidence"] if accepted else None,
            suggested_by=row["suggested_by"] if accepted else None,
            case=row["case"],
            seconds=seconds,
            request=request,
        )
        conn.execute(
            sa.update(table)
            .where(table.c.id == task)
            .values(
                state="done",
                done_at=row["done_at"] if row["state"] == "done" else now(),
                annotation=number,
                assignee=author,
            )
        )
        self._record_answer(conn, number, row["key"], label, author, row["case"] or task, task)
        return self._annotation(conn, number)

    def _skip(self, conn: Connection, task: str, author: str, reason: str) -> None:
        table = tables.label_task
        row = self._row(conn, task, lock=True)
        if row["state"] in ("done", "cancelled"):
            raise Conflict(f"Task {task} is {row['state']} already.")
        conn.execute(
            sa.update(table)
            .where(table.c.id == task)
            .values(
                state="skipped",
                assignee=author,
                done_at=now(),
                details={**row["details"], "skipped": reason},
            )
        )

    def _reopen(self, conn: Connection, task: str, author: str, *, keep: bool = False) -> LabelTask:
        """Take back; with ``keep`` the author gets the task, who wants to answer it anew."""
        table = tables.label_task
        row = self._row(conn, task, lock=True)
        if row["state"] == "cancelled":
            raise Conflict(f"Task {task} was withdrawn, with its case or its image.")
        if row["state"] in ("open", "leased"):
            return as_task(row)
        if row["case"] is not None:
            cases = tables.case
            stage = conn.execute(
                sa.select(cases.c.stage).where(cases.c.id == row["case"])
            ).scalar_one_or_none()
            if stage == "closed":
                raise Conflict(
                    f"{row['case']} has ended with this answer in it.",
                    hint="Correct the label instead: answer the task again.",
                )
        if row["state"] == "done":
            self._take_back(conn, row, author)
        conn.execute(
            sa.update(table)
            .where(table.c.id == task)
            .values(state="open", done_at=None, annotation=None, assignee=None)
        )
        if keep:
            take(conn, [task], author, LEASE_SECONDS)
            return as_task({**row, "state": "leased", "assignee": author})
        return as_task({**row, "state": "open", "assignee": None})

    def _check(self, label: str, author: str, source: str) -> None:
        self._dataset.rules.check_class(label)
        self._check_author(author, source)

    def _check_author(self, author: str, source: str) -> None:
        if not author:
            raise InvalidInput("A label needs an author, got an empty name.", field="author")
        if source not in get_args(LabelSource):
            raise InvalidInput(f"Source {source!r} is unknown.", field="source")

    def _row(self, conn: Connection, name: str, *, lock: bool = False) -> dict[str, Any]:
        table = tables.label_task
        query = sa.select(table).where(table.c.project == self.project, table.c.id == name)
        if lock:
            query = query.with_for_update()
        row = conn.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(
                f"Project {self.project} has no labelling task {name!r}.",
                hint="List them: autofocus labels queue",
            )
        return dict(row)

    def _saved(
        self, conn: Connection, request: str | None, key: str, label: str
    ) -> Annotation | None:
        """The annotation that this request saved before; Conflict if it said something else."""
        if request is None:
            return None
        table = tables.annotation
        row = (
            conn.execute(
                sa.select(table).where(table.c.project == self.project, table.c.request == request)
            )
            .mappings()
            .one_or_none()
        )
        if row is None:
            return None
        found = as_annotation(row)
        if (found.key, found.label) != (key, Tag(label)):
            raise Conflict(
                f"Request {request!r} saved {found.label.words} for {found.key} before.",
                hint="Use a new request name for a new answer.",
            )
        return found

    def _check_image(self, conn: Connection, task: Mapping[str, Any]) -> None:
        """An answer is about the picture that was shown, not about another under its name."""
        there = rows.current_row(conn, self.project, task["key"])
        if there is None or there["sha256"] != task["sha256"]:
            what = "is no longer in the project" if there is None else "was replaced by another"
            raise Conflict(
                f"The image of task {task['id']}, {task['key']}, {what}.",
                hint="Skip the task.",
            )

    def _take_back(self, conn: Connection, task: Mapping[str, Any], author: str) -> None:
        revision = next_revision(conn, self.project)
        end_annotation(conn, project=self.project, key=task["key"], revision=revision)
        table = tables.annotation
        before = (
            conn.execute(
                sa.select(table)
                .where(
                    table.c.project == self.project,
                    table.c.key == task["key"],
                    table.c.created_at < task["created_at"],
                )
                .order_by(table.c.id.desc())
                .limit(1)
            )
            .mappings()
            .one_or_none()
        )
        if before is not None:
            found = as_annotation(before)
            write_annotation(
                conn,
                project=self.project,
                key=found.key,
                label=found.label,
                author=found.author,
                source=found.source,
                revision=revision,
                confidence=found.confidence,
                suggested_by=found.suggested_by,
                case=found.case,
            )
        record_event(
            conn,
            Event(
                kind="labels.requested",
                project=self.project,
                key=f"{task['id']}/reopened/{revision}",
                what=f"{author} took the answer for {task['key']} back.",
                subject=task["case"] or "",
                cause=task["id"],
                actor=author,
                body={"count": 1, "purpose": task["purpose"]},
            ),
        )

    def _record_answer(
        self,
        conn: Connection,
        number: int,
        key: str,
        label: str,
        author: str,
        cause: str,
        task: str,
    ) -> None:
        record_event(
            conn,
            Event(
                kind="labels.answered",
                project=self.project,
                key=f"{self.project}/label/{number}",
                what=f"{author} says {label} for {key}.",
                subject=key,
                cause=cause,
                actor=author,
                body={"task": task, "label": label, "annotation": number},
            ),
        )

    def _annotation(self, conn: Connection, number: int) -> Annotation:
        table = tables.annotation
        row = conn.execute(sa.select(table).where(table.c.id == number)).mappings().one()
        return as_annotation(row)
