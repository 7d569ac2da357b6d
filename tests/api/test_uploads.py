"""Bringing images through the browser: gathered, imported, reported; nothing is lost between."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from autofocus.api.app import create_app
from autofocus.api.uploads import UploadStatus
from autofocus.config.settings import Settings
from autofocus.types.codec import decode
from autofocus.workspace.workspace import Workspace

Draw = Callable[..., bytes]
UPLOADS = "/api/projects/eyes/uploads"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    small = Settings(max_upload_megabytes=1, max_import_megabytes=2)
    with Workspace.open(tmp_path / "w", settings=small) as workspace:
        workspace.create_project("eyes", classes=["open", "closed"])
        yield workspace


def connect(workspace: Workspace) -> TestClient:
    return TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")


def send(client: TestClient, files: dict[str, bytes], upload: str = "", *, at: str = "eyes") -> str:
    uploads = f"/api/projects/{at}/uploads"
    upload = upload or client.post(uploads).json()["id"]
    for path, data in files.items():
        answer = client.put(f"{uploads}/{upload}/files", params={"path": path}, content=data)
        assert answer.status_code == 200, answer.text
    return upload


def finish(client: TestClient, upload: str, *, at: str = "eyes", **body: Any) -> UploadStatus:
    place = f"/api/projects/{at}/uploads/{upload}"
    assert client.post(f"{place}/import", json=body).status_code == 202
    for _ in range(600):
        found = decode(UploadStatus, client.get(place).json())
        if found.state in ("done", "failed"):
            return found
        time.sleep(0.02)
    raise AssertionError("the import did not end")


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for path, data in files.items():
            target.writestr(path, data)
    return out.getvalue()


def folder(picture: Draw) -> dict[str, bytes]:
    return {
        "mine/open/1.png": picture(1),
        "mine/open/2.png": picture(2),
        "mine/closed/3.png": picture(3),
        "mine/closed/broken.png": picture(4)[:60],
    }


VOC = (
    "<annotation><filename>{}.png</filename><size><width>16</width><height>16</height></size>"
    "<object><name>car</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>8</xmax><ymax>8</ymax>"
    "</bndbox></object></annotation>"
)


@pytest.mark.parametrize("format", ["yolo", "voc", "coco", "parquet", "webdataset"])
def test_boxes_come_in_through_the_browser(
    workspace: Workspace, picture: Draw, tmp_path: Path, format: str
) -> None:
    workspace.create_project("cars", task="detection", classes=["car", "bus"])
    client = connect(workspace)
    images = {f"{i}.png": picture(i) for i in range(3)}
    yolo = {
        "mine/data.yaml": b"names: [car, bus]\n",
        **{f"mine/images/train/{name}": data for name, data in images.items()},
        **{f"mine/labels/train/{i}.txt": b"0 0.25 0.25 0.5 0.5\n" for i in range(3)},
    }
    files = {"mine.zip": archive(yolo)}
    if format == "voc":
        xml = {f"Annotations/{i}.xml": VOC.format(i).encode() for i in range(3)}
        files = {"mine.zip": archive({**{f"JPEGImages/{n}": d for n, d in images.items()}, **xml})}
    elif format != "yolo":  # what was exported in that format comes in again
        data = workspace.project("cars").data
        upload = send(client, files, at="cars")
        finish(client, upload, at="cars")
        data.commit("all")
        data.export("v1", format, tmp_path / "out")
        data.delete([s.key for s in data.samples().items])
        made = sorted(p for p in (tmp_path / "out").rglob("*") if p.is_file())
        files = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in made}
    done = finish(client, send(client, files, at="cars"), at="cars")
    assert done.report is not None, done.error
    assert (done.report.format, done.report.accepted, done.report.labelled) == (format, 3, 3)
    shapes = [s.label for s in workspace.project("cars").data.samples().items]
    assert all(label is not None and label.words == "car" for label in shapes)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_or_archive_comes_in_with_a_report(
    workspace: Workspace, picture: Draw, packed: bool
) -> None:
    client = connect(workspace)
    files = {"mine.zip": archive(folder(picture))} if packed else folder(picture)
    upload = send(client, files)
    done = finish(client, upload, name="mine")
    assert done.report is not None
    assert (done.state, done.report.accepted, done.report.labelled) == ("done", 3, 3)
    assert [s.path.rsplit("/", 1)[-1] for s in done.report.skipped] == ["broken.png"]
    data = workspace.project("eyes").data
    assert [s.key for s in data.search("class:open").items] == ["open/1.png", "open/2.png"]
    assert "imported from mine" in workspace.latest_events()[0]["what"]
    assert not list((workspace.root / "uploads").rglob("*.png"))  # what is in is not kept twice
    # Asking again is no second import.
    assert client.post(f"{UPLOADS}/{upload}/import", json={}).json()["state"] == "done"


def test_loose_images_come_in_without_labels(workspace: Workspace, picture: Draw) -> None:
    client = connect(workspace)
    done = finish(client, send(client, {"a.png": picture(1), "b.png": picture(2)}), split="pool")
    assert done.report is not None, done.error
    assert done.report.accepted == 2
    assert workspace.project("eyes").data.search("split:pool is:unlabelled").total == 2


def test_what_has_come_survives_a_failure_and_a_restart(
    workspace: Workspace, picture: Draw
) -> None:
    client = connect(workspace)
    upload = send(client, folder(picture))
    failed = finish(client, upload, format="nonsense")
    assert failed.state == "failed"
    assert "nonsense" in failed.error
    again = connect(workspace)  # another control plane on the same workspace
    there = again.get(f"{UPLOADS}/{upload}").json()
    assert (there["state"], there["files"]) == ("gathering", 4)
    send(again, {"mine/open/5.png": picture(5)}, upload)
    done = finish(again, upload)
    assert done.report is not None
    assert done.report.accepted == 4


@pytest.mark.parametrize(
    "path", ["../out.png", "/etc/x.png", "a/../../b.png", "a\\b.png", "", "x" * 2000]
)
def test_paths_stay_inside(workspace: Workspace, picture: Draw, path: str) -> None:
    client = connect(workspace)
    upload = send(client, {})
    put = client.put(f"{UPLOADS}/{upload}/files", params={"path": path}, content=picture(1))
    assert put.status_code == 422
    assert client.get(f"{UPLOADS}/{upload}").json()["files"] == 0
    assert client.get(f"{UPLOADS}/..%2F..").status_code == 404


def test_uploads_are_bounded_and_a_file_too_much_costs_only_itself(
    workspace: Workspace, picture: Draw
) -> None:
    client = connect(workspace)
    upload = send(client, {"a.png": picture(1)})
    big = client.put(
        f"{UPLOADS}/{upload}/files", params={"path": "big.png"}, content=b"x" * 1_000_001
    )
    assert big.status_code == 422
    assert "larger than 1 MB" in big.json()["error"]["message"]
    for name in ("1.png", "2.png"):
        client.put(f"{UPLOADS}/{upload}/files", params={"path": name}, content=b"x" * 990_000)
    more = client.put(f"{UPLOADS}/{upload}/files", params={"path": "3.png"}, content=b"x" * 990_000)
    assert "2 MB in one import" in more.json()["error"]["message"]
    status = client.get(f"{UPLOADS}/{upload}").json()
    assert status["files"] == 3
    done = finish(client, upload)
    assert done.report is not None
    assert (done.report.accepted, len(done.report.skipped)) == (1, 2)


def test_leavings_are_thrown_away(workspace: Workspace, picture: Draw) -> None:
    client = connect(workspace)
    old, new = send(client, {"a.png": picture(1)}), send(client, {"a.png": picture(1)})
    place = workspace.root / "uploads" / "eyes"
    os.utime(place / old, (1.0, 1.0))
    third = send(client, {})
    assert {p.name for p in place.iterdir()} == {new, third}
    assert client.get(f"{UPLOADS}/{old}").status_code == 404
    assert client.delete(f"{UPLOADS}/{new}").status_code == 200
    assert client.post(f"{UPLOADS}/{third}/import", json={}).status_code == 422
