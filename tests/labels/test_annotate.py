"""A whole label saved for an image: once, inside the rules, never over somebody else's."""

from __future__ import annotations

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
from autofocus.types import rle
from autofocus.types.data import Annotation, Label, Tag
from autofocus.types.geometry import Box, Polygon, Shape, Shapes

Draw = Callable[..., bytes]


def car(x: float, name: str = "a1", **more: object) -> Shapes:
    return Shapes((Shape(name, "car", Box(x, 2, 4, 4), **more),))  # type: ignore[arg-type]


@pytest.fixture
def cars(database: Database, new_dataset: Callable[..., Dataset], picture: Draw) -> Labels:
    """A detection project with the images 0.png .. 3.png of 16 x 16 pixels."""
    dataset = new_dataset("cars", ("car", "bus"), "detection")
    dataset.add_images([NewImage(f"{i}.png", picture(i), "pool") for i in range(4)])
    return Labels(database, dataset, "cars")


def ask(labels: Labels, key: str, name: str, case: str | None = None) -> None:
    sha256 = labels._dataset.sample(key).sha256
    labels.request([Question(name, key, sha256, "by hand", "training", case=case)])


def rows(labels: Labels) -> int:
    with labels._database.read() as conn:
        query = sa.select(sa.func.count()).select_from(tables.annotation)
        return int(conn.execute(query).scalar_one())


def test_every_save_is_kept_and_the_last_is_in_force(cars: Labels) -> None:
    assert cars.annotation("0.png") is None
    first = cars.annotate("0.png", car(1), "ann", seen=0, request="r1", seconds=3.5)
    assert (first.label, first.author, first.source, first.seconds) == (car(1), "ann", "human", 3.5)
    second = cars.annotate("0.png", Shapes(), "ann", seen=first.id, request="r2")
    assert cars.annotation("0.png") == second
    assert [a.label for a in cars.history("0.png")] == [Shapes(), car(1)]
    assert second.rev_to is None
    assert cars.history("0.png")[1].rev_to == second.rev_from
    assert cars._dataset.sample("0.png").label == Shapes()


def test_all_three_kinds_of_shape_are_taken(cars: Labels) -> None:
    label = Shapes(
        (
            Shape("b", "car", Box(-0.5, 0, 16.5, 16.5), {"occluded": True}, crowd=True),
            Shape("p", "bus", Polygon((((0, 0), (5, 0), (0, 5)), ((9, 9), (16, 9), (9, 16))))),
            Shape("m", "bus", rle.draw(Box(0, 0, 3, 3), 16, 16)),
        ),
        ("night",),
    )
    cars.annotate("0.png", label, "ann", seen=0, request="r")
    found = cars.annotation("0.png")
    assert found is not None
    assert found.label == label


def test_the_same_request_twice_is_saved_once(cars: Labels) -> None:
    first = cars.annotate("0.png", car(1), "ann", seen=0, request="r1")
    assert cars.annotate("0.png", car(1), "ann", seen=0, request="r1") == first
    # Somebody saves over it; a late repetition undoes nothing and does not hide it.
    other = cars.annotate("0.png", car(3), "bob", seen=first.id, request="r2")
    late = cars.annotate("0.png", car(1), "ann", seen=0, request="r1")
    assert (late.id, late.rev_to) == (first.id, other.rev_from)
    assert cars.annotation("0.png") == other
    with pytest.raises(Conflict, match="saved another label"):
        cars.annotate("0.png", car(2), "ann", seen=other.id, request="r1")
    with pytest.raises(Conflict, match="saved another label"):
        cars.annotate("1.png", car(1), "ann", seen=0, request="r1")
    assert rows(cars) == 2


def test_the_same_label_by_the_same_person_is_no_new_one(cars: Labels) -> None:
    first = cars.annotate("0.png", car(1), "ann", seen=0, request="r1")
    assert cars.annotate("0.png", car(1), "ann", seen=first.id, request="r2") == first
    # Another person's yes to it is worth a row.
    assert cars.annotate("0.png", car(1), "bob", seen=first.id, request="r3").author == "bob"
    assert rows(cars) == 2


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(cars: Labels) -> None:
    bob = cars.annotate("0.png", car(1), "bob", seen=0, request="b")
    with pytest.raises(Conflict, match=r"While you looked at 0\.png, bob saved one") as caught:
        cars.annotate("0.png", car(2), "ann", seen=0, request="a")
    told = caught.value.context["annotation"]
    assert (told["id"], told["author"], told["label"]["kind"]) == (bob.id, "bob", "shapes")
    assert cars.annotation("0.png") == bob
    # Who draws the same is no enemy, and who has seen it may change it.
    assert cars.annotate("0.png", car(1), "ann", seen=0, request="a2").author == "ann"
    assert cars.annotate("0.png", car(2), "ann", request="a3").label == car(2)  # no check asked


def test_a_label_that_was_taken_away_is_a_conflict_without_an_annotation(
    cars: Labels, picture: Draw
) -> None:
    seen = cars.annotate("0.png", car(1), "ann", request="a")
    cars._dataset.add_images([NewImage("0.png", picture(99), "pool", move=True)])  # other bytes
    with pytest.raises(Conflict, match="took the label away") as caught:
        cars.annotate("0.png", car(2), "ann", seen=seen.id, request="b")
    assert caught.value.context["annotation"] is None


def test_of_two_who_save_at_once_one_is_told(cars: Labels) -> None:
    ends: list[Annotation | Conflict] = []
    start = threading.Barrier(2)

    def save(who: str, x: float) -> None:
        start.wait()
        try:
            ends.append(cars.annotate("0.png", car(x), who, seen=0, request=who))
        except Conflict as error:
            ends.append(error)

    threads = [threading.Thread(target=save, args=pair) for pair in (("ann", 1), ("bob", 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    saved = [end for end in ends if isinstance(end, Annotation)]
    assert len(saved) == 1
    assert cars.annotation("0.png") == saved[0]
    assert rows(cars) == 1


def test_open_questions_about_the_image_are_answered(cars: Labels) -> None:
    ask(cars, "0.png", "cars-case-1/a", case="cars-case-1")
    ask(cars, "0.png", "by-hand")
    ask(cars, "1.png", "other")
    cars.next("bob")  # leased to somebody else: the image is labelled all the same
    saved = cars.annotate("0.png", car(1), "ann", seen=0, request="r")
    assert saved.case == "cars-case-1"
    tasks = {name: cars.task(name) for name in ("cars-case-1/a", "by-hand", "other")}
    assert {name: t.state for name, t in tasks.items()}["cars-case-1/a"] == "done"
    assert tasks["by-hand"].state == "done"
    assert tasks["by-hand"].assignee == "ann"
    assert tasks["other"].state in ("open", "leased")
    answers = cars.answers("cars-case-1")
    assert [(a.task, a.label, a.author) for a in answers] == [("cars-case-1/a", "car", "ann")]


def test_confirming_what_is_there_answers_the_question(cars: Labels) -> None:
    saved = cars.annotate("0.png", car(1), "ann", request="r")
    ask(cars, "0.png", "again")
    assert cars.annotate("0.png", car(1), "ann", seen=saved.id, request="r2") == saved
    assert cars.task("again").state == "done"


def test_the_model_that_suggested_is_kept(cars: Labels) -> None:
    saved = cars.annotate("0.png", car(1, suggested_by="cars-3"), "ann", request="r")
    assert saved.suggested_by == "cars-3"
    both = Shapes(
        (*car(1, suggested_by="cars-3").shapes, *car(1, "a2", suggested_by="cars-4").shapes)
    )
    assert cars.annotate("0.png", both, "ann", request="r2").suggested_by is None


@pytest.mark.parametrize(
    ("key", "label", "more", "error", "said"),
    [
        ("9.png", car(1), {}, NotFound, "no image '9.png'"),
        ("0.png", Tag("car"), {}, InvalidInput, "is for detection"),
        ("0.png", car(12.6), {}, InvalidInput, "Shape a1 reaches"),
        ("0.png", car(-0.6), {}, InvalidInput, "Shape a1 reaches"),
        (
            "0.png", Shapes((Shape("z", "lorry", Box(0, 0, 1, 1)),)), {}, InvalidInput,
            "Shape z has the class 'lorry'",
        ),
        (
            "0.png", Shapes((Shape("m", "car", rle.draw(Box(0, 0, 9, 9), 9, 9)),)), {},
            InvalidInput, "Shape m is a mask of 9 x 9",
        ),
        ("0.png", car(1), {"author": ""}, InvalidInput, "author"),
        ("0.png", car(1), {"request": ""}, InvalidInput, "request name"),
        ("0.png", car(1), {"request": "r" * 101}, InvalidInput, "request name"),
        ("0.png", car(1), {"seconds": -1.0}, InvalidInput, "no time"),
        ("0.png", car(1), {"seconds": float("nan")}, InvalidInput, "no time"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    cars: Labels,
    key: str,
    label: Label,
    more: dict[str, object],
    error: type[Exception],
    said: str,
) -> None:
    ask(cars, "0.png", "question")
    with pytest.raises(error, match=said):
        cars.annotate(key, label, **{"author": "ann", "request": "r", **more})  # type: ignore[arg-type]
    assert rows(cars) == 0
    assert cars.task("question").state == "open"


def test_one_class_is_a_whole_label_where_images_are_classified(labels: Labels) -> None:
    saved = labels.annotate("0.png", Tag("open"), "ann", seen=0, request="r")
    assert labels.annotation("0.png") == saved
    with pytest.raises(InvalidInput, match="not shapes"):
        labels.annotate("0.png", Shapes(), "ann")


def test_classes_of_whole_images_are_not_read_into_a_project_of_shapes(
    cars: Labels, tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text("file,label\n0.png,car\n")
    with pytest.raises(InvalidInput, match="no label there"):
        cars.import_labels(tmp_path / "labels.csv", author="ann")
    assert rows(cars) == 0
