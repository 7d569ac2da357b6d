"""The README's way from a folder of images to a served model, run as it is written."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from autofocus.demo.eyes import CLASSES, render

ROOT = Path(__file__).parents[2]
# Names that a reader replaces. Nothing waits for an answer yet, so these two are not found.
UNKNOWN = {"TASK": "no-such-task", "CLASS": "open", "CASE": "no-such-case"}


def blocks() -> Iterator[tuple[str, str]]:
    """Language and text of the code blocks in "Use it on your images"."""
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## Use it on your images") : text.index("## Test it")]
    yield from re.findall(r"^```(\w*)\n(.*?)^```", section, re.M | re.S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Reader:
    """Types the commands in a folder that holds ``photos/`` and ``photo.jpg``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8700": str(free_port()), "8701": str(free_port())}
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AUTOFOCUS_PORT": self.ports["8700"],
            "AUTOFOCUS_INFERENCE_PORT": self.ports["8701"],
        }
        self.server: subprocess.Popen[bytes] | None = None
        self.prediction = ""

    def type(self, line: str) -> None:
        for usual, free in self.ports.items():
            line = line.replace(usual, free)
        words = {**UNKNOWN, "PREDICTION_ID": self.prediction}
        asked = re.findall(r"\b[A-Z_]{4,}\b", line)
        for word in asked:
            line = line.replace(word, words[word])
        if line == "autofocus up":
            self.start(line)
            return
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=self.environment, text=True,
            capture_output=True, timeout=900, check=False,
        )  # fmt: skip
        expected = 3 if any(word in UNKNOWN for word in asked) else 0
        assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"
        if line.startswith("curl"):
            self.prediction = re.findall(r'"prediction_id": ?"([^"]+)"', done.stdout)[0]
            assert any(name in done.stdout for name in CLASSES)

    def start(self, line: str) -> None:
        self.server = subprocess.Popen(
            f"exec {line}", shell=True, cwd=self.folder, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 90
        for port, path in ((self.ports["8700"], "/api/health"), (self.ports["8701"], "/readyz")):
            while True:
                assert self.server.poll() is None, line
                assert time.monotonic() < deadline, line
                try:
                    if httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.2)

    def stop(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            assert self.server.wait(60) == 130  # ended by Ctrl-C


@pytest.mark.slow
def test_the_commands_lead_from_a_folder_to_an_answer_and_back(tmp_path: Path) -> None:
    for i in range(160):
        folder = tmp_path / "photos" / ("closed" if i % 2 else "open")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:03d}.jpg").write_bytes(render(i, closed=bool(i % 2), glasses=False))
    (tmp_path / "photo.jpg").write_bytes(render(1000, closed=False, glasses=False))
    reader = Reader(tmp_path)
    try:
        for language, text in blocks():
            if language == "python":
                subprocess.run(
                    [sys.executable, "-c", text], cwd=tmp_path, env=reader.environment, check=True
                )
                continue
            for line in text.splitlines():
                reader.type(line)
    finally:
        reader.stop()
    assert (tmp_path / "copy" / "workspace.json").exists()
