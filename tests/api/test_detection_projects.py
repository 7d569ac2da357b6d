"""A project of shapes without a model, from its making to every page that shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from autofocus.api.app import create_app
from autofocus.data.dataset import NewImage
from autofocus.errors import InvalidInput, NotFound
from autofocus.types.geometry import Box, Shape, Shapes
from autofocus.workspace.workspace import Project, Workspace


@pytest.fixture
def cars(tmp_path: Path, picture: Callable[..., bytes]) -> Iterator[Project]:
    """Three images, two of them labelled, and a version."""
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.create_project("cars", task="detection", classes=["car"])
        car = Shapes((Shape("1", "car", Box(1, 1, 5, 5)),))
        project.data.add_images(
            [
                NewImage(f"{i}.png", picture(i), "train", label=label, author="ann")
                for i, label in enumerate((car, Shapes(), None))
            ]
        )
        project.data.commit("first")
        yield project


def test_a_case_by_hand_needs_a_champion(cars: Project) -> None:
    with pytest.raises(NotFound, match="no model 'champion'"):
        cars.loop.open_by_hand(who="ann", why="to see")
    cars.loop.tick()
    assert cars.loop.status()["case"] is None


def test_every_page_of_it_answers(cars: Project) -> None:
    client = TestClient(create_app(cars.workspace), base_url="http://127.0.0.1:8700")
    document = client.get("/api/openapi.json").json()
    plain = [
        path
        for path, methods in document["paths"].items()
        if "get" in methods and path.count("{") == 1 and "{project}" in path
    ]
    assert len(plain) > 15
    needed = {"a": "none", "b": "now", "key": "0.png", "case": "cars-case-1"}
    for path in plain:
        if "stream" in path:
            continue
        asked = {
            p["name"]: needed[p["name"]]
            for p in document["paths"][path]["get"].get("parameters", [])
            if p["in"] == "query" and (p.get("required") or p["name"] == "key")
        }
        answer = client.get(path.format(project="cars"), params=asked)
        # 404 where it asks for a champion, in the one shape of all errors.
        assert answer.status_code == 200 or (
            answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"
        ), (path, answer.text)
    facets = client.get("/api/projects/cars/facets").json()["facets"]
    assert facets[0] == {
        "field": "class", "values": [["car", 1], ["(none)", 1], ["", 1]], "more": False,
    }  # fmt: skip
    tests = client.post("/api/projects/cars/data-tests").json()
    assert "shapes inside" in [gate["name"] for gate in tests["gates"]]
    label = {"keys": ["0.png"], "label": "car"}
    refused = client.post("/api/projects/cars/samples/label", json=label)
    assert refused.status_code == 422
    assert "one class for the whole image" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("task", "classes", "said"),
    [
        ("detection", [], "at least one class"),
        ("segmentation", ["a", "a"], "all of them different"),
        ("classification", ["a"], "at least two"),
        ("detection", ["a", "(none)"], "cannot be a class"),
        ("pose", ["a"], "not supported"),
    ],
)
def test_projects_that_cannot_be(tmp_path: Path, task: str, classes: list[str], said: str) -> None:
    with Workspace.open(tmp_path / "w") as workspace, pytest.raises(InvalidInput, match=said):
        workspace.create_project("x", task=task, classes=classes)


def test_from_the_command_line(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    def autofocus(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "autofocus", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    (tmp_path / "in").mkdir()
    for i in range(3):
        (tmp_path / "in" / f"{i}.png").write_bytes(picture(i))
    assert "detection: car, bus" in autofocus(
        "init", "cars", "--task", "detection", "--classes", "car,bus"
    )
    assert "3 accepted" in autofocus("data", "import", "in")
    assert len(json.loads(autofocus("--json", "data", "list"))["items"]) == 3
    assert "3" in autofocus("data", "commit", "first")
    assert "hold the same" in autofocus("data", "diff", "v1", "now")
    assert "no training image of" in autofocus("train", code=4)
    box = {"kind": "box", "x": 1, "y": 1, "width": 3, "height": 3}
    label = {"kind": "shapes", "shapes": [{"id": "1", "label": "car", "geometry": box}]}
    (tmp_path / "label.json").write_text(json.dumps(label))
    assert "0.png: car by" in autofocus("labels", "annotate", "0.png", "label.json")
    (tmp_path / "label.json").write_text(json.dumps({**label, "shapes": []}))
    late = ("labels", "annotate", "0.png", "label.json", "--seen", "0", "--author", "bob")
    assert "saved one" in autofocus(*late, code=4)
    shown = json.loads(autofocus("--json", "data", "show", "0.png"))
    assert shown["sample"]["label"]["shapes"][0]["geometry"]["width"] == 3.0
    (tmp_path / "label.json").write_text("[]")
    assert "expected a mapping" in autofocus("labels", "annotate", "0.png", "label.json", code=2)


def test_background_classes_are_declared_and_told(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")
        body = {"name": "roads", "task": "segmentation", "classes": ["sky", "car"]}
        made = client.post("/api/projects", json={**body, "background": ["sky"]})
        assert made.json()["background"] == ["sky"]
        assert client.get("/api/projects").json()[0]["background"] == ["sky"]
        assert workspace.project("roads").background == ("sky",)
        wrong = client.post("/api/projects", json={**body, "name": "b", "background": ["road"]})
        assert wrong.status_code == 422
        assert "road" in wrong.text
