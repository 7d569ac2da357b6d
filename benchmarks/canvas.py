"""How smoothly the canvas moves with thousands of polygons: frames of a real browser.

    python benchmarks/canvas.py [--shapes 5000] [--points 20] [--seconds 5]

Makes a workspace with one image that holds so many polygons, opens it on the label page, and prints
frames per second while it is dragged and zoomed (everything in sight, and close up) and how long a
click takes until the chosen polygon is drawn as such. Every frame of the drags and zooms moves the
view. The browser renders in software where there is no GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from pathlib import Path

import cv2
import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from autofocus.api.launch import running
from autofocus.data.dataset import NewImage
from autofocus.types.geometry import Polygon, Shape, Shapes
from autofocus.workspace.workspace import Workspace

WIDTH, HEIGHT = 1920, 1280
CLASSES = ("car", "bus", "dog", "tree")

# Drags by the middle button in circles, or turns the wheel to and fro, once in every frame.
MOVE = """([how, seconds]) => new Promise(done => {
    const stage = document.querySelector('.canvas-stage');
    const frame = stage.getBoundingClientRect();
    const x = frame.left + frame.width / 2, y = frame.top + frame.height / 2;
    const at = n => ({clientX: x + 150 * Math.sin(n / 15), clientY: y + 100 * Math.cos(n / 15)});
    const send = (name, n) => stage.dispatchEvent(new PointerEvent(name,
        {...at(n), pointerId: 7, button: 1, buttons: 4, bubbles: true, pointerType: 'mouse'}));
    const times = [];
    let last = performance.now(), n = 0;
    const end = last + 1000 * seconds;
    if (how === 'pan') send('pointerdown', 0);
    const step = now => {
        times.push(now - last);
        last = now;
        n += 1;
        if (how === 'pan') send('pointermove', n);
        else stage.dispatchEvent(new WheelEvent('wheel',
            {...at(0), deltaY: n % 60 < 30 ? -60 : 60, bubbles: true, cancelable: true}));
        if (now < end) requestAnimationFrame(step);
        else {
            if (how === 'pan') send('pointerup', n);
            done(times.slice(2));
        }
    };
    requestAnimationFrame(step);
})"""

# A click on the middle of a polygon, until the frame that shows it chosen has been drawn.
CLICK = """([x, y]) => new Promise(done => {
    const stage = document.querySelector('.canvas-stage');
    const send = name => stage.dispatchEvent(new PointerEvent(name,
        {clientX: x, clientY: y, pointerId: 8, button: 0, bubbles: true, pointerType: 'mouse'}));
    const began = performance.now();
    send('pointermove');
    send('pointerdown');
    send('pointerup');
    requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
            const chosen = document.querySelectorAll('.object-row.is-chosen').length;
            done([performance.now() - began, chosen]);
        };
        channel.port2.postMessage(0);
    });
})"""


def crowd(shapes: int, points: int) -> tuple[Shapes, list[tuple[float, float]]]:
    """Uneven outlines all over the image, and their middles."""
    rng = np.random.default_rng(1)
    radius = 0.6 * (WIDTH * HEIGHT / shapes) ** 0.5
    made, middles = [], []
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    for n in range(shapes):
        x = float(rng.uniform(radius, WIDTH - radius))
        y = float(rng.uniform(radius, HEIGHT - radius))
        far = radius * rng.uniform(0.4, 1, points)
        outline = tuple(
            (round(x + float(r * np.cos(a)), 2), round(y + float(r * np.sin(a)), 2))
            for r, a in zip(far, angles, strict=True)
        )
        made.append(Shape(f"s{n}", CLASSES[n % len(CLASSES)], Polygon((outline,))))
        middles.append((x, y))
    return Shapes(tuple(made)), middles


def processor_seconds() -> dict[str, float]:
    """What each process of the browser has used of the processor so far, by its kind."""
    found: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name():
                types = [a for a in process.cmdline() if a.startswith("--type=")]
                kind = types[0].removeprefix("--type=") if types else "browser"
                used = process.cpu_times()
                found[kind] = found.get(kind, 0.0) + used.user + used.system
    return found


def move(page: Page, what: str, how: str, seconds: float) -> None:
    before = processor_seconds()
    times = sorted(page.evaluate(MOVE, [how, seconds]))
    after = processor_seconds()
    print(
        f"{what}: {1000 / statistics.mean(times):.0f} frames per second "
        f"(median {statistics.median(times):.1f} ms, 95 % {times[int(0.95 * len(times))]:.1f} ms, "
        f"longest {times[-1]:.0f} ms, {len(times)} frames)"
    )
    # What the browser itself used: what else runs on the machine is not in it.
    used = {k: 1000 * (after[k] - before.get(k, 0)) / len(times) for k in after}
    print(
        "    processor time a frame: "
        + ", ".join(f"{kind} {ms:.1f} ms" for kind, ms in used.items() if ms >= 0.5)
    )
    page.wait_for_timeout(400)


def measure(page: Page, seconds: float, middles: list[tuple[float, float]], clicks: int) -> None:
    for how, words in (("pan", "dragged"), ("zoom", "zoomed")):
        move(page, f"all in sight, {words}", how, seconds)
    page.keyboard.press("f")
    page.wait_for_timeout(600)
    frame = page.locator(".canvas-stage").bounding_box()
    assert frame is not None
    scale = min((frame["width"] - 32) / WIDTH, (frame["height"] - 32) / HEIGHT)
    left = frame["x"] + (frame["width"] - scale * WIDTH) / 2
    top = frame["y"] + (frame["height"] - scale * HEIGHT) / 2
    waits = []
    for x, y in middles[:: max(1, len(middles) // clicks)][:clicks]:
        wait, chosen = page.evaluate(CLICK, [left + scale * x, top + scale * y])
        assert chosen <= 1
        waits.append(wait)
        page.wait_for_timeout(50)
    waits.sort()
    print(
        f"a click until it is drawn: median {statistics.median(waits):.0f} ms, "
        f"95 % {waits[int(0.95 * len(waits))]:.0f} ms, longest {waits[-1]:.0f} ms"
    )
    for _ in range(8):
        page.keyboard.press("+")
    page.wait_for_timeout(600)
    for how, words in (("pan", "dragged"), ("zoom", "zoomed")):
        move(page, f"close up, {words}", how, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=int, default=5000)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    options = parser.parse_args()
    label, middles = crowd(options.shapes, options.points)
    noise = np.random.default_rng(0).integers(90, 160, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    done, encoded = cv2.imencode(".jpg", cv2.resize(noise, (WIDTH, HEIGHT)))
    assert done
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "w"
        with Workspace.open(root) as workspace:
            project = workspace.create_project("crowd", task="segmentation", classes=CLASSES)
            project.data.add_images([NewImage("crowd.jpg", bytes(encoded), "train")])
            project.labels.annotate("crowd.jpg", label, "benchmark")
        with running(root) as client, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium",
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
            page = browser.new_page(viewport={"width": options.width, "height": options.height})
            page.add_init_script("localStorage.setItem('autofocus.name', 'benchmark')")
            page.goto(f"{client.url}/p/crowd/label?image=crowd.jpg")
            page.get_by_role("heading", name=f"{options.shapes:,} objects").wait_for(timeout=60_000)
            page.wait_for_timeout(1500)
            measure(page, options.seconds, middles, options.clicks)
            browser.close()


if __name__ == "__main__":
    main()
