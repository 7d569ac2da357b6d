"""Searching, changing and comparing images over HTTP."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from autofocus.api import data as data_api
from autofocus.api.app import create_app
from autofocus.data.dataset import NewImage
from autofocus.data.embeddings import Embedder, SimilarSamples
from autofocus.data.search import Facets, FoundSamples
from autofocus.imaging.decode import decode as pixels
from autofocus.types.codec import decode
from autofocus.types.data import Tag, Version
from autofocus.types.models import PredictionBatch, Report
from autofocus.workspace.workspace import Project, Workspace

EYES = "/api/projects/eyes"


@pytest.fixture
def project(tmp_path: Path, picture: object) -> Iterator[Project]:
    assert callable(picture)
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.create_project("eyes", classes=["open", "closed"])
        project.data.add_images(
            [
                NewImage(
                    f"{i:02}.png", picture(i), "train" if i % 2 else "test",
                    {"camera": "door" if i < 4 else "hall"},
                    label=Tag("open") if i % 3 else None, author="ada",
                )
                for i in range(12)
            ]
        )  # fmt: skip
        yield project


@pytest.fixture
def client(project: Project) -> TestClient:
    return TestClient(create_app(project.workspace), base_url="http://127.0.0.1:8700")


def test_search_by_pages_and_windows_with_facets(client: TestClient) -> None:
    asked = {"q": "class:open -camera:hall", "limit": 2}
    first = decode(FoundSamples, client.get(f"{EYES}/search", params=asked).json())
    assert ([s.key for s in first.items], first.total) == (["01.png", "02.png"], 2)
    asked = {"q": "camera:hall", "limit": 3}
    first = decode(FoundSamples, client.get(f"{EYES}/search", params=asked).json())
    on = {**asked, "cursor": first.next_cursor, "count": False}
    second = decode(FoundSamples, client.get(f"{EYES}/search", params=on).json())
    window = client.get(f"{EYES}/search", params={**asked, "offset": 3}).json()
    assert [s.key for s in second.items] == [s["key"] for s in window["items"]]
    assert second.total is None
    facets = decode(Facets, client.get(f"{EYES}/facets", params={"q": "split:test"}).json())
    assert {f.field: dict(f.values) for f in facets.facets}["class"] == {"open": 4, "": 2}
    wrong = client.get(f"{EYES}/search", params={"q": "class:open splt<3 colour:"})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["context"] == {"word": "colour:"}


def test_labels_and_splits_are_changed_and_images_taken_out(
    client: TestClient, project: Project
) -> None:
    keys = ["00.png", "03.png"]
    said = {"keys": keys, "label": "closed", "author": "grace"}
    assert client.post(f"{EYES}/samples/label", json=said).json() == {"changed": 2}
    assert [a.author for a in project.labels.history("00.png")] == ["grace"]
    moved = {"keys": keys, "split": "val"}
    assert client.post(f"{EYES}/samples/split", json=moved).json() == {"changed": 2}
    assert project.data.search("split:val class:closed author:grace").total == 2
    assert client.post(f"{EYES}/samples/delete", json={"keys": keys}).json() == {"changed": 2}
    assert project.data.search("").total == 10
    for path, body, status in (
        ("label", {"keys": ["01.png"], "label": "opne"}, 422),
        ("label", {"keys": ["none.png"], "label": "open"}, 404),
        ("split", {"keys": ["01.png"], "split": "tset"}, 422),
        ("split", {"keys": [], "split": "test"}, 422),
        ("delete", {"keys": ["none.png"]}, 404),
    ):
        assert client.post(f"{EYES}/samples/{path}", json=body).status_code == status, body


def test_versions_differ_by_what_was_done_between(client: TestClient, project: Project) -> None:
    made = client.post(f"{EYES}/versions", json={"message": "first"})
    assert decode(Version, made.json()).name == "v1"
    project.labels.label("00.png", "closed", "grace")
    project.data.set_split(["01.png"], "val")
    project.data.delete(["02.png"])
    found = client.get(f"{EYES}/changes", params={"a": "v1", "b": "now"}).json()
    assert found["counts"] == {"relabelled": 1, "moved": 1, "removed": 1}
    one = {"a": "v1", "b": "now", "change": "relabelled"}
    [change] = client.get(f"{EYES}/changes", params=one).json()["items"]
    decode(data_api.Changes, found)
    assert (change["key"], change["before"], change["after"]) == ("00.png", None, "closed")
    begin = client.get(f"{EYES}/changes", params={"a": "none", "b": "v1", "limit": 5}).json()
    assert begin["counts"] == {"added": 12}
    assert len(begin["items"]) == 5
    assert client.get(f"{EYES}/changes", params={"a": "v1", "b": "v9"}).status_code == 404
    report = decode(Report, client.post(f"{EYES}/data-tests", params={"version": "v1"}).json())
    assert not report.passed


def test_a_version_is_downloaded_as_an_archive(client: TestClient, project: Project) -> None:
    project.data.commit("first")
    assert "csv" in client.get(f"{EYES}/export-formats").json()
    answer = client.get(f"{EYES}/versions/v1/export", params={"format": "csv"})
    assert "eyes-v1-csv.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        images = [n for n in names if n.endswith(".png")]
        assert len(images) == 12
        original = {project.data.image(s.key) for s in project.data.samples().items}
        assert {archive.read(name) for name in images} == original
    assert client.get(f"{EYES}/versions/v1/export?format=none").status_code == 422
    told = client.get(f"{EYES}/versions/v1/not-carried", params={"format": "imagefolder"}).json()
    assert {loss["what"] for loss in told} >= {"keys"}
    answer = client.get(f"{EYES}/versions/v1/not-carried", params={"format": "yolo"})
    assert (answer.status_code, "cannot carry" in answer.text) == (422, True)
    assert client.get(f"{EYES}/versions/v2/export").status_code == 404


def test_search_on_the_command_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    from autofocus.cli.main import run

    root = str(project.workspace.root)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run(["--workspace", root, "data", "search", *arguments])
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    code, out, _ = call("camera:door class:open", "--json")
    assert code == 0
    assert [s["key"] for s in json.loads(out)["items"]] == ["01.png", "02.png"]
    code, out, _ = call("camera:door", "--limit", "2")
    assert "4 images" in out
    assert "--cursor" in out
    code, _, err = call("class:opne")
    assert code == 2
    assert "'opne' is not declared" in err
    code, out, _ = call("camra:door")
    assert "there is: camera" in out


def test_similar_images_need_a_champion_and_are_computed_behind_the_page(
    client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = client.get(f"{EYES}/embeddings").json()
    assert (status["model"], status["total"]) == ("", 12)
    for answer in (
        client.get(f"{EYES}/similar", params={"key": "01.png"}),
        client.post(f"{EYES}/embeddings"),
    ):
        assert answer.status_code == 404
        assert "no champion" in answer.json()["error"]["message"]
    model = Looker()
    made = Embedder("eyes-1", "a" * 64, model.classes, lambda: model)
    monkeypatch.setattr(project.data.embeddings, "_embedder", lambda: made)
    assert client.post(f"{EYES}/embeddings").status_code == 202
    deadline = time.monotonic() + 60
    while (status := client.get(f"{EYES}/embeddings").json())["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (status["done"], status["error"]) == (12, "")
    found = client.get(f"{EYES}/similar", params={"key": "01.png", "q": "camera:door"}).json()
    similar = decode(SimilarSamples, found)
    assert {item.sample.key for item in similar.items} == {"00.png", "02.png", "03.png"}
    several = client.get(
        f"{EYES}/similar", params={"key": ["01.png", "02.png"], "q": "camera:door"}
    )
    found = decode(SimilarSamples, several.json())
    assert (found.keys, {i.sample.key for i in found.items}) == (
        ("01.png", "02.png"), {"00.png", "03.png"},
    )  # fmt: skip
    for wrong in ({}, {"key": "01.png", "case": "eyes-case-1"}):
        assert client.get(f"{EYES}/similar", params=wrong).status_code == 422
    assert client.get(f"{EYES}/similar", params={"case": "eyes-case-1"}).status_code == 404
    disputed = client.get(f"{EYES}/search", params={"q": "is:disputed"}).json()
    assert disputed["total"] == project.data.search("class:open").total


class Looker:
    """Sees the corner of a picture, and says "closed" of all."""

    name = "eyes-1"
    classes = ("open", "closed")

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        corners = np.array([pixels(data)[0, 0] for data in images], np.float32)
        said = np.tile(np.array([[0.2, 0.8]], np.float32), (len(images), 1))
        return PredictionBatch(said, corners, np.zeros((len(images), 0), np.float32))
