"""Draws parts on a conveyor belt, seen from above, as a JPEG: the world of the vision demos.

Everything is drawn by this file from a seed, so the demos need no download and the truth of every
pixel is known. The variety is meant to make a real task: four kinds of belt, dirt and scratches,
two lamps of changing colour, height and direction, steel, zinc and brass in several surfaces,
parts that lie across each other or are cut by the edge, focus, motion, sensor noise and JPEG
quality. ``burnished`` gives the very same parts in the very same light a black, oiled finish.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from autofocus.types import rle
from autofocus.types.geometry import Box, Shape, Shapes

CLASSES = ("nut", "washer", "bracket")
SIZE = 128

_SUPERSAMPLE = 2
_FIXED = 4  # fractional bits of OpenCV's fixed-point coordinates
# A part that shows less than this share of itself is no fair question to anybody.
_LEAST_VISIBLE = 0.45
_LEAST_PIXELS = 40

_BELTS = np.array(
    [(92, 96, 98), (70, 98, 84), (74, 88, 112), (128, 122, 110), (108, 112, 104)], np.float32
)
_METALS = np.array(
    [(196, 199, 204), (178, 180, 182), (208, 205, 196), (204, 176, 112), (188, 192, 206)],
    np.float32,
)
_BLACK = np.array([(30, 30, 33), (24, 26, 32), (36, 31, 29)], np.float32)

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to draw: the seed of the scene, and whether its parts are burnished."""

    seed: int
    burnished: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene: the JPEG, and its parts as boxes and as masks, the upper ones last."""

    image: bytes
    boxes: Shapes
    masks: Shapes

    def label(self, task: Literal["detection", "segmentation"]) -> Shapes:
        """The truth as that task is labelled."""
        return self.boxes if task == "detection" else self.masks


def render(seed: int, *, burnished: bool, size: int = SIZE) -> Scene:
    """Draw one scene of ``size`` x ``size`` pixels; the same arguments give the same bytes."""
    rng = np.random.default_rng((seed, 7))
    side = size * _SUPERSAMPLE
    light = _Light(rng)
    img = _belt(rng, side, light)
    parts = _place(rng, side)
    # Drawn from another stream, so that the finish changes nothing else in the scene.
    black = _mix(_BLACK, np.random.default_rng((seed, 11)))
    owner = np.zeros((side, side), np.int16)
    for number, part in enumerate(parts, start=1):
        part.draw(img, light, black if burnished else None)
        owner[part.inside()] = number
    boxes, masks = _truth(parts, owner, size)
    return Scene(_photograph(rng, img, light, size), boxes, masks)


def render_many(drawings: Sequence[Drawing], *, size: int = SIZE, workers: int = 2) -> list[Scene]:
    """Draw many scenes in ``workers`` processes, in the order given."""
    if workers < 2 or len(drawings) < 200:
        return [render(d.seed, burnished=d.burnished, size=size) for d in drawings]
    # A fresh interpreter per worker: forking a process that has threads is not safe.
    # One thread in each: OpenCV's own would only fight over the cores.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        step = -(-len(drawings) // (4 * workers))
        parts = [drawings[i : i + step] for i in range(0, len(drawings), step)]
        return [s for part in pool.map(_render_part, parts, [size] * len(parts)) for s in part]


def _render_part(drawings: Sequence[Drawing], size: int) -> list[Scene]:
    return [render(d.seed, burnished=d.burnished, size=size) for d in drawings]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(rng.random())


def _mix(table: Floats, rng: np.random.Generator) -> Floats:
    """A colour near one of a table."""
    colour: Floats = table[int(rng.integers(len(table)))] + rng.normal(0, 4, 3).astype(np.float32)
    return colour


class _Light:
    """One lamp: direction on the belt, height, colour, and where it is brightest."""

    def __init__(self, rng: np.random.Generator) -> None:
        angle = _between(rng, 0, 2 * math.pi)
        flat = _between(rng, 0.35, 0.75)
        self.x, self.y = flat * math.cos(angle), flat * math.sin(angle)
        self.z = math.sqrt(1.0 - flat * flat)
        self.strength = _between(rng, 0.84, 1.14)
        warm = _between(rng, -0.06, 0.08)
        self.colour = np.array([1.0 + warm, 1.0, 1.0 - warm], np.float32)
        self.reach = _between(rng, 0.05, 0.30)  # how much darker the far side is
        self.softness = _between(rng, 1.5, 4.0)


def _noise(rng: np.random.Generator, side: int, cells: int) -> Floats:
    """Smooth noise of about unit spread, (side, side), ``cells`` bumps across."""
    grid = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def _belt(rng: np.random.Generator, side: int, light: _Light) -> Floats:
    """The empty belt as float32 RGB (side, side, 3)."""
    colour = _mix(_BELTS, rng) * _between(rng, 0.85, 1.15)
    pattern = int(rng.integers(4))
    angle = _between(rng, -0.2, 0.2) + (math.pi / 2 if rng.random() < 0.5 else 0.0)
    along = np.arange(side, dtype=np.float32)
    x, y = along[None, :], along[:, None]
    across = x * math.cos(angle) + y * math.sin(angle)
    shade = 0.05 * _noise(rng, side, int(rng.integers(2, 6)))
    shade += 0.022 * rng.standard_normal((side, side)).astype(np.float32)
    pitch = _between(rng, 5.0, 14.0)
    if pattern == 1:  # ribs
        shade += 0.055 * np.sin(across * (2 * math.pi / pitch))
    elif pattern == 2:  # woven
        other = -x * math.sin(angle) + y * math.cos(angle)
        shade += (
            0.05 * np.sin(across * (2 * math.pi / pitch)) * np.sin(other * (2 * math.pi / pitch))
        )
    elif pattern == 3:  # plates with gaps between
        place = np.mod(across + _between(rng, 0, 80), _between(rng, 60, 130))
        shade -= 0.22 * np.exp(-((place - 4.0) ** 2) / 6.0)
        shade += 0.06 * np.exp(-((place - 9.0) ** 2) / 6.0)
    fall = 1.0 - light.reach * (0.5 - (light.x * (x / side - 0.5) + light.y * (y / side - 0.5)))
    img = (colour[None, None, :] * ((1.0 + shade) * fall)[..., None]).astype(np.float32)
    for _ in range(int(rng.integers(0, 4))):  # scratches
        start, end = rng.random(2) * side, rng.random(2) * side
        tone = img.mean() * _between(rng, 0.7, 1.35)
        layer = np.zeros((side, side), np.uint8)
        cv2.line(
            layer, _point(start), _point(end), int(_between(rng, 30, 110)), 1, cv2.LINE_AA, _FIXED
        )
        _lay(img, np.full(3, tone, np.float32), layer)
    for _ in range(int(rng.integers(0, 5))):  # oil and dirt
        layer = np.zeros((side, side), np.uint8)
        centre, radius = rng.random(2) * side, _between(rng, 2, 11)
        cv2.circle(
            layer, _point(centre), int(radius * (1 << _FIXED)), int(_between(rng, 40, 130)), -1,
            cv2.LINE_AA, _FIXED,
        )  # fmt: skip
        layer = cv2.GaussianBlur(layer, (0, 0), radius * 0.35)
        _lay(img, colour * _between(rng, 0.45, 0.75), layer)
    return img


def _point(at: npt.NDArray[np.float64]) -> tuple[int, int]:
    return int(at[0] * (1 << _FIXED)), int(at[1] * (1 << _FIXED))


def _lay(img: Floats, colour: Floats, alpha: Pixels) -> None:
    """Lay one colour on the image where ``alpha`` (255 = opaque) says so, in place."""
    x, y, w, h = cv2.boundingRect(alpha)
    if w and h:
        a = alpha[y : y + h, x : x + w, None].astype(np.float32) / 255.0
        part = img[y : y + h, x : x + w]
        part += a * (colour - part)


class _Part:
    """One part on the belt; lengths in pixels of the supersampled canvas."""

    def __init__(self, rng: np.random.Generator, kind: str, centre: Any, side: int) -> None:
        self.kind = kind
        self.rng = rng
        self.metal = _mix(_METALS, rng) * _between(rng, 0.88, 1.06)
        self.size = side * _between(rng, 0.11, 0.18)
        self.surface = float(rng.random())
        self.tall = self.size * _between(rng, 0.10, 0.22)
        angle = _between(rng, 0, 2 * math.pi)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        self.angle = angle
        solid, holes = _OUTLINES[kind](rng)
        placed = [part @ turn * self.size + centre for part in solid]
        # Room for the soft edge of the shadow.
        corner = np.floor(np.min([p.min(axis=0) for p in placed], axis=0)).astype(int) - 8
        end = np.ceil(np.max([p.max(axis=0) for p in placed], axis=0)).astype(int) + 8
        # Drawn on a canvas of its own, which may reach over the edge of the picture.
        self.left, self.top = int(corner[0]), int(corner[1])
        self.side = side
        width, height = int(end[0] - corner[0]), int(end[1] - corner[1])
        layer = np.zeros((height, width), np.uint8)
        for part in placed:
            self._fill(layer, part - corner, 255)
        for hole in holes:
            self._fill(layer, hole @ turn * self.size + centre - corner, 0)
        self.alpha = layer
        self.full = int((layer > 127).sum())

    @staticmethod
    def _fill(layer: Pixels, points: npt.NDArray[np.float64], value: int) -> None:
        fixed = (points * (1 << _FIXED)).astype(np.int32)
        cv2.fillPoly(layer, [fixed], value, lineType=cv2.LINE_AA, shift=_FIXED)

    def _windows(self, dx: int = 0, dy: int = 0) -> tuple[Any, Any]:
        """The rows and columns of the picture that the canvas covers, and those of the canvas."""
        left, top = self.left + dx, self.top + dy
        height, width = self.alpha.shape
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + width, self.side), min(top + height, self.side)
        x1, y1 = max(x1, x0), max(y1, y0)
        return (
            np.s_[y0:y1, x0:x1],
            np.s_[y0 - top : y1 - top, x0 - left : x1 - left],
        )

    def inside(self) -> npt.NDArray[np.bool_]:
        """Which pixels of the picture it covers, (side, side) bool."""
        found = np.zeros((self.side, self.side), bool)
        there, here = self._windows()
        found[there] = self.alpha[here] > 127
        return found

    def draw(self, img: Floats, light: _Light, black: Floats | None) -> None:
        """Lay its shadow and itself on the picture; ``black`` is the colour of the new finish."""
        self._shadow(img, light)
        solid = self.alpha > 127
        depth = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 3)
        bevel = max(2.0, self.size * 0.12)
        height = np.sqrt(np.clip(depth / bevel, 0.0, 1.0)) * bevel * 0.9
        height = cv2.GaussianBlur(height, (0, 0), 1.0)
        dy, dx = np.gradient(height)
        grain = self._grain(solid.shape)
        dx, dy = dx + 0.10 * grain, dy - 0.05 * grain
        norm = 1.0 / np.sqrt(dx * dx + dy * dy + 1.0)
        diffuse = np.clip((-dx * light.x - dy * light.y + light.z) * norm, 0.0, 1.0)
        # The half vector between the lamp and the camera straight above.
        hx, hy, hz = light.x, light.y, light.z + 1.0
        length = math.sqrt(hx * hx + hy * hy + hz * hz)
        shine = np.clip((-dx * hx - dy * hy + hz) * norm / length, 0.0, 1.0)
        room = self._room(solid.shape)
        if black is None:
            gloss = shine ** (18 + 40 * self.surface)
            tone = (0.34 + 0.52 * diffuse + 0.16 * room)[..., None] * self.metal
            tone = tone + (78.0 * (0.4 + self.surface) * gloss)[..., None]
        else:
            # Oiled black oxide: hardly any diffuse light, a narrow highlight, a bluish sheen.
            gloss = shine**60
            tone = (0.55 + 0.45 * diffuse + 0.35 * room)[..., None] * black
            sheen = np.array([26.0, 34.0, 52.0], np.float32)
            tone = tone + (np.clip(room, 0, None) * 0.5)[..., None] * sheen
            tone = tone + (120.0 * gloss)[..., None]
        there, here = self._windows()
        a = (self.alpha[here].astype(np.float32) / 255.0)[..., None]
        part = img[there]
        part += a * (np.asarray(tone, np.float32)[here] - part)

    def _shadow(self, img: Floats, light: _Light) -> None:
        dx, dy = round(-light.x * self.tall * 1.8), round(-light.y * self.tall * 1.8)
        soft = cv2.GaussianBlur(self.alpha, (0, 0), light.softness)
        for x, y, deep in ((dx, dy, 0.50), (0, 0, 0.28)):
            there, here = self._windows(x, y)
            a = (soft[here].astype(np.float32) / 255.0)[..., None]
            img[there] *= 1.0 - deep * a

    def _grain(self, shape: tuple[int, int]) -> Floats:
        """Brushed, turned or rough: how the surface was made, about unit spread."""
        grain = self.rng.standard_normal(shape).astype(np.float32)
        if self.surface < 0.45:
            length = 9
            kernel = np.zeros((length, length), np.float32)
            kernel[length // 2] = 1.0 / math.sqrt(length)
            centre = (length / 2 - 0.5, length / 2 - 0.5)
            turned = cv2.getRotationMatrix2D(centre, math.degrees(-self.angle), 1.0)
            grain = cv2.filter2D(grain, -1, cv2.warpAffine(kernel, turned, (length, length)))
        return np.asarray(cv2.GaussianBlur(grain, (0, 0), 0.7), np.float32)

    def _room(self, shape: tuple[int, int]) -> Floats:
        """What the surface mirrors of the hall: broad soft bands, -1..1."""
        phase, bands = _between(self.rng, 0, 6.3), _between(self.rng, 0.7, 1.6)
        y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        across = x * math.cos(self.angle + 0.6) + y * math.sin(self.angle + 0.6)
        return np.asarray(np.sin(across * (bands / self.size) * 2.0 + phase), np.float32)


def _circle(radius: float, x: float = 0.0, y: float = 0.0) -> npt.NDArray[np.float64]:
    angle = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def _nut(rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    angle = np.arange(6) * (math.pi / 3)
    hexagon = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 0.86
    return [hexagon], [_circle(_between(rng, 0.36, 0.46))]


def _washer(rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    outer = _between(rng, 0.82, 1.0)
    return [_circle(outer)], [_circle(outer * _between(rng, 0.46, 0.60))]


def _bracket(rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    long, wide = _between(rng, 1.5, 1.85), _between(rng, 0.52, 0.66)
    short = long * _between(rng, 0.75, 1.0)
    corner = np.array(
        [(0, 0), (long, 0), (long, wide), (wide, wide), (wide, short), (0, short)], np.float64
    )
    middle = np.array([long * 0.40, short * 0.40])
    hole = wide * _between(rng, 0.22, 0.30)
    holes = [
        _circle(hole, long - wide * 0.55, wide / 2),
        _circle(hole, wide / 2, short - wide * 0.55),
    ]
    mirror = np.array([1.0, -1.0 if rng.random() < 0.5 else 1.0])
    return [(corner - middle) * mirror], [(h - middle) * mirror for h in holes]


_OUTLINES = {"nut": _nut, "washer": _washer, "bracket": _bracket}


def _place(rng: np.random.Generator, side: int) -> list[_Part]:
    """One to five parts; some lie across each other, none hides most of another."""
    parts: list[_Part] = []
    covered = np.zeros((side, side), bool)
    for _ in range(int(rng.integers(1, 6))):
        for _ in range(6):
            kind = CLASSES[int(rng.integers(len(CLASSES)))]
            centre = rng.random(2) * side * 0.92 + side * 0.04
            part = _Part(rng, kind, centre, side)
            inside = part.inside()
            shown = int(inside.sum())
            shared = int((inside & covered).sum())
            room = 0.18 if rng.random() < 0.35 else 0.0
            if shown >= 0.6 * part.full and shared <= room * shown:
                parts.append(part)
                covered |= inside
                break
    return parts


def _truth(
    parts: Sequence[_Part], owner: npt.NDArray[np.int16], size: int
) -> tuple[Shapes, Shapes]:
    """What is visible of each part, in pixels of the finished picture."""
    boxes, masks = [], []
    taken = np.zeros((size, size), bool)
    # From the top down: a pixel that two parts share halves of is the upper one's.
    for number, part in reversed(list(enumerate(parts, start=1))):
        mine = owner == number
        if mine.sum() < _LEAST_VISIBLE * part.full:
            continue
        share = cv2.resize(mine.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        pixels = (share >= 0.5) & ~taken
        if pixels.sum() < _LEAST_PIXELS:
            continue
        taken |= pixels
        x, y, w, h = cv2.boundingRect(mine.astype(np.uint8))
        box = Box(*(value / _SUPERSAMPLE for value in (x, y, w, h)))
        boxes.append(Shape(f"part-{number}", part.kind, box))
        masks.append(Shape(f"part-{number}", part.kind, rle.from_pixels(pixels)))
    return Shapes(tuple(boxes[::-1])), Shapes(tuple(masks[::-1]))


def _photograph(rng: np.random.Generator, img: Floats, light: _Light, size: int) -> bytes:
    """Lamp, lens, sensor and JPEG."""
    img = img * (light.colour * light.strength)
    blur = abs(rng.normal(0, 0.5)) * _SUPERSAMPLE
    if blur > 0.3:
        img = cv2.GaussianBlur(img, (0, 0), blur)
    if rng.random() < 0.25:  # the belt moves
        length = int(rng.integers(3, 8))
        kernel = np.full((1, length) if rng.random() < 0.5 else (length, 1), 1.0 / length)
        img = cv2.filter2D(img, -1, kernel)
    small = cv2.resize(img, (size, size), interpolation=cv2.INTER_AREA)
    small += rng.normal(0, _between(rng, 1.0, 5.0), small.shape).astype(np.float32)
    pixels = np.clip(small, 0, 255).astype(np.uint8)
    quality = int(rng.integers(72, 96))
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done
    return bytes(data)
