"""Trainings that are asked for over HTTP: they end as tested models, or are stopped."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autofocus.api.client import Client
from autofocus.api.launch import running
from autofocus.data.dataset import NewImage
from autofocus.errors import AutofocusError
from autofocus.types.data import Tag
from autofocus.workspace.workspace import Workspace

CLASSES = ("dark", "light")


def png(seed: int) -> bytes:
    shade = 60 if seed % 2 == 0 else 190
    noise = np.random.default_rng(seed).integers(-20, 21, (32, 32, 3))
    out = io.BytesIO()
    Image.fromarray((shade + noise).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Workspace.open(tmp_path / "w") as workspace:
        project = workspace.create_project("shades", classes=list(CLASSES))
        splits = ("train",) * 6 + ("val", "test", "val", "test")
        project.data.add_images(
            [
                NewImage(f"{i:03}.png", png(i), splits[i // 2 % 10], label=Tag(CLASSES[i % 2]))
                for i in range(60)
            ]
        )
        project.data.commit("shades")
    return tmp_path / "w"


def ask(client: Client, path: str, body: object) -> dict[str, object]:
    answer: dict[str, object] = client._send("POST", f"{client.url}/api{path}", json=body)
    return answer


def test_a_run_over_http_becomes_a_tested_model_by_itself(root: Path) -> None:
    parameters = {"steps": 12, "batch": 8, "looks": 2, "image_size": 32}
    with running(root) as client:
        run = ask(client, "/projects/shades/runs", {"parameters": parameters})
        assert run["state"] == "running"
        deadline = time.monotonic() + 120
        while not client.models("shades"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        model = client.models("shades")[0]
        assert model["run"] == run["id"]
        while not (found := client._get(f"/api/projects/shades/models/{model['id']}"))["reports"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert found["reports"][0]["subject"] == model["id"]
        seen = client._get(f"/api/projects/shades/runs/{run['id']}/progress")
        assert (seen["done"], seen["steps"], seen["run"]["state"]) == (12, 12, "done")
        assert len(seen["curves"]["val_loss"]) == 2
        # Grown from it: the parent is known by the bundle, not by the alias that was named.
        ask(client, f"/projects/shades/models/{model['id']}/promote", {"who": "me", "why": "first"})
        again = {"from_model": "champion", "parameters": {**parameters, "finetune_steps": 4}}
        second = ask(client, "/projects/shades/runs", again)
        while len(client.models("shades")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        newest = client.models("shades")[0]
        assert (newest["run"], newest["parent"]) == (second["id"], model["id"])


def test_a_run_is_stopped_and_no_model_comes_of_it(root: Path) -> None:
    with running(root) as client:
        run = ask(client, "/projects/shades/runs", {"parameters": {"steps": 50_000}})
        stopped = ask(client, f"/projects/shades/runs/{run['id']}/cancel", {})
        assert stopped["state"] == "cancelled"
        with pytest.raises(AutofocusError, match="nowhere"):
            ask(client, "/projects/shades/runs/nowhere/cancel", {})
        time.sleep(2.0)
        assert client.models("shades") == []
