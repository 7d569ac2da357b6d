"""The assistant: learns beside people, suggests, puts the queue in order, counts how it does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from test_quality import Brightness, photo
from typer.testing import CliRunner

from autofocus.api.app import create_app
from autofocus.cli.main import app
from autofocus.data.dataset import NewImage
from autofocus.data.embeddings import Embedder
from autofocus.errors import InvalidInput
from autofocus.labels.batch import Decision
from autofocus.labels.queue import Question
from autofocus.store import tables
from autofocus.workspace.workspace import Project, Workspace

COUNT = 80
AT = "/api/projects/eyes/labels"


def bright(key: str) -> bool:
    return int(key[:3]) % 2 == 0


def truth(key: str) -> str:
    return "open" if bright(key) else "closed"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Eighty photographs that nobody labelled: the bright ones are open."""
    with Workspace.open(tmp_path / "w") as workspace:
        made = workspace.create_project("eyes", classes=["open", "closed"])
        made.data.add_images(
            [NewImage(f"{i:03}.png", photo(i, i % 2 == 0), "pool") for i in range(COUNT)]
        )
        yield made


def answer(project: Project, count: int, who: str = "ann", name: str = "one") -> None:
    """The most useful questions, answered rightly."""
    tasks = project.labels.share(who, limit=count).tasks
    project.labels.decide(
        [Decision(t.id, "answer", truth(t.key), seen=0) for t in tasks], who, name
    )


def test_images_without_a_label_are_asked_about_once(project: Project) -> None:
    project.labels.label("000.png", "open", "ann")
    asked = project.labels.ask(author="ann")
    assert (asked.found, asked.asked) == (COUNT - 1, COUNT - 1)
    assert project.labels.ask(author="bob").asked == 0
    tasks = project.labels.queue(limit=100).items
    assert {t.purpose for t in tasks} == {"manual"}
    assert {t.suggestion for t in tasks} == {None}
    # Mixed: the first ten are of both classes.
    assert len({truth(t.key) for t in tasks[:10]}) == 2
    # By name also where there is a label, and anew after every label.
    assert project.labels.ask(keys=["000.png"], author="ann").asked == 1
    assert project.labels.ask(keys=["000.png"], author="ann").asked == 0
    project.labels.label("000.png", "closed", "bob")
    assert project.labels.ask(keys=["000.png"], author="ann").asked == 1
    with pytest.raises(InvalidInput, match=r"no image 'x\.png'"):
        project.labels.ask(keys=["x.png"], author="ann")


def test_ten_labels_teach_it_and_its_record_is_kept(project: Project) -> None:
    project.labels.ask(author="ann")
    assert project.assistant.status().needed == 10
    answer(project, 9)
    assert not project.assistant.due()
    with pytest.raises(InvalidInput, match="here are 9 of 2"):
        project.assistant.work()
    answer(project, 1, name="two")
    assert project.assistant.due()
    learnt = project.assistant.work()
    assert (learnt.state, learnt.trained_on, learnt.classes) == ("ready", 10, ("closed", "open"))
    assert (learnt.suggested, learnt.open) == (COUNT - 10, COUNT - 10)
    assert learnt.agreement is None
    assert not project.assistant.due()
    tasks = project.labels.queue(limit=100).items
    assert all(t.suggestion == truth(t.key) for t in tasks)
    assert {t.suggested_by for t in tasks} == {"assistant-10"}
    assert all(0.5 <= (t.suggestion_confidence or 0) <= 1 for t in tasks)
    assert [t.priority for t in tasks] == sorted((t.priority for t in tasks), reverse=True)

    # Nine answers as foretold, one otherwise.
    first = project.labels.share("ann", limit=10).tasks
    labels = [truth(t.key) for t in first[:9]] + ["open" if not bright(first[9].key) else "closed"]
    project.labels.decide(
        [Decision(t.id, "answer", said) for t, said in zip(first, labels, strict=True)],
        "ann", "three",
    )  # fmt: skip
    assert project.assistant.status().agreement == pytest.approx(0.9)
    # An accepted suggestion keeps whose it was, another answer is the annotator's alone.
    accepted, other = (project.labels.history(first[i].key)[0] for i in (0, 9))
    assert (accepted.suggested_by, accepted.author) == ("assistant-10", "ann")
    assert accepted.confidence == first[0].suggestion_confidence
    assert (other.suggested_by, other.confidence) == (None, None)
    assert project.assistant.due()
    assert project.assistant.work().trained_on == 20


def test_the_same_labels_give_the_same_suggestions(project: Project) -> None:
    def suggestions() -> list[object]:
        columns = tables.label_task.c
        with project.workspace.database.read() as conn:
            return [
                tuple(row)
                for row in conn.execute(
                    sa.select(columns.id, columns.opinion, columns.opinion_confidence,
                              columns.priority, columns.disagreement).order_by(columns.id)
                )
            ]  # fmt: skip

    project.labels.ask(author="ann")
    answer(project, 12)
    project.assistant.work()
    first = suggestions()
    project.assistant.work()
    assert suggestions() == first
    trained = [e for e in project.workspace.latest_events() if e["kind"] == "assistant.trained"]
    assert len(trained) == 1  # learning the same again is no news
    assert trained[0]["body"]["trained_on"] == 12


def test_a_champions_word_stays_and_is_contradicted_where_it_is_wrong(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mistaken(Brightness):
        """Sees well and answers the wrong way round."""

        def predict(self, images: object) -> object:  # type: ignore[override]
            seen = super().predict(images)  # type: ignore[arg-type]
            return type(seen)(1 - seen.probabilities, seen.embedding, seen.whitened)

    made = Embedder("eyes-1", "a" * 64, ("open", "closed"), Mistaken)  # type: ignore[arg-type]
    monkeypatch.setattr(project.data.embeddings, "_embedder", lambda: made)
    project.data.embeddings.compute()
    for i in range(12):
        project.labels.label(f"{i:03}.png", truth(f"{i:03}.png"), "ann")
    project.labels.ask(author="ann")
    assert project.assistant.work().through == "eyes-1"
    tasks = project.labels.queue(order="disagreement", limit=100).items
    assert {t.suggested_by for t in tasks} == {"eyes-1"}
    assert all(t.suggestion != truth(t.key) for t in tasks)
    assert all(t.opinion == truth(t.key) for t in tasks)
    assert [t.disagreement for t in tasks] == sorted(
        (t.disagreement for t in tasks), key=lambda d: -(d or 0)
    )
    assert (tasks[0].disagreement or 0) > 0.2


def test_questions_that_judge_a_model_stay_blind(project: Project) -> None:
    project.labels.ask(author="ann")
    sample = project.data.sample("001.png")
    project.labels.request(
        [Question("blind", "001.png", sample.sha256, "drawn at random", "verdict", priority=9.0)]
    )
    answer(project, 12)
    project.labels.reopen(project.labels.queue(state="done", case=None).items[0].id, "ann")
    project.assistant.work()
    blind = project.labels.task("blind")
    assert (blind.suggestion, blind.opinion) == (None, None)


def test_what_cannot_be_seen_does_not_keep_it_busy(project: Project) -> None:
    project.labels.ask(author="ann")
    answer(project, 12)
    lost = project.labels.queue().items[0]
    with project.workspace.database.begin() as conn:
        conn.execute(
            sa.update(tables.blob)
            .where(tables.blob.c.sha256 == lost.sha256)
            .values(pack="", uri="")
        )
    assert project.assistant.work().suggested == COUNT - 13
    assert not project.assistant.due()
    project.data.add_images([NewImage("100.png", photo(100, True), "pool")])
    project.labels.ask(author="ann")
    assert project.assistant.due()


def test_orders_of_work_and_kinds(project: Project) -> None:
    labels = project.labels
    labels.ask(author="ann")
    answer(project, 12)
    project.assistant.work()
    sure = labels.queue(order="sure", limit=100).items
    steps = [round((t.suggestion_confidence or 0) / 0.05 - 0.5) for t in sure]
    assert steps == sorted(steps, reverse=True)
    for step in set(steps):  # within a step, alike stand together
        named = [t.suggestion for t, s in zip(sure, steps, strict=True) if s == step]
        assert named == sorted(named, key=str)
    unsure = labels.queue(order="unsure", limit=100).items
    assert [t.suggestion_confidence for t in unsure] == sorted(
        t.suggestion_confidence or 0 for t in unsure
    )
    with pytest.raises(InvalidInput, match="Order 'best'"):
        labels.queue(order="best")
    sample = project.data.sample("000.png")
    labels.request([Question("r", "000.png", sample.sha256, "why", "review")])
    assert [t.id for t in labels.queue(kind="review").items] == ["r"]
    assert "r" not in {t.id for t in labels.queue(kind="label", limit=100).items}
    with pytest.raises(InvalidInput, match="Kind 'odd'"):
        labels.queue(kind="odd")


def test_shares_grow_are_counted_and_given_back_in_part(project: Project) -> None:
    labels = project.labels
    labels.ask(author="ann")
    ann = labels.share("ann", limit=10)
    more = labels.share("ann", limit=5, more=True)
    assert {t.id for t in ann.tasks}.isdisjoint(t.id for t in more.tasks)
    assert (more.mine, more.open, more.others) == (15, COUNT - 15, 0)
    bob = labels.share("bob", limit=20, order="unsure")
    assert (bob.mine, bob.open, bob.others) == (20, COUNT - 35, 15)
    assert labels.release("ann", [t.id for t in ann.tasks[:3]]) == 3
    assert labels.release("ann", [bob.tasks[0].id]) == 0  # not hers
    assert labels.renew("ann") == 12
    project.labels.decide([Decision(ann.tasks[5].id, "skip", reason="flagged")], "ann", "x")
    (aside,) = labels.queue(state="skipped").items
    assert aside.set_aside == "flagged"


def test_over_http_and_on_the_command_line(project: Project) -> None:
    client = TestClient(create_app(project.workspace), base_url="http://127.0.0.1:8700")
    asked = client.post(f"{AT}/ask", json={"author": "ann", "limit": 60}).json()
    assert asked == {"found": 60, "asked": 60}
    assert client.get(f"{AT}/assistant").json()["state"] == "waiting"
    assert client.post(f"{AT}/assistant").status_code == 422
    answer(project, 12)
    assert client.post(f"{AT}/assistant").status_code == 202
    deadline = time.monotonic() + 60
    while (found := client.get(f"{AT}/assistant").json())["state"] != "ready":
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert (found["trained_on"], found["suggested"], found["problem"]) == (12, 48, "")
    share = client.post(f"{AT}/lease", json={"annotator": "ann", "order": "sure"}).json()
    assert (share["mine"], len(share["items"])) == (48, 48)
    assert share["items"][0]["suggested_by"] == "assistant-12"
    assert client.post(f"{AT}/renew", json={"annotator": "ann"}).json() == {"renewed": 48}
    one = [share["items"][0]["id"]]
    released = client.post(f"{AT}/release", json={"annotator": "ann", "tasks": one}).json()
    assert released == {"released": 1}

    def run(*words: str) -> str:
        root = str(project.workspace.root)
        done = CliRunner().invoke(app, ["--workspace", root, "--project", "eyes", *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert "Trained on 12 images through edges and colours" in run("labels", "assistant")
    assert "20 new questions about 68 images, 48 were" in run("labels", "ask", "--limit", "68")
    told = json.loads(run("--json", "labels", "assistant", "--train"))
    assert told["suggested"] == told["open"]
