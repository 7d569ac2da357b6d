"""The page's addresses, its fallback, and the shapes that its types are generated from."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from autofocus.api import page, shapes
from autofocus.api.app import create_app
from autofocus.labels.queue import Question
from autofocus.types.codec import decode
from autofocus.types.models import Model
from autofocus.types.production import Case
from autofocus.workspace.workspace import Workspace

WEB = Path(__file__).parents[2] / "web"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as opened:
        opened.create_project("eyes", classes=["open", "closed"])
        yield opened


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<html><head></head><body>the page</body></html>")
    (folder / "assets" / "index-1.js").write_text("1")
    (folder / "secret.js").write_text("2")
    monkeypatch.setattr(page, "BUILT", folder)
    return folder


@pytest.mark.parametrize(
    ("address", "base"),
    [("/", "./"), ("/p/eyes", "../"), ("/p/eyes/cases/eyes-case-1", "../../../")],
)
def test_every_address_of_the_page_is_the_page_below_any_prefix(
    client: TestClient, built: Path, address: str, base: str
) -> None:
    answer = client.get(address)
    assert "the page" in answer.text
    assert f'<head><base href="{base}">' in answer.text
    assert "unsafe-inline" not in answer.headers["content-security-policy"]


def test_parts_of_the_page_and_nothing_beside_them(client: TestClient, built: Path) -> None:
    part = client.get("/assets/index-1.js")
    assert part.text == "1"
    assert "immutable" in part.headers["cache-control"]
    for other in ("none.js", "..%2Fsecret.js", "..%2Findex.html"):
        assert client.get(f"/assets/{other}").status_code == 404
    assert client.get("/api/none").status_code == 404


def test_where_the_page_was_not_built_the_status_page_stands_in(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "BUILT", tmp_path / "nowhere")
    assert client.get("/").text == client.get("/status").text


def test_the_committed_document_and_types_are_those_of_this_code() -> None:
    written = (WEB / "openapi.json").read_text(encoding="utf-8")
    current = runpy.run_path(str(WEB / "write_openapi.py"))["document"]()
    stale = "Run `python web/write_openapi.py`, then `npm run types` in web/."
    assert json.loads(written) == json.loads(current), stale
    first = (WEB / "src" / "api" / "schema.ts").read_text(encoding="utf-8").splitlines()[0]
    assert first.endswith(hashlib.sha256(written.encode()).hexdigest()), stale


def test_the_lock_file_names_no_registry() -> None:
    assert not re.search(r'"resolved"', (WEB / "package-lock.json").read_text())


def test_what_the_api_answers_has_the_shape_that_the_document_says(
    client: TestClient, workspace: Workspace
) -> None:
    eyes = client.get("/api/projects/eyes").json()
    assert decode(shapes.Overview, eyes).loop.champion is None
    for path, shape in {
        "/api/projects": list[shapes.AnsweredProject],
        "/api/projects/eyes/loop": shapes.LoopStatus,
        "/api/projects/eyes/monitor": shapes.MonitorStatus,
        "/api/projects/eyes/monitor/history": list[shapes.HistoryPoint],
        "/api/projects/eyes/cases": list[Case],
        "/api/projects/eyes/models": list[Model],
        "/api/projects/eyes/labels/stats": shapes.LabelStats,
        "/api/projects/eyes/labels/queue": shapes.LabelQueue,
        "/api/events/latest": list[shapes.StoredEvent],
    }.items():
        answer = client.get(path)
        assert answer.status_code == 200, path
        decode(shape, answer.json(), where=path)


def test_an_answer_can_be_taken_back_over_http(client: TestClient, workspace: Workspace) -> None:
    from test_http_api import png

    project = workspace.project("eyes")
    added = client.post("/api/projects/eyes/images", params={"key": "a.png"}, content=png(1)).json()
    project.labels.request(
        [Question(id="q", key="a.png", sha256=added["sha256"], reason="why", purpose="train")]
    )
    said = {"task": "q", "label": "open", "author": "ann"}
    assert client.post("/api/projects/eyes/labels/answer", json=said).status_code == 200
    back = client.post("/api/projects/eyes/labels/reopen", json={"task": "q", "author": "ann"})
    assert decode(shapes.LabelTaskToShow, back.json()).state == "open"
    queue = client.get("/api/projects/eyes/labels/queue").json()
    assert [task["id"] for task in queue["items"]] == ["q"]
    assert client.get("/api/projects/eyes/sample", params={"key": "a.png"}).json()["label"] is None
    newest = client.get("/api/events/latest", params={"project": "eyes", "limit": 1}).json()
    assert "back" in newest[0]["what"]
