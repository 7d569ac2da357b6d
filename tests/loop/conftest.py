"""One world is made once and copied for each test; stages run inline unless a test wants DBOS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_story import Story
from loop_world import World

from autofocus.loop import loop as loop_module
from autofocus.training import runs


@pytest.fixture(autouse=True)
def jobs_find_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # A world lets training be light; other tests of this process must get the real one back.
    monkeypatch.setattr(runs, "TASK", runs.TASK)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a first champion and no traffic."""
    root = tmp_path_factory.mktemp("loop") / "template"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
        patch.setattr(runs, "TASK", runs.TASK)
        World(root).close()
    return root


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
