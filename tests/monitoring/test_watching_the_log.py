"""The log is read once, whatever happens in between; history, signals and status follow it."""

import dataclasses
import io
import json

import numpy as np
import pytest
from sqlalchemy import func, insert, select, update

from autofocus.config.policy import MonitorPolicy
from autofocus.errors import NotFound, Unavailable
from autofocus.monitoring import watch
from autofocus.monitoring.watch import Monitoring
from autofocus.serving.reader import PredictionLog
from autofocus.serving.segments import LogRow, encode_rows, segment_key
from autofocus.store import tables
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.types.clock import now


class Place:
    """A project with a champion, and a server that writes segments."""

    def __init__(self, folder):
        self.folder = folder
        self.database = Database.open(folder / "autofocus.db")
        self.database.migrate()
        self.objects = ObjectStore.open(str(folder / "store"))
        with self.database.begin() as conn:
            conn.execute(
                insert(tables.project).values(
                    name="eyes", task="classification", classes=["closed", "open"], policy="",
                    revision=0, paused=False, frozen="", created_at=now(),
                )
            )  # fmt: skip
            conn.execute(
                insert(tables.alias).values(
                    project="eyes", name="champion", model="eyes-1", changed_at=now()
                )
            )

    def monitoring(self):
        return Monitoring(
            self.database, self.objects, PredictionLog(self.objects, "eyes"), "eyes",
            classes=("closed", "open"),
        )  # fmt: skip

    def promote(self, model):
        with self.database.begin() as conn:
            conn.execute(update(tables.alias).values(model=model))

    def log(self, window):
        """Write a window as a server would; ids give the rows."""
        rows = [int(i.rsplit("-", 1)[1]) for i in window.ids.tolist()]
        columns = {f.name: getattr(window, f.name) for f in dataclasses.fields(window)}
        made = [
            LogRow(
                row=row, id=str(window.ids[i]), project="eyes", revision=1, preprocessing="p",
                **{
                    name: value[i] if value.ndim > 1 else value[i].item()
                    for name, value in columns.items()
                    if name not in ("ids", "detections", "outputs")
                },
            )
            for i, row in enumerate(rows)
        ]  # fmt: skip
        self.objects.put(segment_key("predictions", "eyes", "s1", rows[0]), encode_rows(made))

    def bundle(self, reference):
        """A folder as training leaves it."""
        path = self.folder / "bundle"
        path.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, **{
            name: getattr(reference, name)
            for name in ("probabilities", "whitened", "brightness", "contrast", "blur", "truth")
        })  # fmt: skip
        (path / "reference.npz").write_bytes(buffer.getvalue())
        (path / "estimator.json").write_text(json.dumps({"points": [], "band90": 0.03}))
        return path

    def count(self, table):
        with self.database.read() as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.fixture
def place(tmp_path):
    found = Place(tmp_path)
    yield found
    found.database.close()


def test_from_clean_traffic_to_a_signal(place, world):
    w = world(1)
    monitoring = place.monitoring()
    assert monitoring.status()["reference"] is False
    assert monitoring.tick() == []
    assert monitoring.take_reference("eyes-1", place.bundle(w.reference(500)), MonitorPolicy()) == 1
    place.log(w.window(600)[0])
    assert monitoring.tick() == []
    window, drifted = w.window(500, share=0.2)
    place.log(window)
    (signal,) = monitoring.tick()
    assert 600 < signal.at <= 1100
    assert drifted[: signal.at - 600].sum() <= 60
    assert monitoring.tick() == []
    assert monitoring.signals() == [signal]
    status = monitoring.status()
    assert status["alarmed"]
    assert status["rows"] == 1100
    assert 0.5 < status["estimate"]["value"] < 0.95
    assert set(status["classes"]) == {"closed", "open"}
    json.dumps(status)
    before, since = monitoring.around(signal, before=300)
    assert len(before) == 300
    assert since.ids[0] == signal.first_prediction
    assert len(since) == 1100 - signal.change_at + 1
    history = monitoring.history()
    assert [p["rows"] for p in history] == sorted(p["rows"] for p in history)
    assert history[-1]["e_value"] > 100 > history[0]["e_value"]
    reference, calibration = monitoring.baseline("eyes-1")
    assert len(reference) == 500
    assert calibration.band90 == 0.03


def test_a_restart_anywhere_changes_nothing(place, world, tmp_path):
    other = Place(tmp_path / "other")
    w = world(2)
    reference = w.reference(400)
    for p in (place, other):
        p.monitoring().take_reference("eyes-1", reference, MonitorPolicy())
    steady = other.monitoring()
    for share in (0.0, 0.0, 0.1, 0.3):
        window, _ = w.window(300, share=share)
        for p in (place, other):
            p.log(window)
        place.monitoring().tick()  # a new process each time
        steady.tick()
    with place.database.read() as a, other.database.read() as b:
        query = select(tables.monitor_state.c.state, tables.monitor_state.c.cursor)
        assert a.execute(query).all() == b.execute(query).all()
    assert place.monitoring().signals() == steady.signals()
    assert len(steady.signals()) == 1
    other.database.close()


def test_a_failed_commit_is_repeated_without_loss_or_doubling(place, world, monkeypatch):
    w = world(3)
    monitoring = place.monitoring()
    monitoring.take_reference("eyes-1", w.reference(400), MonitorPolicy())
    place.log(w.window(500, share=0.5)[0])
    record = watch.record_event

    def dies(conn, event):
        raise Unavailable("The disk is gone.")

    monkeypatch.setattr(watch, "record_event", dies)
    with pytest.raises(Unavailable):
        monitoring.tick()
    assert place.count(tables.signal) == 0
    assert monitoring.status()["rows"] == 0
    monkeypatch.setattr(watch, "record_event", record)
    assert len(monitoring.tick()) == 1
    assert monitoring.status()["rows"] == 500
    assert place.count(tables.signal) == 1


def test_two_control_planes_count_every_row_once(place, world):
    w = world(4)
    first, second = place.monitoring(), place.monitoring()
    first.take_reference("eyes-1", w.reference(400), MonitorPolicy())
    place.log(w.window(700)[0])
    first.tick()
    second.tick()
    place.log(w.window(100)[0])
    second.tick()
    first.tick()
    assert first.status()["rows"] == second.status()["rows"] == 800


def test_other_roles_and_models_do_not_count(place, world):
    w = world(5)
    monitoring = place.monitoring()
    monitoring.take_reference("eyes-1", w.reference(400), MonitorPolicy())
    window, _ = w.window(300)
    role = np.where(np.arange(300) % 3 == 0, "canary", "champion")
    model = np.where(np.arange(300) % 3 == 1, "eyes-2", "eyes-1")
    place.log(dataclasses.replace(window, role=role, model=model))
    monitoring.tick()
    assert monitoring.status()["rows"] == 100


def test_promotion_takes_a_new_reference_and_reads_on(place, world):
    w = world(6)
    monitoring = place.monitoring()
    monitoring.take_reference("eyes-1", w.reference(400), MonitorPolicy())
    place.log(w.window(300)[0])
    monitoring.tick()
    shadow, _ = w.window(400, share=0.3, model="eyes-2")
    made = monitoring.take_reference("eyes-2", shadow, MonitorPolicy(), effect="case-1/reference")
    again = monitoring.take_reference("eyes-2", shadow, MonitorPolicy(), effect="case-1/reference")
    assert made == again == 1
    place.promote("eyes-2")
    place.log(w.window(900, share=0.3, model="eyes-2")[0])
    assert monitoring.tick() == []  # what was drift is normal now
    assert monitoring.status()["model"] == "eyes-2"
    assert monitoring.status()["rows"] == 900
    assert monitoring.take_reference("eyes-2", shadow, MonitorPolicy()) == 2
    assert monitoring.status()["rows"] == 900  # counts of one model go on
    assert monitoring.status()["images"] == 0
    assert monitoring.tick() == []
    assert place.count(tables.monitor_state) == 3


def test_the_first_production_images_can_be_the_reference(place, world):
    w = world(7)
    monitoring = place.monitoring()
    policy = MonitorPolicy(reference="production", calibration=200)
    monitoring.take_reference("eyes-1", place.bundle(w.reference(400)), policy)
    place.log(w.window(150)[0])
    monitoring.tick()
    assert monitoring.status()["calibrating"]
    place.log(w.window(600)[0])
    monitoring.tick()
    assert not monitoring.status()["calibrating"]


def test_what_is_not_there_is_said(place):
    with pytest.raises(NotFound, match="no reference"):
        place.monitoring().baseline("eyes-1")
