"""The HTTP API over a real workspace."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from autofocus.api.app import create_app
from autofocus.workspace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")


def png(shade: int) -> bytes:
    out = io.BytesIO()
    image = Image.new("RGB", (32, 32), (shade, 40, 90))
    image.putpixel((shade % 32, 3), (255, 255, 255))
    image.save(out, "PNG")
    return out.getvalue()


def test_a_project_its_images_and_a_version(client: TestClient) -> None:
    made = client.post("/api/projects", json={"name": "eyes", "classes": ["open", "closed"]})
    assert made.status_code == 201
    for i in range(4):
        added = client.post(
            "/api/projects/eyes/images",
            params={"key": f"{i}.png", "label": ["open", "closed"][i % 2]},
            content=png(i),
        )
        assert added.status_code == 201, added.text
    page = client.get("/api/projects/eyes/samples", params={"limit": 3}).json()
    assert len(page["items"]) == 3
    rest = client.get(
        "/api/projects/eyes/samples", params={"limit": 3, "cursor": page["next_cursor"]}
    ).json()
    assert len(rest["items"]) == 1
    sha256 = page["items"][0]["sha256"]
    assert client.get(f"/api/projects/eyes/images/{sha256}").content == png(0)
    small = client.get(f"/api/projects/eyes/images/{sha256}", params={"size": 96})
    assert (small.content, small.headers["content-type"]) == (png(0), "image/png")
    assert "immutable" in small.headers["cache-control"]
    known = {"If-None-Match": small.headers["etag"]}
    same = client.get(f"/api/projects/eyes/images/{sha256}", params={"size": 96}, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"/api/projects/eyes/images/{sha256}", headers=known).status_code == 200
    wrong = client.get(f"/api/projects/eyes/images/{sha256}", params={"size": 97})
    assert wrong.status_code == 422
    version = client.post("/api/projects/eyes/versions", json={"message": "first", "author": "me"})
    assert version.status_code == 201
    again = client.post("/api/projects/eyes/versions", json={"message": "same", "author": "me"})
    assert again.status_code == 409
    report = client.post("/api/projects/eyes/data-tests").json()
    assert report["kind"] == "data"
    overview = client.get("/api/projects/eyes").json()
    assert overview["name"] == "eyes"
    kinds = [e["kind"] for e in client.get("/api/events").json()["items"]]
    assert kinds[0] == "project.created"
    assert "data.committed" in kinds


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/projects/none", None, 404, "not_found"),
        ("POST", "/api/projects", {"name": "Bad!", "classes": ["a", "b"]}, 422, "invalid_input"),
        ("POST", "/api/projects", {"classes": ["a", "b"]}, 422, "invalid_input"),
        ("GET", "/api/predictions/p-none-0", None, 404, "not_found"),
        ("POST", "/api/projects/p/labels/answer",
         {"task": "none", "label": "a", "author": "me"}, 404, "not_found"),
        ("PUT", "/api/projects/p/policy", {"yaml": "monitr: {}"}, 422, "invalid_input"),
        ("GET", "/api/projects/p/cases/p-case-9", None, 404, "not_found"),
        ("GET", "/api/nothing", None, 404, "not_found"),
        ("DELETE", "/api/health", None, 405, "invalid_input"),
    ],
)  # fmt: skip
def test_every_error_has_one_shape(
    client: TestClient,
    workspace: Workspace,
    method: str,
    path: str,
    body: object,
    status: int,
    code: str,
) -> None:
    workspace.create_project("p", classes=["a", "b"])
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]


def test_a_bad_image_is_refused_and_nothing_is_stored(
    client: TestClient, workspace: Workspace
) -> None:
    workspace.create_project("p", classes=["a", "b"])
    # 100 megapixels, as the header says; nothing is decoded to find that out.
    head = b"IHDR" + (10_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    bomb = png(1)[:12] + head + zlib.crc32(head).to_bytes(4, "big") + png(1)[33:]
    for body, way_out in (
        (b"not an image", "JPEG, PNG"),
        (png(1)[:60], "again"),
        (b"", ""),
        (bomb, "raise max_pixels"),
    ):
        refused = client.post("/api/projects/p/images", params={"key": "x.png"}, content=body)
        assert refused.status_code == 422
        assert way_out in refused.json()["error"]["hint"], refused.text
    undeclared = client.post(
        "/api/projects/p/images", params={"key": "x.png", "label": "squint"}, content=png(1)
    )
    assert undeclared.status_code == 422
    assert "a, b" in undeclared.json()["error"]["hint"]
    assert client.get("/api/projects/p/samples").json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "http://evil.example"}, id="foreign page"),
        pytest.param({"host": "evil.example:8700"}, id="DNS rebinding"),
    ],
)
def test_without_a_login_only_this_machine_is_answered(
    client: TestClient, headers: dict[str, str]
) -> None:
    assert client.get("/api/health", headers=headers).status_code == 403


def test_the_openapi_document_describes_every_route(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} has no docstring"


def test_the_status_page_needs_nothing_from_outside(client: TestClient) -> None:
    page = client.get("/status")
    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
