"""Labelling in a real browser, with servers that die and people who work at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect
from test_accessibility import axe, findings
from test_web_page import fits, queue_of_images

from autofocus.api.client import Client
from autofocus.api.launch import free_port, stop
from autofocus.data.dataset import NewImage
from autofocus.labels.quality import Suspect
from autofocus.types.data import Tag
from autofocus.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    OpenPage = Callable[..., Page]
    Serve = Callable[[Path], Client]
    Draw = Callable[..., bytes]

pytestmark = pytest.mark.browser
__all__ = ["axe"]  # a fixture


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
    expect(page.get_by_text("No connection: 5 steps kept here")).to_be_visible()
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


def unlabelled(root: Path, draw: Draw, count: int) -> None:
    """A project with images that nobody has asked about: the first half is dark."""
    with Workspace.open(root) as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        project.data.add_images([NewImage(f"{i:03}.png", draw(i), "pool") for i in range(count)])


def tiles(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Images to label").get_by_role("option")


def class_key(tile: Locator, count: int) -> str:
    """The key of the class of a drawn picture: the brighter half is open."""
    told = tile.get_attribute("aria-label") or ""
    return "1" if int(told[:3]) * 2 >= count else "2"


def test_fifty_images_in_the_grid_teach_an_assistant_that_suggests(
    tmp_path: Path, serve: Serve, open_page: OpenPage, picture: Draw
) -> None:
    count = 120
    unlabelled(tmp_path / "w", picture, count)
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/eyes/label")
    name_oneself(page, "ann")
    expect(page.get_by_text("120 images have no label")).to_be_visible()
    page.get_by_role("button", name="Label them").click()
    expect(page.get_by_text("120 images to do")).to_be_visible()
    expect(page.get_by_text("The assistant learns after 10 more labels")).to_be_visible()
    for _ in range(12):
        page.keyboard.press(class_key(page.locator(".tile.focus"), count))
    expect(page.get_by_text("Trained on 12 images", exact=False)).to_be_visible()
    page.get_by_label("Order").select_option("sure")
    expect(tiles(page).first.get_by_text("?", exact=False)).to_be_visible()

    # A drag over two rows selects what it touches; one key accepts what is suggested for all.
    first, other = tiles(page).nth(0).bounding_box(), tiles(page).nth(10).bounding_box()
    assert first is not None
    assert other is not None
    page.mouse.move(first["x"] + 5, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(other["x"] + 20, other["y"] + 20, steps=5)
    page.mouse.up()
    selected = page.get_by_text("images selected")
    expect(selected).to_be_visible()
    swept = int((selected.text_content() or "0").split()[0])
    assert swept >= 4
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{count - 12 - swept} images to do")).to_be_visible()
    # Everything in sight but what waits for a class of its own.
    tiles(page).nth(1).click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("1 image selected")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("All saved")).to_be_visible()
    stats = client.label_stats("eyes")
    assert stats["tasks"]["done"] >= 50
    accepted = client._get("/api/projects/eyes/samples", params={"limit": 200})["items"]
    labelled = [s["key"] for s in accepted if s["label"]]
    histories = [
        client._get("/api/projects/eyes/labels/history", params={"key": key}) for key in labelled
    ]
    origins = {h[0]["suggested_by"] for h in histories}
    assert any(o and o.startswith("assistant-") for o in origins)
    assert None in origins  # the first ones are ann's alone
    expect(page.get_by_text("agrees with you", exact=False)).to_be_visible()


def test_two_people_get_different_images_and_a_conflict_shows_both_answers(
    tmp_path: Path, serve: Serve, browser_without_watch: OpenPage, picture: Draw
) -> None:
    queue_of_images(tmp_path / "w", picture, 620)
    client = serve(tmp_path / "w")

    def join(name: str) -> Page:
        page = browser_without_watch()  # a refusal is a line in the console
        page.goto(f"{client.url}/p/eyes/label")
        name_oneself(page, name)
        expect(tiles(page).first).to_be_visible()
        return page

    def names(page: Page) -> set[str]:
        return {(t.get_attribute("aria-label") or "")[:3] for t in tiles(page).all()}

    ann, bob = join("ann"), join("bob")
    assert names(ann).isdisjoint(names(bob))
    expect(bob.get_by_text("300 with others", exact=False)).to_be_visible()
    for page in (ann, bob):
        for _ in range(10):
            page.keyboard.press("Enter")
        expect(page.get_by_text("All saved")).to_be_visible()
    assert client.label_stats("eyes")["authors"] == {"ann": 10, "bob": 10}

    # Somebody answers an image of ann's through another door, before she does.
    task = ann.locator(".tile.focus").get_attribute("aria-label") or ""
    asked = f"q{task[:3]}"
    client.answer("eyes", asked, "closed", author="cy")
    ann.keyboard.press("Shift+ArrowRight")
    ann.keyboard.press("1")
    expect(ann.get_by_text("1 image was answered by somebody else")).to_be_visible()
    expect(ann.get_by_text("cy: closed")).to_be_visible()
    expect(ann.get_by_text("you: open")).to_be_visible()
    assert client.label_stats("eyes")["authors"] == {"ann": 11, "bob": 10, "cy": 1}
    ann.get_by_role("button", name="Use mine").click()
    expect(ann.get_by_text("All saved")).to_be_visible()
    assert client.label_stats("eyes")["authors"] == {"ann": 12, "bob": 10}
    # Who leaves gives back what was not answered.
    held = client.label_stats("eyes")["tasks"]["leased"]
    ann.get_by_role("navigation").get_by_role("link", name="Models").click()
    expect(ann.get_by_role("heading", name="Models")).to_be_visible()
    deadline = time.monotonic() + 10
    while client.label_stats("eyes")["tasks"]["leased"] > held - 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # Bob keeps what is his.
    bob.keyboard.press("Enter")
    expect(bob.get_by_text("All saved")).to_be_visible()
    assert client.label_stats("eyes")["authors"] == {"ann": 12, "bob": 11}


def test_wrong_labels_are_reviewed_worst_first_with_one_key_each(
    tmp_path: Path, serve: Serve, open_page: OpenPage, axe: str, picture: Draw
) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        project.data.add_images(
            [
                NewImage(f"{i}.png", picture(i), "train", label=Tag("open"), author="import")
                for i in range(8)
            ]
        )
        for who, said in (("ann", "open"), ("bob", "closed")):
            project.labels.label("7.png", said, who)
        project.labels.review(
            [
                Suspect(
                    key=f"{i}.png",
                    sha256=project.data.sample(f"{i}.png").sha256,
                    given="open", suggested="closed", confidence=0.9, score=0.9 - i / 10,
                    author="import", question=f"qa-{i}",
                )
                for i in range(4)
            ],
            model="eyes-1",
        )  # fmt: skip
    client = serve(tmp_path / "w")
    page = open_page(390, 844)
    page.goto(f"{client.url}/p/eyes/label")
    name_oneself(page, "ann")
    page.get_by_label("Queue").select_option("review")
    expect(page.get_by_text("4 images to review")).to_be_visible()
    expect(page.get_by_text("Labelled open: is that right?")).to_be_visible()
    expect(page.get_by_text("labelled open by import, eyes-1 sees closed")).to_be_visible()
    assert fits(page)
    assert findings(page, axe) == []
    expect(page.get_by_role("img", name="0.png")).to_be_visible()
    page.keyboard.press("Enter")  # corrected
    expect(page.get_by_role("img", name="1.png")).to_be_visible()
    page.keyboard.press("x")  # kept
    expect(page.get_by_role("img", name="2.png")).to_be_visible()
    page.get_by_role("button", name="closed", exact=True).click()
    page.keyboard.press("Shift+F")
    expect(page.get_by_text("All saved")).to_be_visible()
    now = {
        s["key"]: s["label"]["label"] for s in client._get("/api/projects/eyes/samples")["items"]
    }
    assert [now[f"{i}.png"] for i in range(4)] == ["closed", "open", "closed", "open"]
    kept = client._get("/api/projects/eyes/labels/history", params={"key": "1.png"})
    assert [a["author"] for a in kept] == ["ann", "import"]
    corrected = client._get("/api/projects/eyes/labels/history?key=0.png")
    assert (corrected[0]["suggested_by"], corrected[0]["author"]) == ("eyes-1", "ann")
    page.get_by_role("button", name="How far people agree").click()
    expect(page.get_by_role("cell", name="ann and bob")).to_be_visible()
    page.get_by_role("button", name="Look for wrong labels").click()
    expect(page.get_by_text("There is no champion yet")).to_be_visible()
    assert findings(page, axe) == []
    page.get_by_label("Queue").select_option("aside")
    expect(page.get_by_text("1 image set aside")).to_be_visible()
    assert findings(page, axe) == []
    assert fits(page)
    page.get_by_role("button", name="Put back", exact=True).click()
    expect(page.get_by_text("Nothing is set aside")).to_be_visible()


def test_images_chosen_on_the_data_page_are_asked_about(
    tmp_path: Path, serve: Serve, open_page: OpenPage, picture: Draw
) -> None:
    unlabelled(tmp_path / "w", picture, 30)
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/eyes/data")
    images = page.get_by_role("listbox", name="Images").get_by_role("option")
    images.nth(2).click(modifiers=["Control"])
    images.nth(6).click(modifiers=["Shift"])
    page.get_by_role("button", name="Ask for labels").click()
    name_oneself(page, "ann")
    expect(page.get_by_text("5 images to do")).to_be_visible()
