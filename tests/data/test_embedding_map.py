"""The map: the same every time, near what is alike, and of one moment with labels and splits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from test_embeddings import Colours, fill, with_model

from autofocus.data.dataset import Dataset
from autofocus.data.embedding_map import Axes, label_names
from autofocus.data.finding import Words
from autofocus.errors import InvalidInput, NotFound

Draw = Callable[..., bytes]


def test_axes_are_where_embeddings_differ_most_and_always_the_same() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(0, [3.0, 1.0], (500, 2))
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0][:, :2]
    embedding = (flat @ turn.T + 0.3).astype(np.float16)
    axes = Axes.fit(embedding)
    assert axes.explained > 0.99
    placed = axes.place(embedding, np.arange(500))
    assert np.abs(placed).max() == pytest.approx(1.0, abs=1e-3)
    assert abs(np.corrcoef(placed[:, 0], flat[:, 0])[0, 1]) > 0.99
    # Distances in the plane are kept, so that near is near.
    far = np.linalg.norm(flat[:50, None] - flat[None, :50], axis=2)
    there = np.linalg.norm(placed[:50, None] - placed[None, :50], axis=2)
    assert np.corrcoef(far.ravel(), there.ravel())[0, 1] > 0.999
    again = Axes.fit(embedding.copy())
    assert np.array_equal(again.axes, axes.axes)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_images_have_a_place(count: int) -> None:
    embedding = np.eye(4, dtype=np.float16)[:count]
    placed = Axes.fit(embedding).place(embedding, np.arange(count))
    assert np.isfinite(placed).all()
    assert len({tuple(row) for row in placed.round(3).tolist()}) == count


def test_labels_have_one_name() -> None:
    words = Words(np.array([0, 1, 2, -1], np.int32), ('["a"]', "[]", '["a","b"]'))
    codes, names = label_names(words)
    assert [names[c] if c >= 0 else None for c in codes] == ["a", "(none)", "several classes", None]


@pytest.mark.parametrize("warm", [True, False])
def test_a_map_says_of_every_point_what_the_image_is(
    dataset: Dataset, picture: Draw, warm: bool
) -> None:
    fill(dataset, picture, 60)
    data = with_model(dataset, Colours())
    with pytest.raises(NotFound, match="looked at none"):
        data.map()
    data.embeddings.compute()
    if warm:
        data.warm()
    found = data.map()
    assert (len(found.ids), found.total, found.model) == (60, 60, "eyes-1")
    samples = data.by_id(found.ids.tolist())
    for i, sample in enumerate(samples):
        label = found.labels[found.label[i]] if found.label[i] >= 0 else None
        assert label == (sample.label.words if sample.label else None)
        assert found.splits[found.split[i]] == sample.split
    said = {s.key for s in data.search("predicted:open", limit=100).items}
    opened = found.classes.index("open")
    assert {s.key for s, c in zip(samples, found.said, strict=True) if c == opened} == said
    # A part of the images lies where it lies in the whole.
    part = data.map("split:train class:open")
    place = {number: (x, y) for number, x, y in zip(found.ids, found.x, found.y, strict=True)}
    assert 0 < len(part.ids) < 60
    assert all(place[n] == (x, y) for n, x, y in zip(part.ids, part.x, part.y, strict=True))
    few = data.map(most=7)
    assert (len(few.ids), few.total) == (7, 60)
    data.delete([samples[0].key])
    assert len(data.by_id(found.ids[:2].tolist())) == 1
    with pytest.raises(InvalidInput, match="1 to"):
        data.map(most=0)


def test_without_a_champion_there_is_no_map(dataset: Dataset, picture: Draw) -> None:
    fill(dataset, picture, 2)
    with pytest.raises(NotFound, match="no champion"):
        dataset.map()
