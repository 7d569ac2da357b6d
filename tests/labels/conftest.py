"""A project with images that can be asked about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autofocus.data.dataset import Dataset, NewImage
from autofocus.labels.queue import Labels
from autofocus.store.database import Database


@pytest.fixture
def labels(database: Database, dataset: Dataset, picture: Callable[..., bytes]) -> Labels:
    """The labels of a project with the images 0.png .. 9.png."""
    dataset.add_images([NewImage(f"{i}.png", picture(i), "pool") for i in range(10)])
    return Labels(database, dataset, "eyes")
