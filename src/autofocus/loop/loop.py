"""``Loop``: signals become cases, cases become healed models, people can step in anywhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from autofocus.errors import AutofocusError, Conflict
from autofocus.events import Event
from autofocus.loop import evidence, readings, refresh, rollout, stages
from autofocus.loop.cases import PLAIN, TRY_AGAIN, Cases
from autofocus.loop.model_tests import run_model_tests
from autofocus.store import tables
from autofocus.store.database import record_event
from autofocus.types.clock import now, seconds_since
from autofocus.types.codec import decode, digest
from autofocus.types.production import Case, Deployment, Signal

if TYPE_CHECKING:
    from autofocus.data.embeddings import SimilarSamples
    from autofocus.data.query import Query
    from autofocus.loop.engine import Engine
    from autofocus.loop.rooms import Rooms
    from autofocus.types.models import Report

# How often it is asked whether a case has something to do, and how long nothing is believed: a
# flow is started only where something changed, because a case may wait for labels for days.
LOOK_AGAIN_SECONDS = 0.5
BELIEVE_SECONDS = 30.0
# Predictions after which a case that waits for predictions is looked at again.
STRIDE = 20


class Loop:
    """The loop of one project. ``tick`` drives it; every other method is for people."""

    def __init__(self, rooms: Rooms, engine: Callable[[], Engine]) -> None:
        self._rooms = rooms
        self._engine = engine
        self._cases = Cases(rooms.database, rooms.project)
        # Per case: when it was last looked at, when a flow was last started, and what was seen.
        self._looked: dict[str, tuple[float, float, str]] = {}

    # -- driving -------------------------------------------------------------------------

    def tick(self) -> None:
        """Take in new predictions, open a case if there is cause, and wake the open one."""
        rollout.mend(self._rooms)
        self._rooms.monitor.tick(self._rooms.policy())
        case = self._cases.open_case()
        if self._stopped():
            # Ending a case is no act of the loop, so a pause does not hold it up.
            if case is not None and self._cases.cancel_wanted(case.id):
                self._wake(case)
            return
        if case is None:
            case = self._open_if_signalled() or self._open_to_try_again() or self._open_to_refresh()
        elif self._must_give_way(case):
            self.cancel(case.id, who="the loop", why="an alarm goes first")
        if case is not None and not case.paused:
            self._wake(case)

    def perform(self, case: str, stage: str, step: str) -> bool:
        """Do one step of a case; the engine calls it, again after a crash."""
        if self._stopped() and not self._cases.cancel_wanted(case):
            return False
        return stages.perform(self._rooms, self._cases, case, stage, step)  # type: ignore[arg-type]

    def _stopped(self) -> bool:
        state = self._state()
        return bool(state["paused"] or state["frozen"])

    def _wake(self, case: Case) -> None:
        engine = self._engine()
        died_of = engine.failure(case.id)
        if died_of is not None:
            # A bug or a damaged part: trying for ever would help nobody.
            self._cases.update(case.id, paused=True)
            self._cases.wait_for(
                case.id, f"a person: {PLAIN[case.stage]} failed ({died_of[:300]}); cancel or resume"
            )
            return
        now_ = time.monotonic()
        looked, woken, before = self._looked.get(case.id, (-math.inf, -math.inf, ""))
        if now_ < looked + LOOK_AGAIN_SECONDS:
            return
        # Seen before the flow starts: what changes meanwhile differs at the next look.
        seen = self._what_matters(case)
        if seen != before or now_ > woken + BELIEVE_SECONDS:
            if not engine.wake(case.id, case.stage, now()):
                return
            woken = now_
        self._looked[case.id] = (now_, woken, seen)

    def _what_matters(self, case: Case) -> str:
        """Everything the case's next step may depend on, in short; equal means nothing to do."""
        labels = self._rooms.labels.progress(case.id)
        seen: list[object] = [
            case.stage,
            case.waiting_for,
            self._rooms.models.alias("champion"),
            labels,
            self._cases.cancel_wanted(case.id),
            self._cases.approvals(case.id),
            digest(self._rooms.policy()),
        ]
        asked = labels["open"] + labels["leased"]
        if case.stage in ("diagnose", "canary", "promote") or (
            case.stage in ("verdict", "shadow") and not asked
        ):
            seen.append(sum(self._rooms.log.end().values()) // STRIDE)
        if case.stage == "train":
            seen.append(self._state_of_run(case))
        return repr(seen)

    def _open_if_signalled(self) -> Case | None:
        signal = self._unanswered_signal()
        if signal is None or self._cooling_down():
            return None
        return self._cases.open(
            model=signal.model,
            trigger=f"what {signal.model} sees has changed (evidence {signal.e_value:,.0f}, "
            f"alarm line {signal.threshold:,.0f}, first noticed in {signal.leading_score}).",
            signal=signal,
            actor="monitor",
        )

    def _open_to_try_again(self) -> Case | None:
        """A case for what the newest one could not settle, when enough images came since."""
        closed = self._cases.list()
        last = max(closed, key=lambda case: case.number, default=None)
        step = None if last is None else self._cases.step(last.id, TRY_AGAIN)
        if last is None or step is None or self._cooling_down():
            return None
        if self._rooms.models.alias("champion") != last.model:
            return None
        taken = self._reference_taken_at(last.model)
        if taken is not None and last.closed_at is not None and taken > last.closed_at:
            return None  # a person declared what is seen normal
        came = sum(self._rooms.log.end().values()) - sum(step["cursor"].values())
        if came < self._rooms.policy().limits.retry_images:
            return None
        return self._cases.open(
            model=last.model,
            trigger=f"{last.id} ended {last.outcome}: another try, with newer images and "
            "more labels.",
            signal=next(s for s in self._rooms.monitor.signals() if s.id == last.signal),
            actor="loop",
            again=True,
        )

    def _open_to_refresh(self) -> Case | None:
        """A case that trains without an alarm, when the policy's triggers say so."""
        triggers = self._rooms.policy().triggers
        champion = self._rooms.models.alias("champion")
        if (triggers.new_labels is None and triggers.every_days is None) or champion is None:
            return None
        if self._cooling_down():
            return None
        found = refresh.news(self._rooms, self._cases, champion)
        why = refresh.due(self._rooms, found)
        if why is None:
            return None
        return self._open_in_training(champion, why, found, actor="loop")

    def _open_in_training(
        self, champion: str, why: str, found: refresh.News, *, actor: str
    ) -> Case | None:
        return self._cases.open(
            model=champion,
            trigger=why,
            signal=None,
            actor=actor,
            stage="train",
            evidence={refresh.REFRESH: found.as_json()},
        )

    def _must_give_way(self, case: Case) -> bool:
        """Whether a case that only refreshes keeps an alarm waiting."""
        return (
            refresh.is_refresh(case)
            and case.stage in ("train", "shadow")
            and self._unanswered_signal() is not None
            and not self._cases.cancel_wanted(case.id)
        )

    def _state_of_run(self, case: Case) -> str:
        started = self._cases.step(case.id, "run")
        if started is None:
            return "none"
        try:
            return self._rooms.training.poll(started["run"]).state
        except AutofocusError as error:
            # The step that polls for the case says it in the case; the tick goes on.
            return str(error)

    def _unanswered_signal(self) -> Signal | None:
        """The champion's oldest signal without a case, if it is about the reference in force.

        A signal from before the newest reference is settled: what it saw counts as normal now.
        """
        champion = self._rooms.models.alias("champion")
        signal = tables.signal.c
        since = None if champion is None else self._reference_taken_at(champion)
        with self._rooms.database.read() as conn:
            body = conn.execute(
                sa.select(signal.body)
                .where(
                    signal.project == self._rooms.project,
                    signal.model == champion,
                    signal.case.is_(None),
                    signal.created_at >= (since or ""),
                )
                .order_by(signal.created_at, signal.id)
                .limit(1)
            ).scalar_one_or_none()
        return None if body is None else decode(Signal, body)

    def _reference_taken_at(self, model: str) -> str | None:
        event = tables.event.c
        with self._rooms.database.read() as conn:
            found: str | None = conn.execute(
                sa.select(sa.func.max(event.at)).where(
                    event.project == self._rooms.project,
                    event.kind == "monitor.reference_taken",
                    event.subject == model,
                )
            ).scalar_one()
        return found

    def _cooling_down(self) -> bool:
        seconds = self._rooms.policy().limits.cooldown_seconds
        closed = [c.closed_at for c in self._cases.list() if c.closed_at]
        if not seconds or not closed:
            return False
        return seconds_since(max(closed)) < seconds

    # -- looking -------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Where the loop stands and who must act."""
        state = self._state()
        case = self._cases.open_case()
        doing = "watching" if case is None else PLAIN[case.stage]
        if state["paused"]:
            doing = "paused by a person"
        if state["frozen"]:
            doing = f"frozen: {state['frozen']}"
        closed = [c for c in self._cases.list() if c.stage == "closed"]
        return {
            "project": self._rooms.project,
            "doing": doing,
            "paused": state["paused"],
            "frozen": state["frozen"],
            "case": None if case is None else case.id,
            "stage": None if case is None else case.stage,
            "waiting_for": "" if case is None else case.waiting_for,
            "champion": self._rooms.models.alias("champion"),
            "challenger": self._rooms.models.alias("challenger"),
            "cases_closed": len(closed),
            "promotions": sum(c.outcome == "promoted" for c in closed),
        }

    def cases(self) -> list[Case]:
        """All cases, newest first."""
        return self._cases.list()

    def case(self, name: str) -> Case:
        """One case with its evidence; raises NotFound."""
        return self._cases.get(name)

    def contact_sheet(self, case: str) -> bytes:
        """PNG of the drifted images beside usual ones; raises NotFound."""
        return evidence.contact_sheet(self._rooms, self._cases.get(case).id)

    def more_like(self, case: str, query: Query | str = "", *, limit: int = 100) -> SimilarSamples:
        """Images of the project that look to the champion like those that drifted in a case.

        Raises NotFound before the diagnosis or where no drifted image was kept.
        """
        return readings.more_like(self._rooms, self._cases.get(case), query, limit=limit)

    def harm_history(self, case: str) -> dict[str, Any]:
        """Evidence of harm and of harmlessness of a case after every label; raises NotFound."""
        return readings.harm_history(self._rooms, self._cases, self._cases.get(case))

    def duel(self, case: str) -> dict[str, Any]:
        """Champion against challenger in a case, with their disagreements; raises NotFound."""
        return readings.duel(self._rooms, self._cases, self._cases.get(case))

    def lineage(self, prediction: str) -> dict[str, Any]:
        """From a prediction back to model, run, version, labels, people, case and image.

        Raises NotFound for an id that is not in the log.
        """
        row = self._rooms.log.find(prediction)
        origin = self._rooms.models.lineage_of_model(row["model"])
        served = row["id"].removesuffix("-shadow")
        table = tables.label_task
        with self._rooms.database.read() as conn:
            questions = [
                dict(found)
                for found in conn.execute(
                    sa.select(table.c.id, table.c.purpose, table.c.state, table.c.case).where(
                        table.c.project == self._rooms.project,
                        table.c.key == f"production/{served}",
                    )
                ).mappings()
            ]
            truths = [
                dict(found)
                for found in conn.execute(
                    sa.select(tables.annotation).where(
                        tables.annotation.c.project == self._rooms.project,
                        tables.annotation.c.key == f"production/{served}",
                    )
                ).mappings()
            ]
        return {
            "prediction": row,
            "label": self._rooms.judge.told(row),
            **origin,
            "asked": questions,
            "answered": truths,
        }

    # -- deciding ------------------------------------------------------------------------

    def open_by_hand(self, *, who: str, why: str, retrain: bool = False) -> Case:
        """Open a case on the latest predictions, or, to ``retrain``, on all labels so far.

        Raises Conflict if one is open.
        """
        champion = self._rooms.models.model("champion").id
        trigger = f"{who} asked: {why}"
        if retrain:
            found = refresh.news(self._rooms, self._cases, champion)
            case = self._open_in_training(champion, trigger, found, actor=who)
        else:
            case = self._cases.open(model=champion, trigger=trigger, signal=None, actor=who)
        if case is None:
            busy = self._cases.open_case()
            raise Conflict(
                f"{busy.id if busy else 'A case'} is open already.",
                hint="Wait for its end or cancel it: autofocus loop cancel CASE --why ...",
            )
        return case

    def approve(self, case: str, *, who: str, why: str = "") -> Case:
        """Say yes to the step that the case waits for; raises Conflict if it waits for none."""
        self._cases.decide(case, approve=True, who=who, why=why)
        return self._cases.get(case)

    def reject(self, case: str, *, who: str, why: str) -> Case:
        """Say no to the step that the case waits for; the case ends."""
        self._cases.decide(case, approve=False, who=who, why=why)
        return self._cases.get(case)

    def cancel(self, case: str, *, who: str, why: str) -> Case:
        """End a case where it stands; the step under way is the last one.

        Raises Conflict if it has ended.
        """
        found = self._cases.get(case)
        if found.stage == "closed":
            raise Conflict(f"{case} has ended already: {found.outcome}.")
        if found.stage == "promote":
            raise Conflict(
                f"{case} is being promoted; it cannot be cancelled half-way.",
                hint="Go back with: autofocus models rollback --why ...",
            )
        self._cases.update(
            case, cancel_wanted=True, paused=False, reason=f"cancelled by {who}: {why}"
        )
        run = self._cases.step(case, "run")
        if run is not None and found.stage == "train":
            self._rooms.training.cancel(run["run"])
        return self._cases.get(case)

    def pause(self, *, who: str, why: str = "") -> None:
        """Act no more until resumed; serving and monitoring go on."""
        self._set_state("loop.paused", f"{who} paused the loop. {why}".strip(), who, paused=True)

    def resume(self, *, who: str, why: str = "") -> None:
        """Act again; lifts a pause, a freeze, and the stop of a case that failed."""
        self._set_state(
            "loop.resumed", f"{who} resumed the loop. {why}".strip(), who, paused=False, frozen=""
        )
        case = self._cases.open_case()
        if case is not None and case.paused:
            self._cases.update(case.id, paused=False, waiting_for="")

    def promote(self, model: str, *, who: str, why: str) -> Deployment:
        """Make a model champion at once, by a person's decision."""
        return rollout.promote(self._rooms, model, who=who, why=why)

    def roll_back(self, *, who: str, why: str) -> Deployment:
        """Put the previous champion back."""
        return rollout.roll_back(self._rooms, who=who, why=why)

    def run_model_tests(
        self, model: str, *, champion: str | None = None, record: bool = True
    ) -> Report:
        """Model tests by the gates of the policy, beside the champion if there is another."""
        champion = champion or self._rooms.models.alias("champion")
        effect = f"{model}/model-tests/{now()}" if record else None
        return run_model_tests(self._rooms, model, champion=champion, effect=effect)

    # -- inner ---------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        table = tables.project
        with self._rooms.database.read() as conn:
            row = conn.execute(
                sa.select(table.c.paused, table.c.frozen).where(table.c.name == self._rooms.project)
            ).one()
        return {"paused": bool(row.paused), "frozen": row.frozen}

    def _set_state(self, kind: Any, what: str, who: str, **values: Any) -> None:
        table = tables.project
        with self._rooms.database.begin() as conn:
            conn.execute(
                sa.update(table).where(table.c.name == self._rooms.project).values(**values)
            )
            record_event(
                conn,
                Event(
                    kind=kind,
                    project=self._rooms.project,
                    key=f"{self._rooms.project}/{kind}/{now()}",
                    what=what,
                    actor=who,
                ),
            )
