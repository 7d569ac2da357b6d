"""What people see of production: bounded in cost, never made up, nothing counted twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sqlalchemy import insert

from autofocus.monitoring import service
from autofocus.monitoring.service import ServiceLog
from autofocus.monitoring.timeline import timeline
from autofocus.monitoring.traffic import SLICES, latest, recent
from autofocus.serving.deployments import status_key
from autofocus.serving.reader import PredictionLog
from autofocus.serving.segments import LogRow, encode_rows, prediction_id, segment_key
from autofocus.store import tables
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.types.clock import now
from autofocus.types.codec import encode
from autofocus.types.production import ServerStatus

CLASSES = ("open", "closed")


def row(number: int, *, server: str = "s1", role: str = "champion", model: str = "m1") -> LogRow:
    suffix = "-shadow" if role == "shadow" else ""
    return LogRow(
        row=number, id=prediction_id(server, number) + suffix, project="eyes",
        time_us=1_000_000 * number, model=model, role=role, request_key="k", predicted=number % 2,
        probabilities=np.array([0.3, 0.7], np.float32), whitened=np.zeros(3, np.float32),
        brightness=1.0, contrast=1.0, blur=1.0, latency_ms=float(number), sha256="a" * 64,
        kept=role != "shadow", keep_probability=1.0, metadata="", revision=1, preprocessing="p",
    )  # fmt: skip


@pytest.fixture
def objects(tmp_path) -> ObjectStore:
    return ObjectStore.open(str(tmp_path / "store"))


def write(objects: ObjectStore, rows: list[LogRow], server: str = "s1", size: int = 5) -> None:
    for i in range(0, len(rows), size):
        part = rows[i : i + size]
        objects.put(segment_key("predictions", "eyes", server, part[0].row), encode_rows(part))


def test_the_tail_is_the_newest_of_all_servers(objects: ObjectStore) -> None:
    write(objects, [row(n) for n in range(0, 40, 2)])
    write(objects, [row(n, server="s2", role="shadow", model="m2") for n in range(1, 40, 2)], "s2")
    log = PredictionLog(objects, "eyes")
    assert [int(t) // 1_000_000 for t in log.tail(4).time_us] == [39, 38, 37, 36]
    assert log.tail(3, roles=("champion",)).ids.tolist() == [
        prediction_id("s1", n) for n in (38, 36, 34)
    ]
    assert len(log.tail(100, model="m2")) == 20
    # One segment of each server and no more, however many rows are asked for.
    assert len(log.tail(100, segments=1)) == 10
    assert len(PredictionLog(objects, "other").tail(5)) == 0


def test_traffic_is_counted_by_role_and_cut_into_slices(objects: ObjectStore) -> None:
    rows = []
    for n in range(200):
        rows.append(row(2 * n, role="canary" if n % 4 == 3 else "champion"))
        if n % 4 == 0:
            rows.append(row(2 * n + 1, role="shadow", model="m2"))
    write(objects, rows)
    found = recent(PredictionLog(objects, "eyes"), CLASSES, 10_000)
    assert found["roles"] == {"canary": 50, "champion": 150, "shadow": 50}
    assert (found["rows"], found["served"], found["models"]) == (250, 200, {"m1": 200})
    assert found["classes"] == {"open": 1.0, "closed": 0.0}
    assert 2 <= len(found["slices"]) <= SLICES
    assert sum(sum(s["roles"].values()) for s in found["slices"]) == 250
    assert all(s["latency"] for s in found["slices"])
    empty = recent(PredictionLog(objects, "other"), CLASSES)
    assert (empty["rows"], empty["slices"], empty["latency"]) == (0, [], None)
    newest = latest(PredictionLog(objects, "eyes"), CLASSES, 2)
    assert [(p["role"], p["image"]) for p in newest] == [("canary", True), ("champion", True)]
    assert newest[0]["confidence"] == pytest.approx(0.7)


@pytest.mark.parametrize("stored", [1, 7, 500])
def test_the_timeline_thins_a_long_history_and_invents_nothing(tmp_path, stored: int) -> None:
    database = Database.open(tmp_path / "autofocus.db")
    database.migrate()
    bodies = {}
    with database.begin() as conn:
        for model, generation in (("eyes-1", 1), ("eyes-2", 1), ("eyes-2", 2)):
            at = f"2026-01-0{model[-1]}T00:00:0{generation}.000000Z"
            conn.execute(
                insert(tables.monitor_state).values(
                    project="eyes", model=model, generation=generation, cursor={}, state=b"",
                    rows=stored, updated_at=at,
                )
            )  # fmt: skip
            for i in range(stored):
                body = {"model": model, "rows": 10 * i + 10, "cursor": {"s1": i}}
                bodies[model, generation, body["rows"]] = body
                conn.execute(
                    insert(tables.monitor_point).values(
                        project="eyes", model=model, generation=generation, rows=body["rows"],
                        body=body, at=at,
                    )
                )  # fmt: skip
    found = timeline(database, "eyes", points=60)
    assert len(found) <= 60 + 3 * 2
    keys = [(p["model"], p["generation"], p["rows"]) for p in found]
    assert keys == sorted(set(keys)), "in order, each once"
    assert set(keys) <= set(bodies)
    assert not any("cursor" in p for p in found)
    for model, generation in (("eyes-1", 1), ("eyes-2", 1), ("eyes-2", 2)):
        rows = [r for m, g, r in keys if (m, g) == (model, generation)]
        assert (rows[0], rows[-1]) == (10, 10 * stored)
    assert len(found) == 3 * stored or len(found) > 40
    assert timeline(database, "other") == []


def test_failures_and_memory_have_a_past(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "EVERY_SECONDS", 0.0)

    def report(requests: int, failed: int, started: str) -> None:
        status = ServerStatus(
            server="s1", url="http://127.0.0.1:1", started_at=started, heartbeat_at=now(),
            applied={}, models={}, requests=requests, failed=failed, hardware={"rss_bytes": 5},
        )  # fmt: skip
        objects.put(status_key("s1"), json.dumps(encode(status)).encode())

    log = ServiceLog(objects)
    for requests, failed, started in ((100, 1, "a"), (160, 1, "a"), (160, 3, "a"), (20, 0, "b")):
        report(requests, failed, started)
        assert log.note(lambda: {"cpu_percent": 1.0})
    # Another process reads, and a control plane that starts again goes on in the same hour.
    found = ServiceLog(objects).history()
    assert [(p["requests"], p["failed"]) for p in found] == [(60, 0), (0, 2), (20, 0)]
    assert found[-1]["servers"][0]["rss_bytes"] == 5
    again = ServiceLog(objects)
    assert again.note(lambda: {"cpu_percent": 2.0})
    assert len(again.history()) == 4
    assert again.history(points=2)[-1]["machine"] == {"cpu_percent": 2.0}
    monkeypatch.setattr(service, "EVERY_SECONDS", 60.0)
    assert not again.note(lambda: {"cpu_percent": 3.0})


def test_the_past_of_the_servers_is_forgotten_after_a_month(objects: ObjectStore) -> None:
    objects.put("service/2020-01-01T00.json", b"[]")
    assert ServiceLog(objects).note(dict)
    assert not [key for key in objects.list("service/") if "2020" in key]
