"""Batches and shares of the queue over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from autofocus.api.app import create_app
from autofocus.data.dataset import NewImage
from autofocus.labels.queue import Question
from autofocus.workspace.workspace import Workspace

Json = dict[str, object]
QUEUE = "/api/projects/eyes/labels"


def test_two_annotators_share_a_queue_and_save_many_at_once(
    tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_project("eyes", classes=["open", "closed"])
        project = workspace.project("eyes")
        project.data.add_images([NewImage(f"{i}.png", picture(i), "pool") for i in range(6)])
        project.labels.request(
            [
                Question(
                    id=f"ask/{i}", key=f"{i}.png", reason="by hand", purpose="training",
                    sha256=hashlib.sha256(picture(i)).hexdigest(), priority=1.0,
                )
                for i in range(6)
            ]
        )  # fmt: skip
        client = TestClient(create_app(workspace), base_url="http://127.0.0.1:8700")

        def share(who: str) -> list[Json]:
            body = {"annotator": who, "limit": 3}
            found: list[Json] = client.post(f"{QUEUE}/lease", json=body).json()["items"]
            return found

        ann, bob = share("ann"), share("bob")
        assert {t["id"] for t in ann}.isdisjoint(t["id"] for t in bob)
        assert len(ann) == len(bob) == 3

        def batch(tasks: list[Json], label: str, who: str, name: str) -> Json:
            return {
                "author": who,
                "request": name,
                "decisions": [{"task": t["id"], "label": label, "seen": t["seen"]} for t in tasks],
            }

        saved = client.post(f"{QUEUE}/batch", json=batch(ann, "open", "ann", "one"))
        assert (saved.status_code, saved.json()["answered"]) == (200, 3)
        again = client.post(f"{QUEUE}/batch", json=batch(ann, "open", "ann", "one"))
        assert again.json()["repeated"]

        # Bob saw the same images without an answer, and says something else.
        late = client.post(f"{QUEUE}/batch", json=batch([*bob, *ann], "closed", "bob", "two"))
        assert late.status_code == 409
        conflicts = late.json()["error"]["context"]["conflicts"]
        assert sorted(c["task"] for c in conflicts) == sorted(t["id"] for t in ann)
        assert {(c["label"], c["author"], c["yours"]) for c in conflicts} == {
            ("open", "ann", "closed")
        }
        assert client.get(f"{QUEUE}/stats").json()["tasks"]["done"] == 3  # nothing of it was saved
        assert client.post(f"{QUEUE}/release", json={"annotator": "bob"}).json() == {"released": 3}
        assert len(share("ann")) == 3
