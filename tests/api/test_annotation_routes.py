"""Labels of shapes over HTTP, as the canvas and scripts save them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from autofocus.api.app import create_app
from autofocus.data.dataset import NewImage
from autofocus.labels.queue import Question
from autofocus.workspace.workspace import Workspace

Json = dict[str, Any]
PATH = "/api/projects/cars/annotations"
KEY = "street 1/im#age?.png"
QUOTED = "street%201/im%23age%3F.png"


@pytest.fixture(params=["sqlite", "postgresql"])
def workspace(
    request: pytest.FixtureRequest, tmp_path: Path, picture: Callable[..., bytes]
) -> Iterator[Workspace]:
    """A detection project with two images, on either database."""
    folder = tmp_path / "w"
    folder.mkdir()
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")()
        (folder / "settings.yaml").write_text(f"database: {url!r}\n")
    with Workspace.open(folder) as opened:
        project = opened.create_project("cars", task="detection", classes=["car", "bus"])
        project.data.add_images(
            [NewImage(KEY, picture(1), "pool"), NewImage("b", picture(2), "pool")]
        )
        yield opened


@pytest.fixture
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    """A real connection to a real server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(create_app(workspace), log_level="warning", access_log=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until = time.monotonic() + 20
            while not server.started and time.monotonic() < until:
                time.sleep(0.01)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as made:
                yield made
        finally:
            server.should_exit = True
            thread.join(20)


def shape(name: str = "a1", **more: Any) -> Json:
    box = {"kind": "box", "x": 1.5, "y": 2, "width": 10, "height": 4}
    made = {"id": name, "label": "car", "geometry": box, "attributes": {"occluded": True}}
    return {**made, **more}


def body(*shapes: Json, seen: int = 0, request: str = "r1", author: str = "ann") -> Json:
    label = {"kind": "shapes", "shapes": list(shapes), "tags": ["night"]}
    return {
        "label": label, "author": author, "seen": seen, "request": request, "seconds": 2.5,
    }  # fmt: skip


def test_a_label_goes_there_and_comes_back(client: httpx.Client, workspace: Workspace) -> None:
    assert client.get(f"{PATH}/{QUOTED}").json() is None
    polygon = {"kind": "polygon", "parts": [[[0, 0], [8, 0.25], [0, 8]]]}
    mask = {"kind": "mask", "height": 16, "width": 16, "counts": "03m7"}  # three pixels
    sent = body(
        shape(), shape("p", geometry=polygon, crowd=True), shape("m", geometry=mask, label="bus")
    )
    answer = client.put(f"{PATH}/{QUOTED}", json=sent)
    assert answer.status_code == 200, answer.text
    saved = answer.json()
    assert (saved["key"], saved["author"], saved["source"]) == (KEY, "ann", "human")
    assert client.get(f"{PATH}/{QUOTED}").json() == saved
    shapes = saved["label"]["shapes"]
    assert [s["id"] for s in shapes] == ["a1", "p", "m"]
    assert shapes[0]["geometry"] == {
        "kind": "box", "x": 1.5, "y": 2.0, "width": 10.0, "height": 4.0,
    }  # fmt: skip
    assert shapes[1]["geometry"] == polygon
    assert shapes[1]["crowd"]
    assert shapes[2]["geometry"] == mask
    assert saved["label"]["tags"] == ["night"]
    project = workspace.project("cars")
    assert [a.id for a in project.labels.history(KEY)] == [saved["id"]]
    assert project.data.search("class:bus").total == 1


def test_saving_twice_and_saving_over_somebody(client: httpx.Client) -> None:
    first = client.put(f"{PATH}/b", json=body(shape())).json()
    assert client.put(f"{PATH}/b", json=body(shape())).json() == first
    late = client.put(f"{PATH}/b", json=body(author="bob", request="r2"))
    assert late.status_code == 409
    error = late.json()["error"]
    assert error["code"] == "conflict"
    assert error["context"]["annotation"] == first
    now = client.put(f"{PATH}/b", json=body(author="bob", request="r2", seen=first["id"])).json()
    assert now["label"]["shapes"] == []
    history = client.get("/api/projects/cars/labels/history", params={"key": "b"}).json()
    assert [a["author"] for a in history] == ["bob", "ann"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"geometry": {"kind": "box", "x": 0, "y": 0, "width": 0, "height": 1}},
        {"geometry": {"kind": "box", "x": 10, "y": 0, "width": 7, "height": 1}},
        {"geometry": {"kind": "circle"}},
        {"geometry": {"kind": "mask", "height": 16, "width": 16, "counts": "~"}},
        {"geometry": {"kind": "polygon", "parts": [[[1, 1], [10**400, 1], [2, 2]]]}},
        {"label": "lorry"},
        {"colour": "red"},
    ],
)
def test_a_wrong_shape_is_named_by_its_id(client: httpx.Client, wrong: Json) -> None:
    answer = client.put(f"{PATH}/b", json=body(shape(), shape("a7", **wrong)))
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_input"
    assert "Shape a7" in error["message"]
    assert error["context"]["shape"] == "a7"
    assert client.get(f"{PATH}/b").json() is None


def test_requests_that_are_no_save(client: httpx.Client) -> None:
    assert client.get(f"{PATH}/none.png").status_code == 404
    assert client.put(f"{PATH}/none.png", json=body()).status_code == 404
    for part in ("label", "author", "seen", "request"):
        sent = body()
        del sent[part]
        answer = client.put(f"{PATH}/b", json=sent)
        assert answer.status_code == 422
        assert part in answer.json()["error"]["message"]
    tag = {**body(), "label": {"kind": "tag", "label": "car"}}
    assert client.put(f"{PATH}/b", json=tag).status_code == 422
    assert client.put(f"{PATH}/b", json=body(author="")).status_code == 422


def test_a_question_is_answered_by_the_drawing_and_not_by_a_word(
    client: httpx.Client, workspace: Workspace
) -> None:
    project = workspace.project("cars")
    sha256 = project.data.sample("b").sha256
    project.labels.request([Question("ask/1", "b", sha256, "by hand", "training")])
    word = {"task": "ask/1", "label": "car", "author": "ann"}
    refused = client.post("/api/projects/cars/labels/answer", json=word)
    assert refused.status_code == 422
    assert "one class for the whole image" in refused.json()["error"]["message"]
    assert "annotations" in refused.json()["error"]["hint"]
    batch = {
        "decisions": [{"task": "ask/1", "label": "car"}], "author": "ann", "request": "one",
    }  # fmt: skip
    assert client.post("/api/projects/cars/labels/batch", json=batch).status_code == 422
    assert client.put(f"{PATH}/b", json=body(shape())).status_code == 200
    queue = client.get("/api/projects/cars/labels/queue", params={"state": "done"}).json()
    assert [task["id"] for task in queue["items"]] == ["ask/1"]
    assert client.get("/api/projects/cars/labels/stats").json()["classes"] == {"car": 1}


def test_the_label_that_is_known_is_not_sent_again(client: httpx.Client) -> None:
    empty = client.get(f"{PATH}/b")
    assert empty.headers["etag"] == '"0"'
    saved = client.put(f"{PATH}/b", json=body(shape())).json()["id"]
    known = {"If-None-Match": f'"{saved}"'}
    assert client.get(f"{PATH}/b", headers=known).status_code == 304
    changed = client.get(f"{PATH}/b", headers={"If-None-Match": empty.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] == known["If-None-Match"]


def test_suggestions_of_an_image(client: httpx.Client) -> None:
    found = client.get(f"/api/projects/cars/suggestions/{QUOTED}").json()
    assert found["key"] == KEY
    assert found["shapes"] == []
    assert "no model yet" in found["reason"]
    assert client.get("/api/projects/cars/suggestions/none").status_code == 404
