"""A browser, and real control planes for it to look at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from autofocus.api import page as page_module
from autofocus.api.client import Client
from autofocus.api.launch import running
from autofocus.types.production import Case

# The loop's small world: images with a cheap truth, and a model that a red glass deceives.
sys.path.insert(0, str(Path(__file__).parents[1] / "loop"))

CHROMIUM = "/usr/bin/chromium"
# How long a page may take on a busy machine; what is expected of it stays.
expect.set_options(timeout=30_000)
OpenPage = Callable[..., Page]
Serve = Callable[[Path], Client]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert (page_module.BUILT / "index.html").is_file(), (
        "The page is not built into the package: install it again with AUTOFOCUS_WEB=require."
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a page of its own context; at the end its console must have been silent."""
    said: list[str] = []
    with ExitStack() as contexts:

        def start(width: int = 1440, height: int = 900, theme: str = "light") -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                reduced_motion="reduce",
            )
            contexts.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            return page

        yield start
    assert said == []


@pytest.fixture
def browser_without_watch(browser: Browser) -> Iterator[OpenPage]:
    """As ``open_page``, for tests in which the server goes away: the console says so."""
    with ExitStack() as contexts:

        def start(width: int = 1440, height: int = 900) -> Page:
            context = browser.new_context(viewport={"width": width, "height": height})
            contexts.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            return page

        yield start


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts `autofocus up` on a workspace."""
    with ExitStack() as servers:
        yield lambda root: servers.enter_context(running(root))


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Case]]:
    """The control plane of a small world whose first case promoted its challenger."""
    from lived_in import heal, light_training

    with pytest.MonkeyPatch.context() as patch:
        light_training(patch)
        root = tmp_path_factory.mktemp("story") / "w"
        case = heal(root)
        with running(root) as client:
            yield client, case
