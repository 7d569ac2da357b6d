"""What importers of tables, tar files and folders get wrong, each a test."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from format_world import picture, put, take, version_of, written

from autofocus.data.archives import extract_tar, unpacked
from autofocus.data.formats.catalogue import detect_format
from autofocus.data.formats.rows import class_names
from autofocus.errors import InvalidInput, NotFound
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Shape, Shapes

OBJECTS = {"bbox": [[1, 2, 3, 4], [5, 5, 5, 5]], "categories": ["car", "bus"]}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# -- Hugging Face -----------------------------------------------------------------------------


def test_metadata_lies_inside_of_the_split_folder(tmp_path: Path) -> None:
    files = {f"{s}/a.png": picture(i) for i, s in enumerate(("train", "validation"))}
    rows = {f"{s}/metadata.jsonl": lines({"file_name": "a.png", "objects": OBJECTS, "n": 3})
            for s in ("train", "validation")}  # fmt: skip
    found = take(put(tmp_path, {**files, **rows}))
    assert (found.format, found.splits) == (
        "huggingface", {"train/a.png": "train", "validation/a.png": "val"},
    )  # fmt: skip
    assert found.shapes("train/a.png")[0].geometry == Box(1, 2, 3, 4)
    assert found.found.items[0].metadata == {"n": 3}


def test_metadata_in_a_folder_above(tmp_path: Path) -> None:
    text = "file_name,label,camera\ntrain/a.png,car,north\nb.png,bus,\n"
    put(tmp_path, {"train/a.png": picture(0), "b.png": picture(1), "metadata.csv": text})
    found = take(tmp_path, task="classification")
    assert found.labels == {"train/a.png": Tag("car"), "b.png": Tag("bus")}
    assert found.splits["train/a.png"] == "train"


def test_metadata_switches_off_folders_as_classes_and_misses_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"car/a.png": picture(0), "car/b.png": picture(1)})
    put(tmp_path, {"metadata.jsonl": lines({"file_name": "car/a.png", "text": "red"})})
    found = take(tmp_path, task="classification")
    assert found.labels == {"car/a.png": None, "car/b.png": None}
    assert found.told("1 image(s) are in no metadata")


@pytest.mark.parametrize(
    "objects",
    [
        {"bbox": [[1, 2, 3, 4]], "category": [1]},
        {"bbox": [[1, 2, 3, 4]], "label": [1]},
        [{"bbox": [1, 2, 3, 4], "category": 1}],
        json.dumps({"bbox": [[1, 2, 3, 4]], "category": [1]}),
    ],
)
def test_objects_by_convention_and_class_numbers(tmp_path: Path, objects: Any) -> None:
    put(tmp_path, {"a.png": picture(0)})
    put(tmp_path, {"metadata.jsonl": lines({"file_name": "a.png", "objects": objects})})
    found = take(tmp_path, ("car", "bus"))
    (shape,) = found.shapes("a.png")
    assert (shape.label, shape.geometry) == ("bus", Box(1, 2, 3, 4))
    assert found.told("class number(s) have no names")


CARD = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': bus
          '1': car
---
# Cars
"""


def test_the_order_of_class_names_is_that_of_the_card(tmp_path: Path) -> None:
    rows = lines({"file_name": "a.png", "label": 1}, {"file_name": "b.png", "label": 9})
    put(tmp_path, {"a.png": picture(0), "b.png": picture(1), "metadata.jsonl": rows})
    put(tmp_path, {"README.md": CARD})
    found = take(tmp_path, task="classification")
    assert found.labels == {"a.png": Tag("car"), "b.png": None}
    assert "class number 9 has no name" in found.reasons()


@pytest.mark.parametrize(
    ("features", "names"),
    [
        ({"label": {"names": ["a", "b"], "_type": "ClassLabel"}}, {"label": ["a", "b"]}),
        (
            {"objects": {"feature": {"category": {"names": ["a"], "_type": "ClassLabel"}},
                         "_type": "Sequence"}},
            {"objects.category": ["a"]},
        ),
        ({"objects": [{"category": {"names": ["a"]}}]}, {"objects.category": ["a"]}),
        (
            [{"name": "objects", "sequence": [
                {"name": "category", "dtype": {"class_label": {"names": {"0": "a"}}}}]}],
            {"objects.category": ["a"]},
        ),
        (None, {}),
    ],
)  # fmt: skip
def test_class_names_in_all_their_places(features: Any, names: Any) -> None:
    assert class_names(features) == names


def test_rows_that_name_nothing(tmp_path: Path) -> None:
    rows = lines({"file_name": "a.png"}, {"no": "name"}, {"file_name": "../a.png"}) + "[1]\n"
    put(tmp_path / "in", {"a.png": picture(0), "metadata.jsonl": rows})
    put(tmp_path, {"a.png": picture(1)})
    found = take(tmp_path / "in")
    assert found.unmatched == ["../a.png"]
    assert [s.path for s in found.skipped] == ["metadata.jsonl line 2", "metadata.jsonl line 4"]


# -- WebDataset and tar files -----------------------------------------------------------------


def tar(path: Path, members: list[tuple[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as file:
        for name, content in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            member.size = len(data) if member.isfile() else 0
            file.addfile(member, io.BytesIO(data) if member.isfile() else None)
    return path


def test_a_key_ends_at_the_first_dot_of_the_file_name(tmp_path: Path) -> None:
    tar(
        tmp_path / "in/train-000000.tar",
        [
            ("v1.2/a.png", picture(0)), ("v1.2/a.cls", b"car"),  # a dot in the folder
            ("v1.3/a.png", picture(1)), ("v1.3/a.cls", b"bus"),
            ("b.left.png", picture(2)), ("b.right.png", picture(3)), ("b.json", {"label": "car"}),
            ("c.json", {"label": "car"}), ("d.wav", b"noise"),
        ],
    )  # fmt: skip
    found = take(tmp_path / "in", task="classification")
    base = "train-000000"
    assert found.format == "webdataset"
    assert found.labels == {
        f"{base}/v1.2/a.png": Tag("car"), f"{base}/v1.3/a.png": Tag("bus"),
        f"{base}/b.left.png": None, f"{base}/b.right.png": None,
    }  # fmt: skip
    assert set(found.splits.values()) == {"train"}
    assert "2 images and one label" in found.reasons()
    assert found.unmatched == [f"{base}/c"]
    assert found.told("file(s) ending in .wav")


def _link() -> tarfile.TarInfo:
    member = tarfile.TarInfo("link.png")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../out.png", b"x")], "points outside"),
        ([("/etc/out.png", b"x")], "points outside"),
        ([(_link(), b"")], "points outside"),
        ([("a.png", b"x"), ("a.png", b"y")], "twice"),
    ],
)
def test_tar_members_are_checked(tmp_path: Path, members: Any, message: str) -> None:
    archive = tar(tmp_path / "x.tar", members)
    with pytest.raises(InvalidInput, match=message):
        extract_tar(archive, tmp_path / "out")
    assert not (tmp_path / "out.png").exists()


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"x.tar": b"nothing of the kind", "y.tar.gz": b"\x1f\x8b nothing"})
    for name in ("x.tar", "y.tar.gz"):
        with pytest.raises(InvalidInput, match="not a tar archive"):
            extract_tar(tmp_path / name, tmp_path / "out")


def test_any_data_set_may_come_in_a_tar(tmp_path: Path) -> None:
    members = [("cars/a.png", picture(0)), ("cars/a.txt", b"0 0.5 0.5 0.5 0.5\n"),
               ("cars/classes.txt", b"car\n")]  # fmt: skip
    archive = tar(tmp_path / "x.tar", members)
    with unpacked(archive, keep=()) as place:
        found = take(place)
    assert (found.format, len(found.shapes("a.png"))) == ("yolo", 1)
    assert not place.exists()


# -- Parquet ----------------------------------------------------------------------------------


def test_parquet_as_the_hub_stores_it(tmp_path: Path) -> None:
    told = {"info": {"features": {"label": {"names": ["bus", "car"], "_type": "ClassLabel"}}}}
    table = pa.table(
        {
            "image": [{"bytes": picture(i), "path": f"{i}.png"} for i in range(3)],
            "label": [1, 0, None],
            "camera": ["north", None, "south"],
        }
    ).replace_schema_metadata({"huggingface": json.dumps(told)})
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data/test-00000-of-00001.parquet")
    found = take(tmp_path, task="classification")
    assert found.format == "parquet"
    assert found.labels == {"0.png": Tag("car"), "1.png": Tag("bus"), "2.png": None}
    assert set(found.splits.values()) == {"test"}
    assert [i.metadata["camera"] for i in found.found.items] == ["north", None, "south"]


def test_parquet_names_never_lead_out_and_never_collide(tmp_path: Path) -> None:
    rows = [
        {"image": {"bytes": picture(i), "path": p}} for i, p in enumerate(("../a.png", "b", "b"))
    ]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in/train.parquet")
    found = take(tmp_path / "in")
    assert list(found.labels) == ["train/0.png", "b", "train/2.png"]
    assert all(i.path.is_relative_to(tmp_path / "in-scratch") for i in found.found.items)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"x.parquet": b"nothing of the kind"})
    with pytest.raises(InvalidInput, match="cannot be read as Parquet"):
        take(tmp_path)


# -- folders, and formats by content ----------------------------------------------------------


def test_split_folders_are_no_classes(tmp_path: Path) -> None:
    put(tmp_path, {f"{s}/{c}/{s}.png": picture(i * 2 + j) for i, s in enumerate(("train", "test"))
                   for j, c in enumerate(("car", "bus"))})  # fmt: skip
    found = take(tmp_path, task="classification")
    assert {label.label for label in found.labels.values() if isinstance(label, Tag)} == {
        "car", "bus",
    }  # fmt: skip
    assert set(found.splits.values()) == {"train", "test"}


def test_one_folder_for_all_gives_a_label_that_is_questioned(tmp_path: Path) -> None:
    put(tmp_path, {"car/a.png": picture(0), "car/deep/b.png": picture(1), ".x/c.png": picture(2)})
    found = take(tmp_path, task="classification")
    assert found.told("every labelled image is in one class folder")
    assert found.labels["car/deep/b.png"] == Tag("car")
    assert found.told("hidden file")


def test_the_order_of_classes_is_the_projects(tmp_path: Path) -> None:
    label = Shapes((Shape("1", "bus", Box(0, 0, 9, 9)),))
    manifest = version_of(tmp_path, [("a.png", "train", label, {})])
    for format in ("yolo", "coco", "voc", "masks", "datumaro"):
        written(manifest, format, tmp_path / format, ("nut", "bus", "car"))
    assert "0: nut\n  1: bus\n  2: car" in (tmp_path / "yolo/data.yaml").read_text()
    coco = json.loads((tmp_path / "coco/annotations/instances_train.json").read_text())
    assert [c["name"] for c in coco["categories"]] == ["nut", "bus", "car"]
    for format in ("voc", "masks"):
        text = (tmp_path / format / "labelmap.txt").read_text()
        assert [line.split(":")[0] for line in text.splitlines()[1:]] == [
            "background", "nut", "bus", "car",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x.bin": b"\0\1"}, "is not something to import"),
        ({"x.json": {"some": "thing"}}, None),
    ],
)
def test_files_of_nothing_known(tmp_path: Path, files: dict[str, Any], message: str | None) -> None:
    path = put(tmp_path, files) / next(iter(files))
    if message is None:
        assert detect_format(path) == "coco"  # whose reader says what is missing
        return
    with pytest.raises(InvalidInput, match=message):
        detect_format(path)
    with pytest.raises(NotFound):
        detect_format(tmp_path / "nowhere")
