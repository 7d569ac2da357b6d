"""The Data page in a real browser: many images, searching, changing, versions, bringing more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from autofocus.data.dataset import NewImage
from autofocus.types.data import Tag
from autofocus.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from autofocus.api.client import Client

    OpenPage = Callable[..., Page]
    Serve = Callable[[Path], Client]
    Draw = Callable[..., bytes]

pytestmark = pytest.mark.browser


def many_images(root: Path, draw: Draw, count: int) -> None:
    """A project whose images are brighter and brighter, half of them labelled."""
    with Workspace.open(root) as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        images = [
            NewImage(
                f"{i:04}.png", draw(i), "test" if i % 5 == 0 else "train",
                {"camera": "front door" if i % 4 == 0 else "hall"},
                label=Tag("open" if i % 4 else "closed") if i % 2 == 0 else None, author="ada",
            )
            for i in range(count)
        ]  # fmt: skip
        project.data.add_images(images)
        project.data.commit("all of them")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_images_are_found_looked_at_and_changed(
    tmp_path: Path, serve: Serve, open_page: OpenPage, picture: Draw
) -> None:
    many_images(tmp_path / "w", picture, 1500)
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/eyes/data")
    expect(page.get_by_text("1,500 images").first).to_be_visible()
    grid = page.get_by_role("listbox", name="Images")
    tiles = grid.get_by_role("option")
    expect(tiles.first).to_have_attribute("aria-label", "0000.png, closed, test")
    assert tiles.count() < 200  # only what is in sight is there
    # The end of a long grid is a jump away, and is what it says.
    tiles.first.click()
    page.keyboard.press("End")
    expect(page.get_by_role("complementary", name="Image 1499.png")).to_be_visible()
    last = tiles.and_(page.get_by_label("1499.png", exact=False))
    expect(last.locator("img")).to_have_js_property("naturalWidth", 16)
    page.keyboard.press("Escape")

    # By a click on a value, and by words: the same search.
    page.get_by_role("button", name="front door").click()
    expect(page.get_by_text("375 images").first).to_be_visible()
    box = page.get_by_role("searchbox")
    expect(box).to_have_value('camera:"front door"')
    box.fill('camera:"front door" split:test 00')
    expect(page.get_by_text("75 images").first).to_be_visible()
    assert "q=camera" in page.url
    page.reload()
    expect(page.get_by_text("75 images").first).to_be_visible()
    box.fill("0002 class:open")
    expect(page.get_by_text("1 image", exact=True).first).to_be_visible()

    tiles.first.click()
    panel = page.get_by_role("complementary", name="Image 0002.png")
    expect(panel.get_by_text("by ada")).to_be_visible()
    panel.get_by_role("button", name="closed").click()
    expect(tiles).to_have_count(0)  # it is no longer what was searched for
    box.fill("0002")
    expect(tiles).to_have_count(1)
    tiles.first.click()
    expect(panel.get_by_role("button", name="closed")).to_be_disabled()
    expect(panel.get_by_role("listitem")).to_have_count(2)
    panel.get_by_label("Split").select_option("val")
    expect(tiles.first).to_have_attribute("aria-label", "0002.png, closed, val")
    page.keyboard.press("Escape")

    # Several at once, with the keyboard: a range is selected and leaves the project.
    box.fill("split:train 001")
    expect(page.get_by_text("10 images").first).to_be_visible()
    tiles.first.click(modifiers=["Control"])
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Take out").click()
    expect(page.get_by_text("7 images").first).to_be_visible()

    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_text("3 removed", exact=False)).to_be_visible()
    page.get_by_role("button", name="Relabelled 1").click()
    expect(page.get_by_role("listitem").filter(has_text="open → closed")).to_be_visible()
    page.get_by_role("button", name="Removed 3").click()
    expect(page.get_by_role("img", name=".png")).to_have_count(3)
    page.get_by_label("What it is").fill("without three")
    page.get_by_role("button", name="Freeze", exact=True).click()
    expect(page.get_by_text("Nothing changed since v2.")).to_be_visible()
    page.get_by_role("row").filter(has_text="v2").get_by_role("button", name="Test").click()
    expect(page.get_by_text("declared classes")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_label("Download v2").select_option("csv")
    assert download.value.suggested_filename == "eyes-v2-csv.zip"


def test_a_word_that_is_not_understood_is_named(
    tmp_path: Path, serve: Serve, browser: Browser, picture: Draw
) -> None:
    many_images(tmp_path / "w", picture, 10)
    client = serve(tmp_path / "w")
    # Not by open_page: a browser reports the refusal in its console, too.
    page = browser.new_page()
    page.goto(f"{client.url}/p/eyes/data?q=brightness:dark")
    expect(page.get_by_role("alert")).to_contain_text("'dark' is not a number")
    page.get_by_role("searchbox").fill("brightness>0")
    expect(page.get_by_text("10 images").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.close()


def test_the_data_page_on_a_phone(
    tmp_path: Path, serve: Serve, open_page: OpenPage, picture: Draw
) -> None:
    many_images(tmp_path / "w", picture, 60)
    client = serve(tmp_path / "w")
    page = open_page(390, 844)
    page.goto(f"{client.url}/p/eyes/data")
    tiles = page.get_by_role("listbox", name="Images").get_by_role("option")
    expect(tiles.first).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("button", name="no label").click()
    expect(page.get_by_text("30 images").first).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    tiles.first.click()
    panel = page.get_by_role("complementary")
    panel.get_by_role("button", name="open").click()
    panel.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_text("29 images").first).to_be_visible()
    assert fits(page)
    page.goto(f"{client.url}/p/eyes/data/versions")
    expect(page.get_by_text("all of them")).to_be_visible()
    assert fits(page)


def folder_of(root: Path, draw: Draw) -> Path:
    """Two classes, and one file that is broken."""
    for i in range(12):
        place = root / "fresh" / ("open" if i % 2 else "closed") / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(draw(i) if i < 11 else draw(i)[:50])
    return root / "fresh"


def test_a_folder_is_brought_and_goes_on_after_the_connection_broke(
    tmp_path: Path, serve: Serve, browser: Browser, picture: Draw
) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_project("eyes", classes=["open", "closed"])
    client = serve(tmp_path / "w")
    page = browser.new_page()  # not by open_page: a browser reports broken connections
    page.set_default_timeout(20_000)
    page.goto(f"{client.url}/p/eyes/data")
    expect(page.get_by_text("No images yet")).to_be_visible()
    page.get_by_role("button", name="Choose files").click()
    page.route("**/files?path=*7.png", lambda route: route.abort())
    page.get_by_label("A folder").set_input_files(folder_of(tmp_path, picture))
    expect(page.get_by_role("alert")).to_contain_text("The connection broke")
    expect(page.get_by_text("Nothing that has arrived is lost.")).to_be_visible()
    page.unroute("**/files?path=*7.png")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("What came in")).to_be_visible()
    expect(page.locator(".report > div").filter(has_text="accepted")).to_contain_text("11")
    expect(
        page.get_by_role("row")
        .filter(has_text="closed/11.png")
        .or_(page.get_by_role("row").filter(has_text="open/11.png"))
    ).to_contain_text("truncated")
    page.get_by_role("link", name="Look at them").click()
    expect(page.get_by_text("11 images").first).to_be_visible()
    page.get_by_role("button", name="closed", exact=False).first.click()
    expect(page.get_by_text("6 images").first).to_be_visible()
    page.close()


def test_files_are_dropped_on_the_page(
    tmp_path: Path, serve: Serve, open_page: OpenPage, picture: Draw
) -> None:
    many_images(tmp_path / "w", picture, 5)
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/eyes/data")
    expect(page.get_by_text("5 images").first).to_be_visible()
    carried = page.evaluate_handle(
        """bytes => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], "new.png", {type: "image/png"}));
            carried.items.add(new File(["no image"], "broken.jpg", {type: "image/jpeg"}));
            return carried;
        }""",
        list(picture(77)),
    )
    page.dispatch_event("main", "dragenter", {"dataTransfer": carried})
    expect(page.get_by_text("Drop to import into eyes")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": carried})
    expect(page.get_by_text("What came in")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="broken.jpg")).to_be_visible()
    page.get_by_role("link", name="Look at them").click()
    expect(page.get_by_text("6 images").first).to_be_visible()


def test_similar_images_are_those_that_the_champion_sees_so(
    tmp_path: Path, serve: Serve, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loop_world import World

    from autofocus.training import runs

    monkeypatch.setattr(runs, "TASK", runs.TASK)  # the world makes it a light one
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "loop"), prepend=":")
    world = World(tmp_path / "w")
    name, first = world.project.name, world.project.data.search("split:train").items[0]
    world.close()
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/{name}/data?q=split:train")
    tiles = page.get_by_role("listbox", name="Images").get_by_role("option")
    tiles.first.click()
    page.get_by_role("button", name="Similar images").click()
    expect(page.get_by_text(f"Similar to {first.key}")).to_be_visible()
    expect(page.get_by_text("looked at 0 of 260 images")).to_be_visible()
    page.get_by_role("button", name="Look at the rest").click()
    # All of the training split but the image itself, the most similar first.
    expect(page.get_by_text("59 images").first).to_be_visible()
    found = client._send("GET", f"{client.url}/api/projects/{name}/similar", params={
        "key": first.key, "q": "split:train",
    })  # fmt: skip
    nearest = found["items"][0]["sample"]
    assert nearest["label"]["label"] == first.label.label
    expect(tiles.first).to_have_attribute("title", nearest["key"])
    page.get_by_role("button", name="back to all images").click()
    expect(page.get_by_text("60 images").first).to_be_visible()
    # What it says of the images can be searched for now.
    page.get_by_role("searchbox").fill("is:disputed")
    expect(page.get_by_text("No image is like that")).to_be_visible()


def test_images_are_selected_on_the_map_and_labels_asked_for(
    tmp_path: Path, serve: Serve, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loop_world import World

    from autofocus.training import runs

    monkeypatch.setattr(runs, "TASK", runs.TASK)  # the world makes it a light one
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "loop"), prepend=":")
    world = World(tmp_path / "w")
    name = world.project.name
    world.close()
    client = serve(tmp_path / "w")
    page = open_page()
    page.goto(f"{client.url}/p/{name}/data")
    page.get_by_role("link", name="Map").click()
    expect(page.get_by_text("has not looked at the images yet")).to_be_visible()
    page.get_by_role("button", name="Look at them").click()
    canvas = page.get_by_role("img", name="Map of 260 images")
    expect(canvas).to_have_attribute("data-drawn", "260")
    # By the legend, without a mouse.
    bright = page.get_by_role("list", name="Colours: Class").get_by_role("button", name="bright")
    bright.focus()
    page.keyboard.press("Enter")
    chosen = page.get_by_role("region", name="Selected images")
    expect(chosen.get_by_text("130 images selected")).to_be_visible()
    expect(chosen.get_by_role("option").first).to_have_attribute("aria-label", re.compile("bright"))
    chosen.get_by_role("button", name="Select none").click()
    expect(chosen).to_have_count(0)
    # By a loop around the left half, colours by what the champion says.
    page.get_by_role("combobox", name="Colour by").select_option("Split")
    box = canvas.bounding_box()
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + 0.01 * width, y + 0.04 * height)
    page.mouse.down()
    for to in ((0.5, 0.01), (0.5, 0.99), (0.01, 0.96)):
        page.mouse.move(x + to[0] * width, y + to[1] * height, steps=4)
    page.mouse.up()
    expect(chosen).to_be_visible()
    tiles = chosen.get_by_role("option")
    expect(tiles.first.locator("img")).to_have_js_property("naturalWidth", 16)
    chosen.get_by_role("button", name="Ask for labels").click()
    expect(chosen.get_by_text("now wait to be labelled")).to_be_visible()
    asked = client._send("GET", f"{client.url}/api/projects/{name}/labels/queue", params={})
    assert len(asked["items"]) > 0
    # Over a point there is its picture.
    box = canvas.bounding_box()  # it made room for the selection
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    pixels = page.evaluate(MIDDLE_OF_INK, canvas.element_handle())
    page.mouse.move(x + pixels[0] * width, y + pixels[1] * height)
    expect(page.locator(".map-hover img")).to_be_visible()
    # Zoomed in and back.
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="All", exact=True).click()
    # Only some of the images, and none.
    page.get_by_role("searchbox").fill("split:test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="Map of 200 images")).to_be_visible()
    page.get_by_role("searchbox").fill("split:test camera:none")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No image is like that")).to_be_visible()


# A place in the canvas, in parts of its size, where something is drawn.
MIDDLE_OF_INK = """canvas => {
    const {width, height} = canvas;
    const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const paper = pixels.slice(0, 3).join();
    for (let i = 0; i < width * height; i += 1) {
        const at = 4 * i;
        if (pixels.slice(at, at + 3).join() !== paper) {
            return [(i % width + 2) / width, (Math.floor(i / width) + 2) / height];
        }
    }
}"""
