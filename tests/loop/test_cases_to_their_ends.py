"""Cases on real rooms, stage by stage: healed, harmless, undecided, rejected, rolled back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from loop_story import Story, champions, healed_once, purposes
from loop_world import CLASSES, PROJECT, World, picture

from autofocus.data.dataset import NewImage
from autofocus.errors import Conflict
from autofocus.loop import evidence
from autofocus.store import tables
from autofocus.types.codec import encode
from autofocus.types.data import Tag


@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_harm_is_found_and_healed(world: World, times: int) -> None:
    """With ``times`` 2 every step is done again right after: as after a crash."""
    story = Story(world, times)
    story.go_to("closed")
    healed_once(world)
    case = story.case
    found = encode(case)["evidence"]
    assert found["harm"]["verdict"] == "harmful"
    assert found["diagnosis"]["share_low"] > 0.1
    assert world.loop.contact_sheet(case.id).startswith(b"\x89PNG")
    # The labelled disagreements are test images for ever.
    fixed = [
        s for s in world.project.data.samples(split="test", limit=1000).items
        if s.metadata.get("fixed_case") == case.id
    ]  # fmt: skip
    asked = purposes(world, case.id)
    assert len(fixed) == asked["comparison"] + asked["watch"] > 0
    # The healed world counts as normal: no alarm about it any more.
    for _ in range(20):
        world.serve(50, glass=0.5)
        story.tick()
    assert len(world.loop.cases()) == 1
    assert len(world.project.monitor.signals()) == 1


@pytest.mark.slow
def test_lineage_from_a_prediction_to_people(story: Story) -> None:
    story.go_to("closed")
    world = story.world
    last, _ = world.project.log.read({}, 1_000_000, roles=("champion",), model="light-2")
    found = json.loads(json.dumps(world.loop.lineage(str(last.ids[-1])), default=str))
    assert found["prediction"]["model"] == found["model"]["id"] == "light-2"
    assert found["label"] in ("dark", "bright")
    assert found["case"]["id"] == story.case.id
    assert found["signal"]["id"] == story.case.signal
    assert found["run"]["case"] == story.case.id
    assert len(found["labels"]) == 16
    assert {a["author"] for a in found["labels"]} == {"bob"}
    assert [p["model"] for p in found["parents"]] == ["light-1"]
    assert {m["name"] for m in found["aliases"]} >= {"champion", "challenger"}
    told = subprocess.run(
        [sys.executable, "-m", "autofocus", "--workspace", str(world.root), "lineage",
         str(last.ids[-1])],
        capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"},
    ).stdout  # fmt: skip
    for words in (
        "by light-2 as champion", "16 labels asked for it in this version, by bob 16",
        f"{story.case.id}: {story.case.trigger}", "light-1 (version",
    ):  # fmt: skip
        assert words in told
    # An image that was asked about knows its questions and answers.
    asked = world.project.labels.answers(story.case.id)[0]
    origin = world.loop.lineage(asked.key.removeprefix("production/"))
    assert [q["id"] for q in origin["asked"]] == [asked.task]
    assert [a["author"] for a in origin["answered"]] == ["bob"]


def test_without_a_change_nothing_happens(story: Story) -> None:
    for _ in range(20):
        story.world.serve(50)
        story.tick(1)
    assert story.world.loop.cases() == []
    assert story.world.loop.status()["doing"] == "watching"


@pytest.mark.slow
def test_a_harmless_change_is_proven_harmless_and_becomes_normal(story: Story) -> None:
    world = story.world
    world.policy(harm={"tolerance": 0.1}, labels={"per_case": 120, "verdict_batch": 16})
    story.go_to("closed", kind="tinted")
    assert (story.case.verdict, story.case.outcome) == ("harmless", "harmless")
    assert "proven with" in story.case.reason
    assert champions(world) == ["light-1"]
    for _ in range(20):
        world.serve(50, glass=0.5, kind="tinted")
        story.tick(1)
    assert len(world.loop.cases()) == 1


@pytest.mark.slow
def test_too_few_labels_end_undecided_and_say_how_many_more(story: Story) -> None:
    story.world.policy(labels={"per_case": 24, "comparison": 8})
    story.go_to("closed", kind="tinted")
    assert (story.case.verdict, story.case.outcome) == ("undecided", "undecided")
    assert "0 of 16 answers" in story.case.reason
    assert "more labels" in story.case.reason


@pytest.mark.slow
def test_the_next_try_goes_on_from_what_an_undecided_one_learnt(story: Story) -> None:
    world = story.world
    world.policy(labels={"per_case": 24, "comparison": 8}, harm={"tolerance": 0.1})
    story.go_to("closed", kind="tinted")
    first = story.case
    assert first.verdict == "undecided"
    assert first.evidence["harm"]["n"] == 16
    for _ in range(60):
        world.serve(50, glass=0.5, kind="tinted")
        world.answer()
        story.tick(1)
        if story.case.number > first.number and story.case.stage == "closed":
            break
    second = story.case
    assert (second.number, second.signal) == (first.number + 1, first.signal)
    asked = purposes(world, second.id)["verdict"]
    assert second.evidence["harm"]["n"] == 16 + asked
    assert second.evidence["harm"]["margin"] == first.evidence["harm"]["margin"]


@pytest.mark.slow
def test_a_verdict_goes_on_with_newer_images_when_all_were_asked(story: Story) -> None:
    """A slice too small to tell is no reason to give up while more like it keep coming."""
    world = story.world
    world.policy(labels={"per_case": 240, "training": 12})
    more = "more images like the drifted ones"
    story.go_to("verdict", kind="tinted")
    for _ in range(40):  # no traffic: the annotator answers all there is
        story.tick()
        world.answer()
    case = story.case.id
    asked = purposes(world, case)["verdict"]
    assert story.case.waiting_for == more
    assert world.project.labels.progress(case, "verdict")["open"] == 0
    story.go_to("closed", kind="tinted")
    assert story.case.verdict == "harmless"
    assert purposes(world, case)["verdict"] > asked
    answers = [a.sha256 for a in world.project.labels.answers(case)]
    assert len(answers) == len(set(answers))


def test_a_small_slice_is_watched_not_healed(story: Story) -> None:
    story.world.policy(harm={"min_share": 0.9})
    story.go_to("closed")
    assert story.case.outcome == "harmless"
    assert "less than the policy's" in story.case.reason


@pytest.mark.slow
def test_a_cure_that_costs_more_than_the_harm_is_left(story: Story) -> None:
    story.world.policy(cost={"per_turn": 1e9})
    story.go_to("closed")
    assert (story.case.verdict, story.case.outcome) == ("harmful", "rejected")
    assert "costs about" in story.case.reason
    assert story.world.project.training.runs()[0].case is None


# -- autonomy --------------------------------------------------------------------------------


@pytest.mark.slow
def test_people_are_asked_at_every_step_and_may_say_no(story: Story) -> None:
    world = story.world
    world.policy(autonomy={"label": "ask", "train": "suggest", "promote": "ask"})
    story.go_to("verdict")
    story.tick()
    assert story.case.waiting_for == "approval to ask for labels"
    assert world.project.labels.progress(story.case.id)["open"] == 0
    world.loop.approve(story.case.id, who="ann", why="go on")
    story.go_to("train")
    story.tick()
    assert "only suggests to train" in story.case.waiting_for
    assert len(world.project.training.runs()) == 1
    with pytest.raises(Conflict):
        world.loop.open_by_hand(who="ann", why="again")
    world.loop.approve(story.case.id, who="ann")
    story.go_to("canary")
    story.tick()
    assert story.case.waiting_for == "approval to promote the challenger"
    assert world.deployment().canary == 0.0
    world.loop.reject(story.case.id, who="ann", why="not before the weekend")
    story.tick()
    assert story.case.outcome == "rejected"
    assert "not before the weekend" in story.case.reason
    assert world.deployment().challenger is None
    assert world.project.models.alias("challenger") is None
    assert champions(world) == ["light-1"]
    with pytest.raises(Conflict, match="waits for no decision"):
        world.loop.approve(story.case.id, who="ann")


@pytest.mark.slow
def test_pause_stops_everything_and_resume_goes_on(story: Story) -> None:
    world = story.world
    story.go_to("verdict", answer=False)
    story.tick()
    before = story.case
    world.loop.pause(who="ann", why="holiday")
    world.answer()
    for _ in range(3):
        world.serve(50, glass=0.5)
        story.tick()
    assert story.case == before
    assert world.loop.status()["doing"] == "paused by a person"
    world.loop.resume(who="ann")
    story.tick()
    assert story.case.stage != "verdict"


def test_cancel_withdraws_questions_even_while_paused(story: Story) -> None:
    world = story.world
    story.go_to("verdict", answer=False)
    story.tick()
    assert world.project.labels.progress(story.case.id)["open"] == 8
    world.loop.pause(who="ann")
    world.loop.cancel(story.case.id, who="ann", why="known dirt on the lens")
    story.tick()
    assert story.case.outcome == "cancelled"
    assert "known dirt on the lens" in story.case.reason
    assert world.project.labels.progress(story.case.id)["cancelled"] == 8
    with pytest.raises(Conflict, match="has ended"):
        world.loop.cancel(story.case.id, who="ann", why="again")


@pytest.mark.slow
def test_cancel_in_training_ends_the_process(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    world = story.world
    monkeypatch.setenv("LIGHT_TRAINING_SECONDS", "300")
    story.go_to("train")
    story.go(lambda: story.case.waiting_for == "the training to finish")
    run = str(story.case.evidence["run"])
    world.loop.cancel(story.case.id, who="ann", why="wrong labels")
    story.tick()
    assert story.case.outcome == "cancelled"
    assert world.project.training.run(run).state == "cancelled"


# -- the challenger --------------------------------------------------------------------------


def test_a_failed_training_ends_the_case(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    from autofocus.training import runs

    story.world.policy(autonomy={"train": "ask"})
    story.go_to("train")
    monkeypatch.setattr(runs, "TASK", "loop_world:no_such_function")
    story.tick()
    story.world.loop.approve(story.case.id, who="ann")
    story.go_to("closed")
    assert story.case.outcome == "rejected"
    assert "no_such_function" in story.case.reason


@pytest.mark.slow
def test_a_challenger_that_fails_its_tests_sees_no_traffic(story: Story) -> None:
    world = story.world
    story.go_to("train")
    world.policy(gates={"min_accuracy": 1.01})
    story.go_to("closed")
    assert story.case.outcome == "rejected"
    assert "failed its tests" in story.case.reason
    assert world.deployment().revision == 1
    assert not world.project.models.reports("light-2")[0].passed


@pytest.mark.slow
def test_a_challenger_that_is_worse_is_rejected(story: Story) -> None:
    world = story.world
    story.go_to("shadow")
    story.go_to("closed", wrongly=True)
    assert story.case.outcome == "rejected"
    assert "is the better one" in story.case.reason or "could not prove" in story.case.reason
    assert world.deployment().challenger is None
    assert world.project.models.alias("challenger") is None
    assert champions(world) == ["light-1"]
    assert "another try follows after 300 more images" in story.case.reason


def test_harm_that_was_not_cured_is_tried_again(story: Story) -> None:
    world = story.world
    story.go_to("shadow")
    story.go_to("closed", wrongly=True)
    first = story.case
    assert first.outcome == "rejected"
    before = purposes(world, first.id)
    for _ in range(5):
        world.serve(50, glass=0.5)
        story.tick()
    assert len(world.loop.cases()) == 1, "too few images came since"
    for _ in range(40):
        world.serve(50, glass=0.5)
        story.tick()
        if len(world.loop.cases()) == 2:
            break
    assert story.case.signal == first.signal
    assert first.id in story.case.trigger
    story.go_to("closed")
    assert story.case.outcome == "promoted"
    # The first try is left as it was, and its labels taught the second model too.
    assert purposes(world, first.id) == before
    model = str(story.case.challenger)
    assert len(world.project.models.lineage_of_model(model)["labels"]) >= before.total() + 16
    learnt = world.project.data.samples(split="train", limit=1000).items
    assert {first.id, story.case.id} <= {s.metadata.get("case") for s in learnt}


@pytest.mark.slow
def test_errors_in_shadow_reject(story: Story) -> None:
    story.go_to("shadow", answer=True)
    story.tick()
    story.world.report_errors("light-2", 3)
    story.go_to("closed", answer=False)
    assert story.case.outcome == "rejected"
    assert "failed 3 requests in shadow" in story.case.reason


@pytest.mark.slow
def test_errors_on_the_canary_roll_back(story: Story) -> None:
    world = story.world
    story.go_to("canary")
    story.tick(1)
    world.report_errors("light-2", 1)
    story.go_to("closed")
    assert story.case.outcome == "rolled_back"
    assert world.deployment().challenger is None
    assert champions(world) == ["light-1"]


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_errors_after_promotion_put_the_old_champion_back_once(world: World, times: int) -> None:
    story = Story(world, times)
    world.policy(rollout={"watch_requests": 100_000})
    story.go_to("promote")
    story.tick()
    assert world.deployment().champion.model == "light-2"
    world.report_errors("light-2", 2)
    story.go_to("closed")
    assert story.case.outcome == "rolled_back"
    assert champions(world) == ["light-1", "light-2", "light-1"]
    assert world.deployment().champion.model == "light-1"


@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_promotion_that_labels_speak_against_is_taken_back(world: World, times: int) -> None:
    """The former champion listens on; what it gets right and the new one wrong takes it back."""
    story = Story(world, times)
    story.go_to("promote")
    story.tick()
    serving = world.deployment()
    assert serving.champion.model == "light-2"
    assert serving.challenger is not None
    assert (serving.challenger.model, serving.shadow, serving.canary) == ("light-1", 1.0, 0.0)
    assert world.project.models.alias("challenger") is None
    story.go_to("closed", wrongly=True)
    case = story.case
    assert case.outcome == "rolled_back"
    assert "wrong where light-1 was right in 7 of 7 labelled disagreements" in case.reason
    assert purposes(world, case.id)["watch"] == 7
    assert champions(world) == ["light-1", "light-2", "light-1"]
    serving = world.deployment()
    assert serving.champion.model == "light-1"
    assert serving.challenger is None
    move = world.project.models.history()[0]
    assert case.reason in move["reason"]


@pytest.mark.slow
def test_a_watch_without_labels_or_without_answers_ends(story: Story) -> None:
    world = story.world
    story.go_to("promote")
    story.go(
        lambda: world.project.labels.progress(story.case.id, "watch")["open"] > 0, answer=False
    )
    story.go(lambda: story.case.waiting_for.startswith("2 labels"), answer=False)
    story.go_to("closed", answer=False)
    assert story.case.outcome == "promoted"
    assert world.project.labels.progress(story.case.id)["cancelled"] == 2
    assert world.deployment().challenger is None


@pytest.mark.slow
def test_a_person_rolls_back_while_the_new_champion_is_watched(story: Story) -> None:
    world = story.world
    world.policy(rollout={"watch_requests": 100_000})
    story.go_to("promote")
    story.tick()
    with pytest.raises(Conflict, match="cannot be cancelled half-way"):
        world.loop.cancel(story.case.id, who="ann", why="no")
    world.loop.roll_back(who="ann", why="customers complain")
    story.tick()
    assert story.world.loop.cases()[-1].outcome == "rolled_back"
    assert champions(world) == ["light-1", "light-2", "light-1"]
    assert world.deployment().champion.model == "light-1"
    assert world.project.models.alias("previous") == "light-2"


@pytest.mark.slow
def test_a_person_promotes_another_model_meanwhile(story: Story) -> None:
    world = story.world
    world.policy(autonomy={"train": "ask"})
    story.go_to("train")
    training = world.project.training
    version = world.project.data.version("latest")
    run = training.wait(training.start(training.spec(version.digest, seed=99)).id)
    other = world.project.models.register(run)
    world.loop.promote(other.id, who="ann", why="mine")
    world.loop.approve(story.case.id, who="ann")
    story.go(lambda: world.loop.cases()[-1].stage == "closed", glass=0.0)
    assert world.loop.cases()[-1].outcome == "cancelled"
    assert world.deployment().champion.model == other.id
    assert world.deployment().challenger is None


# -- limits ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_champions_that_swing_freeze_the_loop(story: Story) -> None:
    world = story.world
    story.go_to("closed")
    world.loop.roll_back(who="ann", why="back")
    assert world.loop.status()["frozen"] == ""
    world.loop.roll_back(who="ann", why="and forth")
    assert "champions swing" in world.loop.status()["frozen"]
    for _ in range(12):
        world.serve(50, glass=0.9, kind="tinted")
        story.tick()
    assert len(world.loop.cases()) == 1  # frozen: a signal opens nothing
    world.loop.resume(who="ann", why="understood")
    story.go(lambda: len(world.loop.cases()) == 2, glass=0.9, kind="tinted")


@pytest.mark.slow
def test_cooldown_and_caps_hold_the_loop_back(story: Story) -> None:
    world = story.world
    world.policy(limits={"turns_per_day": 0})
    story.go_to("train")
    story.tick()
    assert story.case.waiting_for.startswith("tomorrow")
    assert len(world.project.data.versions()) == 1
    world.policy(limits={"turns_per_day": 5, "cooldown_seconds": 3600.0})
    story.go_to("closed")
    healed_once(world)
    for _ in range(20):
        world.serve(50, glass=1.0, kind="tinted")
        story.tick(1)
    assert len(world.project.monitor.signals()) > 1
    assert len(world.loop.cases()) == 1


@pytest.mark.slow
def test_a_case_by_hand_needs_no_signal_and_settles_older_ones(story: Story) -> None:
    world = story.world
    for _ in range(8):
        world.serve(25)
        story.tick(1)
    world.loop.open_by_hand(who="ann", why="a customer complains")
    story.go(lambda: bool(world.project.monitor.signals()), answer=False)
    assert story.case.signal is None
    story.go_to("closed")
    assert story.case.outcome == "promoted"
    story.tick()
    # The signal came while the case was open; what it saw is settled by the new reference.
    assert len(world.loop.cases()) == 1


def label_glasses(world: World, n: int) -> None:
    """A person brings labelled pictures of glasses, without anybody asking."""
    rng = np.random.default_rng(n)
    images = []
    for number in range(n):
        bright = bool(number % 2)
        data, label = picture(rng, bright, "red"), Tag(CLASSES[int(bright)])
        key = f"theirs/{n}-{number}.png"
        images.append(NewImage(key, data, "pool", {"case": "theirs"}, label=label))
    world.project.data.add_images(images)


@pytest.mark.parametrize(
    "how", ["new labels", "schedule", pytest.param("hand", marks=pytest.mark.slow)]
)
def test_a_turn_without_an_alarm(story: Story, how: str) -> None:
    """It trains on all labels, and its challenger has to prove better like any other."""
    world = story.world
    world.policy(monitor={"mode": "arl", "arl": 10**300})  # no alarm, whatever comes
    if how != "hand":
        world.policy(triggers={"new_labels": 20} if how == "new labels" else {"every_days": 2})
        label_glasses(world, 12)
        story.tick()
        assert world.loop.cases() == [], "too few labels, or too early"
    label_glasses(world, 15)
    if how == "schedule":
        with world.workspace.database.begin() as conn:
            conn.execute(sa.update(tables.version).values(created_at="2026-01-01T00:00:00.000000Z"))
    if how == "hand":
        world.loop.open_by_hand(who="ann", why="new cameras", retrain=True)
    story.go_to("closed")
    case = story.case
    assert (case.signal, case.verdict, case.outcome) == (None, None, "promoted")
    assert purposes(world, case.id).keys() == {"comparison", "watch"}
    assert champions(world) == ["light-1", "light-2"]
    manifest = world.project.data.manifest(world.project.models.model("light-2").version)
    keys = [manifest.row(int(i)).key for i in manifest.select("train", labelled=True)]
    assert sum(key.startswith("theirs/") for key in keys) >= 15
    for _ in range(6):  # nothing new to learn: no further turn
        world.serve(25, glass=0.5)
        story.tick()
    assert len(world.loop.cases()) == 1


@pytest.mark.slow
def test_a_turn_without_an_alarm_gives_way_to_one(story: Story) -> None:
    world = story.world
    world.policy(triggers={"new_labels": 10})
    label_glasses(world, 10)
    story.go_to("shadow", glass=0.0)
    story.go(lambda: world.loop.cases()[-1].stage == "closed", answer=False)
    assert world.loop.cases()[-1].outcome == "cancelled"
    assert "an alarm goes first" in world.loop.cases()[-1].reason
    story.go(lambda: len(world.loop.cases()) == 2)
    assert story.case.signal is not None
    assert world.project.models.alias("challenger") is None


@pytest.mark.slow
def test_a_real_but_faint_change_is_not_declared_normal_in_haste(story: Story) -> None:
    world = story.world
    for _ in range(10):
        world.serve(20)
    world.loop.open_by_hand(who="ann", why="look")
    for _ in range(8):
        world.serve(25)
        story.tick()
    assert story.case.stage == "diagnose"
    assert story.case.waiting_for == "more predictions since the change"
    story.go_to("closed", glass=0.0)
    assert "no slice" in story.case.reason
    rows = evidence.rows_since_change(world.loop._rooms, world.loop._cases, story.case)
    assert rows is not None
    assert len(rows) >= evidence.CLEAR_ROWS


def test_one_workspace_many_projects(story: Story, tmp_path: Path) -> None:
    world = story.world
    other = world.workspace.create_project("other", classes=("a", "b"))
    other.loop.tick()
    story.go_to("verdict")
    other.loop.tick()
    assert other.loop.cases() == []
    assert story.case.project == PROJECT
