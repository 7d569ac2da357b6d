"""What goes wrong first for everybody: each gets a clear error with the way out."""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

Draw = Callable[..., bytes]


def autofocus(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "autofocus", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    return done


def bomb(side: int = 10_000) -> bytes:
    """A PNG of 100 megapixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((1 + side // 8) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a workspace for eyes; commands are run there."""
    assert autofocus("init", "eyes", "--classes", "open,closed", cwd=tmp_path).returncode == 0
    return tmp_path


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_bad_files_are_told_with_the_way_out_and_the_rest_is_taken(
    project: Path, picture: Draw
) -> None:
    good = picture(1, kind="jpg", side=64)
    put(
        project / "photos",
        {
            "open/good.jpg": good,
            "open/cut.jpg": good[: len(good) // 2],
            "open/text.jpg": b"a shopping list, called a picture",
            "closed/bomb.png": bomb(),
            "closed/good.jpg": picture(2, kind="jpg", side=64),
            "squint/good.jpg": picture(3, kind="jpg", side=64),
        },
    )
    done = autofocus("data", "import", "photos", "--json", cwd=project)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["accepted"] == 3
    told = {line["path"]: line["reason"] for line in report["skipped"]}
    for name, words, way_out in (
        ("open/cut.jpg", "truncated", "export it again"),
        ("open/text.jpg", "not an image", "JPEG, PNG"),
        ("closed/bomb.png", "10000 x 10000 pixels", "raise max_pixels"),
        ("squint/good.jpg", "not declared (open, closed)", "rename the class"),
    ):
        assert words in told[name]
        assert way_out in told[name]
    shown = autofocus("data", "import", "photos", cwd=project)
    assert "truncated" in " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "code", "words", "way_out"),
    [
        (["data", "import", "empty"], 2, "no image below empty", ".jpg"),
        (["data", "import", "nowhere"], 3, "no nowhere", "spelling"),
        (["labels", "answer", "none", "squint"], 2, "not declared", "open, closed"),
        (["predict", "nowhere.jpg"], 3, "nowhere.jpg", ""),
        (["serve", "--store", "nowhere"], 3, "no folder", "s3://bucket/prefix"),
        (["serve", "--store", "ftp://host/x"], 2, "not a place for objects", "s3://bucket/prefix"),
        (["serve", "--store", "s3:/bucket"], 2, "a slash is missing", "s3://bucket/prefix"),
        (["restore", "nowhere.tar", "copy"], 3, "nowhere.tar", ""),
    ],
)
def test_what_is_not_there(
    project: Path, arguments: list[str], code: int, words: str, way_out: str
) -> None:
    (project / "empty").mkdir()
    before = sorted(p.name for p in project.iterdir())
    done = autofocus(*arguments, cwd=project)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert way_out in done.stderr
    assert sorted(p.name for p in project.iterdir()) == before


@pytest.mark.parametrize(
    ("setting", "code", "words", "way_out"),
    [
        ("database: postgresql://u:secret@127.0.0.1:1/x", 5, "does not answer", "settings.yaml"),
        ("database: mysql://u:secret@127.0.0.1/x", 2, "neither SQLite nor", "postgresql://"),
        ("store: s4://bucket", 2, "not a place for objects", "s3://bucket/prefix"),
        ("databse: x", 2, "did you mean 'database'", "Known"),
    ],
)
def test_a_wrong_url_in_the_settings(
    tmp_path: Path, setting: str, code: int, words: str, way_out: str
) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "settings.yaml").write_text(setting + "\n")
    done = autofocus("--workspace", "w", "init", "eyes", "--classes", "a,b", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert way_out in done.stderr
    assert "secret" not in done.stderr


def test_a_full_disk_is_told_and_what_was_accepted_stays(tiny_disk: Path, picture: Draw) -> None:
    work = tiny_disk.parent
    named = ["--workspace", "tiny/w"]
    assert autofocus(*named, "init", "eyes", "--classes", "a,b", cwd=work).returncode == 0
    put(work / "in", {f"{'ab'[i % 2]}/{i}.png": picture(i, side=64) for i in range(20)})
    assert autofocus(*named, "data", "import", "in", cwd=work).returncode == 0
    filler = tiny_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    for command in (["data", "import", "in"], ["data", "commit", "v"], ["data", "list"]):
        done = autofocus(*named, *command, cwd=work)
        assert done.returncode == 5, done.stderr
        assert "No space left" in done.stderr
        assert "Free some space" in done.stderr
    filler.unlink()
    assert "20 already there" in autofocus(*named, "data", "import", "in", cwd=work).stdout
    assert autofocus(*named, "data", "verify", cwd=work).returncode == 0
