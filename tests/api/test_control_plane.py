"""`autofocus up` as a process: one per workspace, ports, the inference server's keeper."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

Up = Callable[..., "subprocess.Popen[str]"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started: list[subprocess.Popen[str]] = []

    def start(port: int, inference_port: int, *more: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [
                sys.executable, "-m", "autofocus", "up", "--workspace", str(tmp_path / "w"),
                "--port", str(port), "--inference-port", str(inference_port), *more,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(child)
        return child

    yield start
    for child in started:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "w"
    subprocess.run(
        [sys.executable, "-m", "autofocus", "init", "eyes", "--classes", "open,closed",
         "--workspace", str(root), "--quiet"],
        check=True,
    )  # fmt: skip
    return root


def wait_for(url: str, *, seconds: float = 30) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = httpx.get(url, timeout=2)
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.05)


def gone(port: int, *, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.05)
    return False


def test_up_serves_and_ends_with_its_inference_server(up: Up) -> None:
    port, inference = free_port(), free_port()
    child = up(port, inference)
    assert wait_for(f"http://127.0.0.1:{port}/api/health")["projects"] == ["eyes"]
    wait_for(f"http://127.0.0.1:{inference}/healthz")
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) in (0, 130, -signal.SIGINT)
    assert gone(inference)


def test_two_on_one_workspace_the_second_says_who_is_first(up: Up) -> None:
    port, inference = free_port(), free_port()
    first = up(port, inference)
    wait_for(f"http://127.0.0.1:{port}/api/health")
    second = up(free_port(), free_port())
    _, errors = second.communicate(timeout=30)
    assert second.returncode == 4
    assert str(first.pid) in errors
    assert "Traceback" not in errors
    assert wait_for(f"http://127.0.0.1:{port}/api/health")["status"] == "ok"


@pytest.mark.parametrize("which", ["port", "inference port"])
def test_a_taken_port_is_a_clear_error(up: Up, which: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        child = up(taken, free_port()) if which == "port" else up(free_port(), taken)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 5
    assert "--port" in errors or "--inference-port" in errors
    assert "Traceback" not in errors


def test_it_does_not_open_the_door_to_others(up: Up) -> None:
    child = up(free_port(), free_port(), "--host", "0.0.0.0")
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 2
    assert "users" in errors


def test_a_killed_inference_server_comes_back(up: Up) -> None:
    port, inference = free_port(), free_port()
    up(port, inference)
    pid = wait_for(f"http://127.0.0.1:{inference}/healthz")["pid"]
    wait_for(f"http://127.0.0.1:{port}/api/health")
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while wait_for(f"http://127.0.0.1:{inference}/healthz")["pid"] == pid:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_control_plane_takes_its_server_over(up: Up) -> None:
    port, inference = free_port(), free_port()
    first = up(port, inference)
    wait_for(f"http://127.0.0.1:{port}/api/health")
    pid = wait_for(f"http://127.0.0.1:{inference}/healthz")["pid"]
    first.kill()
    first.wait()
    assert wait_for(f"http://127.0.0.1:{inference}/healthz")["pid"] == pid  # serves on alone
    second = up(port, inference)
    wait_for(f"http://127.0.0.1:{port}/api/health")
    assert wait_for(f"http://127.0.0.1:{inference}/healthz")["pid"] == pid
    second.send_signal(signal.SIGTERM)
    second.wait(timeout=30)
    assert gone(inference)
