"""The registry: models made once, aliases by compare-and-set, the record, lineage to the label."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from autofocus.errors import Conflict, NotFound
from autofocus.registry.models import Models
from autofocus.store import tables
from autofocus.store.annotations import write_annotation
from autofocus.store.bundles import MANIFEST
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.types.clock import now
from autofocus.types.data import Tag
from autofocus.types.models import Gate, Metric, Report, Run, RunSpec


def run_of(number: int, *, state: str = "done", version: str = "a" * 64) -> Run:
    spec = RunSpec(
        project="eyes", task="classification", classes=("open", "closed"), version=version,
        architecture="compact", parameters={}, seed=number, threads=1, code={},
    )  # fmt: skip
    return Run(
        id=f"eyes-run-{number}", project="eyes", spec=spec, state=state,  # type: ignore[arg-type]
        created_at=now(), weights_digest=f"{number:064x}", bundle=f"{number:064x}",
    )  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database.open(tmp_path / "autofocus.db")
    database.migrate()
    with database.begin() as conn:
        conn.execute(
            sa.insert(tables.project).values(
                name="eyes", task="classification", classes=["open", "closed"], policy="",
                revision=0, paused=False, frozen="", created_at=now(),
            )
        )  # fmt: skip
    return database


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    objects = ObjectStore.open(str(tmp_path / "store"))
    for number in range(1, 4):
        manifest = json.dumps({"metrics": {"accuracy": 0.9}}).encode()
        objects.put(f"bundles/{number:064x}/{MANIFEST}", manifest)
        objects.put(f"bundles/{number:064x}/model.onnx", b"weights")
    return objects


@pytest.fixture
def models(database: Database, objects: ObjectStore) -> Models:
    return Models(database, objects, "eyes")


def count(database: Database, table: sa.Table) -> int:
    with database.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_a_run_becomes_one_model(models: Models, database: Database) -> None:
    first = models.register(run_of(1), parent=None, case=None)
    assert (first.id, first.number, first.metrics) == ("eyes-1", 1, {"accuracy": 0.9})
    assert models.register(run_of(1)) == first
    assert count(database, tables.model) == 1
    assert count(database, tables.event) == 1
    second = models.register(run_of(2), parent=first.id)
    assert [m.id for m in models.list()] == [second.id, first.id]


def test_an_unfinished_run_is_no_model(models: Models) -> None:
    with pytest.raises(Conflict, match="is running"):
        models.register(run_of(1, state="running"))


def test_unknown_models_and_aliases_are_named(models: Models) -> None:
    with pytest.raises(NotFound, match="eyes-9"):
        models.model("eyes-9")
    with pytest.raises(NotFound, match="champion"):
        models.model("champion")
    with pytest.raises(NotFound, match="eyes-9"):
        models.set_alias("champion", "eyes-9", expected=None, actor="ann", reason="")
    assert models.alias("champion") is None


def test_champion_moves_keep_the_way_back(models: Models) -> None:
    a, b = (models.register(run_of(n)).id for n in (1, 2))
    assert models.set_alias("champion", a, expected=None, actor="ann", reason="first")
    assert models.alias("previous") is None
    assert models.set_alias("champion", b, expected=a, actor="loop", reason="better", case="c-1")
    # Executed a second time after a crash: nothing moves, above all not `previous`.
    assert not models.set_alias("champion", b, expected=a, actor="loop", reason="better")
    assert (models.alias("champion"), models.alias("previous")) == (b, a)
    assert models.model("champion").aliases == ("champion",)
    record = [(r["name"], r["before"], r["model"], r["actor"]) for r in models.history()]
    assert record == [
        ("previous", None, a, "loop"),
        ("champion", a, b, "loop"),
        ("champion", None, a, "ann"),
    ]


def test_who_comes_second_is_told(models: Models) -> None:
    a, b, c = (models.register(run_of(n)).id for n in (1, 2, 3))
    models.set_alias("champion", a, expected=None, actor="ann", reason="first")
    models.set_alias("champion", b, expected=a, actor="ann", reason="better")
    with pytest.raises(Conflict, match="somebody else moved it"):
        models.set_alias("champion", c, expected=a, actor="bob", reason="mine")
    assert models.alias("champion") == b


def test_only_one_of_many_at_once_wins(models: Models, database: Database) -> None:
    a, b, c = (models.register(run_of(n)).id for n in (1, 2, 3))
    models.set_alias("champion", a, expected=None, actor="ann", reason="first")
    won: list[str] = []
    lost: list[str] = []

    def move(to: str) -> None:
        try:
            models.set_alias("champion", to, expected=a, actor="loop", reason="race")
            won.append(to)
        except Conflict:
            lost.append(to)

    threads = [threading.Thread(target=move, args=(to,)) for to in (b, c)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == len(lost) == 1
    assert models.alias("champion") == won[0]
    assert models.alias("previous") == a


def test_an_alias_can_be_taken_away(models: Models) -> None:
    a = models.register(run_of(1)).id
    models.set_alias("challenger", a, expected=None, actor="loop", reason="tested")
    assert models.set_alias("challenger", None, expected=a, actor="loop", reason="rejected")
    assert not models.set_alias("challenger", None, expected=a, actor="loop", reason="rejected")
    assert models.alias("challenger") is None


def test_a_report_is_kept_once(models: Models, database: Database) -> None:
    model = models.register(run_of(1))
    report = Report(
        kind="model", project="eyes", subject=model.id, classes=("open", "closed"),
        metrics=(Metric("accuracy", 0.9, 0.85, 0.94, 200),),
        gates=(Gate("min_accuracy", False, "accuracy 0.9 is below 0.95", 0.9, 0.95),),
        confusion=((90, 10), (10, 90)),
    )  # fmt: skip
    events = count(database, tables.event)
    models.record_report(report, "case-1/model-tests")
    models.record_report(report, "case-1/model-tests")
    assert models.reports(model.id) == [report]
    assert count(database, tables.event) == events + 1


def test_lineage_walks_to_labels_people_case_and_parents(
    models: Models, database: Database
) -> None:
    first = models.register(run_of(1))
    signal = {"project": "eyes", "id": "eyes-1-signal-700"}
    with database.begin() as conn:
        conn.execute(
            sa.insert(tables.case).values(
                id="eyes-case-1", project="eyes", number=1, stage="closed", model=first.id,
                signal=signal["id"], trigger="change", evidence={}, opened_at=now(),
            )
        )  # fmt: skip
        conn.execute(
            sa.insert(tables.signal).values(
                id=signal["id"], project="eyes", model=first.id, body=signal,
                case="eyes-case-1", created_at=now(),
            )
        )  # fmt: skip
        for revision, (key, label, author) in enumerate(
            [
                ("production/p-1", "open", "ann"),
                ("production/p-1", "closed", "bob"),  # bob corrects ann before the version
                ("production/p-2", "open", "ann"),
                ("production/p-1", "open", "eve"),  # and eve bob after it
            ],
            start=1,
        ):
            write_annotation(
                conn, project="eyes", key=key, label=Tag(label), author=author, source="human",
                revision=revision, case="eyes-case-1",
            )  # fmt: skip
        conn.execute(
            sa.insert(tables.version).values(
                project="eyes", number=1, digest="b" * 64, parent=None, revision=3,
                message="labels", author="loop", counts={"train": {"open": 1, "closed": 1}},
                created_at=now(), effect="eyes-case-1/version",
            )
        )  # fmt: skip
    second = models.register(run_of(2, version="b" * 64), parent=first.id, case="eyes-case-1")
    models.set_alias("champion", first.id, expected=None, actor="ann", reason="first")
    models.set_alias("champion", second.id, expected=first.id, actor="loop", reason="e 24")
    found = json.loads(json.dumps(models.lineage_of_model("champion"), default=str))
    assert found["model"]["id"] == second.id
    assert found["version"]["number"] == 1
    assert found["case"]["id"] == "eyes-case-1"
    assert found["signal"]["id"] == signal["id"]
    assert {(a["key"], a["author"], a["label"]["label"]) for a in found["labels"]} == {
        ("production/p-1", "bob", "closed"),
        ("production/p-2", "ann", "open"),
    }
    assert found["authors"] == {"ann": 1, "bob": 1}
    assert [p["model"] for p in found["parents"]] == [first.id]
    assert [(m["name"], m["model"]) for m in found["aliases"]] == [("champion", second.id)]


def test_export_writes_the_whole_bundle_and_never_over_something(
    models: Models, tmp_path: Path
) -> None:
    model = models.register(run_of(1))
    folder = models.export(model.id, tmp_path / "out")
    assert sorted(p.name for p in folder.iterdir()) == sorted([MANIFEST, "model.onnx"])
    with pytest.raises(Conflict, match="not an empty folder"):
        models.export(model.id, tmp_path / "out")
