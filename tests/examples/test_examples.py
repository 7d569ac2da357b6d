"""The examples: their data, their splits and their bookkeeping; the whole run is marked slow."""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"
METERS = EXAMPLES / "data" / "meters"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


@pytest.fixture
def driver(load) -> ModuleType:
    return load("driver")


def test_the_cut_is_small_complete_and_credited() -> None:
    rows = list(csv.DictReader((METERS / "index.csv").read_text().splitlines()))
    with zipfile.ZipFile(METERS / "images.zip") as images:
        assert sorted(images.namelist()) == sorted(row["file"] for row in rows)
        for row in rows[::40]:
            Image.open(io.BytesIO(images.read(row["file"]))).load()
    assert {row["digit"] for row in rows} == set("0123456789")
    assert sum(row["timestamp"] < "2021-06" for row in rows) > 500
    assert sum(row["timestamp"] >= "2022-05" for row in rows) > 200
    size = sum(path.stat().st_size for path in METERS.iterdir())
    assert size < 1_500_000
    assert "Apache License 2.0" in (METERS / "NOTICE").read_text()


def test_nobody_identifiable_is_in_the_repository() -> None:
    assert not list(EXAMPLES.rglob("*face*"))


def test_sessions_of_one_meter_stay_in_one_split(load) -> None:
    meters = load("meters")
    items = [item for item in meters._read(METERS) if item.period < "2021-06"]
    splits = meters._split(items, seed=0)
    of_session = defaultdict(set)
    for item in items:
        of_session[item.metadata["session"]].add(splits[item.name])
    assert all(len(found) == 1 for found in of_session.values())
    share = sum(split == "train" for split in splits.values()) / len(items)
    assert 0.45 < share < 0.65
    assert set(splits.values()) == {"train", "val", "test", "replay"}


def test_groups_are_either_taught_or_held_out(load, driver) -> None:
    folder = load("any_folder")
    items = [
        driver.Item(f"{p}-{i}.png", b"", "left", folder.BEFORE, key=f"person-{p}")
        for p in range(10)
        for i in range(9)
    ]
    splits = folder._split(items, argparse.Namespace(seed=1, group_by="person"))
    for p in range(10):
        got = {splits[f"{p}-{i}.png"] for i in range(9)}
        assert got == {"train"} or "train" not in got
    assert set(splits.values()) == {"train", "val", "test", "replay"}


def test_reads_a_folder_per_class_with_a_csv_beside_it(load, tmp_path: Path) -> None:
    folder = load("any_folder")
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "a.png").write_bytes(b"a")
    (tmp_path / "left" / "b.png").write_bytes(b"b")
    (tmp_path / "index.csv").write_text("file,eyes\nleft/a.png,open\nleft/b.png,sunglasses\n")
    options = argparse.Namespace(
        folder=tmp_path, csv=None, label="", shift="eyes=sunglasses", group_by=""
    )
    found = {item.name: (item.label, item.period) for item in folder._read(options)}
    assert found == {
        "left__a.png": ("left", folder.BEFORE),
        "left__b.png": ("left", folder.AFTER),
    }
    options.shift = "weather=rain"
    with pytest.raises(SystemExit, match="no column weather"):
        list(folder._read(options))


def test_events_count_for_the_period_in_which_they_happened(driver) -> None:
    items = [driver.Item(f"{i}", bytes([i]), "x", "old" if i < 3 else "new") for i in range(6)]
    story = driver.Story(
        model={0: "m-1", 4: "m-2", 5: "m-2"},
        prediction={"p-3": 3},
        predicted={3: "x", 4: "y"},
        labels=[{"sha256": hashlib.sha256(bytes([5])).hexdigest()}],
        signals=[{"last_prediction": "p-3"}],
        cases=[{"outcome": "promoted", "challenger": "m-2"}],
    )
    counted = driver.by_period(items, story)
    assert dict(counted["old"]) == {}
    assert dict(counted["new"]) == {"alarms": 1, "promotions": 1, "labels": 1}
    assert driver.accuracy(items, story.predicted, "new") == 0.5
    assert driver.accuracy(items, story.predicted, "old") is None


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_meters_heals_from_a_plain_clone(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(EXAMPLES / "meters.py"), "--no-yardstick"),
            *("--json", str(out), "--workspace", str(tmp_path / "workspace")),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "140"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    figures = json.loads(out.read_text())
    assert figures["false_alarms"] == 0
    assert figures["promotions"] >= 1
    assert figures["failed_requests"] == 0
