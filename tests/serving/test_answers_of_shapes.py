"""From a graph's outputs to detections on the original picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from autofocus.errors import Corrupted
from autofocus.imaging.instances import depth
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.serving.decoding import Decoder
from autofocus.types.codec import encode
from autofocus.types.geometry import Box, Mask, iou
from autofocus.types.models import ModelBundle
from autofocus.types.rle import from_pixels

SEEN = Preprocessing(96, 128, "letterbox")


def bundle(task: Any, decoding: dict[str, float], background: tuple[str, ...] = ()) -> ModelBundle:
    return ModelBundle(
        task=task, classes=("car", "sky"), architecture="x", preprocessing=encode(SEEN),
        temperature=1.0, embedding_size=2, whitened_size=2, weights_digest="w",
        run_spec_digest="r", version="v", metrics={}, files={}, background=background,
        decoding=decoding,
    )  # fmt: skip


def test_boxes_come_back_to_the_original_and_end_at_its_edges() -> None:
    decoder = Decoder(bundle("detection", {"threshold": 0.5}), SEEN)
    assert decoder.outputs == ("boxes", "scores", "labels")
    size = (480, 480)  # letterboxed to the 96 x 96 in the middle of 128 columns
    where = SEEN.frame(*size)
    assert (where.left, where.width) == (16, 96)
    inner = where.seen(np.array([[48.0, 96.0], [240.0, 480.0]])).reshape(4)
    boxes = np.array([[inner, (0, 0, 40, 40), (0, 0, 10, 10), (1, 1, 2, 2)]], np.float32)
    scores = np.array([[0.9, 0.8, 0.7, 0.0]], np.float32)
    labels = np.array([[0, 1, 0, 0]], np.int64)
    (found,) = decoder.read([boxes, scores, labels], [size])
    # The third lies wholly in the frame, the fourth is none.
    assert [(d.label, round(d.score, 2)) for d in found] == [("car", 0.9), ("sky", 0.8)]
    first, second = (d.geometry for d in found)
    assert isinstance(first, Box)
    assert (first.x, first.y, first.right, first.bottom) == pytest.approx((48, 96, 240, 480), abs=1)
    assert isinstance(second, Box)
    assert (second.x, second.y) == (0.0, 0.0)


@pytest.mark.parametrize("size", [(96, 96), (480, 640), (40, 50), (333, 127)])
def test_masks_are_enlarged_without_stairs(size: tuple[int, int]) -> None:
    rows, columns = size
    truth = np.zeros(size, np.uint8)
    centre = (columns // 2, rows // 2)
    cv2.ellipse(truth, centre, (columns // 4, rows // 3), 0, 0, 360, 1, -1)
    at = SEEN.frame(*size)
    small = cv2.resize(truth, (at.width, at.height), interpolation=cv2.INTER_AREA if rows > 96
                       else cv2.INTER_NEAREST)  # fmt: skip
    kinds = np.zeros((96, 128), np.int32)
    kinds[at.top : at.top + at.height, at.left : at.left + at.width] = small
    kinds[:, : at.left] = 1  # what is seen in the frame is nowhere
    maps = np.zeros((1, 4, 96, 128), np.float32)
    maps[0, 0], maps[0, 1], maps[0, 3] = 0.1 + 0.8 * (kinds == 0), 0.1 + 0.8 * kinds, depth(kinds)
    decoding = {"threshold": 0.5, "core": 0.5, "smallest": 4.0}
    decoder = Decoder(bundle("segmentation", decoding), SEEN)
    (found,) = decoder.read([maps], [size])
    assert [d.label for d in found] == ["car"]
    mask = found[0].geometry
    assert isinstance(mask, Mask)
    assert (mask.height, mask.width) == size
    assert iou(mask, from_pixels(truth > 0)) > 0.93


def test_an_area_is_one_mask_and_reaches_the_edge_of_the_picture() -> None:
    maps = np.zeros((1, 4, 96, 128), np.float32)
    maps[0, 0] = 0.2
    maps[0, 2, :30] = 0.8
    maps[0, 0, :30] = 0.1
    decoding = {"threshold": 0.5, "core": 0.5, "smallest": 4.0}
    decoder = Decoder(bundle("segmentation", decoding, ("sky",)), SEEN)
    (found,) = decoder.read([maps], [(192, 256)])
    assert [d.label for d in found] == ["sky"]
    truth = np.zeros((192, 256), bool)
    truth[:60] = True
    assert iou(found[0].geometry, from_pixels(truth)) > 0.98


def test_a_bundle_that_does_not_say_how_to_read_it_is_refused() -> None:
    with pytest.raises(Corrupted, match="core"):
        Decoder(bundle("segmentation", {"threshold": 0.5}), SEEN)
    assert Decoder(bundle("classification", {}), SEEN).outputs == ()
