"""How smoothly the Data page scrolls: frame times of a real browser on a grid of many images.

    python benchmarks/search.py --rounds 1 --keep FOLDER     # makes a workspace of 100,000 images
    python benchmarks/scrolling.py FOLDER [--seconds 10] [--width 1440] [--height 900]

Scrolls by wheel steps, then jumps to random places, and prints the times between frames and how
long a jump takes until every picture in sight is there.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

from playwright.sync_api import CDPSession, Page, sync_playwright

from autofocus.api.launch import running

FRAMES = """seconds => new Promise(done => {
    const grid = document.querySelector('.image-grid');
    const times = [];
    let last = performance.now();
    const end = last + 1000 * seconds;
    const step = now => {
        times.push(now - last);
        last = now;
        grid.scrollTop += 40;
        if (now < end) requestAnimationFrame(step); else done(times.slice(2));
    };
    requestAnimationFrame(step);
})"""
THERE = """() => {
    const view = document.querySelector('.image-grid').getBoundingClientRect();
    const tiles = [...document.querySelectorAll('.image-tile')].filter(tile => {
        const box = tile.getBoundingClientRect();
        return box.bottom > view.top && box.top < view.bottom;
    });
    const shown = tile => {
        const image = tile.querySelector('img');
        return image && image.complete && image.naturalWidth;
    };
    return tiles.length > 0 && tiles.every(shown);
}"""


SPENT = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")


def spent(devtools: CDPSession) -> dict[str, float]:
    """Seconds that the page's thread has used so far, by kind."""
    found = devtools.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in found}


def until_there(page: Page, seconds: float = 30.0) -> float:
    """Milliseconds until every picture in sight is loaded."""
    began = time.perf_counter()
    while not page.evaluate(THERE):
        if time.perf_counter() - began > seconds:
            raise SystemExit("The pictures in sight did not come.")
        time.sleep(0.005)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--project", default="eyes")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--jumps", type=int, default=20)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    options = parser.parse_args()
    with running(options.workspace) as client, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": options.width, "height": options.height})
        began = time.perf_counter()
        page.goto(f"{client.url}/p/{options.project}/data")
        until_there(page)
        print(f"first pictures in sight after {1000 * (time.perf_counter() - began):.0f} ms")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = spent(devtools)
        times = sorted(page.evaluate(FRAMES, options.seconds))
        after = spent(devtools)
        slow = sum(t > 50 for t in times)
        print(
            f"{len(times)} frames: median {statistics.median(times):.1f} ms, "
            f"95 % {times[int(0.95 * len(times))]:.1f} ms, longest {times[-1]:.0f} ms, "
            f"{slow} above 50 ms"
        )
        # Own time of the page's thread: what a busy machine takes beside it is not in it.
        print(
            "per frame on the page's thread: "
            + ", ".join(f"{n} {1000 * (after[n] - before[n]) / len(times):.1f} ms" for n in SPENT)
        )
        rng = random.Random(1)
        waits = []
        for _ in range(options.jumps):
            page.evaluate(
                "at => { const g = document.querySelector('.image-grid');"
                " g.scrollTop = at * g.scrollHeight; }",
                rng.random(),
            )
            time.sleep(0.05)  # a frame to draw the empty tiles
            waits.append(until_there(page))
        middle, longest = statistics.median(waits), max(waits)
        print(f"{len(waits)} jumps: median {middle:.0f} ms, longest {longest:.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
