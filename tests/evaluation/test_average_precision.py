"""Average precision equals the COCO API's, for boxes and masks, with crowds and sizes."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from autofocus.evaluation.average_precision import (
    IOUS,
    SIZES,
    average_precision,
    average_recall,
    match_classes,
)
from autofocus.types.geometry import Box, Mask, Shape
from autofocus.types.models import Detection
from autofocus.types.rle import from_pixels
from autofocus.types.scenes import Scene

CLASSES = ("a", "b")


def reference(scenes: list[Scene]) -> COCOeval:
    """The same images through pycocotools."""
    images, truths, answers = [], [], []
    for n, scene in enumerate(scenes, 1):
        images.append({"id": n, "height": scene.size[0], "width": scene.size[1]})
        for shape in scene.truth:
            truths.append(
                {"id": len(truths) + 1, "image_id": n, "iscrowd": int(shape.crowd),
                 "category_id": CLASSES.index(shape.label) + 1, "area": shape.geometry.area,
                 **where(shape.geometry)}
            )  # fmt: skip
        for seen in scene.seen:
            answers.append(
                {"id": len(answers) + 1, "image_id": n, "score": seen.score, "iscrowd": 0,
                 "category_id": CLASSES.index(seen.label) + 1, "area": seen.geometry.area,
                 **where(seen.geometry)}
            )  # fmt: skip
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, 1)]
    made = []
    with contextlib.redirect_stdout(io.StringIO()):
        for annotations in (truths, answers):
            coco = COCO()
            coco.dataset = {"images": images, "annotations": annotations, "categories": categories}
            coco.createIndex()
            made.append(coco)
        found = COCOeval(*made, "bbox" if scenes[0].boxes else "segm")
        found.evaluate()
        found.accumulate()
    return found


def where(geometry: Any) -> dict[str, Any]:
    box = geometry.bounds
    found: dict[str, Any] = {"bbox": [box.x, box.y, box.width, box.height]}
    if isinstance(geometry, Mask):
        counts = geometry.counts.encode()
        found["segmentation"] = {"size": [geometry.height, geometry.width], "counts": counts}
    return found


def assert_equal(scenes: list[Scene]) -> None:
    wanted = reference(scenes).eval
    ones = np.ones((1, len(scenes)))
    for k, matches in enumerate(match_classes(scenes, CLASSES)):
        for a in range(len(SIZES)):
            precision = wanted["precision"][:, :, k, a, 2]
            expected = np.where(precision > -1, precision, np.nan).mean(axis=1)
            found = average_precision(matches, ones, size=a)[0]
            np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)
            for m, most in enumerate((1, 10, 100)):
                recall = wanted["recall"][:, k, a, m]
                expected = np.where(recall > -1, recall, np.nan)
                found = average_recall(matches, ones, size=a, most=most)[0]
                np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


# -- random images ---------------------------------------------------------------------------

boxes = st.builds(Box, *[st.integers(0, 60)] * 2, *[st.integers(1, 120)] * 2)
masks = st.builds(
    lambda x, y, w, h: from_pixels(_block(x, y, w, h)),
    *[st.integers(0, 100)] * 2, *[st.integers(1, 120)] * 2,
)  # fmt: skip


def _block(x: int, y: int, width: int, height: int) -> np.ndarray:
    pixels = np.zeros((120, 110), bool)
    pixels[y : y + height, x : x + width] = True
    pixels[::7, 3::5] |= pixels[::7, 2::5][:, : pixels[::7, 3::5].shape[1]]
    return pixels


def scene(kind: str) -> st.SearchStrategy[Scene]:
    """Truths with crowds; what is seen is near a truth or anywhere, its scores often equal."""
    shapes = boxes if kind == "boxes" else masks
    names = st.sampled_from(CLASSES)
    scores = st.sampled_from([0.1, 0.3, 0.5, 0.5, 0.9]) | st.floats(0, 1)

    @st.composite
    def drawn(draw: st.DrawFn) -> Scene:
        geometries = draw(st.lists(shapes, max_size=5))
        truth = tuple(
            Shape(f"s{i}", draw(names), g, crowd=draw(st.integers(0, 4)) == 0)
            for i, g in enumerate(geometries)
        )
        near = [st.sampled_from(geometries)] if geometries else []
        places = st.lists(st.one_of(*near, shapes), max_size=12)
        moved = [draw(_moved(g)) if kind == "boxes" else g for g in draw(places)]
        seen = tuple(Detection(draw(names), g, draw(scores)) for g in moved)
        return Scene(truth, seen, (120, 110), kind == "boxes")

    return drawn()


def _moved(box: Box) -> st.SearchStrategy[Box]:
    steps = st.integers(-8, 8)
    return st.builds(
        lambda dx, dy, dw, dh: Box(
            box.x + dx, box.y + dy, max(1, box.width + dw), max(1, box.height + dh)
        ),
        steps, steps, steps, steps,
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(scene("boxes"), min_size=1, max_size=5))
def test_boxes_equal_the_reference(scenes: list[Scene]) -> None:
    assert_equal(scenes)


@settings(max_examples=60, deadline=None)
@given(st.lists(scene("masks"), min_size=1, max_size=4))
def test_masks_equal_the_reference(scenes: list[Scene]) -> None:
    assert_equal(scenes)


def many(n: int, seed: int, *, sharp: float = 4.0) -> list[Scene]:
    """Images with up to six objects each, found more or less well, and up to 130 guesses."""
    rng = np.random.default_rng(seed)
    scenes = []
    for _ in range(n):
        truth, seen = [], []
        for i in range(int(rng.integers(0, 7))):
            x, y = rng.uniform(0, 400, 2)
            w, h = np.exp(rng.uniform(np.log(8), np.log(200), 2))
            name = CLASSES[int(rng.random() < 0.3)]
            truth.append(Shape(f"s{i}", name, Box(x, y, w, h), crowd=bool(rng.random() < 0.05)))
            if rng.random() < 0.8:
                dx, dy, dw, dh = rng.normal(0, sharp, 4)
                box = Box(x + dx, y + dy, max(2, w + dw), max(2, h + dh))
                seen.append(Detection(name, box, float(rng.beta(4, 2))))
        for _ in range(int(rng.integers(0, 130))):
            x, y = rng.uniform(0, 400, 2)
            guess = Box(x, y, *rng.uniform(5, 150, 2))
            seen.append(Detection(CLASSES[int(rng.integers(0, 2))], guess, float(rng.beta(1, 5))))
        scenes.append(Scene(tuple(truth), tuple(seen), (600, 600), True))
    return scenes


def test_many_images_equal_the_reference() -> None:
    """More than a hundred things seen, so that the limit a class and image cuts."""
    scenes = many(60, 0)
    guesses = [Detection("a", Box(10 * i, 0, 8, 8), 0.5) for i in range(150)]
    scenes.append(Scene((Shape("s", "a", Box(1490, 0, 8, 8)),), tuple(guesses), (600, 1600), True))
    assert_equal(scenes)


# -- by hand ---------------------------------------------------------------------------------


def test_a_table_by_hand() -> None:
    """Two truths; seen in order: right, wrong, right. Precision 1 up to recall 1/2, then 2/3."""
    truth = (Shape("s", "a", Box(0, 0, 10, 10)), Shape("t", "a", Box(50, 0, 10, 10)))
    seen = (
        Detection("a", Box(0, 0, 10, 10), 0.9),
        Detection("a", Box(100, 0, 10, 10), 0.8),
        Detection("a", Box(50, 0, 10, 7), 0.7),  # overlap 0.7: right up to that threshold
    )
    (matches, absent) = match_classes([Scene(truth, seen, (200, 200), True)], CLASSES)
    found = average_precision(matches, np.ones((1, 1)))[0]
    loose, strict = (51 * 1.0 + 50 * 2 / 3) / 101, 51 / 101
    assert found == pytest.approx([loose] * 5 + [strict] * 5)
    assert average_recall(matches, np.ones((1, 1)))[0] == pytest.approx([1.0] * 5 + [0.5] * 5)
    assert average_recall(matches, np.ones((1, 1)), most=2)[0] == pytest.approx([0.5] * 10)
    assert np.isnan(average_precision(absent, np.ones((1, 1)))).all()
    assert len(IOUS) == 10


def test_weights_mean_repeated_images() -> None:
    scenes = many(12, 3)
    counts = np.random.default_rng(1).integers(0, 4, (5, 12))
    for row in counts:
        repeated = [s for s, n in zip(scenes, row.tolist(), strict=True) for _ in range(n)]
        for one, other in zip(
            match_classes(scenes, CLASSES), match_classes(repeated, CLASSES), strict=True
        ):
            for size in range(len(SIZES)):
                weighed = average_precision(one, counts.astype(float), size=size)
                alone = average_precision(other, np.ones((1, len(repeated))), size=size)
                at = counts.tolist().index(row.tolist())
                np.testing.assert_allclose(weighed[at], alone[0], atol=1e-9)
