"""Label QA on a project: found, asked, kept or corrected, and never asked twice."""

from __future__ import annotations

from collections.abc import Sequence
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
from autofocus.types.data import Tag
from autofocus.types.models import PredictionBatch
from autofocus.workspace.workspace import Project, Workspace

WRONG = {"005.png", "020.png", "033.png"}


class Brightness:
    """Sees how bright each quarter of an image is."""

    name = "eyes-1"
    classes = ("open", "closed")

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        small = [cv2.resize(decode(d), (2, 2), interpolation=cv2.INTER_AREA) for d in images]
        seen = np.array([quarters.ravel() for quarters in small], np.float32)
        bright = np.clip(seen.mean(axis=1) / 255, 0, 1)
        scores = np.zeros((len(images), 0), np.float32)
        return PredictionBatch(np.stack([bright, 1 - bright], axis=1), seen - 128, scores)


def photo(number: int, bright: bool) -> bytes:
    rng = np.random.default_rng(number)
    level = 190 if bright else 60
    pixels = np.clip(rng.normal(level, 25, (16, 16, 3)), 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1])


def fill(dataset: Dataset, count: int = 60) -> None:
    """Bright images are open; those of ``WRONG`` are labelled the other way round."""
    images = []
    for i in range(count):
        key, bright = f"{i:03}.png", i % 2 == 0
        label = "open" if bright != (key in WRONG) else "closed"
        images.append(
            NewImage(key, photo(i, bright), "train", label=Tag(label), label_source="import")
        )
    dataset.add_images(images)


@pytest.fixture
def labels(dataset: Dataset) -> Labels:
    model = Brightness()
    made = Embedder("eyes-1", "a" * 64, model.classes, lambda: model)
    seeing = Dataset(
        dataset._database, dataset._objects, dataset._packs, "eyes",
        classes=("open", "closed"), embedder=lambda: made,
    )  # fmt: skip
    return Labels(dataset._database, seeing, "eyes")


def test_wrong_labels_come_first_and_their_number_is_told(labels: Labels) -> None:
    fill(labels._dataset)
    labels._dataset.embeddings.compute()
    found = labels.quality()
    assert {s.key for s in found.suspects[:3]} == WRONG
    assert all(s.suggested != s.given and s.score > 0 for s in found.suspects[:3])
    assert all(s.score < 0 for s in found.suspects[3:])
    assert (found.checked, found.missing, found.model) == (60, 0, "eyes-1")
    assert found.estimated_errors == pytest.approx(3, abs=1.5)
    assert labels.quality() == found


def test_a_review_corrects_or_keeps_and_asks_once(labels: Labels) -> None:
    fill(labels._dataset)
    labels._dataset.embeddings.compute()
    found = labels.quality()
    assert labels.review(found.suspects[:2], model=found.model) == 2
    assert labels.review(found.suspects[:2], model=found.model) == 0
    first, second = labels.queue().items
    assert (first.purpose, first.suggestion) == ("review", found.suspects[0].suggested)
    assert first.reason == f"labelled {found.suspects[0].given}, eyes-1 sees " + (
        found.suspects[0].suggested
    )
    labels.answer(first.id, found.suspects[0].suggested, "ann")  # accepted
    labels.answer(second.id, found.suspects[1].given, "ann")  # kept as it was
    again = labels.quality()
    assert first.key not in {s.key for s in again.suspects[:2]}
    assert [s.reviewed for s in again.suspects[:2]] == [True, False]
    assert again.reviewed == 1
    assert labels.review([s for s in again.suspects if not s.reviewed][:1]) == 1
    assert {t.key for t in labels.queue().items} == WRONG - {first.key, second.key}


def test_without_a_model_or_with_few_labels_it_says_what_is_missing(
    labels: Labels, dataset: Dataset
) -> None:
    with pytest.raises(NotFound, match="no champion"):
        Labels(dataset._database, dataset, "eyes").quality()
    fill(labels._dataset, 10)
    labels._dataset.embeddings.compute()
    with pytest.raises(InvalidInput, match="here are 10 of 2"):
        labels.quality()


def test_agreement_of_people(labels: Labels) -> None:
    fill(labels._dataset, 8)
    assert labels.agreement() == []  # imports are not people
    for i in range(8):
        labels.label(f"{i:03}.png", "open", "ann")
        labels.label(f"{i:03}.png", "open" if i < 6 else "closed", "bob")
    labels.label("007.png", "open", "bob")  # who changes his mind counts with the last
    (pair,) = labels.agreement()
    assert (pair.first, pair.second, pair.images, pair.agreed) == ("ann", "bob", 8, 7)
    assert pair.kappa == pytest.approx(0)


def test_quality_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Brightness()
    made = Embedder("eyes-1", "a" * 64, model.classes, lambda: model)
    monkeypatch.setattr(Project, "_embedder", lambda self: made)
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_project("eyes", classes=["open", "closed"])
        project = workspace.project("eyes")
        fill(project.data)
        project.data.embeddings.compute()
        client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")
        at = "/api/projects/eyes/labels"
        found = client.get(f"{at}/quality?limit=3").json()
        assert {s["key"] for s in found["suspects"]} == WRONG
        assert client.post(f"{at}/review", json={"limit": 3}).json() == {"asked": 3}
        assert client.post(f"{at}/review", json={"limit": 0}).status_code == 422
        assert {t["key"] for t in client.get(f"{at}/queue").json()["items"]} == WRONG
        assert client.get(f"{at}/agreement").json() == []
