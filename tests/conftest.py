"""What several rooms' tests need: a migrated database of either kind, and a project to work in."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from autofocus.data.dataset import Dataset
from autofocus.store import tables
from autofocus.store.database import Database
from autofocus.store.objects import ObjectStore
from autofocus.store.packs import PackStore
from autofocus.types.clock import now
from autofocus.types.data import Task

# How fast the machine is today is no property of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

CLASSES = ("open", "closed")
_number = count()


def _postgres(name: str) -> str | None:
    """A PostgreSQL program: on the path, or where Debian puts it."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL prefix of a PostgreSQL server that lives as long as the tests; skips where none is.

    ``AUTOFOCUS_REQUIRE_POSTGRES`` makes its absence a failure. The server refuses to run as root,
    so for root it runs as the user ``postgres``.
    """
    initdb, control = _postgres("initdb"), _postgres("pg_ctl")
    if initdb is None or control is None:
        if os.environ.get("AUTOFOCUS_REQUIRE_POSTGRES"):
            pytest.fail("PostgreSQL is required but not installed.")
        pytest.skip("PostgreSQL is not installed.")
    # The socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="af-pg-"))
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def call(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    call(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    call(control, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        template = Database.open(f"postgresql://postgres@/postgres?host={folder}")
        with template.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(sa.text("CREATE DATABASE migrated"))
        template.close()
        template = Database.open(f"postgresql://postgres@/migrated?host={folder}")
        template.migrate()
        template.close()
        yield f"postgresql://postgres@/{{}}?host={folder}"
    finally:
        call(control, "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: str) -> Callable[[], str]:
    """Makes an empty migrated PostgreSQL database and gives its URL."""

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_number)}"
        admin = Database.open(postgres.format("postgres"))
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE migrated"))
        admin.close()
        return postgres.format(name)

    return make


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], Database]]:
    """Makes an empty migrated database, ``sqlite`` or ``postgresql``."""
    opened: list[Database] = []

    def make(kind: str) -> Database:
        if kind == "sqlite":
            database = Database.open(tmp_path / f"autofocus-{len(opened)}.db")
            database.migrate()
        else:
            new_url: Callable[[], str] = request.getfixturevalue("postgres_url")
            database = Database.open(new_url())
        opened.append(database)
        return database

    yield make
    for database in opened:
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, new_database: Callable[[str], Database]) -> Database:
    """An empty migrated database; the test runs once on SQLite and once on PostgreSQL."""
    return new_database(request.param)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    """An empty object store in a folder."""
    return ObjectStore.open(tmp_path / "store")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight MiB; skips where none can be mounted."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("May not mount.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def packs(database: Database, objects: ObjectStore) -> Iterator[PackStore]:
    """An empty pack store."""
    packs = PackStore(database, objects)
    yield packs
    packs.close()


@pytest.fixture
def new_dataset(
    database: Database, objects: ObjectStore, packs: PackStore
) -> Callable[..., Dataset]:
    """Makes a project, of classification with the classes open and closed, and opens its data."""

    def make(
        name: str = "eyes", classes: tuple[str, ...] = CLASSES, task: Task = "classification"
    ) -> Dataset:
        with database.begin() as conn:
            conn.execute(
                sa.insert(tables.project).values(
                    name=name, task=task, classes=list(classes), policy="",
                    revision=0, paused=False, frozen="", created_at=now(),
                )
            )  # fmt: skip
        return Dataset(
            database, objects, packs, name, classes=classes, task=task, max_pixels=1_000_000,
            author="ada",
        )  # fmt: skip

    return make


@pytest.fixture
def dataset(new_dataset: Callable[..., Dataset]) -> Dataset:
    """The dataset of a new project, ``eyes``."""
    return new_dataset()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Draws a small image that depends on the seed alone, encoded as PNG or JPEG."""

    def draw(seed: int, *, kind: str = "png", side: int = 16) -> bytes:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        pixels = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
        done, data = cv2.imencode(f".{kind}", pixels)
        assert done
        return bytes(data)

    return draw
