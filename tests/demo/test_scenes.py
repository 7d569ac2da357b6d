"""The renderer of the vision demos: same seed, same bytes; the truth is what can be seen."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from autofocus.demo.scenes import CLASSES, SIZE, Drawing, render, render_many
from autofocus.types.geometry import Box, Mask
from autofocus.types.rle import to_pixels


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)


@pytest.mark.parametrize("size", [96, SIZE, 160])
def test_draws_a_jpeg_with_its_truth_inside(size: int) -> None:
    scene = render(3, burnished=True, size=size)
    assert scene.image[:2] == b"\xff\xd8"
    assert _pixels(scene.image).shape == (size, size, 3)
    for label in (scene.boxes, scene.masks):
        for shape in label.shapes:
            shape.check_inside(size, size, slack=0.0)


def test_same_seed_gives_same_scenes_in_another_process() -> None:
    drawings = [Drawing(seed, seed % 3 == 0) for seed in range(202)]
    assert render_many(drawings, workers=2) == [
        render(d.seed, burnished=d.burnished) for d in drawings
    ]


def test_every_class_comes_often_and_parts_lie_across_each_other() -> None:
    scenes = [render(seed, burnished=False) for seed in range(120)]
    names = [shape.label for scene in scenes for shape in scene.boxes.shapes]
    assert {names.count(name) > 40 for name in CLASSES} == {True}
    touching = 0
    for scene in scenes:
        boxes = [shape.geometry.bounds for shape in scene.boxes.shapes]
        touching += any(
            a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom
            for i, a in enumerate(boxes)
            for b in boxes[i + 1 :]
        )
    assert touching > 10


def test_boxes_and_masks_tell_of_the_same_parts_and_no_pixel_has_two() -> None:
    apart = []
    for seed in range(60):
        scene = render(seed, burnished=False)
        taken = np.zeros((SIZE, SIZE), bool)
        for boxed, masked in zip(scene.boxes.shapes, scene.masks.shapes, strict=True):
            assert (boxed.id, boxed.label) == (masked.id, masked.label)
            box, mask = boxed.geometry, masked.geometry
            assert isinstance(box, Box)
            assert isinstance(mask, Mask)
            inner = mask.bounds
            for here, there in (
                (box.x, inner.x), (box.y, inner.y), (box.right, inner.right),
                (box.bottom, inner.bottom),
            ):  # fmt: skip
                apart.append(abs(here - there))
            pixels = to_pixels(mask)
            assert not (pixels & taken).any()
            taken |= pixels
    # Where a part shows as a sliver beside another, no pixel is half its own.
    assert np.quantile(apart, 0.97) <= 1.0


def test_the_finish_changes_the_parts_and_nothing_else() -> None:
    darker = []
    for seed in range(30):
        bright, black = render(seed, burnished=False), render(seed, burnished=True)
        assert bright.boxes == black.boxes
        assert bright.masks == black.masks
        one, other = _pixels(bright.image), _pixels(black.image)
        parts = np.zeros((SIZE, SIZE), bool)
        for shape in bright.masks.shapes:
            parts |= to_pixels(shape.geometry)
        if not parts.any():
            continue
        darker.append(one[parts].mean() - other[parts].mean())
        # Lens and JPEG carry a little of it beyond the edge.
        assert np.abs(one - other)[~parts].mean() < 4.0
    assert np.median(darker) > 60.0
