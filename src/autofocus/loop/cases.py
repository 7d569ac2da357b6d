"""The rows of cases: stage, evidence, named steps, approvals. All truth of the loop is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.errors import Conflict, NotFound
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.database import insert_ignore, one_row, record_event
from autofocus.types.clock import now
from autofocus.types.production import Case, Outcome, Signal, Stage

if TYPE_CHECKING:
    from autofocus.store.database import Database

PLAIN: Mapping[Stage, str] = {
    "diagnose": "finding out what changed",
    "verdict": "finding out whether it does harm",
    "collect": "collecting labels for training",
    "train": "training and testing a challenger",
    "shadow": "comparing the challenger in shadow",
    "canary": "trying the challenger on a share of the traffic",
    "promote": "promoting the challenger",
    "closed": "closed",
}

# The step that a case does when its harm is still there and another case shall try again.
TRY_AGAIN = "try-again"


class Cases:
    """Cases of one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self.project = project

    # -- reading -------------------------------------------------------------------------

    def get(self, name: str) -> Case:
        """A case by id; raises NotFound."""
        with self._database.read() as conn:
            row = self._row(conn, name)
        return _as_case(row)

    def list(self) -> list[Case]:
        """All cases, newest first."""
        table = tables.case
        query = (
            sa.select(table).where(table.c.project == self.project).order_by(table.c.number.desc())
        )
        with self._database.read() as conn:
            return [_as_case(row) for row in conn.execute(query).mappings()]

    def open_case(self) -> Case | None:
        """The case that is not closed; there is at most one."""
        table = tables.case
        query = sa.select(table).where(table.c.project == self.project, table.c.stage != "closed")
        with self._database.read() as conn:
            row = one_row(conn, query)
        return None if row is None else _as_case(row)

    def cancel_wanted(self, name: str) -> bool:
        """Whether somebody asked to end the case."""
        with self._database.read() as conn:
            return bool(self._row(conn, name)["cancel_wanted"])

    # -- opening and moving ----------------------------------------------------------------

    def open(
        self,
        *,
        model: str,
        trigger: str,
        signal: Signal | None,
        actor: str,
        again: bool = False,
        stage: Stage = "diagnose",
        evidence: Mapping[str, Any] | None = None,
    ) -> Case | None:
        """Open a case unless one is open, in ``stage`` with ``evidence``. None if not opened.

        The same signal opens one once, but for a case that tries ``again``.
        """
        table = tables.case
        with self._database.begin() as conn:
            if signal is not None and not again:
                seen = conn.execute(
                    sa.select(tables.signal.c.case).where(tables.signal.c.id == signal.id)
                ).scalar_one_or_none()
                if seen is not None:
                    return None
            busy = conn.execute(
                sa.select(table.c.id).where(
                    table.c.project == self.project, table.c.stage != "closed"
                )
            ).first()
            if busy is not None:
                return None
            number = 1 + int(
                conn.execute(
                    sa.select(sa.func.coalesce(sa.func.max(table.c.number), 0)).where(
                        table.c.project == self.project
                    )
                ).scalar_one()
            )
            name = f"{self.project}-case-{number}"
            conn.execute(
                sa.insert(table).values(
                    id=name,
                    project=self.project,
                    number=number,
                    stage=stage,
                    model=model,
                    signal=None if signal is None else signal.id,
                    trigger=trigger,
                    evidence=dict(evidence or {}),
                    opened_at=now(),
                )
            )
            if signal is not None and not again:
                conn.execute(
                    sa.update(tables.signal)
                    .where(tables.signal.c.id == signal.id)
                    .values(case=name)
                )
            record_event(
                conn,
                Event(
                    kind="case.opened",
                    project=self.project,
                    key=f"{name}/opened",
                    what=f"{name} was opened: {trigger}",
                    subject=name,
                    cause="" if signal is None else signal.id,
                    actor=actor,
                ),
            )
        return self.get(name)

    def tries(self, case: Case) -> tuple[Case, ...]:
        """The cases about the same signal up to this one, oldest first."""
        if case.signal is None:
            return (case,)
        found = [c for c in self.list() if c.signal == case.signal and c.number <= case.number]
        return tuple(sorted(found, key=lambda c: c.number))

    def undecided_tries(self, case: Case) -> tuple[Case, ...]:
        """The tries before this one whose labels told neither harm nor harmlessness."""
        return tuple(c for c in self.tries(case)[:-1] if c.verdict == "undecided")

    def last_try(self, case: Case) -> dict[str, int] | None:
        """Where the log ended when the case before this one gave up; None for a first try."""
        earlier = self.tries(case)[:-1]
        step = self.step(earlier[-1].id, TRY_AGAIN) if earlier else None
        return None if step is None else dict(step["cursor"])

    def move(self, name: str, before: Stage, after: Stage) -> bool:
        """Go to another stage by compare-and-set; False if the case was elsewhere already."""
        table = tables.case
        with self._database.begin() as conn:
            moved = conn.execute(
                sa.update(table)
                .where(table.c.id == name, table.c.stage == before)
                .values(stage=after, waiting_for="")
            ).rowcount
            if moved:
                record_event(
                    conn,
                    Event(
                        kind="case.stage",
                        project=self.project,
                        key=f"{name}/stage/{after}",
                        what=f"{name} goes on: {PLAIN[after]}.",
                        subject=name,
                        cause=name,
                        actor="loop",
                        body={"from": before, "to": after},
                    ),
                )
        return bool(moved)

    def update(self, name: str, **values: Any) -> None:
        """Set columns; entries of ``evidence`` are merged into what is there."""
        table = tables.case
        with self._database.begin() as conn:
            if "evidence" in values:
                row = self._row(conn, name)
                values["evidence"] = {**row["evidence"], **values["evidence"]}
            conn.execute(sa.update(table).where(table.c.id == name).values(**values))

    def wait_for(self, name: str, what: str) -> None:
        """Say who or what is awaited; an event the first time."""
        table = tables.case
        with self._database.begin() as conn:
            changed = conn.execute(
                sa.update(table)
                .where(table.c.id == name, table.c.waiting_for != what)
                .values(waiting_for=what)
            ).rowcount
            if changed and what:
                record_event(
                    conn,
                    Event(
                        kind="case.waiting",
                        project=self.project,
                        key=f"{name}/waiting/{what}"[:255],
                        what=f"{name} waits for {what}.",
                        subject=name,
                        cause=name,
                        actor="loop",
                    ),
                )

    def close(self, name: str, outcome: Outcome, reason: str, *, actor: str = "loop") -> None:
        """End a case, once."""
        table = tables.case
        with self._database.begin() as conn:
            closed = conn.execute(
                sa.update(table)
                .where(table.c.id == name, table.c.stage != "closed")
                .values(
                    stage="closed",
                    outcome=outcome,
                    reason=reason,
                    waiting_for="",
                    closed_at=now(),
                )
            ).rowcount
            if closed:
                record_event(
                    conn,
                    Event(
                        kind="case.closed",
                        project=self.project,
                        key=f"{name}/closed",
                        what=f"{name} ended, {outcome.replace('_', ' ')}: {reason}",
                        subject=name,
                        cause=name,
                        actor=actor,
                        body={"outcome": outcome},
                    ),
                )

    # -- named steps -----------------------------------------------------------------------

    def step(self, name: str, step: str) -> dict[str, Any] | None:
        """What a step of a case found, if it was done."""
        table = tables.case_step
        with self._database.read() as conn:
            found = conn.execute(
                sa.select(table.c.output).where(table.c.id == f"{name}/{step}")
            ).scalar_one_or_none()
        return None if found is None else dict(found)

    def once(self, name: str, step: str, work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Do a step and keep its output, or return what it found when it was done before.

        ``work`` may run again after a crash before the output was kept, so what it does must be
        named by its inputs too.
        """
        done = self.step(name, step)
        if done is not None:
            return done
        output = dict(work())
        with self._database.begin() as conn:
            insert_ignore(
                conn,
                tables.case_step,
                id=f"{name}/{step}",
                case=name,
                output=output,
                at=now(),
            )
        kept = self.step(name, step)
        assert kept is not None
        return kept

    def steps_since(self, step: str, since: str) -> int:
        """How many cases of the project did ``step`` after a time."""
        table = tables.case_step
        query = (
            sa.select(sa.func.count())
            .select_from(table.join(tables.case, tables.case.c.id == table.c.case))
            .where(
                tables.case.c.project == self.project,
                table.c.id.like(f"%/{step}"),
                table.c.at > since,
            )
        )
        with self._database.read() as conn:
            return int(conn.execute(query).scalar_one())

    # -- approvals -------------------------------------------------------------------------

    def approval(self, name: str, step: str) -> dict[str, Any] | None:
        """The approval asked for a step, if any: state, who, why."""
        table = tables.approval
        with self._database.read() as conn:
            return one_row(conn, sa.select(table).where(table.c.id == f"{name}/{step}"))

    def approvals(self, name: str) -> dict[str, str]:
        """State of every approval of a case, by step."""
        table = tables.approval
        query = sa.select(table.c.step, table.c.state).where(table.c.case == name)
        with self._database.read() as conn:
            return {row.step: row.state for row in conn.execute(query.order_by(table.c.step))}

    def ask_approval(self, name: str, step: str) -> None:
        """Ask for a person's decision, once."""
        with self._database.begin() as conn:
            insert_ignore(
                conn,
                tables.approval,
                id=f"{name}/{step}",
                case=name,
                step=step,
                state="wanted",
                asked_at=now(),
            )

    def decide(self, name: str, *, approve: bool, who: str, why: str) -> str:
        """Answer the approval that is wanted; returns its step. Raises Conflict if none is."""
        table = tables.approval
        state = "approved" if approve else "rejected"
        with self._database.begin() as conn:
            self._row(conn, name)
            row = (
                conn.execute(
                    sa.select(table).where(table.c.case == name, table.c.state == "wanted")
                )
                .mappings()
                .first()
            )
            if row is None:
                raise Conflict(
                    f"{name} waits for no decision.", hint=f"See: autofocus loop show {name}"
                )
            conn.execute(
                sa.update(table)
                .where(table.c.id == row["id"], table.c.state == "wanted")
                .values(state=state, who=who, why=why, decided_at=now())
            )
            record_event(
                conn,
                Event(
                    kind="approval.given" if approve else "approval.refused",
                    project=self.project,
                    key=f"{row['id']}/{state}",
                    what=f"{who} {state} the step '{row['step']}' of {name}"
                    + (f": {why}" if why else "."),
                    subject=name,
                    cause=name,
                    actor=who,
                ),
            )
        return str(row["step"])

    def _row(self, conn: Connection, name: str) -> dict[str, Any]:
        table = tables.case
        row = one_row(
            conn, sa.select(table).where(table.c.project == self.project, table.c.id == name)
        )
        if row is None:
            raise NotFound(
                f"Project {self.project} has no case {name!r}.",
                hint="List them: autofocus loop cases",
            )
        return row


def _as_case(row: Any) -> Case:
    return Case(**{name: row[name] for name in Case.__dataclass_fields__})
