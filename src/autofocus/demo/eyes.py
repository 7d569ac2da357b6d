"""Draws one eye region, open or closed, as a JPEG: the world of the demo.

Everything is drawn by this file from a seed, so the demo needs no download and its truth is known.
The variety is meant to make a real task: skin tones, direction and colour of light, gaze, iris
colour, lids, lashes, make-up, brows, strands of hair, head tilt, scale, shift, focus, motion,
sensor noise and JPEG quality. A small part of the eyes is nearly closed or hardly open, so that a
good model reaches about 98 %, not 100. ``glasses`` puts frames, reflections and tints over the very
same face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

CLASSES = ("open", "closed")

_SUPERSAMPLE = 2
_FIXED = 4  # fractional bits of OpenCV's fixed-point coordinates
_CURVE = np.linspace(-1.0, 1.0, 17)
_GRID = 24  # shading is smooth, so it is computed on this grid and enlarged
_YY, _XX = np.mgrid[0:_GRID, 0:_GRID].astype(np.float32) / (_GRID - 1)

_SKIN = np.array(
    [
        (252, 222, 200), (243, 203, 174), (232, 184, 148), (214, 160, 120), (193, 137, 98),
        (163, 109, 76), (130, 84, 59), (98, 63, 46), (70, 46, 36),
    ],
    dtype=np.float64,
)  # fmt: skip
_IRIS = np.array(
    [
        (62, 38, 24), (78, 48, 28), (96, 62, 34), (48, 32, 24), (112, 98, 54), (84, 104, 76),
        (96, 128, 158), (70, 102, 140), (128, 140, 146),
    ],
    dtype=np.float64,
)  # fmt: skip
_HAIR = np.array(
    [(24, 20, 20), (42, 30, 24), (74, 50, 34), (112, 78, 48), (150, 118, 78), (120, 62, 36),
     (128, 124, 120)],
    dtype=np.float64,
)  # fmt: skip
_FRAME = np.array(
    [(20, 20, 22), (44, 30, 22), (92, 58, 30), (124, 22, 30), (30, 46, 92), (160, 134, 74),
     (150, 152, 156), (214, 210, 204), (34, 70, 52)],
    dtype=np.float64,
)  # fmt: skip
_TINT = np.array([(112, 114, 116), (150, 112, 76), (102, 128, 158)], dtype=np.float64)

Colour = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What to draw: the seed of the face, and what is true of it."""

    seed: int
    closed: bool
    glasses: bool


def render(seed: int, *, closed: bool, glasses: bool, size: int = 64) -> bytes:
    """Draw one eye and return it as JPEG bytes of ``size`` x ``size`` pixels.

    The same arguments give the same bytes in every process. With ``glasses`` the same face, in
    the same light, wears them.
    """
    rng = np.random.default_rng((seed, int(closed)))
    s = size * _SUPERSAMPLE
    face = _Face(rng, s, closed)
    img = face.draw()
    if glasses:
        img = _Glasses(np.random.default_rng((seed, 2)), s, face).draw(img)
    return _photograph(rng, img, size)


def render_many(drawings: Sequence[Drawing], *, size: int = 64, workers: int = 2) -> list[bytes]:
    """Draw many eyes in ``workers`` processes, in the order given."""
    if workers < 2 or len(drawings) < 400:
        return [_render(d, size) for d in drawings]
    # A fresh interpreter per worker: forking a process that has threads is not safe.
    # One thread in each: OpenCV's own would only fight over the cores.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        step = -(-len(drawings) // (4 * workers))
        parts = [drawings[i : i + step] for i in range(0, len(drawings), step)]
        return [
            image for part in pool.map(_render_part, parts, [size] * len(parts)) for image in part
        ]


def _render(drawing: Drawing, size: int) -> bytes:
    return render(drawing.seed, closed=drawing.closed, glasses=drawing.glasses, size=size)


def _render_part(drawings: Sequence[Drawing], size: int) -> list[bytes]:
    return [_render(d, size) for d in drawings]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def _mix(table: Colour, rng: np.random.Generator) -> Colour:
    """A colour between two neighbours of a table."""
    at = rng.random() * (len(table) - 1)
    i = int(at)
    colour: Colour = table[i] + (at - i) * (table[min(i + 1, len(table) - 1)] - table[i])
    return colour


def _rgb(colour: npt.NDArray[Any]) -> tuple[int, int, int]:
    r, g, b = colour.tolist()
    return _byte(r), _byte(g), _byte(b)


def _byte(value: float) -> int:
    return int(min(max(value, 0.0), 255.0))


def _placed(
    x: Any, y: Any, axes: npt.NDArray[np.float64], centre: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Turn points of a tilted frame by its ``axes`` and move them to its ``centre``."""
    points = np.empty((*np.shape(x), 2))
    points[..., 0], points[..., 1] = x, y
    placed: npt.NDArray[np.float64] = points @ axes + centre
    return placed


def _fixed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    return (points * (1 << _FIXED)).astype(np.int32)


def _fill(img: Pixels, points: npt.NDArray[np.float64], colour: Any) -> None:
    cv2.fillPoly(img, [_fixed(points)], colour, lineType=cv2.LINE_AA, shift=_FIXED)


def _stroke(
    img: Pixels, points: npt.NDArray[np.float64], colour: Any, width: float, *, closed: bool = False
) -> None:
    cv2.polylines(
        img, [_fixed(points)], closed, colour, max(1, round(width)), cv2.LINE_AA, shift=_FIXED
    )


def _disc(img: Pixels, x: float, y: float, radius: float, colour: Any, width: int = -1) -> None:
    one = 1 << _FIXED
    centre = (round(x * one), round(y * one))
    cv2.circle(img, centre, max(1, round(radius * one)), colour, width, cv2.LINE_AA, shift=_FIXED)


def _blend(img: Pixels, over: Pixels | Colour, alpha: Pixels) -> None:
    """Lay ``over`` (image or colour) on ``img`` in place; ``alpha`` uint8 (h, w), 255 = opaque."""
    x, y, w, h = cv2.boundingRect(alpha)
    if w == 0 or h == 0:
        return
    part = img[y : y + h, x : x + w]
    a = cv2.cvtColor(alpha[y : y + h, x : x + w], cv2.COLOR_GRAY2RGB)
    if over.ndim == 3:
        top = over[y : y + h, x : x + w]
    else:
        top = np.empty_like(part)
        top[:] = _rgb(over)
    below = cv2.multiply(part, cv2.bitwise_not(a), scale=1 / 255)
    part[...] = cv2.add(below, cv2.multiply(top, a, scale=1 / 255))


class _Face:
    """One face part. Lengths are in pixels of the supersampled canvas of side ``s``."""

    def __init__(self, rng: np.random.Generator, s: int, closed: bool) -> None:
        self.rng, self.s, self.closed = rng, s, closed
        self.skin = _mix(_SKIN, rng) + rng.normal(0, 5, 3)
        self.hair = _mix(_HAIR, rng) * _between(rng, 0.7, 1.15)
        self.half = s * _between(rng, 0.24, 0.34)  # half the width of the eye
        self.centre = np.array(
            [s * _between(rng, 0.43, 0.57), s * _between(rng, 0.50, 0.63)], dtype=np.float64
        )
        angle = rng.normal(0, 0.11)
        self.axes = np.array(
            [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
        )
        self.side = -1.0 if rng.random() < 0.5 else 1.0  # left or right eye
        self.opening = self._opening()
        self._lids()

    def _opening(self) -> float:
        """How far the lids are apart, 0..1: clear in most cases, hard in a few."""
        rng = self.rng
        hard = rng.random()
        if self.closed:
            if hard < 0.06:
                return _between(rng, 0.06, 0.17)
            return _between(rng, 0.0, 0.05) if hard < 0.3 else 0.0
        if hard < 0.06:
            return _between(rng, 0.13, 0.26)
        return _between(rng, 0.30, 0.55) if hard < 0.3 else _between(rng, 0.5, 1.05)

    def _lids(self) -> None:
        rng, x = self.rng, _CURVE
        height = self.half * _between(rng, 0.62, 0.92) * self.opening
        sag = self.half * _between(rng, 0.10, 0.24)
        slant = self.half * _between(rng, -0.03, 0.13) * self.side
        peak = _between(rng, -0.2, 0.2)
        upper = (1 - x**2) ** _between(rng, 0.6, 0.95) * (1 + peak * x)
        lower = (1 - np.abs(x) ** 2.2) ** 0.9
        line = -slant * x
        self.lower = line + sag * lower
        self.upper = self.lower - height * upper
        self.crest = line - self.half * _between(rng, 0.30, 0.46) * (1 - 0.75 * x**2)
        self.height = height

    def place(self, x: Any, y: Any) -> npt.NDArray[np.float64]:
        """Points of the eye's own frame (x along it, -1..1 of half the width) on the canvas."""
        return _placed(np.multiply(x, self.half), y, self.axes, self.centre)

    def draw(self) -> Pixels:
        img = self._skin()
        self._brow(img)
        crease = self.rng.random()
        if crease > 0.15:
            lift = self.crest - 0.35 * self.height * (1 - _CURVE**2)
            self._soft_line(img, lift, self.skin * 0.62, self.s * 0.012, 60 + 150 * crease)
        if self.rng.random() < 0.5:
            bag = self.lower + self.half * _between(self.rng, 0.2, 0.4) * (1 - 0.6 * _CURVE**2)
            self._soft_line(img, bag, self.skin * 0.72, self.s * 0.016, 110 * self.rng.random())
        if self.height > 0.6:
            self._eyeball(img)
        self._lashes(img)
        if self.rng.random() < 0.12:
            self._strands(img)
        return img

    def _skin(self) -> Pixels:
        rng = self.rng
        cx, cy = self.centre / self.s
        h = self.half / self.s
        direction = rng.random() * 2 * math.pi
        strength = _between(rng, 0.0, 0.55)
        light = 1 + strength * (
            math.cos(direction) * (_XX - 0.5) + math.sin(direction) * (_YY - 0.5)
        )
        across, down = (_XX - cx) / (1.25 * h), (_YY - cy + 0.35 * h) / (0.75 * h)
        light -= _between(rng, 0.02, 0.24) * np.exp(-(across**2) - down**2)  # the socket
        nose = cx + self.side * 1.75 * h
        light -= _between(rng, 0.0, 0.35) * np.exp(-(((_XX - nose) / 0.13) ** 2))
        if self.opening < 0.3:  # the lid is round
            bulge = (_YY - cy - 0.02) / (0.42 * h)
            light += _between(rng, 0.02, 0.12) * np.exp(-((across * 1.3) ** 2) - bulge**2)
        light += rng.standard_normal((_GRID, _GRID), dtype=np.float32) * _between(rng, 0.004, 0.03)
        lit = np.clip(light[:, :, None] * self.skin, 0, 255).astype(np.uint8)
        skin: Pixels = cv2.resize(lit, (self.s, self.s), interpolation=cv2.INTER_CUBIC)
        if rng.random() < 0.22:  # eye shadow
            tint = self.skin * np.array([0.75, 0.55, 0.62]) + rng.normal(0, 22, 3)
            mask = np.zeros((self.s, self.s), np.uint8)
            lid = np.concatenate(
                [self.place(_CURVE, self.crest), self.place(_CURVE, self.lower)[::-1]]
            )
            _fill(mask, lid, int(_between(rng, 40, 170)))
            _blend(skin, tint, cv2.blur(mask, (9, 9)))
        return skin

    def _brow(self, img: Pixels) -> None:
        rng, x = self.rng, _CURVE
        lift = self.half * _between(rng, 0.72, 1.15)
        arch = self.half * _between(rng, 0.05, 0.3)
        thick = self.half * _between(rng, 0.07, 0.2)
        middle = -lift - arch * (1 - (x * 1.05 + 0.25 * self.side) ** 2)
        taper = np.clip(1.1 - 0.55 * np.abs(x + 0.3 * self.side), 0.15, 1.0)
        band = np.concatenate(
            [
                self.place(x * 1.15, middle - thick * taper),
                self.place(x * 1.15, middle + thick * taper)[::-1],
            ]
        )
        mask = np.zeros((self.s, self.s), np.uint8)
        density = _between(rng, 70, 220)
        _fill(mask, band, int(density * 0.7))
        n = 16
        at = rng.random(n) * 2 - 1
        base = np.interp(at, x, middle)
        tips = self.place(at * 1.15 - 0.14 * self.side, base - thick * 0.9)
        roots = self.place(at * 1.15, base + thick * 0.8)
        for root, tip in zip(_fixed(roots).tolist(), _fixed(tips).tolist(), strict=True):
            cv2.line(mask, root, tip, int(density), 1, cv2.LINE_AA, shift=_FIXED)
        _blend(img, self.hair, cv2.blur(mask, (3, 3)))

    def _soft_line(
        self, img: Pixels, y: npt.NDArray[np.float64], colour: Colour, width: float, alpha: float
    ) -> None:
        mask = np.zeros((self.s, self.s), np.uint8)
        _stroke(mask, self.place(_CURVE * 1.04, y), int(alpha), width)
        _blend(img, colour, cv2.blur(mask, (3, 3)))

    def _eyeball(self, img: Pixels) -> None:
        rng = self.rng
        white = np.array([226.0, 220.0, 214.0]) * _between(rng, 0.72, 1.05)
        white = white * (0.75 + 0.25 * self.skin / 255) + rng.normal(0, 4, 3)
        ball = np.empty_like(img)
        ball[:] = np.clip(white, 0, 255).astype(np.uint8)
        middle = float(self.lower[8]) - 0.5 * max(self.height, 0.55 * self.half)
        gaze = np.clip(rng.normal(0, 0.2), -0.5, 0.5)
        x, y = self.place(gaze, middle + self.half * rng.normal(0, 0.08))
        radius = self.half * _between(rng, 0.38, 0.47)
        iris = _mix(_IRIS, rng) + rng.normal(0, 6, 3)
        _disc(ball, x, y, radius, _rgb(iris * 0.55))
        _disc(ball, x, y, radius * 0.88, _rgb(iris))
        _disc(ball, x, y, radius * 0.62, _rgb(iris * 1.25))
        _disc(ball, x, y, radius * _between(rng, 0.28, 0.55), (12, 10, 10))
        shadow = np.zeros(img.shape[:2], np.uint8)
        _stroke(shadow, self.place(_CURVE, self.upper), int(_between(rng, 70, 190)), self.s * 0.07)
        _blend(ball, self.skin * 0.3, cv2.blur(shadow, (7, 7)))
        if rng.random() < 0.85:  # the light, mirrored
            glint = rng.normal(0, 0.4, 2) * radius
            _disc(
                ball,
                x + glint[0],
                y - abs(glint[1]),
                radius * _between(rng, 0.1, 0.26),
                (248, 248, 250),
            )
        mask = np.zeros(img.shape[:2], np.uint8)
        rim = np.concatenate([self.place(_CURVE, self.upper), self.place(_CURVE, self.lower)[::-1]])
        _fill(mask, rim, 255)
        _blend(img, ball, mask)

    def _lashes(self, img: Pixels) -> None:
        rng = self.rng
        dark = self.hair * 0.45
        _stroke(
            img,
            self.place(_CURVE, self.lower),
            _rgb(self.skin * _between(rng, 0.5, 0.8)),
            self.s * 0.009,
        )
        makeup = rng.random()
        weight = self.s * (0.010 + 0.022 * makeup**2)
        _stroke(img, self.place(_CURVE, self.upper), _rgb(0.45 * dark + 0.2 * self.skin), weight)
        n = int(_between(rng, 4, 15))
        length = self.half * _between(rng, 0.08, 0.34)
        at = np.linspace(-0.9, 0.95, n) + rng.normal(0, 0.03, n)
        root_y = np.interp(at, _CURVE, self.upper)
        # Lashes point up from an open lid and down from a closed one.
        lift = -1.0 if self.opening > 0.25 else 1.0 if self.opening < 0.1 else _between(rng, -1, 1)
        bend = at * 0.28
        roots = self.place(at, root_y)
        tips = self.place(at + bend * length / self.half * 2.0, root_y + lift * length)
        colour = _rgb(dark * _between(rng, 0.7, 1.4))
        for root, tip in zip(_fixed(roots).tolist(), _fixed(tips).tolist(), strict=True):
            cv2.line(img, root, tip, colour, 1, cv2.LINE_AA, shift=_FIXED)

    def _strands(self, img: Pixels) -> None:
        rng = self.rng
        x = rng.random() * self.s
        for _ in range(int(_between(rng, 1, 5))):
            points = np.array(
                [
                    [x + rng.normal(0, 4), 0.0],
                    [x + rng.normal(0, 12), self.s * 0.5],
                    [x + rng.normal(0, 24), self.s * _between(rng, 0.6, 1.0)],
                ]
            )
            _stroke(img, points, _rgb(self.hair * _between(rng, 0.8, 1.3)), 1)


class _Glasses:
    """Frames, tints and reflections in front of a face."""

    def __init__(self, rng: np.random.Generator, s: int, face: _Face) -> None:
        self.rng, self.s, self.face = rng, s, face
        self.metal = rng.random() < 0.35
        self.colour = _mix(_FRAME, rng) + rng.normal(0, 8, 3)
        self.width = s * (_between(rng, 0.012, 0.022) if self.metal else _between(rng, 0.022, 0.04))
        self.half = face.half * _between(rng, 1.3, 1.55)
        self.height = self.half * _between(rng, 0.7, 0.95)
        self.drop = face.half * _between(rng, -0.16, 0.2)
        self.rim = self._rim()

    def _place(self, x: Any, y: Any) -> npt.NDArray[np.float64]:
        return _placed(x, np.add(y, self.drop), self.face.axes, self.face.centre)

    def _rim(self) -> npt.NDArray[np.float64]:
        """The lens outline: a superellipse, from round to rectangular, with a slanted top."""
        t = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        power = float(self.rng.choice([1.0, 0.8, 0.55, 0.38]))
        x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power * self.half
        y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power * self.height
        style = self.rng.random()
        if style < 0.2:  # cat's eye: the outer corner rises
            y = y - np.clip(y < 0, 0, 1) * self.face.side * -0.28 * x * 0.6
        elif style < 0.4:  # pilot: narrower below
            x = x * (1 - 0.16 * (y / self.height + 1) / 2)
        return self._place(x, y)

    def draw(self, img: Pixels) -> Pixels:
        rng, s = self.rng, self.s
        lens = np.zeros((s, s), np.uint8)
        _fill(lens, self.rim, 255)
        if rng.random() < 0.25:
            self._tint(img, lens)
        self._shadow(img)
        self._reflections(img, lens)
        self._frame(img)
        return img

    def _tint(self, img: Pixels, lens: Pixels) -> None:
        rng = self.rng
        tint = _TINT[int(rng.integers(len(_TINT)))] / 255
        depth = _between(rng, 0.1, 0.35)
        factor = 1 - depth * (1 - tint)
        ramp = np.ones(self.s, np.float32)
        if rng.random() < 0.5:  # darker above
            ramp = np.linspace(1.0, 0.25, self.s, dtype=np.float32)
        over = (img * (1 - ramp[:, None, None] * (1 - factor.astype(np.float32)))).astype(np.uint8)
        _blend(img, over, lens)

    def _shadow(self, img: Pixels) -> None:
        mask = np.zeros((self.s, self.s), np.uint8)
        _stroke(
            mask,
            self.rim + self.s * _between(self.rng, 0.01, 0.05),
            int(_between(self.rng, 15, 60)),
            self.width,
            closed=True,
        )
        _blend(img, self.face.skin * 0.35, cv2.blur(mask, (7, 7)))

    def _reflections(self, img: Pixels, lens: Pixels) -> None:
        """What the lens mirrors. The sky pales the eye behind it, and the model, which never saw
        a pale white of the eye, takes it for a lid; but the eye can still be seen."""
        rng, s = self.rng, self.s
        glare = (lens * np.float32(_between(rng, 0.3, 0.48))).astype(np.uint8)  # sky, wall, page
        if rng.random() < 0.6:  # a lamp
            x, y = self._place(
                self.half * _between(rng, -0.6, 0.6), self.height * _between(rng, -0.6, -0.2)
            )
            _disc(glare, x, y, self.half * _between(rng, 0.06, 0.11), int(_between(rng, 150, 230)))
        if rng.random() < 0.2:  # windows and screens: slanted bright bands
            slope = _between(rng, -0.9, 0.9)
            for _ in range(int(_between(rng, 1, 2.5))):
                x = self.half * _between(rng, -0.85, 0.85)
                w = self.half * _between(rng, 0.05, 0.17)
                reach = self.height * 1.1
                across = np.array([x - w, x + w, x + w, x - w])
                down = np.array([-reach, -reach, reach, reach])
                band = np.zeros((s, s), np.uint8)
                _fill(band, self._place(across + slope * down, down), 255)
                more = int(_between(rng, 20, 45))
                glare = cv2.add(glare, (band > 0).astype(np.uint8) * np.uint8(more))
        colour = np.array([240.0, 244.0, 250.0]) + rng.normal(0, 1, 3) * np.array([8.0, 4.0, 8.0])
        k = int(rng.choice([3, 5]))
        _blend(img, colour, cv2.min(cv2.blur(glare, (k, k)), lens))

    def _frame(self, img: Pixels) -> None:
        rng = self.rng
        bar = rng.random() < 0.15  # rimless below
        colour = _rgb(self.colour)
        rim = self.rim[24:] if bar else self.rim
        _stroke(img, rim, colour, self.width, closed=not bar)
        bridge_y = -self.height * _between(rng, 0.1, 0.5)
        side = self.face.side
        bridge = self._place(
            [side * self.half * 0.96, side * self.half * 1.3, side * self.half * 1.8],
            [bridge_y, bridge_y - 0.06 * self.half, bridge_y],
        )
        _stroke(img, bridge, colour, self.width)
        temple_y = -self.height * _between(rng, 0.2, 0.6)
        temple = self._place(
            [-side * self.half * 0.96, -side * self.half * 2.2],
            [temple_y, temple_y + _between(rng, -0.1, 0.25) * self.half],
        )
        _stroke(img, temple, colour, self.width * 1.2)
        if rng.random() < 0.6:  # light along the rim
            shine = self.rim[int(rng.integers(0, 36)) :][:9] - self.width * 0.2
            _stroke(img, shine, _rgb(self.colour * 0.5 + 120), self.width * 0.3)


def _photograph(rng: np.random.Generator, img: Pixels, size: int) -> bytes:
    """Lens, sensor and file: focus, exposure, colour of the light, noise, JPEG."""
    focus = rng.random()
    if focus < 0.75:
        img = cv2.GaussianBlur(img, (0, 0), 0.5 + 2.0 * focus**2)
    elif focus < 0.85:  # the head moved
        kernel = np.zeros((7, 7), np.float32)
        angle = rng.random() * math.pi
        dx, dy = 3 * math.cos(angle), 3 * math.sin(angle)
        cv2.line(kernel, (round(3 - dx), round(3 - dy)), (round(3 + dx), round(3 + dy)), 1.0)
        img = cv2.filter2D(img, -1, kernel / kernel.sum())
    small = cv2.resize(img, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    warmth = rng.normal(0, 0.06)
    cast = np.array([1 + warmth, 1 + rng.normal(0, 0.02), 1 - warmth], dtype=np.float32)
    gain = np.float32(math.exp(rng.normal(-0.08, 0.26)))
    small = (small - 128) * np.float32(_between(rng, 0.7, 1.12)) + 128
    small *= cast * gain
    noise = rng.standard_normal(small.shape, dtype=np.float32)
    small += noise * np.float32(_between(rng, 1.0, 9.0))
    pixels = np.clip(small, 0, 255).astype(np.uint8)
    quality = int(_between(rng, 38, 96))
    ok, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError("OpenCV could not encode a JPEG of its own pixels.")
    return data.tobytes()
