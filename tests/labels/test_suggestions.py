"""What a model would mark, as shapes that may be saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from autofocus.data.dataset import NewImage
from autofocus.errors import NotFound
from autofocus.labels.suggestions import LEAST_SCORE, suggest
from autofocus.types.geometry import Box, Geometry, Polygon, Shapes
from autofocus.types.models import Detection, PredictionBatch
from autofocus.workspace.workspace import Workspace


class Sees:
    """A model that sees the same in every image."""

    name = "cars-3"
    classes = ("car", "bus")

    def __init__(self, *detections: Detection) -> None:
        self.detections = detections

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        n = len(images)
        nothing = np.zeros((n, 0), np.float32)
        return PredictionBatch(
            np.zeros((n, 2), np.float32), nothing, nothing, (self.detections,) * n
        )


def shapes_of(*detections: Detection) -> list[Geometry]:
    found = suggest(Sees(*detections), "a", b"", width=100, height=50)
    assert all(s.shape.suggested_by == "cars-3" for s in found.shapes)
    return [s.shape.geometry for s in found.shapes]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        # inside: as it is
        (Box(1, 2, 3, 4), [Box(1, 2, 3, 4)]),
        # over the edge: cut off there
        (Box(-5, 40, 20, 30), [Box(0, 40, 15, 10)]),
        # outside: nothing that could be saved
        (Box(120, 10, 5, 5), []),
        (Polygon((((90, 10), (130, 10), (90, 30)),)), []),
    ],
)
def test_only_what_may_be_saved_is_suggested(seen: Geometry, wanted: list[Geometry]) -> None:
    assert shapes_of(Detection("car", seen, 0.9)) == wanted


def test_doubts_and_unknown_classes_are_left_out() -> None:
    box = Box(1, 2, 3, 4)
    assert shapes_of(Detection("car", box, LEAST_SCORE - 0.01)) == []
    assert shapes_of(Detection("tree", box, 0.9)) == []
    found = suggest(Sees(), "a", b"", width=100, height=50)
    assert found.shapes == ()
    assert "sees nothing" in found.reason


def test_the_same_suggestion_has_the_same_id_and_can_be_saved(
    tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    model = Sees(
        Detection("car", Box(1, 2, 3, 4), 0.9), Detection("bus", Box(1, 2, 3, 4), 0.5)
    )  # fmt: skip
    first = suggest(model, "a", b"", width=32, height=32)
    again = suggest(model, "a", b"", width=32, height=32)
    ids = [s.shape.id for s in first.shapes]
    assert ids == [s.shape.id for s in again.shapes]
    assert len(set(ids)) == 2
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.create_project("cars", task="detection", classes=["car", "bus"])
        project.data.add_images([NewImage("a", picture(1), "pool")])
        label = Shapes(tuple(s.shape for s in first.shapes))
        saved = project.labels.annotate("a", label, "ann", seen=0, request="r")
        assert saved.suggested_by == "cars-3"


def test_a_project_without_a_champion_says_so(
    tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.create_project("cars", task="detection", classes=["car"])
        project.data.add_images([NewImage("a", picture(1), "pool")])
        found = project.suggestions("a")
        assert (found.key, found.shapes) == ("a", ())
        assert "no model yet" in found.reason
        with pytest.raises(NotFound):
            project.suggestions("b")
        eyes = workspace.create_project("eyes", classes=["open", "closed"])
        eyes.data.add_images([NewImage("a", picture(1), "pool")])
        assert "queue" in eyes.suggestions("a").reason
