"""Drives the world through a case, and says what one healed case leaves behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import sqlalchemy as sa
from loop_world import World

from autofocus.loop.stages import step_names
from autofocus.store import tables
from autofocus.types.production import Case


class InlineEngine:
    """Runs a stage's steps at once in the caller's thread, each ``times`` times."""

    def __init__(self, world: World, times: int = 1) -> None:
        self._world = world
        self._times = times

    def wake(self, case: str, stage: str, attempt: str) -> bool:
        for step in step_names(stage):  # type: ignore[arg-type]
            results = [self._world.loop.perform(case, stage, step) for _ in range(self._times)]
            if not results[0]:
                break
        return True

    def failure(self, case: str) -> None:
        return None


class Story:
    """Drives a world: traffic, ticks and answers until something is true."""

    def __init__(self, world: World, times: int = 1) -> None:
        self.world = world
        # The workspace's own engine is not started; stages are performed here instead.
        world.workspace.__dict__["engine"] = InlineEngine(world, times)

    @property
    def case(self) -> Case:
        return self.world.loop.cases()[0]

    def tick(self, times: int = 3) -> None:
        for _ in range(times):
            self.world.loop.tick()

    def go(
        self,
        until: Callable[[], bool],
        *,
        glass: float = 0.5,
        kind: str = "red",
        answer: bool = True,
        rounds: int = 150,
        wrongly: bool = False,
    ) -> None:
        """Traffic of 25 requests, a few ticks, answers; again until ``until``."""
        for _ in range(rounds):
            if until():
                return
            self.world.serve(25, glass=glass, kind=kind)
            self.tick()
            if answer:
                self.world.answer(wrongly=wrongly)
        raise AssertionError(f"it never came: {self.world.loop.status()}")

    def go_to(self, stage: str, **more: object) -> Case:
        """Until a case is in ``stage``."""
        cases = self.world.loop.cases
        self.go(lambda: bool(cases()) and cases()[0].stage == stage, **more)  # type: ignore[arg-type]
        return self.case


def purposes(world: World, case: str) -> Counter[str]:
    return Counter(a.purpose for a in world.project.labels.answers(case))


def champions(world: World) -> list[str]:
    """Every champion there was, oldest first."""
    moves = reversed(world.project.models.history())
    return [m["model"] for m in moves if m["name"] == "champion"]


def healed_once(world: World) -> None:
    """One case, one turn: nothing twice, nothing left over."""
    cases = world.loop.cases()
    assert [c.outcome for c in cases] == ["promoted"], cases[0].reason
    case = cases[0]
    project = world.project
    assert champions(world) == ["light-1", "light-2"]
    assert project.models.alias("previous") == "light-1"
    assert project.models.alias("challenger") is None
    assert [r.case for r in project.training.runs()] == [case.id, None]
    assert len(project.data.versions()) == 2
    assert [m.id for m in project.models.list()] == ["light-2", "light-1"]
    deployment = world.deployment()
    assert deployment.champion.model == "light-2"
    assert deployment.previous is not None
    assert deployment.previous.model == "light-1"
    assert deployment.challenger is None
    # Revisions: first model, shadow, two canary steps, promotion, end of the watch.
    assert deployment.revision == 6
    states = project.labels.progress(case.id)
    assert states["open"] == states["leased"] == 0
    labels = purposes(world, case.id)
    assert labels["verdict"] + labels["training"] == 16
    # The new champion won what was asked after the promotion, so little was.
    assert 0 < labels["watch"] <= 4
    assert sum(labels.values()) - labels["watch"] <= 48
    with world.workspace.database.read() as conn:
        shas = conn.execute(sa.select(tables.label_task.c.sha256)).scalars().all()
        reports = conn.execute(sa.select(tables.report.c.id)).scalars().all()
    assert len(shas) == len(set(shas))  # no image is asked about twice
    assert reports == [f"{case.id}/model-tests"]
    kinds = Counter(e["kind"] for e in world.events())
    for kind, times in {
        "case.opened": 1, "case.closed": 1, "run.started": 2, "run.finished": 2,
        "model.registered": 2, "data.committed": 2, "model.tested": 1,
        "monitor.reference_taken": 2, "deployment.changed": 6,
    }.items():  # fmt: skip
        assert kinds[kind] == times, kind
    assert kinds["labels.answered"] == sum(labels.values())
