"""Many decisions as one: all or none, once, and never over somebody else's."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from test_queue import Draw, questions

from autofocus.errors import Conflict, InvalidInput, NotFound
from autofocus.labels.batch import Decision
from autofocus.labels.queue import Labels
from autofocus.store import tables
from autofocus.types.data import Tag

ASK = "eyes-case-1/verdict/"


def answers(count: int, label: str = "open", **rest: object) -> list[Decision]:
    return [Decision(f"{ASK}{i}", "answer", label, **rest) for i in range(count)]  # type: ignore[arg-type]


def number_of(labels: Labels, table: sa.Table) -> int:
    with labels._database.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_a_batch_is_answered_skipped_and_taken_back(labels: Labels, picture: Draw) -> None:
    labels.request(questions(picture, 6))
    done = labels.decide([*answers(3), Decision(f"{ASK}4", "skip", reason="blurred")], "ann", "one")
    assert (done.answered, done.skipped, done.reopened) == (3, 1, 0)
    assert sorted(done.annotations) == [f"{ASK}{i}" for i in range(3)]
    assert {a.label for i in range(3) for a in labels.history(f"{i}.png")} == {Tag("open")}
    assert labels.stats()["tasks"]["skipped"] == 1
    back = labels.decide([Decision(f"{ASK}{i}", "reopen") for i in (0, 1, 4)], "ann", "two")
    assert back.reopened == 3
    # They are the author's again, who wants to answer them anew, and nobody else's.
    tasks = labels.stats()["tasks"]
    assert (tasks["open"], tasks["leased"]) == (2, 3)
    assert [t.id for t in labels.lease("bob")] == [f"{ASK}5", f"{ASK}3"]
    assert len(labels.history("0.png")) == 1  # taken back, not forgotten


def test_the_same_batch_again_changes_nothing(labels: Labels, picture: Draw) -> None:
    labels.request(questions(picture, 4))
    first = labels.decide(answers(4), "ann", "one")
    counts = [number_of(labels, t) for t in (tables.annotation, tables.event)]
    again = labels.decide(answers(4), "ann", "one")
    assert again.repeated
    assert again.annotations == first.annotations
    assert [number_of(labels, t) for t in (tables.annotation, tables.event)] == counts
    # Also where something else happened since: an old message that arrives late undoes nothing.
    labels.decide([Decision(f"{ASK}0", "reopen")], "ann", "two")
    labels.decide(answers(4), "ann", "one")
    assert labels.task(f"{ASK}0").state == "leased"
    with pytest.raises(Conflict, match="saved other decisions"):
        labels.decide(answers(3), "ann", "one")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ([Decision("nobody", "answer", "open")], NotFound),
        ([Decision(f"{ASK}1", "answer", "shut")], InvalidInput),
        ([Decision(f"{ASK}1")], InvalidInput),
        ([Decision(f"{ASK}0", "skip")], InvalidInput),  # twice in one batch
        ([Decision(f"{ASK}1", "burn")], InvalidInput),  # type: ignore[arg-type]
        (answers(1001), InvalidInput),
    ],
)
def test_one_bad_decision_saves_none(
    labels: Labels, picture: Draw, bad: list[Decision], error: type[Exception]
) -> None:
    labels.request(questions(picture, 3))
    with pytest.raises(error):
        labels.decide([*answers(1), *bad], "ann", "one")
    assert number_of(labels, tables.annotation) == 0
    assert labels.task(f"{ASK}0").state == "open"


def test_what_somebody_else_said_is_never_overwritten(labels: Labels, picture: Draw) -> None:
    labels.request(questions(picture, 3))
    bob = labels.decide(answers(1, "closed", seen=0), "bob", "b")
    with pytest.raises(Conflict, match=r"bob says closed for 0\.png") as caught:
        labels.decide(answers(3, "open", seen=0), "ann", "a")
    (met,) = caught.value.context["conflicts"]
    assert (met["yours"], met["label"], met["author"]) == ("open", "closed", "bob")
    assert labels.stats()["tasks"]["done"] == 1
    for decision in (Decision(f"{ASK}0", "skip"), Decision(f"{ASK}0", "reopen")):
        with pytest.raises(Conflict):
            labels.decide([decision], "ann", f"a-{decision.do}")
    # Who agrees is no conflict, and who has seen the other answer may correct it.
    labels.decide(answers(1, "closed", seen=0), "ann", "agree")
    labels.decide(answers(1, "open", seen=bob.annotations[f"{ASK}0"]), "ann", "correct")
    assert [(a.author, a.label.label) for a in labels.history("0.png")] == [
        ("ann", "open"),
        ("bob", "closed"),
    ]


def test_an_answer_after_an_undo_is_no_conflict(labels: Labels, picture: Draw) -> None:
    before = labels.label("0.png", "closed", "import")
    labels.request(questions(picture, 1))
    labels.decide(answers(1, "open", seen=before.id), "ann", "1")
    labels.decide([Decision(f"{ASK}0", "reopen")], "ann", "2")
    labels.decide(answers(1, "open", seen=before.id), "ann", "3")
    assert labels.history("0.png")[0].label == Tag("open")


def test_shares_do_not_overlap_expire_and_are_renewed(labels: Labels, picture: Draw) -> None:
    labels.request(questions(picture, 6))
    ann = [t.id for t in labels.lease("ann", limit=3)]
    bob = [t.id for t in labels.lease("bob", limit=10)]
    assert ann == [f"{ASK}{i}" for i in (5, 4, 3)]
    assert bob == [f"{ASK}{i}" for i in (2, 1, 0)]
    assert [t.id for t in labels.lease("ann", limit=5)] == ann  # renewed, nothing else is free
    labels.decide([Decision(ann[0], "answer", "open")], "ann", "1")
    assert labels.release("bob") == 3
    assert [t.id for t in labels.lease("ann", limit=5)] == [*ann[1:], *bob]
    labels.lease("ann", limit=5, lease_seconds=1e-6)
    assert [t.id for t in labels.lease("bob", limit=9)] == [*ann[1:], *bob]
    for limit, seconds in ((0, 1.0), (1001, 1.0), (1, 0.0)):
        with pytest.raises(InvalidInput):
            labels.lease("ann", limit=limit, lease_seconds=seconds)
