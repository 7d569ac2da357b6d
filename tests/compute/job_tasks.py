"""Tasks for child processes; they leave traces in files, so that runs can be counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def _note(trace: str) -> int:
    """Leave this process in the trace; returns how many did so until now."""
    with Path(trace).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(Path(trace).read_text().splitlines())


def add(*, trace: str, a: int, b: int) -> dict[str, Any]:
    _note(trace)
    return {"sum": a + b, "niceness": os.nice(0), "session": os.getsid(0), "pid": os.getpid()}


def wait_for_file(*, trace: str, gate: str) -> dict[str, Any]:
    """Ends when the file ``gate`` appears."""
    _note(trace)
    while not Path(gate).exists():
        time.sleep(0.02)
    return {"pid": os.getpid()}


def die_by_signal_until(*, trace: str, attempt: int) -> dict[str, Any]:
    """Kills itself in every attempt before number ``attempt``."""
    number = _note(trace)
    if number < attempt:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"attempt": number}


def raise_error(*, trace: str) -> dict[str, Any]:
    _note(trace)
    raise ValueError("learning_rate must be above 0, got -1")


def with_a_child(*, trace: str) -> dict[str, Any]:
    """Starts a process of its own and sleeps; cancel must end both."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with Path(trace).open("a") as file:
        file.write(f"{os.getpid()}\n{child.pid}\n")
    time.sleep(600)
    return {}
