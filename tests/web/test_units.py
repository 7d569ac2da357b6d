"""The canvas's mathematics without a browser: Node runs it, and Python says what is right."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autofocus.types import rle
from autofocus.types.geometry import Box, Mask, Polygon, iou

pytestmark = pytest.mark.browser  # it needs Node and what the page is built with

WEB = Path(__file__).parents[2] / "web"
UNITS = Path(__file__).parent / "units"
MODULES = ("geometry", "rle", "pixels", "segment", "history", "shapes", "colours")
CHECK = """
const { readFileSync } = require("node:fs");
const rle = require("./rle.js");
const pixels = require("./pixels.js");
const geometry = require("./geometry.js");
const { masks, outlines, boxes } = JSON.parse(readFileSync(0, "utf8"));
const runs = masks.map(({ height, width, counts }) => {
  const mask = { kind: "mask", height, width, counts };
  const patch = rle.decode(mask);
  return {
    counts: rle.encode(patch, width, height).counts,
    area: rle.area(patch),
    bounds: [patch.x, patch.y, patch.width, patch.height],
  };
});
const drawn = outlines.map(({ parts, height, width }) => {
  const patch = pixels.drawn(parts, width, height);
  return patch ? rle.encode(patch, width, height).counts : null;
});
const near = masks.slice(1).map((mask, i) => rle.patchIou(rle.decode(masks[i]), rle.decode(mask)));
const ious = boxes.map(([a, b]) => geometry.boxIou(a, b));
console.log(JSON.stringify({ runs, drawn, near, ious }));
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules as Node reads them, by the page's own compiler."""
    folder = WEB
    if not (WEB / "node_modules" / "typescript").is_dir():
        folder = tmp_path_factory.mktemp("web")
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(WEB / name, folder / name)
        shutil.copytree(WEB / "src", folder / "src")
        subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=folder, check=True, timeout=240)
    out = tmp_path_factory.mktemp("units")
    (out / "package.json").write_text('{"type": "commonjs"}')
    subprocess.run(
        [
            "npx", "tsc", "--outDir", str(out), "--target", "es2022", "--lib", "es2023,dom",
            "--module", "commonjs", "--moduleResolution", "node10", "--strict",
            "--skipLibCheck", *(f"src/canvas/{name}.ts" for name in MODULES),
        ],
        cwd=folder, check=True, timeout=240,
    )  # fmt: skip
    return out


def test_the_units_pass(compiled: Path) -> None:
    files = [str(path) for path in sorted(UNITS.glob("*.test.mjs"))]
    done = subprocess.run(
        ["node", "--test", *files],
        env={**os.environ, "UNITS": str(compiled)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def masks() -> list[Mask]:
    """Blobs, noise, lines and single pixels, all of one size, and some of others."""
    rng = np.random.default_rng(7)
    made = [rng.random((57, 83)) < share for share in (0.001, 0.02, 0.5, 0.97, 1.0)]
    for _ in range(20):
        y, x = rng.integers(5, 50), rng.integers(5, 78)
        rows, columns = np.mgrid[:57, :83]
        made.append((rows - y) ** 2 + 2 * (columns - x) ** 2 < rng.integers(2, 600))
    first, last = np.zeros((57, 83), bool), np.zeros((57, 83), bool)
    first[0, 0] = last[-1, -1] = True
    return [rle.from_pixels(pixels) for pixels in (*made, first, last) if pixels.any()]


def outlines() -> list[tuple[Polygon, int, int]]:
    """Stars and rectangles, some of them over the image's edge or between its pixels."""
    rng = np.random.default_rng(8)
    made = []
    for n in range(60):
        angles = np.sort(rng.random(3 + n % 12)) * 2 * np.pi
        radius = rng.random(len(angles)) * 40 + 1
        x, y = rng.random(2) * (90, 60)
        points = tuple(
            (float(x + r * np.cos(a)), float(y + r * np.sin(a)))
            for a, r in zip(angles, radius, strict=True)
        )
        made.append((Polygon((points,)), 57, 83))
    grid = ((2.0, 3.0), (9.0, 3.0), (9.0, 7.5), (2.0, 7.5))
    made.append((Polygon((grid, tuple((x + 20.5, y) for x, y in grid))), 57, 83))
    return made


def test_masks_and_drawing_are_as_in_python(compiled: Path) -> None:
    pairs = [(Box(0, 0, 4, 4), Box(2, 1, 4, 4)), (Box(0, 0, 1, 1), Box(5, 5, 1, 1))]
    asked: dict[str, Any] = {
        "masks": [{"height": m.height, "width": m.width, "counts": m.counts} for m in masks()],
        "outlines": [
            {"parts": p.parts, "height": height, "width": width} for p, height, width in outlines()
        ],
        "boxes": [
            [{"x": b.x, "y": b.y, "width": b.width, "height": b.height} for b in pair]
            for pair in pairs
        ],
    }
    done = subprocess.run(
        ["node", "-e", CHECK],
        cwd=compiled, input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    for mask, told in zip(masks(), found["runs"], strict=True):
        around = mask.bounds
        assert told == {
            "counts": mask.counts,
            "area": mask.area,
            "bounds": [around.x, around.y, around.width, around.height],
        }
    for (polygon, height, width), counts in zip(outlines(), found["drawn"], strict=True):
        drawn = rle._draw(polygon.parts, height, width)
        assert counts == (drawn.counts if drawn else None)
    expected = [iou(a, b) for a, b in zip(masks(), masks()[1:], strict=False)]
    assert found["near"] == pytest.approx(expected)
    assert found["ious"] == pytest.approx([iou(a, b) for a, b in pairs])
