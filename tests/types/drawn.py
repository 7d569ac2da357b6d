"""Random shapes and labels for the properties of several tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from autofocus.types import rle
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Polygon, Shape, Shapes

NAMES = st.sampled_from(["car", "bus", 'half "open"', "x,y", "back\\slash", "Türe"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


def at(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False).map(lambda v: round(v, 3))


@st.composite
def boxes(draw: st.DrawFn, width: float = 64, height: float = 48) -> Box:
    x, y = draw(at(0, width - 1)), draw(at(0, height - 1))
    return Box(x, y, draw(at(0.5, width - x)), draw(at(0.5, height - y)))


@st.composite
def polygons(draw: st.DrawFn, width: float = 64, height: float = 48) -> Polygon:
    """One or two outlines around a middle each, so that they enclose something."""
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        n = draw(st.integers(3, 8))
        first = draw(st.floats(0, 1))
        reach = min(width, height) / 2
        far = draw(st.lists(st.floats(0.3, 1), min_size=n, max_size=n))
        turns = (np.arange(n) + first) / n * 2 * np.pi
        parts.append(
            tuple(
                (
                    float(width / 2 + np.cos(t) * r * reach),
                    float(height / 2 + np.sin(t) * r * reach),
                )
                for t, r in zip(turns, far, strict=True)
            )
        )
    return Polygon(tuple(parts))


@st.composite
def masks(draw: st.DrawFn, height: int | None = None, width: int | None = None) -> Mask:
    height = height or draw(st.integers(1, 20))
    width = width or draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pixels = rng.random((height, width)) < draw(st.floats(0, 1))
    pixels[rng.integers(height), rng.integers(width)] = True
    return rle.from_pixels(pixels)


def geometries() -> st.SearchStrategy[Geometry]:
    """Shapes that lie in an image of 64 x 48 pixels (width x height)."""
    return st.one_of(boxes(), polygons(), masks(48, 64))


@st.composite
def shapes(draw: st.DrawFn) -> Shapes:
    ids = draw(st.lists(st.from_regex(r"\A[A-Za-z0-9_-]{1,8}\Z"), max_size=4, unique=True))
    return Shapes(
        tuple(
            Shape(
                name,
                draw(NAMES),
                draw(geometries()),
                draw(st.dictionaries(st.text(min_size=1, max_size=4), SCALARS, max_size=2)),
                draw(st.none() | st.just("cars-3")),
                draw(st.booleans()),
            )
            for name in ids
        ),
        tuple(draw(st.lists(st.sampled_from(["night", "rain"]), max_size=2, unique=True))),
    )


def labels() -> st.SearchStrategy[Label]:
    return st.one_of(NAMES.map(Tag), shapes())
