"""The parts of training for boxes and masks: targets, moving, assignment, matching, graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from autofocus.errors import AutofocusError, InvalidInput
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.training.architectures import build, check_network
from autofocus.training.calibration import Whitening
from autofocus.training.detector import (
    BoxTargets,
    CompactDetector,
    assign,
    generalized_overlaps,
    overlaps,
    places,
    stack_boxes,
)
from autofocus.training.export import Session, export
from autofocus.training.graphs import BoxGraph, ServedGraph, suppress
from autofocus.training.matching import (
    Found,
    best_threshold,
    fit_scores,
    hits,
    mean_average_precision,
    qualities,
)
from autofocus.training.moving import move_boxes
from autofocus.types.overlap import box_overlaps


def boxes_of(*boxes: tuple[float, ...], images: int = 1) -> BoxTargets:
    rows = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    labels = torch.zeros(len(rows), dtype=torch.int64)
    judged = torch.ones(len(rows), dtype=torch.bool)
    return stack_boxes([rows] * images, [labels] * images, [judged] * images)


# -- moving ----------------------------------------------------------------------------------


def test_a_bright_box_is_where_its_box_says_after_any_move() -> None:
    n = 24
    images = torch.full((n, 3, 96, 64), 0.2)
    images[:, :, 30:60, 20:44] = 0.9
    targets = boxes_of((20.0, 30.0, 44.0, 60.0), images=n)
    moved, after = move_boxes(
        images, targets, torch.ones(n), torch.Generator().manual_seed(5), flip=True
    )
    assert moved.shape == images.shape
    assert after.there.any(dim=1).all()
    checked = 0
    for i in range(n):
        if after.labels.shape[1] > 1 and int(after.there[i].sum()) > 1:
            continue  # four images in one
        left, top, right, bottom = after.boxes[i, 0].tolist()
        picture = moved[i].mean(dim=0)
        bright = torch.nonzero(picture > (picture.max() + picture.median()) / 2).float()
        if not bool(after.judged[i, 0]) or (picture.max() - picture.median()) < 0.3:
            continue
        low, high = bright.amin(dim=0), bright.amax(dim=0) + 1
        got = torch.tensor([low[1], low[0], high[1], high[0]])
        wanted = torch.tensor([left, top, right, bottom])
        assert float((got - wanted).abs().max()) < 3.5, (i, got, wanted)
        checked += 1
    assert checked >= 8


def test_what_is_not_to_be_changed_stays_and_a_step_repeats_itself() -> None:
    images = torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = boxes_of((10.0, 10.0, 30.0, 30.0), images=6)
    strength = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 3.0])
    one, where = move_boxes(images, targets, strength, torch.Generator().manual_seed(1))
    two, there = move_boxes(images, targets, strength, torch.Generator().manual_seed(1))
    assert torch.equal(one, two)
    assert torch.equal(where.boxes, there.boxes)
    assert torch.equal(one[:2], images[:2])
    assert torch.allclose(where.boxes[:2, 0], targets.boxes[:2, 0], atol=1e-4)
    assert not torch.equal(one[2:], images[2:])


def test_what_the_edge_cuts_off_is_not_asked_for() -> None:
    images = torch.rand(40, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = boxes_of((0.0, 0.0, 20.0, 20.0), images=40)
    _, after = move_boxes(images, targets, torch.full((40,), 3.0), torch.Generator().manual_seed(2))
    inside = after.boxes[after.there]
    assert float(inside.min()) >= 0.0
    assert float(inside.max()) <= 64.0
    assert not bool((after.there.any(dim=1)).all())  # some have left the picture
    assert bool((after.there & ~after.judged).any())  # of some hardly anything is left


# -- assignment ------------------------------------------------------------------------------


def test_every_object_has_a_place_even_one_smaller_than_the_stride() -> None:
    points = places(8, 8, 8)
    logits, boxes = torch.zeros(1, 64, 2), torch.zeros(1, 64, 4)
    boxes[0, :, :2], boxes[0, :, 2:] = points - 8, points + 8
    targets = boxes_of((1.0, 1.0, 3.0, 3.0), (20.0, 20.0, 52.0, 52.0))
    owner, wish = assign(logits, boxes, points, targets)
    for number in (0, 1):
        assert bool(((owner[0] == number) & (wish[0] > 0)).any())
    far = torch.cdist(points, torch.tensor([[36.0, 36.0]])).squeeze(1) > 40
    assert bool((wish[0, far & (points[:, 0] > 8)] == 0).all())


def test_nothing_is_assigned_where_nothing_is_and_crowds_teach_nothing() -> None:
    network = CompactDetector(2)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    empty = stack_boxes([torch.zeros(0, 4)] * 2, [torch.zeros(0).long()] * 2, [torch.ones(0)] * 2)
    loss = network.loss(images, empty)
    assert torch.isfinite(loss)
    loss.backward()
    crowd = boxes_of((0.0, 0.0, 64.0, 64.0), images=2)
    crowd = BoxTargets(crowd.boxes, crowd.labels, crowd.there, ~crowd.judged, crowd.weight)
    network.eval()
    with torch.no_grad():
        assert float(network.loss(images, crowd)) < float(network.loss(images, empty))


def test_objects_of_rare_classes_count_more() -> None:
    torch.manual_seed(0)
    network = CompactDetector(2).eval()
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    where, what = [torch.tensor([[8.0, 8.0, 40.0, 40.0]])], [torch.tensor([1])]
    judged = [torch.ones(1, dtype=torch.bool)]
    with torch.no_grad():
        plain, rare, common = (
            float(network.loss(images, stack_boxes(where, what, judged, weights)))
            for weights in (None, torch.tensor([0.5, 2.0]), torch.tensor([2.0, 0.5]))
        )
    assert common < plain < rare


def test_overlaps_are_those_of_the_definition() -> None:
    a = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    b = torch.tensor([[1.0, 0.0, 3.0, 2.0], [4.0, 4.0, 6.0, 6.0]])
    assert overlaps(a, b).tolist() == pytest.approx([1 / 3, 0.0])
    assert generalized_overlaps(a, b).tolist() == pytest.approx([1 / 3, -28 / 36])


# -- matching --------------------------------------------------------------------------------


def found(
    truth: list[tuple[float, ...]], seen: list[tuple[float, ...]], scores: list[float],
    judged: list[bool] | None = None,
) -> Found:  # fmt: skip
    marked = np.array(judged if judged is not None else [True] * len(truth), bool)
    corners = [np.array(b, np.float64).reshape(-1, 4) for b in (truth, seen)]
    return Found(
        box_overlaps(corners[0], corners[1], ~marked),
        np.zeros(len(truth), np.int64),
        np.zeros(len(seen), np.int64),
        np.array(scores),
        marked,
        np.zeros((0, 4)),
    )


LEFT, RIGHT = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)


def test_the_surest_takes_first_and_each_object_once() -> None:
    twice = found([LEFT], [LEFT, (1.0, 0.0, 11.0, 10.0)], [0.9, 0.8])
    assert hits(twice).tolist() == [1, 0]
    crowd = found([LEFT, RIGHT], [LEFT, (22.0, 2.0, 26.0, 6.0)], [0.9, 0.8], [True, False])
    assert hits(crowd).tolist() == [1, -1]
    assert qualities([crowd], 0.5).tolist() == [1.0]


@pytest.mark.parametrize(
    ("truth", "seen", "scores", "quality"),
    [
        ([], [], [], 1.0),
        ([LEFT], [], [], 0.0),
        ([], [LEFT], [0.9], 0.0),
        ([], [LEFT], [0.2], 1.0),
        ([LEFT, RIGHT], [LEFT], [0.9], 2 / 3),
        ([LEFT, RIGHT], [LEFT, RIGHT], [0.9, 0.6], 1.0),
    ],
)
def test_the_quality_of_an_image(
    truth: list[tuple[float, ...]], seen: list[tuple[float, ...]], scores: list[float],
    quality: float,
) -> None:  # fmt: skip
    assert qualities([found(truth, seen, scores)], 0.5).tolist() == pytest.approx([quality])


def test_areas_count_beside_objects() -> None:
    plain = found([LEFT], [LEFT], [0.9])
    areas = np.array([[30.0, 60.0, 50.0, 0.8], [0.0, 10.0, 0.0, 0.1]])
    mixed = Found(plain.overlap, plain.truth, plain.seen, plain.scores, plain.judged, areas)
    assert qualities([mixed], 0.5).tolist() == pytest.approx([(1.0 + 0.5) / 2])
    assert qualities([mixed], 0.05).tolist() == pytest.approx([(1.0 + 0.25) / 2])


def test_the_threshold_parts_right_from_wrong_and_scores_come_to_mean_how_often() -> None:
    rng = np.random.default_rng(0)
    founds = []
    for _ in range(200):
        right = bool(rng.random() < 0.5)
        score = float(rng.uniform(0.25, 0.45) if right else rng.uniform(0.1, 0.24))
        founds.append(found([LEFT] if right else [], [LEFT], [score]))
    assert 0.2 <= best_threshold(founds) <= 0.3
    slope, offset = fit_scores(founds)
    assert slope > 1
    assert offset > 0
    assert best_threshold([]) == 0.5
    assert fit_scores([]) == (1.0, 0.0)


def test_average_precision_is_that_of_the_reference() -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(3)
    founds, images, truths, seen = [], [], [], []
    for image in range(1, 21):
        true = [(x, 5.0, x + 20.0, 30.0) for x in rng.uniform(0, 300, 3).tolist()]
        shifted = [tuple(np.array(t) + rng.normal(0, 3, 4)) for t in true]
        shifted += [(400.0, 5.0, 420.0, 30.0)]
        scores = sorted(rng.random(4).tolist(), reverse=True)
        order = rng.permutation(4)
        boxes = [shifted[i] for i in order]
        founds.append(found(true, boxes, scores))
        images.append({"id": image})
        truths += [
            {"id": len(truths) + i + 1, "image_id": image, "category_id": 1, "iscrowd": 0,
             "bbox": [t[0], t[1], t[2] - t[0], t[3] - t[1]], "area": 500}
            for i, t in enumerate(true)
        ]  # fmt: skip
        seen += [
            {"image_id": image, "category_id": 1, "score": s,
             "bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]]}
            for b, s in zip(boxes, scores, strict=True)
        ]  # fmt: skip
    coco = COCO()
    coco.dataset = {"images": images, "annotations": truths, "categories": [{"id": 1}], "info": {}}
    coco.createIndex()
    judge = COCOeval(coco, coco.loadRes(seen), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert mean_average_precision(founds) == pytest.approx(judge.stats[1], abs=1e-9)
    assert mean_average_precision(founds, 0.75) == pytest.approx(judge.stats[2], abs=1e-9)


# -- graphs ----------------------------------------------------------------------------------


def test_the_surer_of_two_overlapping_boxes_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
    assert suppress(boxes, np.array([0.5, 0.9, 0.3], np.float32), 0.6).tolist() == [1, 2]
    assert suppress(boxes, np.array([0.5, 0.9, 0.3], np.float32), 0.9).tolist() == [1, 0, 2]
    assert suppress(boxes, np.array([0.001, 0.0, 0.0], np.float32), 0.6).tolist() == []


@pytest.mark.parametrize("size", [(64, 96), (72, 40)])
@pytest.mark.parametrize("bias", [0.0, -90.0])
def test_a_detector_answers_alike_in_torch_and_in_onnx(
    tmp_path: Path, size: tuple[int, int], bias: float
) -> None:
    torch.manual_seed(1)
    network = build("compact", ("a", "b", "c"), *size, "detection")
    assert isinstance(network, CompactDetector)
    depth = check_network(network, 3, *size, "detection")
    whitening = Whitening(np.zeros(depth, np.float32), np.eye(depth, 4, dtype=np.float32))
    for head in network.heads:  # untrained, all places would say the same
        torch.nn.init.normal_(head.of_class[-1].weight, std=1.0)  # type: ignore[index, union-attr]
    decoding = {"slope": 1.0, "offset": 4.0 + bias, "nms_iou": 0.6, "twins": 0.1}
    graph = BoxGraph(network, decoding, whitening)
    pixels = np.random.default_rng(0).integers(0, 256, (5, *size, 3), dtype=np.uint8)
    export(graph, pixels, tmp_path / "model.onnx")
    got = Session(tmp_path / "model.onnx").run(pixels)
    with torch.no_grad():
        expected = graph.eval()(torch.from_numpy(pixels))
    for name, value in zip(graph.outputs, expected, strict=True):
        if name in ("boxes", "labels"):
            some = got["scores"] > 0
            assert some.any() == (bias == 0.0)
            assert np.allclose(got[name][some], value.numpy()[some], atol=1e-2)
        else:
            assert np.allclose(got[name], value.numpy(), atol=1e-4), name
    assert (np.diff(got["scores"], axis=1) <= 1e-6).all()
    assert got["labels"].dtype == np.int64


def test_a_box_in_the_place_of_a_surer_one_of_another_class_is_put_down(tmp_path: Path) -> None:
    class Fixed(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            n = len(images)
            logits = torch.tensor([[2.0, -9.0], [-9.0, 1.0], [-9.0, 0.5]]).expand(n, -1, -1)
            boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]])
            embedding = images.mean(dim=(2, 3))
            return logits + 0 * embedding.sum(), boxes.expand(n, -1, -1), embedding

    decoding = {"slope": 1.0, "offset": 0.0, "nms_iou": 0.6, "twins": 0.1}
    whitening = Whitening(np.zeros(3, np.float32), np.eye(3, dtype=np.float32))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    export(BoxGraph(Fixed(), decoding, whitening), pixels, tmp_path / "model.onnx")
    found = Session(tmp_path / "model.onnx").run(pixels)
    sigmoid = 1 / (1 + np.exp(-np.array([2.0, 0.5, 1.0])))
    assert found["scores"][0, :3] == pytest.approx(sigmoid * (1, 1, 0.1), abs=1e-5)
    assert found["labels"][0, :3].tolist() == [0, 1, 1]
    assert found["boxes"][0, 1].tolist() == [20, 0, 30, 10]


def test_a_graph_that_answers_otherwise_is_refused(tmp_path: Path) -> None:
    class Fickle(torch.nn.Module):
        """Answers by how often it was asked, which a graph cannot."""

        asked = 0.0

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            self.asked += 1.0
            embedding = images.mean(dim=(2, 3))
            return embedding * self.asked, embedding

    whitening = Whitening(np.zeros(3, np.float32), np.eye(3, dtype=np.float32))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    with pytest.raises(AutofocusError, match="differs from the trained network"):
        export(ServedGraph(Fickle(), 1.0, whitening), pixels, tmp_path / "model.onnx")


def test_networks_for_boxes_that_break_the_interface_are_refused() -> None:
    with pytest.raises(InvalidInput, match="method loss"):
        check_network(build("compact", ("a", "b"), 64, 64), 2, 64, 64, "detection")
    with pytest.raises(InvalidInput, match=r"\(2, p, 3\)"):
        check_network(CompactDetector(2), 3, 64, 64, "detection")


# -- frames ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_places_go_into_the_frame_and_back(fit: str) -> None:
    preprocessing = Preprocessing(96, 128, fit)  # type: ignore[arg-type]
    for rows, columns in ((480, 640), (640, 480), (33, 500), (96, 128)):
        frame = preprocessing.frame(rows, columns)
        picture = np.zeros((rows, columns, 3), np.uint8)
        picture[rows // 4 : rows // 2, columns // 4 : columns // 2] = 255
        corners = np.array([[columns // 4, rows // 4], [columns // 2, rows // 2]], np.float64)
        seen = frame.seen(corners)
        assert np.allclose(frame.original(seen), corners)
        bright = np.argwhere(preprocessing.resize(picture).min(axis=2) > 200)
        assert np.abs(bright.min(axis=0)[::-1] - seen[0]).max() <= 1.5
        assert np.abs(bright.max(axis=0)[::-1] + 1 - seen[1]).max() <= 1.5
