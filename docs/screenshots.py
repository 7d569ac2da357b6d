"""Takes the pictures of the web page that README and docs show, of a workspace with a story.

    autofocus demo --headless --workspace eyes/
    autofocus --workspace eyes/ labels ask
    python docs/screenshots.py eyes/

writes `docs/screenshots/NAME-SIZE-THEME.webp` for every page, on a desk and on a phone, in light
and dark. Needs Chromium and the test packages.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from autofocus.api.client import Client
from autofocus.api.launch import running

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
WIDTHS = {"desk": 960, "phone": 390}  # of the picture that is kept
QUALITY = 70


def pages(client: Client, project: dict[str, Any]) -> dict[str, str]:
    """Name and address of every page that has something to show."""
    name = project["name"]
    found = {
        "overview": "",
        "data": "/data",
        "map": "/data/map",
        "label": "/label",
        "models": "/models",
        "production": "/production",
        "cases": "/cases",
        "settings": "/settings",
    }
    healed = [case for case in client.cases(name) if case["outcome"] == "promoted"]
    if healed:
        found["case"] = f"/cases/{healed[-1]['id']}"
    deployed = client.deployment(name)
    if deployed:
        found["model"] = f"/models/{deployed['champion']['model']}"
    return {key: f"{client.url}/p/{name}{path}" for key, path in found.items()}


def settle(page: Page) -> None:
    """Until nothing loads any more and every picture in sight is there."""
    page.get_by_role("main").wait_for()
    expect(page.locator(".loading")).to_have_count(0, timeout=30_000)
    page.wait_for_timeout(1500)


def take(browser: Browser, client: Client, prefix: str, folder: Path) -> None:
    """Every page of every project of the workspace, in both sizes and themes."""
    for project in client.projects():
        for size, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=theme,
                    reduced_motion="reduce",
                )
                # Who labels, and in which mode, is kept in the browser.
                context.add_init_script("localStorage.setItem('autofocus.name', 'Ann')")
                page = context.new_page()
                for name, address in pages(client, project).items():
                    page.goto(address)
                    settle(page)
                    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                    scale = WIDTHS[size] / picture.width
                    kept = picture.resize((WIDTHS[size], round(picture.height * scale)))
                    kept.save(folder / f"{prefix}{name}-{size}-{theme}.webp", quality=QUALITY)
                context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--prefix", default="", help="put before every file's name")
    parser.add_argument("--folder", type=Path, default=HERE / "screenshots")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with running(options.workspace) as client, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        take(browser, client, options.prefix, options.folder)
        browser.close()


if __name__ == "__main__":
    main()
