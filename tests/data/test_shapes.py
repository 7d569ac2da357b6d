"""Labels of shapes through the rooms of data: saved, searched, frozen, compared, tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autofocus.config.policy import DataPolicy
from autofocus.data.dataset import Dataset, NewImage
from autofocus.data.tests import run_data_tests
from autofocus.errors import InvalidInput
from autofocus.labels.queue import Labels, Question
from autofocus.store.annotations import has_class, write_annotation
from autofocus.store.database import Database, next_revision
from autofocus.store.tables import annotation
from autofocus.types import rle
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Polygon, Shape, Shapes

Draw = Callable[..., bytes]
CLASSES = ("car", "bus", 'a "big" one', "a")

CAR = Shape("1", "car", Box(1, 1, 8, 8))
BUS = Shape("2", "bus", Polygon((((2, 2), (12, 3), (7, 13)),)), {"occluded": True})
BIG = Shape("3", 'a "big" one', rle.draw(Box(0, 0, 16, 3), 16, 16))
LABELS: dict[str, Label | None] = {
    "both.png": Shapes((CAR, BUS), ("night",)),
    "car.png": Shapes((CAR, Shape("9", "car", Box(3, 3, 5, 5)))),
    "big.png": Shapes((BIG,)),
    "empty.png": Shapes(),
    "none.png": None,
}


@pytest.fixture
def cars(new_dataset: Callable[..., Dataset], picture: Draw) -> Dataset:
    """Five images of 16 x 16 pixels with the labels above."""
    made = new_dataset("cars", CLASSES, "detection")
    made.add_images(
        [
            NewImage(key, picture(i), "train", label=label, author="ann")
            for i, (key, label) in enumerate(LABELS.items())
        ]
    )
    return made


def test_what_was_saved_is_what_is_read(cars: Dataset) -> None:
    assert {s.key: s.label for s in cars.samples().items} == LABELS
    assert {s.key: s.label for s in cars.search().items} == LABELS
    manifest = cars.manifest(cars.commit("one"))
    keys = manifest.column("key")
    assert {key: manifest.label(i) for i, key in enumerate(keys)} == LABELS
    assert dict(zip(keys, manifest.class_sets(), strict=True)) == {
        "both.png": ("bus", "car"), "car.png": ("car",), "big.png": ('a "big" one',),
        "empty.png": (), "none.png": None,
    }  # fmt: skip
    with pytest.raises(InvalidInput, match=r"labels shapes, e\.g\. in big\.png"):
        manifest.classes()


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("class:car", ["both.png", "car.png"]),
        ("class:bus", ["both.png"]),
        ("class:car,bus", ["both.png", "car.png"]),
        ("class:a", []),  # a part of another name is no name
        (r'class:"a \"big\" one"', ["big.png"]),
        ('class:"(none)"', ["empty.png"]),
        ('class:bus,"(none)"', ["both.png", "empty.png"]),
        ("-class:car", ["big.png", "empty.png", "none.png"]),
        ("is:unlabelled", ["none.png"]),
        ("is:labelled -class:car", ["big.png", "empty.png"]),
    ],
)
def test_an_image_has_every_class_of_its_shapes(cars: Dataset, query: str, keys: list[str]) -> None:
    found = cars.search(query)
    assert ([s.key for s in found.items], found.total) == (keys, len(keys))


def test_the_same_by_the_plain_list(cars: Dataset) -> None:
    def keys(label: str) -> list[str]:
        return [s.key for s in cars.samples(label=label).items]

    assert keys("car") == ["both.png", "car.png"]
    assert keys("(none)") == ["empty.png"]
    assert keys("-") == ["none.png"]
    assert keys("a") == keys("x") == []


def test_counts_are_of_images_and_not_of_shapes(cars: Dataset, database: Database) -> None:
    classes = {"car": 2, "bus": 1, 'a "big" one': 1, "(none)": 1}
    facet = cars.facets().facets[0]
    assert facet.values == (*classes.items(), ("", 1))
    assert dict(cars.facets("split:train").facets[1].values) == {"train": 5}
    version = cars.commit("one")
    assert version.counts == {"train": {**classes, "": 1}}
    assert version.images == {"train": 5}
    assert Labels(database, cars, "cars").stats()["classes"] == classes


def test_a_difference_tells_what_was_drawn_anew(cars: Dataset, database: Database) -> None:
    cars.commit("one")
    moved = Shape("1", "car", Box(2, 1, 8, 8))
    with database.begin() as conn:
        revision = next_revision(conn, "cars")
        for key, label in (
            ("both.png", Shapes((moved, BUS), ("night",))),
            ("car.png", Shapes((CAR,))),
            ("none.png", Shapes()),
            ("big.png", LABELS["big.png"]),
        ):
            assert label is not None
            write_annotation(
                conn, project="cars", key=key, label=label, author="bob", source="human",
                revision=revision,
            )  # fmt: skip
    changes = {c.key: (c.change, c.before, c.after) for c in cars.diff("v1", "now")}
    assert changes == {
        "both.png": ("relabelled", "bus, car", "bus, car, drawn anew"),
        "car.png": ("relabelled", "2 car", "car"),
        "none.png": ("relabelled", None, "(none)"),
    }
    assert cars.commit("two").digest != cars.version("v1").digest
    added = {c.key: c.after for c in cars.diff("none", "v1")}
    assert added["both.png"] == "bus, car"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (Tag("car"), "is for detection"),
        (Shapes((Shape("s1", "bike", Box(0, 0, 1, 1)),)), "Shape s1 has the class 'bike'"),
        (Shapes((CAR, Shape("s2", "car", Box(9, 0, 8, 1)))), "Shape s2 reaches"),
        (Shapes((Shape("s3", "car", rle.draw(Box(0, 0, 9, 9), 9, 9)),)), "Shape s3 is a mask"),
    ],
)
def test_labels_that_break_the_rules_are_refused(
    cars: Dataset, picture: Draw, label: Label, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        cars.add_images([NewImage("new.png", picture(77), "train", label=label)])
    assert cars.search("key:new").total == 0


def test_shapes_are_no_label_of_a_class(dataset: Dataset, picture: Draw) -> None:
    with pytest.raises(InvalidInput, match="one class for the whole image, not shapes"):
        dataset.add_images([NewImage("new.png", picture(1), "train", label=Shapes())])


def test_folders_of_classes_come_in_without_labels(
    cars: Dataset, picture: Draw, tmp_path: Path
) -> None:
    for name in ("car", "lorry"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.png").write_bytes(picture(ord(name[0])))
    report = cars.import_path(tmp_path / "in")
    assert (report.accepted, report.labelled, report.skipped) == (2, 0, ())
    assert any("2 image(s) come with a class" in notice for notice in report.notices)
    assert cars.sample("car/1.png").label is None


@pytest.mark.parametrize("format", ["csv", "imagefolder"])
def test_formats_without_shapes_say_so_before_they_write(
    cars: Dataset, tmp_path: Path, format: str
) -> None:
    cars.commit("one")
    with pytest.raises(InvalidInput, match="cannot carry shapes"):
        cars.export("v1", format, tmp_path / "out")


def test_data_tests_count_shapes_by_image(cars: Dataset, picture: Draw) -> None:
    def run(policy: DataPolicy | None = None) -> dict[str, tuple[bool, str]]:
        report = run_data_tests(cars, cars.version("latest"), policy)
        return {g.name: (g.passed, g.reason) for g in report.gates}

    cars.commit("one")
    gates = run(DataPolicy(min_per_class=1))
    assert gates["declared classes"][0]
    assert gates["shapes inside"] == (True, "every shape lies in its image")
    assert gates["labels agree"][0]
    assert "a (0)" in gates["enough images"][1]  # no image of class a
    assert "no labelled image in split test" in gates["enough images"][1]
    # The same picture under another key, looked at by somebody who saw less.
    cars.add_images([NewImage("twin.png", picture(0), "train", label=Shapes((CAR,)))])
    cars.commit("two")
    passed, reason = run()["labels agree"]
    assert not passed
    assert "bus, car as both.png and car as twin.png" in reason
    # Three of the five labelled images now show a car, of four before it were two.
    assert "share of car changed by +10.0%" in run()["class balance"][1]


def test_the_same_shapes_imported_again_do_not_undo_what_was_said_since(
    cars: Dataset, picture: Draw
) -> None:
    def bring(label: Label, source: str) -> None:
        cars.add_images(
            [NewImage("x.png", picture(50), "train", label=label, label_source=source)]  # type: ignore[arg-type]
        )

    first, corrected = Shapes((CAR,)), Shapes((BUS,))
    bring(first, "import")
    bring(corrected, "human")
    bring(first, "import")
    assert cars.sample("x.png").label == corrected
    bring(Shapes((CAR, BUS)), "import")
    assert cars.sample("x.png").label == Shapes((CAR, BUS))


def test_one_class_is_no_answer_where_shapes_are_asked(cars: Dataset, database: Database) -> None:
    labels = Labels(database, cars, "cars")
    sha256 = cars.sample("none.png").sha256
    labels.request([Question("ask/1", "none.png", sha256, "by hand", "training")])
    for attempt in (
        lambda: labels.answer("ask/1", "car", "ann"),
        lambda: labels.label("none.png", "car", "ann"),
    ):
        with pytest.raises(InvalidInput, match="no label there") as caught:
            attempt()
        assert "annotations" in caught.value.hint
    assert labels.task("ask/1").state == "open"
    labels.skip("ask/1", "ann")  # which is no class, and allowed
    assert labels.task("ask/1").state == "skipped"


def test_a_class_is_found_whatever_signs_are_in_it(database: Database, cars: Dataset) -> None:
    names = ["car\\", 'x,"car', "Türe", "日本", "[car", "a,b", '"', "\\", "car"]
    with database.begin() as conn:
        for i, name in enumerate(names):
            write_annotation(
                conn, project="cars", key=f"{i}", author="ann", source="human",
                label=Shapes((Shape("1", name, Box(0, 0, 1, 1)), Shape("2", "z", Box(0, 0, 1, 1)))),
                revision=next_revision(conn, "cars"),
            )  # fmt: skip
    dialect = database.engine.dialect.name
    mine = annotation.c.key.in_([f"{i}" for i in range(len(names))])
    with database.read() as conn:
        for i, name in enumerate(names):
            query = annotation.select().where(mine, has_class(annotation.c.classes, name, dialect))
            assert [row.key for row in conn.execute(query)] == [f"{i}"]
