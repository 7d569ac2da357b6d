"""Where jobs run: a fresh process a job, on this machine.

A job is named by its inputs. Its folder holds ``job.json`` (what to do), ``result.json`` (written
by atomic rename, so it is whole or not there), ``stderr.log``, and a lock that the running process
holds. So a job that is submitted again after a crash is found done, found running (an orphan goes
on, its result is taken), or started again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from filelock import FileLock, Timeout

from autofocus.errors import Conflict, JobFailed
from autofocus.types.codec import canonical_json

JobState = Literal["running", "done", "failed", "cancelled", "lost"]

_POLL_SECONDS = 0.1
_KILL_AFTER_SECONDS = 5.0
_TAIL_BYTES = 4_000

# Children of this process until they are reaped: a handle may be dropped while its job runs on.
_CHILDREN: list[subprocess.Popen[bytes]] = []
_CHILDREN_LOCK = threading.Lock()
# One look-then-start at a time in this process: a flow and the ticker ask for the same job.
_STARTING = threading.Lock()


class Executor(Protocol):
    """Runs ``module:function`` with JSON arguments somewhere, and gives a handle."""

    def submit(
        self, name: str, task: str, arguments: Mapping[str, Any], *, tries: int = 1
    ) -> Job: ...

    def job(self, name: str) -> Job: ...


class LocalExecutor:
    """Jobs as child processes in sessions of their own, below ``root``."""

    def __init__(self, root: Path, *, niceness: int = 5) -> None:
        self._root = root
        self._niceness = niceness

    def folder(self, name: str) -> Path:
        """The job's folder; what the job leaves there stays."""
        return self._root / name

    def job(self, name: str) -> Job:
        """A handle on a job submitted before, by this process or another."""
        return Job(self.folder(name), self._niceness)

    def forget(self, name: str) -> None:
        """Put the folder of an ended job aside, so that the name can be submitted anew.

        Raises Conflict while it runs.
        """
        folder = self.folder(name)
        if self.job(name).poll() == "running":
            raise Conflict(f"Job {name!r} is running.", hint="Wait for its end, or cancel it.")
        if folder.exists():
            folder.rename(folder.with_name(f"{name}.ended-{time.time_ns()}"))

    def submit(self, name: str, task: str, arguments: Mapping[str, Any], *, tries: int = 1) -> Job:
        """Start a job, or find it if it was started before.

        ``tries`` counts starts after a death by signal (killed, out of memory); an exception in
        the job is a bug and is not tried again. Raises Conflict if the name is taken by a job
        with other arguments.
        """
        folder = self.folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = canonical_json({"task": task, "arguments": dict(arguments)})
        order = folder / "job.json"
        with _STARTING:
            if not order.exists():
                part = folder / f"job.json.{os.getpid()}.part"
                part.write_bytes(wanted)
                part.replace(order)
            elif order.read_bytes() != wanted:
                raise Conflict(
                    f"Job {name!r} exists with other arguments.",
                    hint="A job is named by its inputs: give the other one another name.",
                )
            job = Job(folder, self._niceness, tries=tries)
            if job.poll() == "lost":
                job.start()
        return job


@dataclass(slots=True)
class Job:
    """A handle on a job's folder; any process may hold one."""

    folder: Path
    niceness: int = 5
    tries: int = 1
    _child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; a process that finds the lock held leaves at once."""
        attempts = self.attempts + 1
        (self.folder / "attempts").write_text(f"{attempts}\n")
        with (self.folder / "stderr.log").open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "autofocus.compute.child", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Of its own session: it outlives a killed parent, and cancel ends its children.
                start_new_session=True,
                env={**os.environ, "AUTOFOCUS_JOB_NICENESS": str(self.niceness)},
            )
        # Known before the child holds its lock, or another look would find the job lost.
        (self.folder / "pid").write_text(f"{self._child.pid}\n")
        with _CHILDREN_LOCK:
            _CHILDREN.append(self._child)

    @property
    def attempts(self) -> int:
        """How often the job was started."""
        path = self.folder / "attempts"
        return int(path.read_text()) if path.exists() else 0

    def poll(self) -> JobState:
        """The state now. ``lost``: not started, or ended by a signal without a result."""
        _reap()
        state = self._result_state()
        if state is None:
            if self._is_running():
                return "running"
            # It may have finished between the two looks.
            state = self._result_state()
        if state is None:
            return "lost"
        _reap(self.folder)
        return state

    def wait(
        self, *, timeout: float | None = None, stop: Callable[[], bool] | None = None
    ) -> JobState:
        """Wait until the job ended; starts it again after a death by signal while tries last.

        ``stop`` is asked now and then: True cancels the job.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            state = self.advance()
            if state != "running":
                return state
            if stop is not None and stop():
                self.cancel()
                return self.poll()
            if deadline is not None and time.monotonic() > deadline:
                return state
            time.sleep(_POLL_SECONDS)

    def advance(self) -> JobState:
        """Like :meth:`poll`, but starts a lost job again while tries last."""
        with _STARTING:
            state = self.poll()
            if state == "lost" and self.attempts < self.tries:
                self.start()
                return "running"
        return state

    def result(self) -> dict[str, Any]:
        """What the job returned; raises JobFailed with the error or the end of its output."""
        path = self.folder / "result.json"
        if path.exists():
            outcome = json.loads(path.read_text())
            if outcome["state"] == "done":
                returned: dict[str, Any] = outcome["result"]
                return returned
            raise JobFailed(
                f"Job {self.folder.name} {outcome['state']}: {outcome['error']}",
                hint=f"Its output: {self.folder / 'stderr.log'}",
                kind=outcome.get("kind", ""),
            )
        raise JobFailed(
            f"Job {self.folder.name} ended without a result (killed, or out of memory).",
            hint=f"The end of its output:\n{self.output_tail()}",
        )

    def output_tail(self) -> str:
        """The end of what the job printed."""
        path = self.folder / "stderr.log"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")

    def cancel(self) -> None:
        """End the job and its children; a finished job stays what it is."""
        pid = self._pid()
        if pid is not None and self._is_running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
            deadline = time.monotonic() + _KILL_AFTER_SECONDS
            while self._is_running() and time.monotonic() < deadline:
                _reap()
                time.sleep(0.02)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        if self._result_state() is None:
            write_result(self.folder, {"state": "cancelled", "error": "cancelled on request"})

    def _pid(self) -> int | None:
        if self._child is not None and self._child.poll() is None:
            return self._child.pid  # the file may name the attempt before, or not be there yet
        path = self.folder / "pid"
        # Another process may be writing it just now: an empty file is not yet a number.
        text = path.read_text().strip() if path.exists() else ""
        return int(text) if text else None

    def _result_state(self) -> JobState | None:
        path = self.folder / "result.json"
        if not path.exists():
            return None
        state: JobState = json.loads(path.read_text())["state"]
        return state

    def _is_running(self) -> bool:
        if self._child is not None and self._child.poll() is None:
            return True
        pid = self._pid()
        if pid is not None and _runs(pid, self.folder):
            return True
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False


def _reap(ended: Path | None = None) -> None:
    """Take leave of children that ended, or they would stay zombies.

    The job in folder ``ended`` has its result: its process is about to leave, and waited for.
    """
    with _CHILDREN_LOCK:
        for child in _CHILDREN:
            if ended is not None and child.args[-1] == str(ended):  # type: ignore[index]
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=_KILL_AFTER_SECONDS)
        _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


def _runs(pid: int, folder: Path) -> bool:
    """Whether that process lives and is the child of this job, not a later owner of its number."""
    import psutil

    try:
        process = psutil.Process(pid)
        for _ in range(100):
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            line = process.cmdline()
            if line:
                return str(folder) in line
            # In the middle of exec a process has no command line; a moment later it has.
            time.sleep(0.01)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return False


def write_result(folder: Path, outcome: Mapping[str, Any]) -> None:
    """Write ``result.json`` whole or not at all."""
    part = folder / f"result.json.{os.getpid()}.part"
    with part.open("wb") as file:
        file.write(json.dumps(outcome).encode())
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / "result.json")
