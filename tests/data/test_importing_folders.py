"""Importing folders and archives: everything is accepted or refused by name."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from autofocus.data.dataset import Dataset, NewImage
from autofocus.errors import InvalidInput, NotFound
from autofocus.store import tables
from autofocus.types.data import Tag

Draw = Callable[..., bytes]


def tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def bomb() -> bytes:
    """A PNG of 100 megapixels in a few hundred kilobytes."""
    out = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    return out.getvalue()


def test_classes_splits_and_labels_of_a_folder(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(
        tmp_path / "in",
        {
            "train/open/a.png": picture(1),
            "train/closed/b.jpg": picture(2, kind="jpg"),
            "Validation/open/deep/inside/c.png": picture(3),
            "open/test/d.png": picture(4),
            "pool/e.png": picture(5),
            "f.png": picture(6),
        },
    )
    report = dataset.import_path(root)
    assert (report.format, report.accepted, report.labelled) == ("imagefolder", 6, 4)
    assert not report.skipped
    assert not report.unmatched_labels
    found = {s.key: (s.split, s.label and s.label.label) for s in dataset.samples().items}
    assert found.pop("f.png")[1] is None
    assert found == {
        "train/open/a.png": ("train", "open"),
        "train/closed/b.jpg": ("train", "closed"),
        "Validation/open/deep/inside/c.png": ("val", "open"),
        "open/test/d.png": ("test", "open"),
        "pool/e.png": ("pool", None),
    }
    sample = dataset.sample("train/closed/b.jpg")
    assert (sample.facts.width, sample.facts.format, sample.source) == (16, "JPEG", "import")
    assert dataset.image("train/open/a.png") == picture(1)
    assert dataset.image(sample.sha256) == picture(2, kind="jpg")


def test_a_declared_class_called_like_a_split_is_a_class(
    new_dataset: Callable[..., Dataset], tmp_path: Path, picture: Draw
) -> None:
    dataset = new_dataset("roads", ("train", "tram"))
    tree(tmp_path / "in", {"train/a.png": picture(1), "tram/b.png": picture(2)})
    dataset.import_path(tmp_path / "in", split="test")
    assert {s.key: s.label for s in dataset.samples().items} == {
        "train/a.png": Tag("train"),
        "tram/b.png": Tag("tram"),
    }


def test_bad_files_are_refused_one_by_one(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    good = picture(7, kind="jpg", side=64)
    root = tree(
        tmp_path / "in",
        {
            "open/good.jpg": good,
            "open/cut.jpg": good[: len(good) // 2],
            "open/text.jpg": b"this is a text",
            "open/empty.png": b"",
            "open/bomb.png": bomb(),
            "open/phone.heic": b"\0\0\0\x18ftypheic" + bytes(20),
            "open/no_suffix": picture(8),
            "open/notes.txt": b"not an image, and not called one",
            "open/index.csv": b"a,b\n",
            "open/.DS_Store": b"hidden",
            "__MACOSX/open/._good.jpg": b"hidden",
            ".thumbs/a/b.png": picture(9),
        },
    )
    (root / "open/gone.png").symlink_to(tmp_path / "nowhere.png")
    report = dataset.import_path(root)
    assert report.accepted == 2
    refused = {s.path: s for s in report.skipped}
    assert set(refused) == {
        f"open/{name}"
        for name in ("cut.jpg", "text.jpg", "empty.png", "bomb.png", "phone.heic", "gone.png")
    }
    assert refused["open/cut.jpg"].code == "truncated"
    assert refused["open/text.jpg"].code == "not_an_image"
    assert refused["open/bomb.png"].code == "too_many_pixels"
    assert "HEIC" in refused["open/phone.heic"].reason
    assert "3 hidden file(s) were passed over" in report.notices
    assert "2 file(s) that are no images were passed over" in report.notices
    assert [s.key for s in dataset.samples().items] == ["open/good.jpg", "open/no_suffix"]


@pytest.mark.skipif(os.name != "posix", reason="needs file names that are bytes")
def test_a_name_that_is_not_text_is_refused(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(tmp_path / "in", {"open/a.png": picture(1)})
    Path(os.fsdecode(os.fsencode(root / "open") + b"/\xff.png")).write_bytes(picture(2))
    report = dataset.import_path(root)
    assert report.accepted == 1
    assert [s.code for s in report.skipped] == ["unreadable"]


def test_nothing_to_import(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        dataset.import_path(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="no image below") as empty:
        dataset.import_path(tree(tmp_path / "empty", {"a/readme.txt": b"x"}))
    assert ".png" in empty.value.hint
    assert "1 other file" in empty.value.message
    with pytest.raises(InvalidInput, match="video"):
        dataset.import_path(tree(tmp_path, {"a.mp4": b"x"}) / "a.mp4", format="video")


def test_an_undeclared_class_costs_its_label_only(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(tmp_path / "in", {"open/a.png": picture(1), "squint/b.png": picture(2)})
    report = dataset.import_path(root)
    assert (report.accepted, report.labelled) == (2, 1)
    (line,) = report.skipped
    assert line.path == "squint/b.png"
    assert "squint" in line.reason
    assert "open, closed" in line.reason
    assert dataset.sample("squint/b.png").label is None


def test_not_one_declared_class_is_an_error(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(tmp_path / "in", {"Open/a.png": picture(1), "Closed/b.png": picture(2)})
    with pytest.raises(InvalidInput, match="Closed, Open") as wrong:
        dataset.import_path(root)
    assert "open, closed" in wrong.value.hint
    assert not dataset.samples().items


def test_one_class_folder_is_worth_a_notice(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    report = dataset.import_path(tree(tmp_path / "in", {"open/a.png": picture(1)}))
    assert any("one class folder, 'open'" in notice for notice in report.notices)


def test_importing_again_changes_nothing(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    files = {f"{c}/{i}.png": picture(i) for i, c in enumerate(("open", "closed") * 4)}
    root = tree(tmp_path / "in", files)
    steps: list[tuple[int, int]] = []
    first = dataset.import_path(root, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (8, 8)
    again = dataset.import_path(root)
    assert (first.accepted, first.unchanged, first.duplicates) == (8, 0, 0)
    assert (again.accepted, again.unchanged, again.labelled, again.duplicates) == (0, 8, 0, 0)


def test_importing_again_does_not_undo_what_people_did(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(tmp_path / "in", {"open/a.png": picture(1), "closed/b.png": picture(2)})
    dataset.import_path(root)
    drawn = dataset.sample("open/a.png").split
    other = "val" if drawn != "val" else "train"
    dataset.set_split(["open/a.png"], other, metadata={"seen": 1})
    dataset.add_images(
        [NewImage("open/a.png", picture(1), other, label=Tag("closed"), author="grace")]
    )
    report = dataset.import_path(root)
    assert (report.accepted, report.unchanged, report.labelled) == (0, 2, 0)
    assert any("keep the label" in notice for notice in report.notices)
    sample = dataset.sample("open/a.png")
    assert (sample.label, sample.split, dict(sample.metadata)) == (
        Tag("closed"),
        other,
        {"seen": 1},
    )


def test_other_bytes_under_a_key_lose_the_old_label(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(tmp_path / "in", {"a.png": picture(1)})
    dataset.import_path(root)
    dataset.add_images([NewImage("a.png", picture(1), "train", label=Tag("open"), author="grace")])
    v1 = dataset.commit("one")
    tree(root, {"a.png": picture(2)})
    report = dataset.import_path(root)
    assert report.accepted == 1
    assert dataset.sample("a.png").label is None
    changes = {c.change: (c.before, c.after) for c in dataset.diff(v1, dataset.commit("two"))}
    assert changes["relabelled"] == ("open", None)
    assert "replaced" in changes


def test_duplicates_are_named(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    root = tree(
        tmp_path / "in",
        {"open/a.png": picture(1), "open/b.png": picture(1), "closed/c.png": picture(2)},
    )
    report = dataset.import_path(root)
    assert (report.accepted, report.duplicates) == (3, 1)
    assert any("open/b.png as open/a.png" in notice for notice in report.notices)
    tree(root, {"closed/d.png": picture(2)})
    assert dataset.import_path(root).duplicates == 1


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_an_archive_is_its_folder(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    files = {"train/open/a.png": picture(1), "test/closed/b.png": picture(2)}
    plain = zipped(tmp_path / "plain.zip", files)
    wrapped = zipped(
        tmp_path / "wrapped.zip",
        {**{f"eyes-v1/{name}": data for name, data in files.items()}, "__MACOSX/x": b"x"},
    )
    assert dataset.import_path(plain).accepted == 2
    again = dataset.import_path(wrapped)
    assert (again.unchanged, again.accepted) == (2, 0)


@pytest.mark.parametrize(
    ("member", "data", "message"),
    [
        ("../../escape.png", b"x", "points outside"),
        ("/etc/passwd.png", b"x", "points outside"),
        ("..\\escape.png", b"x", "points outside"),
        ("open/zeros.png", bytes(30_000_000), "would unpack to"),  # a zip bomb
    ],
)
def test_unsafe_archives_are_refused(
    dataset: Dataset, tmp_path: Path, member: str, data: bytes, message: str
) -> None:
    archive = zipped(tmp_path / "unsafe.zip", {member: data})
    with pytest.raises(InvalidInput, match=message):
        dataset.import_path(archive)


def test_links_in_archives_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("open/a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InvalidInput, match="points outside"):
        dataset.import_path(tmp_path / "link.zip")


def test_a_damaged_archive_is_refused(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    archive = zipped(tmp_path / "a.zip", {"open/a.png": picture(1, side=64)})
    data = bytearray(archive.read_bytes())
    data[60:80] = bytes(20)
    archive.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"cannot be|that can be read"):
        dataset.import_path(archive)
    (tmp_path / "b.zip").write_bytes(b"no archive")
    with pytest.raises(InvalidInput, match="not a zip archive"):
        dataset.import_path(tmp_path / "b.zip")


def test_images_by_reference_stay_where_they_are(
    dataset: Dataset, tmp_path: Path, picture: Draw
) -> None:
    root = tree(tmp_path / "in", {"open/a.png": picture(1), "closed/b.png": picture(2)})
    report = dataset.import_path(root, by_reference=True)
    assert report.accepted == 2
    assert not list((tmp_path / "store").rglob("*.pack"))
    assert dataset.image("open/a.png") == picture(1)
    (root / "open/a.png").unlink()
    with pytest.raises(NotFound, match="kept by reference"):
        dataset.image("open/a.png")


def test_an_import_is_an_event(dataset: Dataset, tmp_path: Path, picture: Draw) -> None:
    dataset.import_path(tree(tmp_path / "in", {"open/a.png": picture(1)}), author="grace")
    with dataset._database.read() as conn:
        (event,) = conn.execute(sa.select(tables.event)).mappings()
    assert (event["kind"], event["actor"]) == ("data.imported", "grace")
