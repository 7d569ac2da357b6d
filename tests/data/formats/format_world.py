"""Small worlds of images and annotation files for the tests of formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from autofocus.data.formats import catalogue
from autofocus.data.formats.base import Found, ReadOptions, WriteOptions
from autofocus.data.label_rules import LabelRules
from autofocus.data.placing import Placing
from autofocus.imaging.inspect import inspect
from autofocus.store.manifests import Manifest, ManifestRow, write_manifest
from autofocus.store.objects import ObjectStore
from autofocus.types import rle
from autofocus.types.codec import encode
from autofocus.types.data import Label, Skipped, Split, Tag, Task
from autofocus.types.geometry import Box, Geometry, Polygon, Shape, Shapes

WIDTH, HEIGHT = 64, 48
CLASSES = ("car", "bus", 'half "open"', "x,y", "Türe")


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT, kind: str = "png") -> bytes:
    """An image that depends on the seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return bytes(cv2.imencode(f".{kind}", pixels)[1])


def turned_jpeg(seed: int, orientation: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A JPEG of ``width`` x ``height`` stored pixels that EXIF turns."""
    data = picture(seed, width, height, "jpg")
    tiff = (
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0\0\0\0\0"
    )
    exif = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


def put(root: Path, files: Mapping[str, Any]) -> Path:
    """Write files by relative path: bytes as they are, text, and everything else as JSON."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content))
    return root


class Taken:
    """What an import would take: labels by key, and everything that is told."""

    def __init__(self, found: Found, rules: LabelRules, drawn_on: Any, notices: list[str]) -> None:
        placing = Placing(rules, drawn_on, list(found.skipped))
        self.found = found
        self.format = found.format
        self.labels: dict[str, Label | None] = {}
        self.splits: dict[str, Split | None] = {}
        self.by_image: dict[str, Label | None] = {}
        for item in found.items:
            data = item.path.read_bytes()
            label = placing.label(item, inspect(data))
            self.labels[item.key] = label
            self.splits[item.key] = item.split
            self.by_image[hashlib.sha256(data).hexdigest()] = label
        self.skipped: list[Skipped] = placing.skipped
        self.unmatched = found.unmatched_labels
        self.notices = [*notices, *found.told(), *placing.told()]

    def told(self, text: str) -> bool:
        """Whether a notice has that text in it."""
        return any(text in notice for notice in self.notices)

    def reasons(self) -> str:
        """All reasons in one text."""
        return "\n".join(f"{s.path}: {s.reason}" for s in self.skipped)

    def shapes(self, key: str) -> tuple[Shape, ...]:
        """The shapes of an image."""
        label = self.labels[key]
        assert isinstance(label, Shapes), label
        return label.shapes

    def only(self, key: str) -> Geometry:
        """The one shape's geometry of an image."""
        (shape,) = self.shapes(key)
        return shape.geometry


def take(
    path: Path,
    classes: Sequence[str] = CLASSES,
    task: Task = "detection",
    format: str | None = None,
    **options: Any,
) -> Taken:
    """Find the format, read, and place the labels as an import does."""
    name, notices = catalogue.looked_at(path) if format is None else (format, [])
    reader = catalogue.BY_NAME[name].read
    assert reader is not None
    options.setdefault("scratch", path.parent / f"{path.name}-scratch")
    options["scratch"].mkdir(exist_ok=True)
    found = reader(path, ReadOptions(tuple(classes), task=task, **options))
    rules = LabelRules("world", task, tuple(classes))
    return Taken(found, rules, options.get("drawn_on", "auto"), notices)


def version_of(
    folder: Path, labels: Sequence[tuple[str, Split, Label | None, Mapping[str, Any]]]
) -> Manifest:
    """A frozen version of one image for each (key, split, label, metadata)."""
    objects = ObjectStore.open(folder / "store")
    rows = []
    for seed, (key, split, label, metadata) in enumerate(labels):
        data = picture(seed)
        path = folder / f"originals/{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        rows.append(
            ManifestRow(
                key, hashlib.sha256(data).hexdigest(), None if label is None else encode(label),
                split, dict(metadata), WIDTH, HEIGHT, size=len(data), uri=path.as_uri(),
            )
        )  # fmt: skip
    return Manifest.open(objects, write_manifest(objects, rows))


def written(
    manifest: Manifest, format: str, folder: Path, classes: Sequence[str] = CLASSES
) -> dict[str, Any]:
    """Write a version."""
    writer = catalogue.BY_NAME[format].write
    assert writer is not None
    folder.mkdir()
    return writer(manifest, folder, WriteOptions(tuple(classes), lambda done, total: None))


# -- random labels that a format says it carries ------------------------------------------------


def at(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False).map(lambda v: round(v, 3))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y = draw(at(0, WIDTH - 1)), draw(at(0, HEIGHT - 1))
    return Box(x, y, draw(at(0.5, WIDTH - x)), draw(at(0.5, HEIGHT - y)))


@st.composite
def whole_boxes(draw: st.DrawFn) -> Box:
    x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return Box(x, y, draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y)))


@st.composite
def polygons(draw: st.DrawFn, parts: int = 2) -> Polygon:
    found = []
    for _ in range(draw(st.integers(1, parts))):
        n = draw(st.integers(3, 7))
        far = draw(st.lists(st.floats(0.2, 1), min_size=n, max_size=n))
        turns = (np.arange(n) + draw(st.floats(0, 1))) / n * 2 * np.pi
        xs = WIDTH / 2 + np.cos(turns) * far * HEIGHT / 2
        ys = HEIGHT / 2 + np.sin(turns) * far * HEIGHT / 2
        found.append(tuple(zip(xs.round(3).tolist(), ys.round(3).tolist(), strict=True)))
    return Polygon(tuple(found))


@st.composite
def masks(draw: st.DrawFn) -> Geometry:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    coarse = rng.random((6, 8)) < draw(st.floats(0, 1))
    coarse[rng.integers(6), rng.integers(8)] = True
    pixels = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)
    pixels[rng.integers(HEIGHT), rng.integers(WIDTH)] ^= True
    pixels[0, 0] = True
    return rle.from_pixels(pixels)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.text("abcäß 12<&\"'", max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


def labels_for(
    format: str, classes: Sequence[str] = CLASSES, geometry: Any = None, values: Any = VALUES
) -> st.SearchStrategy[Label | None]:
    """Labels with what the format says it carries, and nothing else."""
    c = catalogue.BY_NAME[format].carries
    kinds: list[Any] = [geometry] if geometry is not None else []
    if geometry is None:
        kinds += [boxes()] if c.box is True else []
        kinds += [polygons(2 if c.parts is True else 1)] if c.polygon is True else []
        kinds += [masks()] if c.mask is True else []
    choices: list[Any] = []
    if c.tag is True:
        choices.append(st.sampled_from(list(classes)).map(Tag))
    if c.unlabelled is True:
        choices.append(st.none())
    if kinds:
        attributes = st.dictionaries(st.sampled_from(["colour", "n", "ok"]), values, max_size=3)
        names = st.from_regex(r"\A[A-Za-z0-9_-]{1,8}\Z")
        shape = st.builds(
            Shape, names, st.sampled_from(list(classes)), st.one_of(kinds),
            attributes if c.attributes is not False else st.just({}),
            st.sampled_from([None, "cars-3"]) if c.suggested_by is True else st.none(),
            st.booleans() if c.crowd is True else st.just(False),
        )  # fmt: skip
        listed = st.lists(
            shape, min_size=0 if c.empty is True else 1, max_size=4, unique_by=lambda s: s.id
        )
        tags = st.lists(st.sampled_from(["night", "rain"]), max_size=2, unique=True)
        choices.append(
            st.builds(Shapes, listed.map(tuple), tags if c.image_tags is True else st.just(()))
        )
    return st.one_of(choices)


def same(a: Label | None, b: Label | None, *, ids: bool, tolerance: float) -> bool:
    """Whether two labels are equal, but for ids and rounding."""
    if not isinstance(a, Shapes) or not isinstance(b, Shapes):
        return a == b
    if len(a.shapes) != len(b.shapes) or set(a.tags) != set(b.tags):
        return False
    for x, y in zip(a.shapes, b.shapes, strict=True):
        if not ids:
            y = replace(y, id=x.id)
        if not _near(x.geometry, y.geometry, tolerance):
            return False
        if replace(y, geometry=x.geometry, attributes={}) != replace(x, attributes={}):
            return False
        if dict(x.attributes) != dict(y.attributes):
            return False
    return True


def _near(a: Geometry, b: Geometry, tolerance: float) -> bool:
    if a == b:
        return True
    one, other = _numbers(a), _numbers(b)
    return (
        type(a) is type(b)
        and len(one) == len(other)
        and bool(np.allclose(one, other, rtol=0, atol=tolerance))
    )


def _numbers(g: Geometry) -> list[float]:
    if isinstance(g, Box):
        return [g.x, g.y, g.right, g.bottom]
    return [v for part in g.parts for p in part for v in p] if isinstance(g, Polygon) else []


Check = Callable[[Taken], None]
