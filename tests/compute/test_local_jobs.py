"""Jobs as real child processes: results, errors, deaths, adoption by another parent, cancel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from autofocus.compute.executor import Job, LocalExecutor
from autofocus.errors import Conflict, JobFailed


@pytest.fixture(autouse=True)
def tasks_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def executor(tmp_path: Path) -> LocalExecutor:
    return LocalExecutor(tmp_path / "jobs", niceness=3)


@pytest.fixture
def trace(tmp_path: Path) -> str:
    return str(tmp_path / "trace")


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(trace: str) -> int:
    return len(Path(trace).read_text().splitlines()) if Path(trace).exists() else 0


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_many_threads_that_want_the_same_job_start_it_once(
    executor: LocalExecutor, trace: str
) -> None:
    """As the flow of a case and the ticker that looks at it do."""
    order = {"trace": trace, "a": 2, "b": 3}
    for number in range(5):
        name, together = f"add-{number}", threading.Barrier(8)

        def want(name: str = name, together: threading.Barrier = together) -> Job:
            together.wait()
            return executor.submit(name, "job_tasks:add", order, tries=3)

        with ThreadPoolExecutor(8) as pool:
            jobs = [future.result() for future in [pool.submit(want) for _ in range(8)]]
        assert {job.attempts for job in jobs} == {1}
        assert jobs[0].wait(timeout=30) == "done"
    assert runs(trace) == 5


def test_a_result_comes_back_as_json(executor: LocalExecutor, trace: str) -> None:
    job = executor.submit("add", "job_tasks:add", {"trace": trace, "a": 2, "b": 3})
    assert job.wait(timeout=30) == "done"
    result = job.result()
    assert result["sum"] == 5
    # Serving stays quick: the job is nicer than we are, and of a session of its own.
    assert result["niceness"] == os.nice(0) + 3
    assert result["session"] == result["pid"] != os.getsid(0)


def test_the_same_name_runs_once(executor: LocalExecutor, trace: str) -> None:
    order = ("add", "job_tasks:add", {"trace": trace, "a": 1, "b": 1})
    executor.submit(*order).wait(timeout=30)
    again = LocalExecutor(executor.folder("add").parent).submit(*order)
    assert again.poll() == "done"
    assert again.result()["sum"] == 2
    assert runs(trace) == 1


def test_a_name_belongs_to_its_arguments(executor: LocalExecutor, trace: str) -> None:
    executor.submit("add", "job_tasks:add", {"trace": trace, "a": 1, "b": 1}).wait(timeout=30)
    with pytest.raises(Conflict, match="other arguments"):
        executor.submit("add", "job_tasks:add", {"trace": trace, "a": 1, "b": 2})


def test_an_exception_is_a_bug_and_not_tried_again(executor: LocalExecutor, trace: str) -> None:
    job = executor.submit("bad", "job_tasks:raise_error", {"trace": trace}, tries=3)
    assert job.wait(timeout=30) == "failed"
    with pytest.raises(JobFailed, match="learning_rate must be above 0, got -1") as caught:
        job.result()
    assert caught.value.context["kind"] == "ValueError"
    assert "Traceback" in job.output_tail()
    assert runs(trace) == 1


@pytest.mark.parametrize(("tries", "state"), [(3, "done"), (2, "lost")])
def test_death_by_signal_is_tried_again(
    executor: LocalExecutor, trace: str, tries: int, state: str
) -> None:
    job = executor.submit(
        "dies", "job_tasks:die_by_signal_until", {"trace": trace, "attempt": 3}, tries=tries
    )
    assert job.wait(timeout=60) == state
    assert runs(trace) == tries
    if state == "done":
        assert job.result() == {"attempt": 3}
    else:
        with pytest.raises(JobFailed, match="killed, or out of memory"):
            job.result()


_PARENT = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    from autofocus.compute.executor import LocalExecutor
    executor = LocalExecutor(Path(sys.argv[1]))
    order = {"trace": sys.argv[2], "gate": sys.argv[3]}
    job = executor.submit("w", "job_tasks:wait_for_file", order)
    print("started", flush=True)
    job.wait()
    """
)


def test_an_orphan_is_adopted(executor: LocalExecutor, trace: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    root = executor.folder("w").parent
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(root), trace, str(gate)], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    until(lambda: runs(trace) == 1)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    orphan = int(Path(trace).read_text())
    assert alive(orphan)

    job = executor.submit("w", "job_tasks:wait_for_file", {"trace": trace, "gate": str(gate)})
    assert job.poll() == "running"
    gate.touch()
    assert job.wait(timeout=30) == "done"
    assert job.result()["pid"] == orphan
    assert runs(trace) == 1


def test_asking_does_not_keep_a_job_from_starting(executor: LocalExecutor, trace: str) -> None:
    """Another process that asks all the time holds the lock for moments only."""
    asking = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys\nfrom pathlib import Path\n"
            "from autofocus.compute.executor import LocalExecutor\n"
            "job = LocalExecutor(Path(sys.argv[1])).job('add')\n"
            "while True: job.poll()",
            str(executor.folder("add").parent),
        ],
    )  # fmt: skip
    try:
        executor.folder("add").mkdir(parents=True)
        job = executor.submit("add", "job_tasks:add", {"trace": trace, "a": 1, "b": 1})
        assert job.wait(timeout=60) == "done"
    finally:
        asking.kill()
        asking.wait()


def test_cancel_ends_the_job_and_its_children(executor: LocalExecutor, trace: str) -> None:
    job = executor.submit("family", "job_tasks:with_a_child", {"trace": trace})
    until(lambda: runs(trace) == 2)
    pids = [int(line) for line in Path(trace).read_text().split()]
    # Another process cancels as well as the one that started it.
    executor.job("family").cancel()
    until(lambda: not any(alive(pid) for pid in pids))
    assert job.poll() == "cancelled"
    with pytest.raises(JobFailed, match="cancelled"):
        job.result()


def test_cancel_at_once_and_after_the_end(executor: LocalExecutor, trace: str) -> None:
    early = executor.submit("early", "job_tasks:with_a_child", {"trace": trace})
    early.cancel()
    assert early.poll() == "cancelled"
    late = executor.submit("late", "job_tasks:add", {"trace": trace + "2", "a": 1, "b": 1})
    late.wait(timeout=30)
    late.cancel()
    assert late.result()["sum"] == 2


def test_wait_can_be_stopped(executor: LocalExecutor, trace: str) -> None:
    job = executor.submit("family", "job_tasks:with_a_child", {"trace": trace})
    until(lambda: runs(trace) == 2)
    assert job.wait(stop=lambda: True) == "cancelled"


def test_a_forgotten_job_starts_anew_a_running_one_is_not_forgotten(
    executor: LocalExecutor, trace: str, tmp_path: Path
) -> None:
    order = ("w", "job_tasks:wait_for_file", {"trace": trace, "gate": str(tmp_path / "gate")})
    job = executor.submit(*order)
    with pytest.raises(Conflict, match="is running"):
        executor.forget("w")
    (tmp_path / "gate").touch()
    assert job.wait(timeout=30) == "done"
    executor.forget("w")
    executor.forget("w")
    assert executor.submit(*order).wait(timeout=30) == "done"
    assert runs(trace) == 2
