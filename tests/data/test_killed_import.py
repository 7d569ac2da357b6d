"""kill -9 in the middle of an import: nothing acknowledged is lost, and a rerun goes on."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from autofocus.data.dataset import Dataset
from autofocus.store import tables
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore

Draw = Callable[..., bytes]

_IMPORT = """
import sys
from autofocus.data import importing
from autofocus.data.dataset import Dataset
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore

importing.BATCH = 16
url, store, folder = sys.argv[1:]
database, objects = Database.open(url), ObjectStore.open(store)
packs = PackStore(database, objects)
dataset = Dataset(database, objects, packs, "eyes", classes=("open", "closed"))
dataset.import_path(folder, progress=lambda done, total: print(done, flush=True))
"""


@pytest.mark.parametrize("batches", [1, 3])
def test_a_killed_import_goes_on(
    dataset: Dataset, database: Database, tmp_path: Path, picture: Draw, batches: int
) -> None:
    folder = tmp_path / "in"
    names = [f"{('open', 'closed')[i % 2]}/{i:03d}.png" for i in range(96)]
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(i))
    url = database.engine.url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-c", _IMPORT, url, str(tmp_path / "store"), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    acknowledged = 0
    for _ in range(batches):
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()

    objects = ObjectStore.open(tmp_path / "store")
    packs = PackStore(database, objects)
    reopened = Dataset(database, objects, packs, "eyes", classes=dataset.classes)
    there = reopened.samples(limit=1000).items
    assert len(there) >= acknowledged
    assert len(there) % 16 == 0
    for sample in there:
        assert hashlib.sha256(reopened.image(sample.key)).hexdigest() == sample.sha256
        assert sample.label is not None
    report = reopened.import_path(folder)
    assert report.unchanged == len(there)
    assert report.accepted == len(names) - len(there)
    assert len(reopened.samples(limit=1000).items) == len(names)
    assert list(reopened.verify()) == []
    with database.read() as conn:
        labels = conn.execute(sa.select(sa.func.count()).select_from(tables.annotation))
        assert labels.scalar_one() == len(names)
    packs.close()
