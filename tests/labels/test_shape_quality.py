"""Label QA of boxes and masks: what the model contradicts is found, ordered, asked and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from autofocus.api.app import create_app
from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.embeddings import Embedder
from autofocus.errors import InvalidInput, NotFound
from autofocus.imaging.decode import decode
from autofocus.labels.queue import Labels
from autofocus.types.data import Task
from autofocus.types.geometry import Box, Geometry, Shape, Shapes
from autofocus.types.models import Detection, PredictionBatch
from autofocus.types.rle import draw
from autofocus.workspace.workspace import Project, Workspace

CLASSES = ("car", "bus")
PLACES = (Box(4, 4, 20, 12), Box(34, 4, 20, 12), Box(4, 40, 20, 12))


@dataclass
class Eye:
    """Sees what is painted: red is a car, blue a bus; ``unsure`` of what is dark."""

    task: Task = "detection"
    name: str = "cars-1"
    classes: tuple[str, ...] = CLASSES
    threshold: float = 0.5
    looked_at: list[int] = field(default_factory=list)

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        self.looked_at.append(len(images))
        none = np.zeros((len(images), 2), np.float32)
        return PredictionBatch(none, none, none, tuple(self._look(decode(d)) for d in images))

    def _look(self, pixels: np.ndarray) -> tuple[Detection, ...]:
        found = []
        for label, channel in (("car", 0), ("bus", 2)):
            bright = pixels[..., channel].astype(int) - pixels[..., 1]
            n, parts, stats, _ = cv2.connectedComponentsWithStats((bright > 40).astype(np.uint8))
            for k in range(1, n):
                box: Geometry = Box(*(float(v) for v in stats[k, :4]))
                if self.task == "segmentation":
                    box = draw(box, 64, 64)
                strength = bright[parts == k].max()
                found.append(Detection(label, box, 0.9 if strength > 120 else 0.3))
        return tuple(sorted(found, key=lambda d: -d.score))


def photo(seed: int, *objects: tuple[str, Box], faint: bool = False) -> bytes:
    pixels = np.random.default_rng(seed).integers(20, 40, (64, 64, 3), dtype=np.uint8)
    for name, b in objects:
        y, x = slice(int(b.y), int(b.bottom)), slice(int(b.x), int(b.right))
        colour = (110 if faint else 200, 30, 30)
        pixels[y, x] = colour if name == "car" else colour[::-1]
    return bytes(cv2.imencode(".png", pixels[..., ::-1])[1])


def shapes(task: Task, *objects: tuple[str, Box]) -> Shapes:
    made = [(n, draw(b, 64, 64) if task == "segmentation" else b) for n, b in objects]
    return Shapes(tuple(Shape(f"s{i}", n, g) for i, (n, g) in enumerate(made)))


def fill(dataset: Dataset, count: int = 24) -> None:
    """Sound labels, and five images with one fault each."""
    task = dataset.rules.task
    images = {
        f"{i:02}.png": (shapes(task, there := ("car", PLACES[0]), ("bus", PLACES[1])),
                        photo(i, there, ("bus", PLACES[1])))
        for i in range(count)
    }  # fmt: skip
    both = ("car", PLACES[0]), ("bus", PLACES[1])
    faults = {
        "unmarked.png": (shapes(task, both[0]), photo(100, *both)),
        "unseen.png": (shapes(task, *both, ("car", PLACES[2])), photo(101, *both)),
        "swapped.png": (shapes(task, ("bus", PLACES[0]), both[1]), photo(102, *both)),
        "badly placed.png": (shapes(task, ("car", Box(14, 4, 20, 12)), both[1]), photo(103, *both)),
        "faint.png": (shapes(task, both[0]), photo(104, both[0], faint=True)),
    }
    dataset.add_images(
        [
            NewImage(key, data, "train", label=label, author="ann", label_source="import")
            for key, (label, data) in {**images, **faults}.items()
        ]
    )


def seeing(dataset: Dataset, eye: Eye) -> Labels:
    made = Embedder("cars-1", "a" * 64, CLASSES, lambda: eye)
    data = Dataset(
        dataset._database, dataset._objects, dataset._packs, dataset.project, classes=CLASSES,
        task=dataset.rules.task, embedder=lambda: made,
    )  # fmt: skip
    return Labels(dataset._database, data, dataset.project)


@pytest.fixture(params=["detection", "segmentation"])
def labels(request: pytest.FixtureRequest, new_dataset: Callable[..., Dataset]) -> Labels:
    dataset = new_dataset("cars", CLASSES, request.param)
    return seeing(dataset, Eye(request.param))


def test_every_kind_of_fault_is_found_where_it_is(labels: Labels) -> None:
    fill(labels._dataset)
    labels.look()
    found = labels.quality()
    by_key = {s.key: s for s in found.suspects}
    assert set(by_key) == {"unmarked.png", "unseen.png", "swapped.png", "badly placed.png",
                           "faint.png"}  # fmt: skip
    doubts = {key.removesuffix(".png"): s.findings[0].doubt for key, s in by_key.items()}
    assert doubts.pop("faint") == "unseen"
    assert all(name == doubt for name, doubt in doubts.items())
    unmarked = by_key["unmarked.png"].findings[0]
    assert (unmarked.suggested, unmarked.given, unmarked.shape) == ("bus", None, None)
    assert unmarked.geometry.bounds == PLACES[1]
    unseen = by_key["unseen.png"].findings[0]
    assert (unseen.given, unseen.shape, unseen.geometry) == ("car", "s2", None)
    swapped = by_key["swapped.png"].findings[0]
    assert (swapped.given, swapped.suggested, swapped.overlap) == ("bus", "car", 1.0)
    assert by_key["badly placed.png"].findings[0].overlap == pytest.approx(1 / 3, abs=1e-3)
    assert "bus (90%) without a label" in by_key["unmarked.png"].suggested
    assert by_key["swapped.png"].given == "2 bus"
    assert (found.checked, found.missing, found.model) == (29, 0, "cars-1")
    assert found.estimated_errors == pytest.approx(sum(s.score for s in found.suspects), abs=0.1)
    assert ("bus", "car") in {(c.given, c.suggested) for c in found.confused}
    assert labels.quality() == found


def test_the_order_is_by_what_a_look_mends(labels: Labels) -> None:
    fill(labels._dataset)
    two = shapes(labels._dataset.rules.task)
    data = photo(200, ("car", PLACES[0]), ("bus", PLACES[1]))
    labels._dataset.add_images([NewImage("two.png", data, "train", label=two)])
    labels.look()
    found = labels.quality()
    assert found.suspects[0].key == "two.png"
    assert found.suspects[0].score == pytest.approx(1.8)
    scores = [s.score for s in found.suspects]
    assert scores == sorted(scores, reverse=True)
    # What is seen after all, only not surely, speaks for the label.
    faint, unseen = (
        next(s.score for s in found.suspects if s.key == f"{name}.png")
        for name in ("faint", "unseen")
    )
    assert faint == pytest.approx(0.7 * unseen, abs=1e-3)


def test_a_review_keeps_or_corrects_and_asks_once(labels: Labels) -> None:
    fill(labels._dataset)
    labels.look()
    found = labels.quality()
    assert labels.review(found.suspects[:2], model=found.model) == 2
    assert labels.review(found.suspects[:2], model=found.model) == 0
    first, second = labels.queue().items
    assert (first.purpose, first.suggestion) == ("review", None)
    told = {s.key: s.suggested for s in found.suspects[:2]}
    assert told[first.key] in first.reason
    kept = labels._dataset.sample(first.key).label
    labels.annotate(first.key, kept, "ann")  # it was right
    right = shapes(labels._dataset.rules.task, ("car", PLACES[0]), ("bus", PLACES[1]))
    labels.annotate(second.key, right, "ann")  # it was wrong
    again = labels.quality()
    assert {s.key for s in again.suspects if s.reviewed} == {first.key}
    assert second.key not in {s.key for s in again.suspects}
    assert again.reviewed == 1
    assert again.estimated_errors < found.estimated_errors
    assert labels.queue().items == ()


def test_a_look_goes_on_where_it_stopped(labels: Labels) -> None:
    fill(labels._dataset)
    labels.look()
    eye = Eye(labels._dataset.rules.task)
    again = seeing(labels._dataset, eye)
    again.look()
    assert eye.looked_at == []
    assert again.quality() == labels.quality()
    again._dataset.add_images(
        [NewImage("new.png", photo(7), "train", label=Shapes()),
         NewImage("nobody.png", photo(8), "pool")]
    )  # fmt: skip
    again.look()
    assert eye.looked_at == [1]  # what has no label is of no interest


def test_without_a_model_or_with_few_labels_it_says_what_is_missing(
    labels: Labels, new_dataset: Callable[..., Dataset]
) -> None:
    bare = new_dataset("bare", CLASSES, "detection")
    plain = Labels(bare._database, bare, "bare")
    with pytest.raises(NotFound, match="no champion"):
        plain.quality()
    with pytest.raises(NotFound, match="no champion"):
        plain.look()
    fill(labels._dataset, 4)
    labels.look()
    with pytest.raises(InvalidInput, match="here are 9"):
        labels.quality()


def test_agreement_of_two_people(labels: Labels) -> None:
    fill(labels._dataset, 2)
    task = labels._dataset.rules.task
    car, bus = ("car", PLACES[0]), ("bus", PLACES[1])
    labels.annotate("00.png", shapes(task, car, bus), "amy")
    labels.annotate("00.png", shapes(task, car, bus), "bob")
    labels.annotate("01.png", shapes(task, car, bus), "amy")
    labels.annotate("01.png", shapes(task, ("car", Box(4, 4, 20, 9))), "bob")
    (found,) = labels.agreement()
    assert (found.first, found.second, found.images, found.agreed) == ("amy", "bob", 2, 1)
    assert found.kappa is None
    assert found.f1 == pytest.approx((1 + 2 / 3) / 2)
    assert found.overlap == pytest.approx((1 + 1 + 0.75) / 3)


def test_quality_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eye = Eye()
    made = Embedder("cars-1", "a" * 64, CLASSES, lambda: eye)
    monkeypatch.setattr(Project, "_embedder", lambda self: made)
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_project("cars", task="detection", classes=list(CLASSES))
        project = workspace.project("cars")
        fill(project.data)
        client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")
        at = "/api/projects/cars"
        assert client.post(f"{at}/embeddings").status_code == 202
        while client.get(f"{at}/embeddings").json()["running"]:
            pass
        found = client.get(f"{at}/labels/quality?limit=3").json()
        assert len(found["suspects"]) == 3
        finding = found["suspects"][0]["findings"][0]
        assert finding["doubt"] in ("unmarked", "swapped")
        assert finding["geometry"]["kind"] == "box"
        assert client.post(f"{at}/labels/review", json={"limit": 3}).json() == {"asked": 3}
