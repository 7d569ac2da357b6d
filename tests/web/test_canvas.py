"""The drawing canvas in a real browser: shapes drawn, changed, undone, and never lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from test_accessibility import LOOKS, SIZES, axe, findings, fits  # noqa: F401
from test_labelling import name_oneself, up

from autofocus.api.launch import free_port, stop
from autofocus.data.dataset import NewImage
from autofocus.labels.queue import Question
from autofocus.types import rle
from autofocus.types.codec import decode
from autofocus.types.data import Annotation
from autofocus.types.geometry import Box, Mask, Polygon, Shape, Shapes, iou
from autofocus.workspace.workspace import Workspace

if TYPE_CHECKING:
    from autofocus.api.client import Client

    OpenPage = Callable[..., Page]
    Serve = Callable[[Path], Client]

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 400, 300
KEY = "street 1/im#age.png"


def scene(seed: int = 0) -> bytes:
    """A red disc of radius 50 at (120, 150) and a blue rectangle on grey noise, as PNG."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(150, 170, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    cv2.circle(pixels, (120, 150), 50, (40, 40, 200), -1)
    cv2.rectangle(pixels, (240, 80), (339, 199), (190, 60, 30), -1)
    done, encoded = cv2.imencode(".png", pixels)
    assert done
    return bytes(encoded)


def streets(root: Path, task: str = "detection", count: int = 3) -> None:
    """A project without any labels; the first key needs quoting."""
    with Workspace.open(root) as workspace:
        project = workspace.create_project("cars", task=task, classes=["car", "bus", "dog"])
        keys = [KEY, *(f"street {n + 2}/b.png" for n in range(count - 1))]
        project.data.add_images([NewImage(k, scene(i), "train") for i, k in enumerate(keys)])


class Desk:
    """The page as a person uses it: places are pixels of the image."""

    def __init__(self, page: Page, url: str, key: str = KEY, name: str = "ann") -> None:
        self.page, self.url, self.key = page, url, key
        page.goto(f"{url}/p/cars/label?image={quote(key, safe='')}")
        if name:
            name_oneself(page, name)
        self.wait()

    def wait(self) -> None:
        expect(self.page.locator(".canvas-key")).to_have_text(self.key)
        expect(self.page.locator(".canvas-over")).to_have_count(0)
        self.page.wait_for_timeout(100)

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the image is while the whole image is in sight."""
        frame = self.page.locator(".canvas-stage").bounding_box()
        assert frame is not None
        scale = min((frame["width"] - 32) / WIDTH, (frame["height"] - 32) / HEIGHT)
        left = frame["x"] + (frame["width"] - scale * WIDTH) / 2
        top = frame["y"] + (frame["height"] - scale * HEIGHT) / 2
        return left + scale * x, top + scale * y

    def click(self, x: float, y: float, *modifiers: str) -> None:
        for key in modifiers:
            self.page.keyboard.down(key)
        self.page.mouse.click(*self.screen(x, y))
        for key in modifiers:
            self.page.keyboard.up(key)

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.screen(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.screen(*place), steps=8)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self) -> None:
        expect(self.page.locator(".saved")).to_have_text("All saved")

    def annotation(self) -> Annotation | None:
        answer = httpx.get(f"{self.url}/api/projects/cars/annotations/{quote(self.key)}")
        found = answer.raise_for_status().json()
        return None if found is None else decode(Annotation, found)

    def shapes(self) -> tuple[Shape, ...]:
        """What the server has, once the page says that all is saved."""
        self.saved()
        found = self.annotation()
        assert found is not None
        assert isinstance(found.label, Shapes)
        return found.label.shapes

    def boxes(self) -> list[tuple[str, list[int]]]:
        return [
            (shape.label, [round(v) for v in (g.x, g.y, g.width, g.height)])
            for shape in self.shapes()
            for g in (shape.geometry,)
            if isinstance(g, Box)
        ]

    def reload(self) -> None:
        self.page.reload()
        self.wait()


def near(found: Any, wanted: Any, by: float = 1.5) -> bool:
    return bool(np.all(np.abs(np.asarray(found, float) - np.asarray(wanted, float)) <= by))


@pytest.fixture
def desk(tmp_path: Path, serve: Serve, open_page: OpenPage) -> Desk:
    streets(tmp_path / "w")
    return Desk(open_page(), serve(tmp_path / "w").url)


def test_boxes_are_drawn_changed_and_undone(desk: Desk) -> None:
    desk.press("r")
    desk.drag((70, 100), (170, 200))
    ((label, box),) = desk.boxes()
    assert label == "car"
    assert near(box, [70, 100, 100, 100])
    found = desk.annotation()
    assert found is not None
    assert found.author == "ann"
    # By two clicks, as another class.
    desk.press("2", "r")
    assert desk.boxes()[0][0] == "bus"  # what is chosen has it too
    desk.press("Escape")
    desk.press("1")
    desk.press("r")
    desk.click(240, 80)
    desk.click(340, 200)
    assert near(desk.boxes()[1][1], [240, 80, 100, 120])
    # By its four outermost points.
    desk.press("t")
    for place in ((120, 100), (70, 150), (120, 200), (170, 150)):
        desk.click(*place)
    assert near(desk.boxes()[2][1], [70, 100, 100, 100])
    desk.press("Delete")
    assert len(desk.boxes()) == 2
    # Chosen, moved, resized at a corner, moved by keys.
    desk.press("v")
    desk.click(290, 140)
    desk.drag((290, 140), (270, 150))
    assert near(desk.boxes()[1][1], [220, 90, 100, 120])
    desk.drag((320, 210), (360, 250))
    assert near(desk.boxes()[1][1], [220, 90, 140, 160])
    desk.press("Shift+ArrowLeft", "Shift+ArrowUp")
    assert near(desk.boxes()[1][1], [219, 89, 140, 160])
    desk.press("3")
    assert desk.boxes()[1][0] == "dog"
    steps = [desk.boxes()]
    for _ in range(5):
        desk.press("Control+z")
        steps.append(desk.boxes())
    assert near(steps[-1][1][1], [240, 80, 100, 120])
    # A reload forgets neither what was done nor what was undone.
    desk.reload()
    for wanted in reversed(steps[:-1]):
        desk.press("Control+Shift+z")
        assert desk.boxes() == wanted
    expect(desk.page.get_by_role("button", name="Redo")).to_be_disabled()


def test_polygons_are_drawn_and_their_points_changed(desk: Desk) -> None:
    corners = [(240.0, 80.0), (340.0, 80.0), (340.0, 200.0), (240.0, 200.0)]

    def points() -> list[tuple[float, float]]:
        geometry = desk.shapes()[-1].geometry
        assert isinstance(geometry, Polygon)
        return list(geometry.parts[0])

    desk.press("p")
    for place in corners:
        desk.click(*place)
    desk.click(*corners[0])  # near the first point it closes
    assert near(points(), corners)
    desk.press("v")
    desk.drag((340, 200), (370, 230))
    assert near(points()[2], (370, 230))
    desk.drag((290, 80), (290, 50))  # the handle between two points makes a new one
    assert len(points()) == 5
    assert near(points()[1], (290, 50))
    desk.click(290, 50, "Alt")
    assert len(points()) == 4
    desk.press("Control+z", "Control+z", "Control+z")
    assert near(points(), corners)
    # With Enter, a wrong point taken back, and by hand along a curve.
    desk.press("p")
    for place in ((20, 20), (60, 20), (90, 90), (60, 60)):
        desk.click(*place)
    desk.press("Backspace")
    desk.click(40, 60)
    desk.press("Enter")
    assert len(desk.shapes()) == 2
    assert near(points(), [(20, 20), (60, 20), (90, 90), (40, 60)])
    circle = [
        (120 + 50 * float(np.cos(a)), 150 + 50 * float(np.sin(a)))
        for a in np.linspace(0, 2 * np.pi, 40)
    ]
    desk.drag(*circle)
    drawn = desk.shapes()[-1].geometry
    wanted = Polygon((tuple(circle[:-1]),))
    assert isinstance(drawn, Polygon)
    assert iou(drawn, wanted) > 0.95
    assert len(drawn.parts[0]) < 60
    desk.press("p")
    desk.click(10, 10)
    desk.press("Escape")
    assert len(desk.shapes()) == 3


def test_masks_are_painted_and_erased(desk: Desk) -> None:
    def mask() -> Mask:
        geometry = desk.shapes()[-1].geometry
        assert isinstance(geometry, Mask)
        return geometry

    desk.press("b")
    desk.drag((100, 150), (140, 150))
    first = mask()
    assert (first.width, first.height) == (WIDTH, HEIGHT)
    pixels = rle.to_pixels(first)
    assert pixels[150, 100:140].all()
    assert not pixels[150, 170]
    desk.drag((120, 120), (120, 180))  # the same object grows
    assert len(desk.shapes()) == 1
    assert mask().area > first.area
    desk.press("e")
    desk.drag((120, 100), (120, 200))
    assert not rle.to_pixels(mask())[150, 120]
    desk.press("Control+z", "Control+z")
    assert mask() == first
    desk.reload()
    desk.press("Control+Shift+z")
    assert mask().area > first.area
    # What is wiped out is gone.
    desk.press("Control+z", "v")
    desk.click(120, 150)
    desk.press("e", *("]" for _ in range(12)))
    desk.drag((90, 150), (150, 150), (90, 150))
    assert desk.shapes() == ()


def test_a_killed_server_and_a_closed_tab_lose_nothing(
    tmp_path: Path, browser_without_watch: OpenPage
) -> None:
    streets(tmp_path / "w")
    port, inference_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    child = up(tmp_path / "w", port, inference_port)
    desk = Desk(browser_without_watch(), url)
    desk.press("r")
    desk.drag((70, 100), (170, 200))
    assert len(desk.boxes()) == 1
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    desk.drag((240, 80), (340, 200))
    desk.drag((10, 10), (60, 60))
    desk.press("3", "Control+z")
    sign = desk.page.locator(".saved")
    expect(sign).to_have_text("No connection: 1 image kept here")
    # The tab is closed, and another one opened when the server is there again.
    context = desk.page.context
    desk.page.close()
    child = up(tmp_path / "w", port, inference_port)
    try:
        desk = Desk(context.new_page(), url, name="")
        boxes = desk.boxes()
        assert [label for label, _ in boxes] == ["car", "car", "car"]
        assert near(boxes[2][1], [10, 10, 50, 50])
        desk.press("Control+z")
        assert len(desk.boxes()) == 2
        desk.press("Control+Shift+z")
        assert desk.boxes() == boxes
    finally:
        stop(child)


def test_two_tabs_on_one_image_never_overwrite_one_another_silently(
    tmp_path: Path, serve: Serve, browser_without_watch: OpenPage
) -> None:
    streets(tmp_path / "w")
    url = serve(tmp_path / "w").url
    one = Desk(browser_without_watch(), url)
    two = Desk(one.page.context.new_page(), url, name="")
    # What the other tab saves is shown here while nothing was changed here.
    one.press("r")
    one.drag((70, 100), (170, 200))
    one.saved()
    objects = two.page.get_by_role("region", name="Objects")
    expect(objects).to_contain_text("1 object")
    # Both change it at once: whoever is saved second is asked.
    context = one.page.context
    context.route("**/annotations/**", lambda route: route.abort())
    two.page.bring_to_front()
    two.press("r")
    two.drag((10, 10), (60, 60))
    expect(two.page.locator(".saved")).to_contain_text("No connection")
    one.page.bring_to_front()
    one.drag((240, 80), (340, 200))
    expect(one.page.locator(".saved")).to_contain_text("No connection")
    context.unroute("**/annotations/**")
    asked = one.page.get_by_role("dialog", name="Two labels of one image")
    expect(asked).to_be_visible()
    expect(asked).to_contain_text("You, in another tab")
    assert len(two.boxes()) == 2
    asked.get_by_role("button", name="Keep everything of both").click()
    assert len(one.boxes()) == 3
    two.page.bring_to_front()
    expect(objects).to_contain_text("3 objects")
    # Undoing takes back the own part alone.
    one.page.bring_to_front()
    one.press("Control+z")
    assert [box[0] for _, box in one.boxes()] == [70, 240]
    two.page.bring_to_front()
    expect(objects).to_contain_text("2 objects")


def test_keys_can_be_changed_and_taken_from_other_tools(desk: Desk) -> None:
    page = desk.page
    desk.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Box: R", exact=True).click()
    desk.press("y")
    expect(dialog.get_by_role("button", name="Box: Y", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    desk.press("y")
    expect(page.get_by_role("button", name="Box", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    desk.reload()
    desk.press("v", "y")
    expect(page.get_by_role("button", name="Box", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    desk.press("?")
    dialog.get_by_label("As in").select_option("CVAT")
    dialog.get_by_role("button", name="Close").click()
    desk.press("f")  # the next image there
    expect(page.locator(".canvas-key")).to_have_text("street 2/b.png")


def test_from_image_to_image(desk: Desk) -> None:
    page = desk.page
    desk.press("r")
    desk.drag((70, 100), (170, 200))
    desk.press("Control+c", "Shift+Enter")
    expect(page.locator(".canvas-key")).to_have_text("street 2/b.png")
    desk.key = "street 2/b.png"
    desk.wait()
    desk.press("Control+v", "Control+d")
    assert len(desk.boxes()) == 2
    page.get_by_role("textbox", name="New attribute").fill("occluded")
    page.get_by_role("button", name="Add").first.click()
    page.get_by_role("textbox", name="New tag").fill("night")
    page.get_by_role("textbox", name="New tag").press("Enter")
    desk.saved()
    found = desk.annotation()
    assert found is not None
    assert isinstance(found.label, Shapes)
    assert found.label.tags == ("night",)
    assert found.label.shapes[1].attributes == {"occluded": True}
    page.locator(".canvas-stage").focus()
    desk.press("Shift+Enter")
    desk.key = "street 3/b.png"
    desk.wait()
    # Nothing in it is an answer as well.
    page.get_by_role("button", name="Nothing here, next").click()
    assert desk.shapes() == ()
    expect(page.get_by_text("That was the last one without a label")).to_be_visible()


def test_tools_find_what_the_hand_need_not_draw(desk: Desk) -> None:
    disc = Polygon(
        (tuple((120 + 50 * np.cos(a), 150 + 50 * np.sin(a)) for a in np.linspace(0, 6.2, 90)),)
    )
    block = Box(240, 80, 100, 120)

    def last() -> Any:
        return desk.shapes()[-1].geometry

    says = desk.page.locator(".canvas-says")
    desk.press("w")
    desk.click(120, 150)
    expect(desk.page.get_by_role("region", name="Objects")).to_contain_text("1 object")
    assert iou(last(), disc) > 0.95
    assert len(last().parts[0]) < 60
    # Its tolerance can be changed afterwards; what it makes as well.
    desk.press(*("]" for _ in range(12)))
    expect(says).to_have_text("")
    desk.press("Control+z", "Escape")
    desk.page.get_by_role("button", name="Masks").click()
    desk.press("g")
    desk.drag((225, 65), (355, 215))
    expect(desk.page.get_by_role("region", name="Objects")).to_contain_text("2 objects")
    assert isinstance(last(), Mask)
    assert iou(last(), block) > 0.95
    desk.press("Escape", "k")
    expect(says).to_have_text("")
    desk.drag((100, 150), (140, 150), (120, 130))
    expect(desk.page.get_by_role("region", name="Objects")).to_contain_text("3 objects")
    found = rle.to_pixels(last())
    assert found[150, 120]
    assert rle.intersection(last(), rle.draw(disc, HEIGHT, WIDTH)) > 0.9 * last().area
    desk.press("Escape", "i")
    for place in ((240, 80), (340, 80), (340, 200), (240, 200)):
        desk.click(*place)
        expect(says).to_have_text("")
    desk.press("Enter")
    expect(desk.page.get_by_role("region", name="Objects")).to_contain_text("4 objects")
    assert iou(last(), block) > 0.95


def offer(page: Page) -> None:
    """Answers for a champion, which would take minutes to train."""
    seen = (("car", 70, 0.9), ("bus", 180, 0.6), ("dog", 290, 0.4))
    shapes = [
        {
            "shape": {
                "id": f"m{n}", "label": label, "suggested_by": "cars-3", "crowd": False,
                "geometry": {"kind": "box", "x": x, "y": 80, "width": 90, "height": 100},
                "attributes": {},
            },
            "score": score,
        }
        for n, (label, x, score) in enumerate(seen)
    ]  # fmt: skip
    answer = json.dumps({"key": KEY, "model": "cars-3", "reason": "", "shapes": shapes})
    page.route(
        "**/suggestions/**",
        lambda route: route.fulfill(status=200, content_type="application/json", body=answer),
    )


def test_suggestions_are_accepted_and_rejected(
    tmp_path: Path, serve: Serve, open_page: OpenPage
) -> None:
    streets(tmp_path / "w")
    page = open_page()
    offer(page)
    desk = Desk(page, serve(tmp_path / "w").url)
    suggested = page.get_by_role("region", name="Suggestions")
    expect(suggested).to_contain_text("3 suggested by cars-3")
    assert desk.annotation() is None
    suggested.get_by_role("button", name="Accept bus").click()
    suggested.get_by_role("button", name="Reject dog").click()
    expect(suggested).to_contain_text("1 suggested by cars-3")
    (bus,) = desk.shapes()
    assert (bus.label, bus.suggested_by) == ("bus", "cars-3")
    desk.reload()
    expect(suggested).to_contain_text("1 suggested by cars-3")
    desk.press("Enter")
    assert [s.label for s in desk.shapes()] == ["bus", "car"]
    desk.press("Control+z")
    expect(suggested).to_contain_text("1 suggested by cars-3")
    desk.press("x")
    expect(suggested).to_have_count(0)
    assert [s.label for s in desk.shapes()] == ["bus"]
    found = desk.annotation()
    assert found is not None
    assert found.suggested_by == "cars-3"


def test_a_phone_looks_and_decides(tmp_path: Path, serve: Serve, browser: Browser) -> None:
    streets(tmp_path / "w")
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    try:
        page = context.new_page()
        offer(page)
        desk = Desk(page, serve(tmp_path / "w").url)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        bar = page.get_by_role("group", name="What is suggested")
        expect(bar).to_contain_text("Accept all 3")
        page.touchscreen.tap(*desk.screen(225, 130))
        expect(bar).to_contain_text("Accept bus")
        bar.get_by_role("button", name="Reject bus").click()
        bar.get_by_role("button", name="Accept all 2").click()
        assert [s.label for s in desk.shapes()] == ["car", "dog"]
        page.get_by_role("button", name="Done, next").click()
        expect(page.locator(".canvas-key")).to_have_text("street 2/b.png")
    finally:
        context.close()


def test_two_annotators_are_asked_about_different_images_and_may_skip(
    tmp_path: Path, serve: Serve, browser_without_watch: OpenPage
) -> None:
    streets(tmp_path / "w", count=4)
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.project("cars")
        project.labels.request(
            [
                Question(f"q{n}", key, project.data.sample(key).sha256, "drawn", "training")
                for n, key in enumerate((KEY, "street 2/b.png"))
            ]
        )
    url = serve(tmp_path / "w").url
    ann = Desk(browser_without_watch(), url)
    asked = ann.page.get_by_role("option", name="asked for")
    expect(asked).to_have_count(2)
    bob = Desk(browser_without_watch(), url, key="street 3/b.png", name="bob")
    expect(bob.page.get_by_role("option", name="asked for")).to_have_count(0)
    ann.press("u")
    expect(ann.page.locator(".canvas-key")).to_have_text("street 2/b.png")
    with Workspace.open(tmp_path / "w") as workspace:
        states = {
            t.key: t.state for t in workspace.project("cars").labels.queue(state="skipped").items
        }
    assert states == {KEY: "skipped"}


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_page_has_no_serious_finding(
    tmp_path: Path,
    serve: Serve,
    open_page: OpenPage,
    axe: str,  # noqa: F811
    size: str,
    theme: str,
) -> None:
    streets(tmp_path / "w")
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_project("empty", task="segmentation", classes=["car"])
    client = serve(tmp_path / "w")
    page = open_page(*SIZES[size], theme=theme)
    offer(page)
    desk = Desk(page, client.url)
    expect(page.get_by_role("button", name="Reject all 3")).to_be_visible()
    trouble: dict[str, object] = {}

    def look(where: str) -> None:
        found = findings(page, axe)
        if found or not fits(page):
            trouble[where] = found or "has to be scrolled sideways"

    look("suggestions")
    desk.press("Enter", "Control+a")
    desk.saved()
    look("everything chosen")
    if size == "desk":
        desk.press("w")
        page.get_by_role("textbox", name="New tag").fill("night")
        page.get_by_role("textbox", name="New tag").press("Enter")
        look("a tool and a tag")
        page.get_by_role("button", name="Keys").click()
        look("keys")
    page.goto(f"{client.url}/p/empty/label")
    expect(page.get_by_text("Every image has a label")).to_be_visible()
    look("no images")
    assert trouble == {}
