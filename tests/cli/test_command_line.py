"""The command line as scripts and people meet it: exit codes, errors, global options."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from autofocus.cli.main import hoist
from autofocus.cli.train import parse_parameters
from autofocus.data.dataset import NewImage
from autofocus.errors import InvalidInput
from autofocus.workspace.workspace import Workspace


def autofocus(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autofocus", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["data", "list", "--json"], ["--json", "data", "list"]),
        (["data", "list", "--project", "p", "-x"], ["--project", "p", "data", "list", "-x"]),
        (["--quiet", "data", "list"], ["--quiet", "data", "list"]),
        (["train", "--workspace=w"], ["--workspace=w", "train"]),
        # demo gives --json and --workspace a meaning of its own
        (["demo", "--json", "out.json"], ["demo", "--json", "out.json"]),
        (
            ["--workspace", "w", "demo", "--json", "out.json"],
            ["demo", "--workspace", "w", "--json", "out.json"],
        ),
        # nothing behind -- is ours
        (["predict", "--", "--json"], ["predict", "--", "--json"]),
    ],
)
def test_global_options_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    assert hoist(given) == expected


def test_set_values_are_read_as_yaml_scalars() -> None:
    assert parse_parameters(["steps=400", "lr=0.1", "name=x", "on=true"]) == {
        "steps": 400,
        "lr": 0.1,
        "name": "x",
        "on": True,
    }
    with pytest.raises(InvalidInput, match="key=value"):
        parse_parameters(["steps"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["data", "list"], 3, "no workspace"),
        (["nonsense"], 2, "No such command"),
        (["init", "Eyes!", "--classes", "a,b"], 2, "not valid"),
        (["init", "eyes", "--classes", "a"], 2, "at least two"),
        (["--workspace", "s3://bucket/x", "data", "list"], 2, "folder"),
    ],
)
def test_mistakes_have_an_exit_code_and_a_way_out(
    arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    result = autofocus(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_errors_are_json_for_scripts(tmp_path: Path) -> None:
    result = autofocus("data", "list", "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["error"]["code"] == "not_found"


def test_a_project_from_the_shell(tmp_path: Path) -> None:
    assert autofocus("init", "eyes", "--classes", "open,closed", cwd=tmp_path).returncode == 0
    again = autofocus("init", "eyes", "--classes", "open,closed", cwd=tmp_path)
    assert again.returncode == 4
    empty = tmp_path / "empty"
    empty.mkdir()
    assert autofocus("data", "import", str(empty), cwd=tmp_path).returncode == 2
    assert autofocus("data", "import", str(tmp_path / "gone"), cwd=tmp_path).returncode == 3
    listed = autofocus("data", "list", "--json", cwd=tmp_path)
    assert json.loads(listed.stdout)["items"] == []
    assert autofocus("init", "two", "--classes", "a,b", cwd=tmp_path).returncode == 0
    ambiguous = autofocus("data", "list", cwd=tmp_path)
    assert ambiguous.returncode == 2
    assert "--project" in ambiguous.stderr
    assert autofocus("data", "list", "--project", "two", cwd=tmp_path).returncode == 0
    events = json.loads(autofocus("events", "--json", cwd=tmp_path).stdout)
    assert [e["kind"] for e in events["items"]] == ["project.created", "project.created"]


def test_a_folder_with_other_things_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.txt").write_text("mine")
    result = autofocus("--workspace", "photos", "init", "eyes", "--classes", "a,b", cwd=tmp_path)
    assert result.returncode == 4
    assert (tmp_path / "photos" / "a.txt").read_text() == "mine"


def test_formats_and_what_they_cannot_carry(tmp_path: Path) -> None:
    assert autofocus("init", "eyes", "--classes", "open,closed", cwd=tmp_path).returncode == 0
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,label,camera\na.png,open,north\n")
    for step in (("import", "labels.csv"), ("commit", "one")):
        assert autofocus("data", *step, cwd=tmp_path).returncode == 0
    listed = json.loads(autofocus("data", "formats", "--json", cwd=tmp_path).stdout)
    assert {"coco", "yolo", "voc", "hasty"} <= {entry["name"] for entry in listed}
    dry = autofocus("data", "export", "--dry-run", "--json", cwd=tmp_path)
    assert "metadata" in {loss["what"] for loss in json.loads(dry.stdout)}
    shapes = autofocus("data", "export", "--dry-run", "--format", "yolo", cwd=tmp_path)
    assert (shapes.returncode, "cannot carry one class" in shapes.stderr) == (2, True)
    assert autofocus("data", "export", cwd=tmp_path).returncode == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == [".autofocus", "a.png", "labels.csv"]


def test_a_version_is_exported_by_name_and_the_newest_without_one(
    tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    with Workspace.open(tmp_path / ".autofocus") as workspace:
        data = workspace.create_project("eyes", classes=("open", "closed")).data
        data.add_images([NewImage(f"open/{i}.png", picture(i), "train") for i in range(4)])
        data.commit("first")
        data.add_images([NewImage("open/more.png", picture(9), "train")])
        data.commit("second")
    for arguments, images in (
        (["v1", "--format", "csv", "a"], 4),
        (["--format", "csv", "b"], 5),
    ):
        done = autofocus("data", "export", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        folder = tmp_path / arguments[-1]
        assert len(list(folder.rglob("*.png"))) == images
    told = autofocus("data", "export", "v1", "--format", "csv", "--dry-run", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
