"""A control plane that kills itself: ``python chaos_child.py ROOT MODE ARGUMENT``.

MODE ``steps``: ARGUMENT is a folder of markers; before and after every named step, the first time
it comes there, the process dies. MODE ``writes``: ARGUMENT is a number; the process dies at the
n-th write that a step does (a commit of ours or an object put), before it for odd, after it for
even numbers.
MODE ``none`` never dies.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loop_world import PROJECT, use_light_training
from sqlalchemy.engine import Connection

from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.workspace.workspace import Workspace


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_around_steps(workspace: Workspace, markers: Path) -> None:
    perform = workspace.engine.perform

    def once(name: str) -> None:
        marker = markers / name
        if not marker.exists():
            marker.touch()
            die()

    def dying(case: str, stage: str, step: str) -> bool:
        once(f"{stage}.{step}.before")
        result = perform(case, stage, step)
        # Effect done, but the engine does not know it yet.
        once(f"{stage}.{step}.after")
        return result

    workspace.engine.perform = dying


def die_at_write(workspace: Workspace, number: int) -> None:
    left = number
    begin, put, perform = Database.begin, ObjectStore.put, workspace.engine.perform
    # The monitor writes at every tick; it would leave no process alive until a step is done.
    inside = threading.local()

    def performing(case: str, stage: str, step: str) -> bool:
        inside.step = True
        try:
            return perform(case, stage, step)
        finally:
            inside.step = False

    workspace.engine.perform = performing

    def count(before: bool) -> None:
        nonlocal left
        if not getattr(inside, "step", False):
            return
        if before:
            left -= 1
        if left <= 0 and before == bool(number % 2):
            die()

    @contextmanager
    def dying_begin(self: Database) -> Iterator[Connection]:
        with begin(self) as conn:
            yield conn
            count(before=True)
        count(before=False)

    def dying_put(self: ObjectStore, key: str, data: bytes) -> Any:
        count(before=True)
        result = put(self, key, data)
        count(before=False)
        return result

    Database.begin = dying_begin  # type: ignore[method-assign]
    ObjectStore.put = dying_put  # type: ignore[method-assign]


def main(root: Path, mode: str, argument: str) -> None:
    use_light_training()
    workspace = Workspace.open(root, create=False)
    project = workspace.project(PROJECT)
    if mode == "steps":
        die_around_steps(workspace, Path(argument))
    elif mode == "writes":
        die_at_write(workspace, int(argument))
    workspace.engine.start()
    print("ticking", flush=True)
    while True:
        project.loop.tick()
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
