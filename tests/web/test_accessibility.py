"""Every page, in both themes and both sizes: no serious finding of axe, and nothing to scroll
sideways."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lived_in import LivedIn, light_training, live_in
from playwright.sync_api import Browser, Page, expect

from autofocus.api.launch import running
from autofocus.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from autofocus.api.client import Client

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.browser

WEB = Path(__file__).parents[2] / "web"
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
LOOKS = [(size, theme) for size in SIZES for theme in ("light", "dark")]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core in the version that the page's lock file names."""
    folder = WEB
    if not (WEB / "node_modules" / "axe-core" / "axe.min.js").is_file():
        folder = tmp_path_factory.mktemp("axe")
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(WEB / name, folder / name)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts"], cwd=folder, check=True, timeout=240, env=os.environ
        )
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, LivedIn]]:
    with pytest.MonkeyPatch.context() as patch:
        light_training(patch)
        story = live_in(tmp_path_factory.mktemp("story") / "w")
        with running(story.root) as client:
            yield client, story


def findings(page: Page, axe: str) -> list[str]:
    """What axe calls serious or critical, with the parts of the page it is about."""
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
    )
    return [
        f"{v['id']} at {node['target']}: {node['failureSummary']}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def settle(page: Page) -> None:
    """Until nothing loads any more."""
    expect(page.get_by_role("main")).to_be_visible()
    expect(page.locator(".loading")).to_have_count(0)
    page.wait_for_timeout(300)


def test_the_measure_itself_finds_faults(browser: Browser, axe: str) -> None:
    page = browser.new_page()
    page.set_content("<html><body><main><button></button></main></body></html>")
    assert [found for found in findings(page, axe) if found.startswith("button-name")]
    page.close()


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_no_page_has_a_serious_finding(
    lived_in: tuple[Client, LivedIn], open_page: OpenPage, axe: str, size: str, theme: str
) -> None:
    client, story = lived_in
    page = open_page(*SIZES[size], theme=theme)
    base = f"{client.url}/p/{story.project}"
    rooms = [
        "",
        "/label",
        "/models",
        f"/models/{story.challenger}",
        "/production",
        f"/predictions/{story.prediction}",
        "/cases",
        f"/cases/{story.case}",
        "/settings",
        "/nowhere",
    ]
    trouble: dict[str, object] = {}
    for room in rooms:
        page.goto(base + room)
        settle(page)
        found = findings(page, axe)
        if found or not fits(page):
            trouble[room] = found or "has to be scrolled sideways"
    assert trouble == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_dialogs_panels_and_open_sections_have_none_either(
    lived_in: tuple[Client, LivedIn], open_page: OpenPage, axe: str, theme: str
) -> None:
    client, story = lived_in
    page = open_page(390, 844, theme=theme)
    page.goto(f"{client.url}/p/{story.project}/production")
    page.get_by_role("button", name="Pause the loop").click()
    assert findings(page, axe) == []
    page.get_by_role("button", name="Back").click()
    page.locator(".answers button").first.click()
    expect(page.get_by_role("dialog").get_by_text("People", exact=True)).to_be_visible()
    assert findings(page, axe) == []
    assert fits(page)
    page.goto(f"{client.url}/p/{story.project}/settings")
    page.get_by_text("What counts as harm").click()
    page.get_by_label("alpha, harm").fill("2")
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Reason").fill("trying")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("must lie between 0 and 1")).to_be_visible()
    assert findings(page, axe) == []
    page.get_by_role("button", name="As YAML").click()
    assert findings(page, axe) == []


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_empty_pages_have_none_either(
    tmp_path: Path,
    serve: Callable[[Path], Client],
    open_page: OpenPage,
    axe: str,
    size: str,
    theme: str,
) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_project("eyes", classes=["open", "closed"])
    client = serve(tmp_path / "w")
    page = open_page(*SIZES[size], theme=theme)
    trouble: dict[str, object] = {}
    for room in ("", "/label", "/models", "/production", "/cases", "/settings"):
        page.goto(f"{client.url}/p/eyes{room}")
        settle(page)
        found = findings(page, axe)
        if found or not fits(page):
            trouble[room] = found or "has to be scrolled sideways"
    assert trouble == {}
