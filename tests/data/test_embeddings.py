"""Similar images and what the champion says: exact, computed once, going on where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.embeddings import Embedder
from autofocus.errors import ImageRejected, InvalidInput, NotFound
from autofocus.imaging.decode import decode
from autofocus.types.data import Tag
from autofocus.types.models import PredictionBatch

Draw = Callable[..., bytes]


def sure(means: Any) -> Any:
    """How sure it is that red leads, by the mean colours (n, 3)."""
    return np.clip(3 * (means[:, 0] / means.sum(axis=1)) - 0.5, 0, 1)


class Colours:
    """Sees the mean colour; says "open" where red leads, and refuses what it is told to."""

    name = "eyes-1"
    classes = ("open", "closed")

    def __init__(self) -> None:
        self.seen = 0
        self.refused: set[bytes] = set()

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        if self.refused & set(images):
            raise ImageRejected("told to")
        self.seen += len(images)
        means = np.array([decode(data).mean((0, 1)) for data in images], np.float32)
        red = sure(means)
        return PredictionBatch(
            np.stack([red, 1 - red], axis=1), means, np.zeros((len(images), 0), np.float32)
        )


@pytest.fixture
def model() -> Colours:
    return Colours()


def with_model(dataset: Dataset, model: Colours, bundle: str = "a" * 64) -> Dataset:
    made = Embedder("eyes-1", bundle, model.classes, lambda: model)
    return Dataset(
        dataset._database, dataset._objects, dataset._packs, "eyes",
        classes=("open", "closed"), embedder=lambda: made,
    )  # fmt: skip


def fill(dataset: Dataset, draw: Draw, count: int, start: int = 0) -> None:
    dataset.add_images(
        [
            NewImage(
                f"{i:03}.png", draw(i), "train" if i % 2 else "test",
                label=Tag("open") if i % 3 else None,
            )
            for i in range(start, start + count)
        ]
    )  # fmt: skip


def test_similar_images_are_those_of_a_plain_comparison(
    dataset: Dataset, model: Colours, picture: Draw
) -> None:
    fill(dataset, picture, 70)
    data = with_model(dataset, model)
    steps: list[tuple[int, int]] = []
    status = data.embeddings.compute(lambda done, total: steps.append((done, total)), threads=2)
    assert (status.model, status.done, status.total) == ("eyes-1", 70, 70)
    assert steps[-1] == (70, 70)
    vectors = {f"{i:03}.png": decode(picture(i)).mean((0, 1)) for i in range(70)}

    def cosine(key: str) -> float:
        a, b = vectors["007.png"], vectors[key]
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    for query, meets in {
        "": lambda i: True,
        "split:train class:open": lambda i: i % 2 == 1 and i % 3 != 0,
    }.items():
        wanted = sorted(
            (k for i, k in enumerate(vectors) if k != "007.png" and meets(i)),
            key=cosine, reverse=True,
        )  # fmt: skip
        found = data.similar("007.png", query, limit=20)
        assert len(found.items) == min(20, len(wanted))
        got = [item.similarity for item in found.items]
        assert got == pytest.approx([cosine(k) for k in wanted[:20]], abs=2e-3)
        assert got == sorted(got, reverse=True)
        for item in found.items:
            assert item.similarity == pytest.approx(cosine(item.sample.key), abs=2e-3)
    with pytest.raises(NotFound):
        data.similar("none.png")
    with pytest.raises(InvalidInput, match="1 to"):
        data.similar("007.png", limit=0)


def test_images_like_one_of_several_or_like_pictures_from_elsewhere(
    dataset: Dataset, model: Colours, picture: Draw
) -> None:
    fill(dataset, picture, 40)
    data = with_model(dataset, model)
    data.embeddings.compute()
    apart = {key: data.similar(key, limit=40).items for key in ("003.png", "017.png")}
    both = data.similar(["003.png", "017.png", "003.png"], limit=40)
    assert both.keys == ("003.png", "017.png")
    closest: dict[str, float] = {}
    for item in (*apart["003.png"], *apart["017.png"]):
        closest[item.sample.key] = max(item.similarity, closest.get(item.sample.key, -1.0))
    for key in both.keys:
        closest.pop(key)
    assert {i.sample.key: i.similarity for i in both.items} == pytest.approx(closest, abs=1e-3)
    got = [item.similarity for item in both.items]
    assert got == sorted(got, reverse=True)
    with pytest.raises(InvalidInput, match="1 to 100 images"):
        data.similar([])
    # One picture is in the project and one is not: neither is shown.
    strange, known = picture(99), data.sample("003.png")
    model.seen = 0
    found = data.more_like(
        {known.sha256: lambda: 1 / 0, hashlib.sha256(strange).hexdigest(): lambda: strange},  # type: ignore[dict-item,return-value]
        "split:train", limit=5,
    )  # fmt: skip
    assert model.seen == 1
    assert len(found.items) == 5
    assert found.keys == ()
    assert all(i.sample.split == "train" and i.sample.key != "003.png" for i in found.items)


def test_only_what_is_missing_is_computed_and_it_is_kept(
    dataset: Dataset, model: Colours, picture: Draw
) -> None:
    fill(dataset, picture, 5)
    data = with_model(dataset, model)
    assert data.embeddings.status().done == 0
    data.embeddings.compute()
    fill(dataset, picture, 4, start=3)  # two of them are there
    assert data.embeddings.status().done == 5
    # An image that was not looked at yet has similar ones all the same.
    assert len(data.similar("006.png").items) == 5
    model.seen = 0
    assert data.embeddings.compute().done == 7
    assert model.seen == 2
    again = with_model(dataset, model)  # another process
    assert again.embeddings.compute().done == 7
    assert model.seen == 2
    other = with_model(dataset, model, bundle="b" * 64)  # another champion sees for itself
    assert other.embeddings.status().done == 0


def test_an_image_that_cannot_be_looked_at_holds_nothing_up(
    dataset: Dataset, model: Colours, picture: Draw
) -> None:
    fill(dataset, picture, 6)
    model.refused = {picture(2)}
    data = with_model(dataset, model)
    assert data.embeddings.compute().done == 6
    assert {s.key for s in data.search("predicted:open,closed").items} == {
        f"{i:03}.png" for i in range(6) if i != 2
    }
    with pytest.raises(ImageRejected):
        data.similar("002.png")


def test_what_the_champion_says_can_be_searched_for(
    dataset: Dataset, model: Colours, picture: Draw
) -> None:
    fill(dataset, picture, 40)
    data = with_model(dataset, model)
    assert "not computed" in data.search("predicted:open").notices[0]
    data.embeddings.compute()
    red = {f"{i:03}.png": float(sure(decode(picture(i)).mean((0, 1))[None])[0]) for i in range(40)}
    opened = {key for key, share in red.items() if share > 0.5}
    assert 0 < len(opened) < 40
    assert {s.key for s in data.search("predicted:open").items} == opened
    labelled = {f"{i:03}.png" for i in range(40) if i % 3}
    assert {s.key for s in data.search("is:disputed").items} == labelled - opened
    unsure = {key for key, share in red.items() if max(share, 1 - share) <= 0.6}
    assert {s.key for s in data.search("confidence<=0.6").items} == unsure
    facet = next(f for f in data.facets("").facets if f.field == "predicted")
    assert dict(facet.values) == {"open": len(opened), "closed": 40 - len(opened)}


def test_without_a_champion_nothing_is_similar(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture, 2)
    assert dataset.embeddings.status().model == ""
    with pytest.raises(NotFound, match="no champion"):
        dataset.similar("001.png")
    with pytest.raises(NotFound, match="no champion"):
        dataset.embeddings.compute()
