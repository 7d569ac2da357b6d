"""kill -9 everywhere: whatever is killed when, a case ends once and nothing is done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from loop_story import healed_once
from loop_world import PROJECT, World

from autofocus.loop.stages import STAGES, step_names

pytestmark = pytest.mark.timeout(1500)  # more than the patience below

HERE = Path(__file__).parent
# Some thirty starts of a process: two minutes on free cores, many more beside others.
PATIENCE_SECONDS = 1200


class Chaos:
    """A world whose control plane runs in a process that dies and is started again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.child: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def start(self, mode: str, argument: str) -> None:
        with (self.world.root / "control-plane.log").open("ab") as log:
            self.child = subprocess.Popen(
                [
                    sys.executable, str(HERE / "chaos_child.py"), str(self.world.root),
                    mode, argument,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip

    def run(self, mode: str, argument: Callable[[], str], *, seconds: float) -> None:
        """Traffic and answers until the case is closed; a new process for each that died."""
        self.start(mode, argument())
        deadline = time.monotonic() + seconds
        while True:
            assert self.child is not None
            code = self.child.poll()
            if code is not None:
                assert code == -signal.SIGKILL, self.log()
                self.deaths += 1
                self.start(mode, argument())
            assert time.monotonic() < deadline, f"{self.world.loop.status()}\n{self.log()}"
            self.world.serve(20, glass=0.5)
            self.world.answer()
            cases = self.world.loop.cases()
            if cases and cases[-1].stage == "closed":
                self._count_a_death_after_the_end()
                return
            time.sleep(0.15)

    def _count_a_death_after_the_end(self) -> None:
        """The step that closes the case may be killed after it did."""
        assert self.child is not None
        try:
            code = self.child.wait(timeout=3.0)
        except subprocess.TimeoutExpired:
            return
        assert code == -signal.SIGKILL, self.log()
        self.deaths += 1

    def log(self) -> str:
        return (self.world.root / "control-plane.log").read_text()[-4000:]

    def stop(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()


@pytest.fixture
def chaos(world: World) -> Iterator[Chaos]:
    made = Chaos(world)
    yield made
    made.stop()


def trainings(world: World) -> list[int]:
    """How often the training function ran, per run."""
    traces = sorted((world.root / "jobs").glob("*-run-*/out/trained"))
    return [len(trace.read_text().splitlines()) for trace in traces]


def nothing_twice(world: World) -> None:
    healed_once(world)
    assert trainings(world) == [1, 1]
    doubled = [key for key, n in Counter(e["key"] for e in world.events()).items() if n > 1]
    assert doubled == []
    # What rows say and what servers read is the same.
    assert world.deployment().champion.model == world.project.models.alias("champion")


@pytest.fixture
def chaos_on_postgresql(tmp_path: Path, postgres_url: Callable[[], str]) -> Iterator[Chaos]:
    """Rows and the engine's tables on PostgreSQL."""
    root = tmp_path / "w"
    root.mkdir()
    (root / "settings.yaml").write_text(f"database: {json.dumps(postgres_url())}\n")
    made = Chaos(World(root))
    assert made.world.workspace.database.engine.dialect.name == "postgresql"
    yield made
    made.stop()
    assert not (root / "flow.db").exists()
    made.world.close()


@pytest.mark.slow
@pytest.mark.parametrize("on", ["chaos", "chaos_on_postgresql"])
def test_killed_before_and_after_every_named_step(
    request: pytest.FixtureRequest, tmp_path: Path, on: str
) -> None:
    chaos: Chaos = request.getfixturevalue(on)
    markers = tmp_path / "markers"
    markers.mkdir()
    chaos.run("steps", lambda: str(markers), seconds=PATIENCE_SECONDS)
    nothing_twice(chaos.world)
    steps = {f"{stage}.{step}" for stage in STAGES for step in step_names(stage)}
    died = {p.name for p in markers.iterdir()}
    assert died == {f"{step}.{when}" for step in steps for when in ("before", "after")}
    assert chaos.deaths == len(died)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_writes(chaos: Chaos, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chaos.run("writes", lambda: str(rng.integers(1, 9)), seconds=PATIENCE_SECONDS)
    assert chaos.deaths >= 8
    nothing_twice(chaos.world)


@pytest.mark.slow
def test_killed_at_random_writes_with_rows_and_engine_on_postgresql(
    chaos_on_postgresql: Chaos,
) -> None:
    chaos = chaos_on_postgresql
    rng = np.random.default_rng(3)
    chaos.run("writes", lambda: str(rng.integers(1, 9)), seconds=PATIENCE_SECONDS)
    assert chaos.deaths >= 4
    nothing_twice(chaos.world)


@pytest.mark.slow
def test_killed_in_the_middle_of_training(chaos: Chaos, monkeypatch: pytest.MonkeyPatch) -> None:
    """The orphan finishes; the next control plane takes its result."""
    monkeypatch.setenv("LIGHT_TRAINING_SECONDS", "4")
    world = chaos.world
    chaos.start("none", "")
    deadline = time.monotonic() + 120
    while len(trainings(world)) < 2:
        assert time.monotonic() < deadline, chaos.log()
        world.serve(20, glass=0.5)
        world.answer()
        time.sleep(0.15)
    chaos.stop()
    chaos.run("none", lambda: "", seconds=120)
    nothing_twice(world)


@pytest.mark.slow
def test_flows_that_end_are_forgotten_and_a_waiting_case_starts_none(world: World) -> None:
    """With the real engine: a case that waits for labels costs no flows."""
    from dbos import DBOS

    engine = world.workspace.engine
    engine.start()
    try:
        deadline = time.monotonic() + 60
        while not (world.loop.status()["waiting_for"] or "").startswith("8 labels"):
            assert time.monotonic() < deadline, world.loop.status()
            world.serve(20, glass=0.5)
            world.loop.tick()
            time.sleep(0.05)
        case = f"{PROJECT}-case-1"

        def settled() -> int:
            while engine.busy(case):
                time.sleep(0.02)
            return len(DBOS.list_workflows(workflow_id_prefix=f"{case}/"))

        for _ in range(5):  # the wait itself is news once
            world.loop.tick()
            time.sleep(0.05)
        before = settled()
        for _ in range(40):
            world.serve(5, glass=0.5)
            world.loop.tick()
        assert settled() == before
        for n in range(120):
            assert engine.wake(case, "verdict", f"again-{n}")
            settled()
        assert settled() < 60
        assert world.project.labels.progress(case)["open"] == 8
    finally:
        engine.stop()


@pytest.mark.slow
def test_a_bug_in_a_step_stops_the_case_not_the_loop(world: World) -> None:
    engine = world.workspace.engine
    perform = engine.perform

    def broken(case: str, stage: str, step: str) -> bool:
        if stage == "verdict":
            raise ZeroDivisionError("a bug")
        return perform(case, stage, step)

    engine.perform = broken
    engine.start()
    try:
        deadline = time.monotonic() + 60
        while not (world.loop.cases() and world.loop.cases()[0].paused):
            assert time.monotonic() < deadline, world.loop.status()
            world.serve(20, glass=0.5)
            world.loop.tick()
            time.sleep(0.05)
        case = world.loop.cases()[0]
        assert "a bug" in case.waiting_for
        assert case.waiting_for.startswith("a person")
        engine.perform = perform
        world.loop.resume(who="ann", why="fixed")
        while world.loop.cases()[0].stage == "verdict":
            assert time.monotonic() < deadline, world.loop.status()
            world.loop.tick()
            world.answer()
            time.sleep(0.05)
    finally:
        engine.stop()
