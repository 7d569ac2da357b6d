"""Importing CSV and COCO: labels match by path, every line that cannot be used is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofocus.data.dataset import Dataset
from autofocus.data.importing import assign_split
from autofocus.data.tabular import scalar
from autofocus.errors import InvalidInput, NotFound
from autofocus.types.data import Tag

Draw = Callable[..., bytes]


@pytest.fixture
def shots(tmp_path: Path, picture: Draw) -> Path:
    """Six pictures: ``in/shots/0.png`` .. ``5.png``."""
    folder = tmp_path / "in/shots"
    folder.mkdir(parents=True)
    for i in range(6):
        (folder / f"{i}.png").write_bytes(picture(i))
    return tmp_path / "in"


def table(folder: Path, text: str, name: str = "index.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_columns_of_a_table(dataset: Dataset, shots: Path) -> None:
    path = table(
        shots,
        "\ufeffFile,Class,Split,camera,iso,good,ratio\n"
        "shots/0.png,open,train,north,100,true,0.5\n"
        "shots\\1.png,closed,Validation,south,,false,007\n"
        "shots/2,,test,nan,1e5,TRUE,inf\n",
    )
    report = dataset.import_path(path)
    assert (report.format, report.accepted, report.labelled) == ("csv", 3, 2)
    first, second, third = dataset.samples().items
    assert (first.key, first.label, first.split) == ("shots/0.png", Tag("open"), "train")
    assert first.metadata == {"camera": "north", "iso": 100, "good": True, "ratio": 0.5}
    assert (second.key, second.split) == ("shots/1.png", "val")
    assert second.metadata == {"camera": "south", "iso": None, "good": False, "ratio": "007"}
    assert (third.key, third.label) == ("shots/2.png", None)
    assert third.metadata == {"camera": "nan", "iso": "1e5", "good": True, "ratio": "inf"}
    dataset.commit("a version can be made of it")


def test_labels_are_text_as_written(new_dataset: Callable[..., Dataset], shots: Path) -> None:
    dataset = new_dataset("words", ("true", "01", "1.0"))
    dataset.import_path(
        table(shots, "file,label\nshots/0.png,true\nshots/1.png,01\nshots/2.png,1.0\n")
    )
    assert [s.label for s in dataset.samples().items] == [Tag("true"), Tag("01"), Tag("1.0")]


def test_other_separators_and_named_columns(dataset: Dataset, shots: Path) -> None:
    path = table(shots, "bild;klasse\nshots/0.png;open\nshots/1.png;closed\n")
    with pytest.raises(InvalidInput, match="no column 'file'"):
        dataset.import_path(path)
    with pytest.raises(InvalidInput, match="no column 'class'"):
        dataset.import_path(path, file_column="bild", label_column="class")
    report = dataset.import_path(path, file_column="bild", label_column="klasse")
    assert report.labelled == 2
    tabs = table(shots, "file\tlabel\nshots/2.png\topen\n", "index.tsv")
    assert dataset.import_path(tabs).accepted == 1


def test_bad_lines_cost_themselves_only(dataset: Dataset, shots: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes((shots / "shots/0.png").read_bytes())
    path = table(
        shots,
        "file,label,split\n"
        "shots/0.png,open,train\n"
        ",open,train\n"
        "shots/1.png,open,train,too,many\n"
        "shots/2.png,open,tomorrow\n"
        "shots/9.png,open,train\n"
        "../secret.png,open,train\n"
        f"{tmp_path}/secret.png,open,train\n"
        "shots/3.png,open,train\n"
        "shots/3.png,closed,train\n"
        "shots/4.png,squint,train\n",
    )
    report = dataset.import_path(path)
    assert (report.accepted, report.labelled) == (3, 1)
    assert [s.path for s in report.skipped] == [
        "index.csv line 3",
        "index.csv line 4",
        "shots/2.png",
        "shots/3.png",
        "shots/4.png",
    ]
    assert list(report.unmatched_labels) == [
        "shots/9.png",
        "../secret.png",
        f"{tmp_path}/secret.png",
    ]
    assert any("another line names too" in notice for notice in report.notices)


def test_a_table_that_fits_nothing(dataset: Dataset, shots: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "file,label\nshots/0.png,open\n")
    with pytest.raises(InvalidInput, match="None of the 1 files"):
        dataset.import_path(path)
    assert dataset.import_path(path, root=shots).accepted == 1
    (tmp_path / "latin.csv").write_bytes(b"file,label\n\xff\xfe,open\n")
    with pytest.raises(InvalidInput, match="cannot be read as a table"):
        dataset.import_path(tmp_path / "latin.csv")
    with pytest.raises(NotFound, match="nowhere"):
        dataset.import_path(path, root=tmp_path / "nowhere")


def test_metadata_joins_by_relative_path(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    for name in ("open/a.png", "closed/a.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(picture(len(name)))
    extra = table(tmp_path, "which,person,age\nopen/a.png,ada,36\nopen/b.png,bob,40\n", "m.csv")
    report = dataset.import_path(tmp_path / "in", metadata=extra)
    assert dataset.sample("open/a.png").metadata == {"person": "ada", "age": 36}
    assert dataset.sample("closed/a.png").metadata == {}
    assert any("open/b.png" in notice for notice in report.notices)
    # Importing without the table does not take the columns away.
    dataset.import_path(tmp_path / "in")
    assert dataset.sample("open/a.png").metadata == {"person": "ada", "age": 36}


def test_groups_never_straddle_splits(dataset: Dataset, shots: Path, picture: Draw) -> None:
    rows = [f"shots/{i}.png,person-{i % 2}" for i in range(6)]
    path = table(shots, "\n".join(["file,person", *rows]) + "\n")
    dataset.import_path(path, group_by="person", ratios=(1, 1, 1))
    first = {s.metadata["person"]: s.split for s in dataset.samples().items}
    for i in range(6, 40):
        (shots / f"shots/{i}.png").write_bytes(picture(i))
        rows.append(f"shots/{i}.png,person-{i % 5}")
    table(shots, "\n".join(["file,person", *rows]) + "\n")
    # Other ratios would draw other splits; groups that have one keep it.
    dataset.import_path(path, group_by="person", ratios=(0, 0, 1))
    splits: dict[object, set[str]] = {}
    for sample in dataset.samples().items:
        splits.setdefault(sample.metadata["person"], set()).add(sample.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {person: splits[person] for person in first} == {p: {s} for p, s in first.items()}
    assert splits["person-4"] == {"test"}


def test_groups_that_cannot_be_kept(dataset: Dataset, shots: Path) -> None:
    path = table(
        shots, "file,split,person\nshots/0.png,train,ada\nshots/1.png,test,ada\nshots/2.png,test,\n"
    )
    with pytest.raises(InvalidInput, match=r"2.png has no value in column 'person'"):
        dataset.import_path(path, group_by="person")
    table(shots, "file,split,person\nshots/0.png,train,ada\nshots/1.png,test,ada\n")
    with pytest.raises(InvalidInput, match=r"'ada' .* train and test"):
        dataset.import_path(path, group_by="person")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=50))
def test_a_split_is_drawn_from_the_name_alone(names: list[str]) -> None:
    assert [assign_split(n) for n in names] == [assign_split(n) for n in names]
    assert {assign_split(n, (0, 1, 0)) for n in names} == {"val"}


def test_split_shares_are_kept() -> None:
    drawn = [assign_split(f"{i}.png") for i in range(5000)]
    shares = {split: drawn.count(split) / 5000 for split in ("train", "val", "test")}
    assert shares == pytest.approx({"train": 0.7, "val": 0.1, "test": 0.2}, abs=0.03)
    with pytest.raises(InvalidInput, match="not all 0"):
        assign_split("a", (0, 0, 0))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0.25", 0.25),
        ("007", "007"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("True", True),
        ("no", "no"),
    ],
)
def test_cells(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def coco(folder: Path, document: object, name: str = "labels.json") -> Path:
    (folder / name).write_text(json.dumps(document))
    return folder / name


def test_coco_labels_match_by_path(dataset: Dataset, shots: Path) -> None:
    path = coco(
        shots,
        {
            "images": [
                {"id": 70, "file_name": "shots/1.png"},
                {"id": 3, "file_name": "shots/0.png"},
                {"id": 9, "file_name": "shots/2.png"},
                {"id": 10, "file_name": "shots/3.png"},
                {"id": 11, "file_name": "train/gone.png"},
            ],
            "categories": [{"id": 90, "name": "closed"}, {"id": 4, "name": "open"}],
            "annotations": [
                {"id": 1, "image_id": 3, "category_id": 4},
                {"id": 2, "image_id": 70, "category_id": 90, "bbox": [0, 0, 1, 1]},
                {"id": 3, "image_id": 9, "category_id": 90},
                {"id": 4, "image_id": 9, "category_id": 4},
                {"id": 5, "image_id": 3, "category_id": 4},
                {"id": 6, "image_id": 3, "category_id": 5},
                {"id": 7, "image_id": 99, "category_id": 4},
            ],
        },
    )
    report = dataset.import_path(path)
    assert (report.format, report.accepted, report.labelled) == ("coco", 4, 2)
    assert {s.key: s.label for s in dataset.samples().items} == {
        "shots/0.png": Tag("open"),
        "shots/1.png": Tag("closed"),
        "shots/2.png": None,
        "shots/3.png": None,
    }
    (several,) = report.skipped
    assert several.path == "shots/2.png"
    assert "closed, open" in several.reason
    assert set(report.unmatched_labels) == {
        "image 3, category 5",
        "image 99, category 4",
        "train/gone.png",
    }


def test_a_folder_with_its_table_is_what_the_table_says(dataset: Dataset, shots: Path) -> None:
    (shots / "images").mkdir()
    (shots / "shots/0.png").rename(shots / "images/0.png")
    coco(
        shots,
        {
            "images": [{"id": 1, "file_name": "0.png"}],
            "categories": [{"id": 1, "name": "open"}],
            "annotations": [{"image_id": 1, "category_id": 1}],
        },
        "_annotations.coco.json",
    )
    report = dataset.import_path(shots)
    assert (report.format, report.labelled) == ("coco", 1)
    assert dataset.sample("0.png").label == Tag("open")


@pytest.mark.parametrize("document", [[], {"images": [{}]}, {"images": 3}, "text"])
def test_another_json_is_no_coco(dataset: Dataset, tmp_path: Path, document: object) -> None:
    with pytest.raises(InvalidInput, match="not a COCO file"):
        dataset.import_path(coco(tmp_path, document))
