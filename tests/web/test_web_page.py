"""The web page in a real browser against a real control plane."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from autofocus.api import page as page_module
from autofocus.data.dataset import NewImage
from autofocus.labels.queue import Question
from autofocus.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from autofocus.api.client import Client

    OpenPage = Callable[..., Page]
    Serve = Callable[[Path], Client]
    Draw = Callable[..., bytes]

pytestmark = pytest.mark.browser

FIRST_LOAD_BYTES = 500_000


def queue_of_images(root: Path, draw: Draw, count: int) -> None:
    """A project with images that wait for a label; the model has an opinion on each."""
    with Workspace.open(root) as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        report = [NewImage(f"{i:03}.png", draw(i), "pool") for i in range(count)]
        project.data.add_images(report)
        project.labels.request(
            [
                Question(
                    id=f"q{i:03}",
                    key=f"{i:03}.png",
                    sha256=project.data.sample(f"{i:03}.png").sha256,
                    reason="drawn at random",
                    purpose="training",
                    priority=float(count - i),
                    suggestion="open" if i % 2 else "closed",
                    suggestion_confidence=0.9,
                )
                for i in range(count)
            ]
        )


def fits(page: Page) -> bool:
    """Nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_an_empty_workspace_says_what_to_do_and_wakes_up_by_itself(
    tmp_path: Path, serve: Serve, open_page: OpenPage
) -> None:
    Workspace.open(tmp_path / "w").close()
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(client.url)
    expect(page.get_by_role("heading", name="Make your first project")).to_be_visible()
    expect(page.get_by_text("autofocus init eyes")).to_be_visible()
    client._send(
        "POST",
        f"{client.url}/api/projects",
        json={"name": "eyes", "classes": ["open", "closed"]},
    )
    # By the server's event alone: nobody touched the page.
    expect(page.get_by_role("heading", name="eyes")).to_be_visible()
    expect(page.get_by_text("Waiting for a first model")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Shadow")).to_be_visible()
    for room in ("Label", "Models", "Cases"):
        page.get_by_role("link", name=room).click()
        expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()
    expect(page.get_by_text("No case so far")).to_be_visible()


def test_many_images_are_labelled_in_the_grid_with_keys(
    tmp_path: Path, serve: Serve, open_page: OpenPage, picture: Draw
) -> None:
    queue_of_images(tmp_path / "w", picture, 200)
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/eyes/label")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("200 images to do")).to_be_visible()
    tiles = page.get_by_role("listbox", name="Images to label").get_by_role("option")
    # Fewer than there are: only what is in sight is drawn.
    assert 4 < tiles.count() < 200

    tiles.nth(0).click()
    tiles.nth(4).click(modifiers=["Shift"])
    expect(page.get_by_text("5 images selected")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("195 images to do")).to_be_visible()
    # The frame went on to the next image: one key labels it, arrows with Shift select.
    page.keyboard.press("2")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    expect(page.get_by_text("190 images to do")).to_be_visible()
    page.keyboard.press("z")
    page.keyboard.press("Control+z")
    expect(page.get_by_text("194 images to do")).to_be_visible()
    expect(page.get_by_text("All saved")).to_be_visible()

    stats = client.label_stats("eyes")
    # What is left is ann's: nobody else gets these images.
    assert stats["tasks"] == {"open": 0, "leased": 194, "done": 6, "skipped": 0, "cancelled": 0}
    assert (stats["classes"], stats["authors"]) == ({"closed": 1, "open": 5}, {"ann": 6})

    page.reload()
    expect(page.get_by_text("194 images to do")).to_be_visible()
    page.keyboard.press("z")  # what was done before the reload can still be taken back
    expect(page.get_by_text("195 images to do")).to_be_visible()
    page.get_by_role("button", name="One image").click()
    page.keyboard.press("Enter")
    expect(page.get_by_text("194 images to do")).to_be_visible()
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_text("Accept all suggestions in sight", exact=True)).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_text("All saved")).to_be_visible()
    assert client.label_stats("eyes")["tasks"]["done"] == 6


def test_a_waiting_case_is_approved_on_a_phone(
    tmp_path: Path, serve: Serve, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loop_story import Story
    from loop_world import World

    from autofocus.loop import loop as loop_module
    from autofocus.training import runs

    monkeypatch.setattr(loop_module, "LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(runs, "TASK", runs.TASK)  # the world makes it a light one
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "loop"), prepend=":")
    world = World(tmp_path / "w")
    try:
        world.policy(autonomy={"label": "ask"})
        story = Story(world)
        story.go_to("verdict")
        story.tick()
        case = story.case
        assert case.waiting_for == "approval to ask for labels"
    finally:
        world.close()
    client = serve(tmp_path / "w")
    page = open_page(390, 844)
    page.goto(client.url)
    expect(page.get_by_text("A person must decide")).to_be_visible()
    assert fits(page)
    page.get_by_role("link", name=f"Decide on {case.id}").click()
    expect(page.get_by_text("are of a new kind")).to_be_visible()
    sheet = page.get_by_alt_text("Contact sheet")
    sheet.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert fits(page)
    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("ann")
    dialog.get_by_label("Reason").fill("these are new glasses")
    dialog.get_by_role("button", name="Approve").click()
    # The loop of the server goes on, and the page follows.
    expect(page.get_by_text("Waiting for 8 labels", exact=False)).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    given = [e for e in client.events(case.project) if e["kind"] == "approval.given"]
    assert [e["actor"] for e in given] == ["ann"]
    page.get_by_role("navigation").get_by_role("link", name="Label").click()
    images = page.get_by_role("listbox", name="Images to label")
    expect(images.get_by_role("option").first).to_be_visible()
    assert fits(page)


def test_the_first_load_is_small_and_needs_nothing_from_outside() -> None:
    parts = [p for p in page_module.BUILT.rglob("*") if p.is_file()]
    assert not [p.name for p in parts if p.suffix == ".map"]
    scripts = [p.read_bytes() for p in parts if p.suffix == ".js"]
    assert 0 < sum(len(gzip.compress(script)) for script in scripts) <= FIRST_LOAD_BYTES
    for part in parts:
        text = part.read_text(encoding="utf-8")
        assert "sourceMappingURL" not in text
        assert '<script src="http' not in text
        assert "@import" not in text
        assert "url(http" not in text
