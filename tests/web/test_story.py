"""The whole eyes story of `autofocus demo`, watched in the page by somebody who touches nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]

pytestmark = pytest.mark.slow

MINUTE = 60_000.0


@contextmanager
def demo(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo that runs, and the address of its page as it prints it."""
    told = (folder / "told.txt").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "autofocus", "demo", "--headless",
            "--workspace", str(folder / "w"), "--json", str(folder / "out.json"),
        ],
        stdout=told, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            text = (folder / "told.txt").read_text(encoding="utf-8")
            found = re.search(r"Watch it in the browser: (http\S+)", text)
            if found:
                break
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(120)
        told.close()


@pytest.mark.timeout(1500)
def test_the_story_can_be_watched_in_the_page(tmp_path: Path, open_page: OpenPage) -> None:
    with demo(tmp_path) as (process, url):
        page = open_page()
        page.goto(url)
        # Made while we watch; nothing is reloaded from here on.
        expect(page.get_by_role("heading", name="eyes", exact=True)).to_be_visible(
            timeout=2 * MINUTE
        )
        status = page.locator(".loop-now")
        here = page.locator(".stage.here")
        expect(status).to_contain_text(re.compile("Watching eyes-1|Learning"), timeout=6 * MINUTE)
        expect(here).to_have_text(re.compile("Watch"))
        for stage in ("Verdict", "Train", "Shadow"):
            expect(here).to_have_text(re.compile(stage), timeout=5 * MINUTE)
        case = page.get_by_role("link", name=re.compile("^Open eyes-case-"))
        case.click()
        expect(page.get_by_alt_text("Contact sheet")).to_be_visible(timeout=MINUTE)
        expect(page.get_by_text("Does harm").first).to_be_visible(timeout=MINUTE)
        outcome = page.get_by_text("Healed: a better model serves").first
        expect(outcome).to_be_visible(timeout=8 * MINUTE)
        page.get_by_role("navigation").get_by_role("link", name="Models").click()
        champion = page.get_by_role("row").filter(has_text="champion")
        expect(champion.first).to_be_visible()
        expect(champion.first.get_by_role("link").first).to_have_text(re.compile("eyes-[2-9]"))
        page.get_by_role("navigation").get_by_role("link", name="Production").click()
        expect(page.locator(".answers button").first).to_be_visible()
        page.close()  # the control plane goes with the demo
        process.wait(600)
    figures = json.loads((tmp_path / "out.json").read_text())
    assert (figures["requests_failed"], figures["false_alarms_before_shift"]) == (0, 0)
    assert figures["healed"] is True
