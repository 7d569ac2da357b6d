"""One world is made once and copied for each test; stages run inline unless a test wants DBOS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loop_world import World

from autofocus.loop import loop as loop_module
from autofocus.loop.stages import step_names
from autofocus.types.production import Case


@pytest.fixture(autouse=True)
def jobs_find_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a first champion and no traffic."""
    root = tmp_path_factory.mktemp("loop") / "template"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
        World(root).close()
    return root


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


@pytest.fixture
def world(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # The pace is for people; tests look again at once.
    monkeypatch.setattr(loop_module, "LOOK_AGAIN_SECONDS", 0.0)
    made = World(tmp_path / "w", template=template)
    yield made
    made.close()


@pytest.fixture
def story(world: World) -> Story:
    return Story(world)
