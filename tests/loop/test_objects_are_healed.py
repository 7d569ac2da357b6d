"""Boxes and masks through the whole loop: alarm, verdict by losses, shapes, promotion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_story import Story, purposes
from loop_world import THING, World

from autofocus.loop import evidence
from autofocus.loop import loop as loop_module
from autofocus.types.geometry import Shapes


@pytest.fixture
def story(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Story]:
    # The pace is for people; tests look again at once.
    monkeypatch.setattr(loop_module, "LOOK_AGAIN_SECONDS", 0.0)
    world = World(tmp_path / "w", task=getattr(request, "param", "detection"))
    yield Story(world)
    world.close()


@pytest.mark.parametrize("story", ["detection", "segmentation"], indirect=True)
def test_a_model_of_objects_decays_and_is_healed(story: Story) -> None:
    world = story.world
    for _ in range(12):
        world.serve(25)
        story.tick(1)
    assert world.loop.cases() == []
    story.go_to("collect")
    harm = story.case.evidence["harm"]
    assert harm["verdict"] == "harmful"
    # One of two objects is taken for another: each answer is half wrong.
    assert harm["error_rate"] == pytest.approx(0.5, abs=0.15)
    assert harm["margin"] < 0.1
    labels = world.project.labels
    story.go(lambda: sum(labels.progress(story.case.id, "training").values()) > 0, answer=False)
    drawn = [
        task.suggested_shapes
        for state in ("open", "done")
        for task in labels.queue(case=story.case.id, state=state, limit=100).items
        if task.purpose == "training"
    ]
    assert drawn
    assert all(isinstance(shapes, Shapes) and len(shapes.shapes) == 2 for shapes in drawn)
    assert {shapes.shapes[0].suggested_by for shapes in drawn if shapes} == {"light-1"}
    story.go(lambda: story.case.stage == "closed")
    assert (story.case.outcome, story.case.verdict) == ("promoted", "harmful")
    assert world.deployment().champion.model == "light-2"
    given = purposes(world, story.case.id)
    assert given["verdict"] >= 8
    assert given["training"] > 0
    assert given["comparison"] > 0


def test_what_a_case_of_objects_shows_to_people(story: Story) -> None:
    world = story.world
    story.go(lambda: story.world.project.models.alias("champion") == "light-2")
    case = story.case
    history = world.loop.harm_history(case.id)
    assert history["points"][-1]["verdict"] == "harmful"
    assert history["points"][1]["predicted"] in ("2 dark", "bright, dark")
    duel = world.loop.duel(case.id)
    assert duel["points"][-1]["e_better"] >= duel["bar"]
    told = [row for row in duel["disagreements"] if row["truth"]]
    assert told[0]["winner"] == "challenger"
    assert {told[0]["champion"], told[0]["challenger"]} == {"2 dark", "bright, dark"}
    assert world.loop.contact_sheet(case.id).startswith(b"\x89PNG")
    row = world.project.log.tail(1).ids[0]
    assert world.loop.lineage(str(row))["label"] in ("2 dark", "bright, dark")


def test_a_verdict_waits_for_shapes_and_judges_by_them(story: Story) -> None:
    world = story.world
    story.go_to("verdict", answer=False)
    story.go(lambda: world.project.labels.progress(story.case.id)["open"] == 8, answer=False)
    asked = world.project.labels.queue(case=story.case.id).items
    assert {task.suggested_shapes for task in asked} == {None}  # blind
    assert "mark every object" in asked[0].reason
    world.answer()
    [*answers] = world.project.labels.answers(story.case.id)
    assert isinstance(answers[0].value, Shapes)
    assert answers[0].value.shapes[1].geometry == THING
    rooms = world.loop._rooms
    assert {evidence.champion_loss(rooms, a) for a in answers} <= {0.0, 0.5}
