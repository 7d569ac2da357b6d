"""Labelling in a real browser, with servers that die and people who work at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from test_web_page import queue_of_images

from autofocus.api.client import Client
from autofocus.api.launch import free_port, stop

if TYPE_CHECKING:
    from collections.abc import Callable

    OpenPage = Callable[..., Page]
    Serve = Callable[[Path], Client]
    Draw = Callable[..., bytes]

pytestmark = pytest.mark.browser


def up(root: Path, port: int, inference_port: int) -> subprocess.Popen[bytes]:
    """A control plane on a fixed port, so that the page finds it again."""
    child = subprocess.Popen(
        [
            sys.executable, "-m", "autofocus", "--workspace", str(root),
            "up", "--port", str(port), "--inference-port", str(inference_port),
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    with Client(f"http://127.0.0.1:{port}") as client:
        client.wait_until_ready(90)
    return child


def name_oneself(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Start").click()


def test_a_killed_server_and_a_reload_lose_nothing(
    tmp_path: Path, browser_without_watch: Callable[..., Page], picture: Draw
) -> None:
    queue_of_images(tmp_path / "w", picture, 60)
    port, inference_port = free_port(), free_port()
    child = up(tmp_path / "w", port, inference_port)
    page = browser_without_watch()
    page.goto(f"http://127.0.0.1:{port}/p/eyes/label")
    name_oneself(page, "ann")
    expect(page.get_by_text("60 images to do")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("All saved")).to_be_visible()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    for key in "12z21":
        page.keyboard.press(key)
    expect(page.get_by_text("No connection: 5 answers kept here")).to_be_visible()
    expect(page.get_by_text("56 images to do")).to_be_visible()
    # The tab is closed, and another one opened when the server is there again.
    context = page.context
    page.close()
    child = up(tmp_path / "w", port, inference_port)
    try:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/p/eyes/label")
        expect(page.get_by_text("All saved")).to_be_visible()
        expect(page.get_by_text("56 images to do")).to_be_visible()
        with Client(f"http://127.0.0.1:{port}") as client:
            stats = client.label_stats("eyes")
            assert stats["tasks"]["done"] == 4
            assert stats["classes"] == {"open": 3, "closed": 1}
            answers = [e for e in client.events("eyes") if e["kind"] == "labels.answered"]
            assert sum(1 for e in answers if e["body"].get("annotation")) == 5  # one taken back
    finally:
        stop(child)
