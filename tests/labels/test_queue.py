"""The labelling queue: asked once, leased to one, answered once, and nothing that was said lost."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from autofocus.data.dataset import Dataset, NewImage
from autofocus.errors import Conflict, InvalidInput, NotFound
from autofocus.labels.queue import Labels, Question
from autofocus.store import tables
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore
from autofocus.types.data import Tag

Draw = Callable[..., bytes]


def questions(
    picture: Draw, count: int = 3, *, case: str | None = "eyes-case-1", purpose: str = "verdict"
) -> list[Question]:
    return [
        Question(
            id=f"{case}/{purpose}/{i}", key=f"{i}.png",
            sha256=hashlib.sha256(picture(i)).hexdigest(), reason="drawn at random",
            purpose=purpose, priority=float(i), propensity=0.25, case=case, suggestion="open",
            suggestion_confidence=0.6, details={"place": i},
        )
        for i in range(count)
    ]  # fmt: skip


def kinds(labels: Labels) -> list[str]:
    with labels._database.read() as conn:
        return list(
            conn.execute(sa.select(tables.event.c.kind).order_by(tables.event.c.id)).scalars()
        )


def test_what_was_asked_is_not_asked_again(labels: Labels, picture: Draw) -> None:
    assert labels.request(questions(picture, 3)) == 3
    assert labels.request(questions(picture, 5)) == 2
    assert labels.request(questions(picture, 5)) == 0
    assert labels.request([]) == 0
    page = labels.queue()
    assert [t.key for t in page.items] == ["4.png", "3.png", "2.png", "1.png", "0.png"]
    assert (page.items[0].reason, page.items[0].propensity) == ("drawn at random", 0.25)
    first = labels.queue(limit=2)
    assert first.next_cursor is not None
    rest = labels.queue(limit=3, cursor=first.next_cursor)
    assert [t.key for t in (*first.items, *rest.items)] == [t.key for t in page.items]
    assert labels.queue(case="eyes-case-2").items == ()


def test_a_question_and_what_led_to_it_are_one_transaction(labels: Labels, picture: Draw) -> None:
    def crash_after_asking() -> None:
        with labels._database.begin() as conn:
            labels.request(questions(picture), conn=conn)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        crash_after_asking()
    assert labels.queue().items == ()
    assert kinds(labels) == []


def test_an_answer_is_a_label_with_its_history(labels: Labels, picture: Draw) -> None:
    labels.request(questions(picture))
    task = labels.next("ada")
    assert task is not None
    assert (task.key, task.state, task.assignee, task.suggestion) == (
        "2.png", "leased", "ada", "open",
    )  # fmt: skip
    annotation = labels.answer(task.id, "closed", "ada", seconds=1.5)
    assert (annotation.label, annotation.author, annotation.case, annotation.seconds) == (
        Tag("closed"), "ada", "eyes-case-1", 1.5,
    )  # fmt: skip
    assert labels._dataset.sample("2.png").label == Tag("closed")
    assert labels.task(task.id).state == "done"
    assert labels.progress("eyes-case-1", "verdict") == {
        "open": 2, "leased": 0, "done": 1, "skipped": 0, "cancelled": 0,
    }  # fmt: skip
    assert kinds(labels) == ["labels.requested", "labels.answered"]


def test_the_same_answer_twice_is_one_answer(labels: Labels, picture: Draw) -> None:
    (question,) = questions(picture, 1)
    labels.request([question])
    first = labels.answer(question.id, "open", "ada", request="tab-1")
    assert labels.answer(question.id, "open", "ada", request="tab-1") == first
    assert labels.answer(question.id, "open", "ada") == first
    assert len(labels.history("0.png")) == 1
    assert kinds(labels).count("labels.answered") == 1
    with pytest.raises(Conflict, match=r"saved open for 0.png"):
        labels.answer(question.id, "closed", "ada", request="tab-1")


def test_an_answer_can_be_taken_back_and_nothing_is_lost(labels: Labels, picture: Draw) -> None:
    (question,) = questions(picture, 1)
    labels.request([question])
    first = labels.answer(question.id, "open", "ada", request="one")
    second = labels.answer(question.id, "closed", "grace", request="two")
    # A late repetition of the first request is not a third answer.
    assert labels.answer(question.id, "open", "ada", request="one").id == first.id
    history = labels.history("0.png")
    assert [(a.label.label, a.author, a.rev_to) for a in history] == [
        ("closed", "grace", None),
        ("open", "ada", second.rev_from),
    ]
    (answered,) = labels.answers("eyes-case-1")
    assert (answered.label, answered.author, answered.propensity) == ("closed", "grace", 0.25)
    assert answered.details == {"place": 0}
    assert labels._dataset.sample("0.png").label == Tag("closed")


def test_answers_come_in_the_order_they_were_first_given(labels: Labels, picture: Draw) -> None:
    asked = questions(picture, 3)
    labels.request(asked)
    for i in (1, 0, 2):
        labels.answer(asked[i].id, "open", "ada")
    labels.answer(asked[1].id, "closed", "ada")
    assert [(a.key, a.label) for a in labels.answers("eyes-case-1", purpose="verdict")] == [
        ("1.png", "closed"), ("0.png", "open"), ("2.png", "open"),
    ]  # fmt: skip
    assert labels.answers("eyes-case-1", purpose="training") == []


def test_wrong_answers_are_refused(labels: Labels, picture: Draw) -> None:
    (question,) = questions(picture, 1)
    labels.request([question])
    with pytest.raises(InvalidInput, match="'squint' is not declared") as wrong:
        labels.answer(question.id, "squint", "ada")
    assert "open, closed" in wrong.value.hint
    with pytest.raises(InvalidInput, match="author"):
        labels.answer(question.id, "open", "")
    with pytest.raises(InvalidInput, match="Source"):
        labels.answer(question.id, "open", "ada", source="rumour")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no labelling task"):
        labels.answer("nothing", "open", "ada")
    with pytest.raises(InvalidInput, match="State"):
        labels.queue(state="lost")
    assert labels.task(question.id).state == "open"


def test_an_answer_is_about_the_picture_that_was_shown(labels: Labels, picture: Draw) -> None:
    asked = questions(picture, 2)
    labels.request(asked)
    labels._dataset.add_images([NewImage("0.png", picture(77), "pool")])
    with pytest.raises(Conflict, match="replaced by another"):
        labels.answer(asked[0].id, "open", "ada")
    labels._dataset.delete(["1.png"])
    assert labels.task(asked[1].id).state == "cancelled"
    with pytest.raises(Conflict, match="withdrawn"):
        labels.answer(asked[1].id, "open", "ada")


def test_skipped_and_withdrawn_questions(labels: Labels, picture: Draw) -> None:
    asked = questions(picture, 3)
    labels.request(asked)
    labels.skip(asked[0].id, "ada", "too dark")
    labels.answer(asked[1].id, "open", "ada")
    with pytest.raises(Conflict, match="done"):
        labels.skip(asked[1].id, "ada")
    assert labels.cancel("eyes-case-1") == 1
    assert labels.next("ada") is None
    assert labels.progress("eyes-case-1") == {
        "open": 0, "leased": 0, "done": 1, "skipped": 1, "cancelled": 1,
    }  # fmt: skip
    assert labels.answer(asked[0].id, "closed", "grace").author == "grace"  # better eyes
    with pytest.raises(Conflict, match="withdrawn"):
        labels.answer(asked[2].id, "open", "ada")


def test_a_lease_runs_out(labels: Labels, picture: Draw) -> None:
    labels.request(questions(picture, 1))
    first = labels.next("ada", lease_seconds=-1.0)
    assert first is not None
    assert [t.id for t in labels.queue().items] == [first.id]
    second = labels.next("grace")
    assert second is not None
    assert (second.id, second.assignee) == (first.id, "grace")
    assert labels.next("ada") is None
    # Who comes late may answer all the same; the label is worth more than the lease.
    assert labels.answer(first.id, "open", "ada").label == Tag("open")


def _work(url: str, store: str, name: str, start: object, given: object) -> None:
    """An annotator in a process of its own."""
    database = Database.open(url)
    objects = ObjectStore.open(store)
    dataset = Dataset(
        database, objects, PackStore(database, objects), "eyes", classes=("open", "closed")
    )
    labels = Labels(database, dataset, "eyes")
    start.wait()  # type: ignore[attr-defined]
    while (task := labels.next(name)) is not None:
        labels.answer(task.id, "open", name)
        given.put((name, task.id))  # type: ignore[attr-defined]
    database.close()


@pytest.mark.parametrize("count", [2])
def test_two_processes_never_get_the_same_task(
    labels: Labels, tmp_path: Path, picture: Draw, count: int
) -> None:
    for purpose in ("verdict", "training", "comparison"):
        labels.request(questions(picture, 10, purpose=purpose))
    context = multiprocessing.get_context("spawn")
    start, given = context.Barrier(count), context.Queue()
    url = labels._database.engine.url.render_as_string(hide_password=False)
    workers = [
        context.Process(target=_work, args=(url, str(tmp_path / "store"), f"w{i}", start, given))
        for i in range(count)
    ]
    for worker in workers:
        worker.start()
    done = [given.get(timeout=60) for _ in range(30)]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert len({task for _, task in done}) == 30
    assert labels.stats()["tasks"]["done"] == 30
    with labels._database.read() as conn:
        current = conn.execute(
            sa.select(sa.func.count()).where(tables.annotation.c.rev_to.is_(None))
        ).scalar_one()
    assert current == 10


def test_two_answers_at_once_leave_one_label_in_force(labels: Labels, picture: Draw) -> None:
    (question,) = questions(picture, 1)
    labels.request([question])
    start = threading.Barrier(4)
    troubles: list[Exception] = []

    def answer(number: int) -> None:
        start.wait()
        try:
            labels.answer(question.id, ("open", "closed")[number % 2], f"w{number}")
        except Conflict as error:
            troubles.append(error)

    threads = [threading.Thread(target=answer, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    history = labels.history("0.png")
    assert [a.rev_to is None for a in history].count(True) == 1
    starts = [a.rev_from for a in history]
    assert starts == sorted(starts, reverse=True)
    assert labels.task(question.id).state == "done"


def test_direct_labels(labels: Labels) -> None:
    first = labels.label("3.png", "open", "ada", request="a")
    assert labels.label("3.png", "open", "ada", request="a") == first
    labels.label("3.png", "closed", "grace")
    assert [a.label.label for a in labels.history("3.png")] == ["closed", "open"]
    assert labels.history("4.png") == []
    with pytest.raises(NotFound, match=r"99.png"):
        labels.history("99.png")
    with pytest.raises(NotFound, match=r"99.png"):
        labels.label("99.png", "open", "ada")
    stats = labels.stats()
    assert stats["classes"] == {"closed": 1}
    assert stats["authors"] == {"grace": 1}
    assert kinds(labels) == ["labels.answered"] * 2


def test_labels_come_in_by_path_then_stem(labels: Labels, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "file,label\n0.png,open\n1,closed\n2.jpg,open\n3.png,squint\n4.png,\n"
        "77.png,open\n5.png,open\n5.png,closed\n"
    )
    report = labels.import_labels(path, author="ada")
    assert (report.labelled, report.unchanged, report.unmatched_labels) == (3, 0, ("77.png",))
    assert {s.path for s in report.skipped} == {"3.png", "4.png", "5.png"}
    assert labels.import_labels(path, author="ada").unchanged == 3
    assert labels._dataset.sample("1.png").label == Tag("closed")
    assert kinds(labels) == ["labels.answered"]
    labels.label("0.png", "closed", "grace")
    assert labels.export(tmp_path / "out.csv") == 3
    with pytest.raises(Conflict, match="exists"):
        labels.export(tmp_path / "out.csv")
    labels.label("0.png", "open", "ada")
    back = labels.import_labels(tmp_path / "out.csv", author="ada")
    assert (back.labelled, back.unchanged) == (1, 2)


def test_labels_that_fit_nothing(labels: Labels, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("file,label\n0.png,Open\n")
    with pytest.raises(InvalidInput, match=r"Not one class of labels.csv is declared"):
        labels.import_labels(path, author="ada")
    path.write_text("file,colour\n0.png,red\n")
    with pytest.raises(InvalidInput, match="no column of classes"):
        labels.import_labels(path, author="ada")
    with pytest.raises(NotFound, match="nowhere"):
        labels.import_labels(tmp_path / "nowhere.csv", author="ada")
    with pytest.raises(InvalidInput, match="folder"):
        labels.import_labels(tmp_path, author="ada")


def test_an_answer_taken_back_is_asked_again_and_stays_in_history(
    labels: Labels, picture: Draw
) -> None:
    labels.label("0.png", "closed", "bob")
    labels.request(questions(picture, 2))
    labels.answer("eyes-case-1/verdict/0", "open", "ann", request="r1")
    labels.skip("eyes-case-1/verdict/1", "ann")
    for number in (0, 1):
        task = labels.reopen(f"eyes-case-1/verdict/{number}", "ann")
        assert task.state == "open"
        assert labels.reopen(task.id, "ann") == task  # once more changes nothing
    in_force = [a for a in labels.history("0.png") if a.rev_to is None]
    assert [(a.label, a.author) for a in in_force] == [(Tag("closed"), "bob")]
    assert [a.author for a in labels.history("0.png")] == ["bob", "ann", "bob"]
    assert {t.key for t in labels.queue().items} == {"0.png", "1.png"}
    labels.answer("eyes-case-1/verdict/0", "open", "ann", request="r2")
    assert labels.history("0.png")[0].label == Tag("open")


def test_an_answer_that_a_closed_case_used_is_not_taken_back(labels: Labels, picture: Draw) -> None:
    with labels._database.begin() as conn:
        conn.execute(
            sa.insert(tables.case).values(
                id="eyes-case-1", project="eyes", number=1, stage="closed", model="eyes-1",
                trigger="a test", evidence={}, opened_at="2026-01-01T00:00:00.000000Z",
            )
        )  # fmt: skip
    labels.request(questions(picture, 1))
    labels.answer("eyes-case-1/verdict/0", "open", "ann")
    with pytest.raises(Conflict, match="ended"):
        labels.reopen("eyes-case-1/verdict/0", "ann")
    with pytest.raises(NotFound):
        labels.reopen("none", "ann")
