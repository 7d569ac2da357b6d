"""The running evidence that people see is the evidence that decides."""

from __future__ import annotations

import pytest
from loop_story import Story
from loop_world import World

from autofocus.errors import NotFound
from autofocus.loop import evidence


def test_evidence_of_harm_and_of_the_challenger_is_replayed_answer_by_answer(world: World) -> None:
    story = Story(world)
    case = story.go_to("shadow")
    alike_to_the_drifted(world, case.id)
    harm = world.loop.harm_history(case.id)
    points = harm["points"]
    answers = world.project.labels.answers(case.id, purpose="verdict")
    assert [p["labels"] for p in points] == list(range(len(answers) + 1))
    assert (points[0]["e_harm"], points[0]["e_harmless"]) == pytest.approx((1.0, 1.0))
    decided = case.evidence["harm"]
    there = points[decided["n"]]
    assert there["e_harm"] == pytest.approx(decided["e_harm"])
    assert (there["verdict"], harm["margin"]) == (decided["verdict"], decided["margin"])
    assert harm["bar"] == pytest.approx(1 / world.project.policy.harm.alpha)

    story.go(lambda: story.case.outcome is not None)
    case = story.case
    duel = world.loop.duel(case.id)
    compared = case.evidence["comparison"]
    assert case.outcome == "promoted"
    winners = [p["winner"] for p in duel["points"][1:]]
    assert winners.count("challenger") == compared["wins"]
    assert winners.count("champion") == compared["losses"]
    assert duel["points"][-1]["e_better"] == pytest.approx(compared["e_better"])
    assert duel["pairs"] >= compared["pairs"]
    labelled = [d for d in duel["disagreements"] if d["truth"] is not None]
    assert labelled == duel["disagreements"][: len(labelled)]
    assert len(labelled) >= compared["wins"] + compared["losses"]
    for row in duel["disagreements"]:
        assert row["champion"] != row["challenger"]
        if row["truth"] is not None:
            assert row["winner"] is not None
            assert row[row["winner"]] == row["truth"]


def alike_to_the_drifted(world: World, case: str) -> None:
    """Images of the project that look like the drifted ones have a glass, as they have."""
    world.project.data.embeddings.compute()
    drifted = set(window_of(world, case))
    found = world.loop.more_like(case, limit=5)
    assert found.items
    assert not {item.sample.sha256 for item in found.items} & drifted
    assert found.items == tuple(sorted(found.items, key=lambda i: -i.similarity))
    only = world.loop.more_like(case, "split:test", limit=3)
    assert {item.sample.split for item in only.items} == {"test"}


def window_of(world: World, case: str) -> list[str]:
    names = evidence.drifted_ids(world.loop._rooms, world.loop.case(case))
    return list(world.project.log.window([str(name) for name in names]).sha256)


def test_before_there_is_evidence_it_is_empty(world: World) -> None:
    case = world.loop.open_by_hand(who="ann", why="a look")
    assert world.loop.harm_history(case.id) == {"margin": None, "bar": None, "points": []}
    duel = world.loop.duel(case.id)
    assert (duel["pairs"], duel["disagreements"], len(duel["points"])) == (0, [], 1)
    with pytest.raises(NotFound):
        world.loop.duel("light-case-99")
    with pytest.raises(NotFound, match="named"):
        world.loop.more_like(case.id)
