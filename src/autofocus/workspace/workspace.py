"""``Workspace``: the one noun that is opened and passed on; it hands each room what it needs."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from autofocus.config.policy import Policy, dump_policy, parse_policy
from autofocus.config.settings import Settings, load_settings
from autofocus.errors import Conflict, InvalidInput, NotFound
from autofocus.events import Event
from autofocus.store.database import Database, insert_ignore, record_event
from autofocus.store.objects import ObjectStore
from autofocus.types.clock import now
from autofocus.types.codec import digest
from autofocus.types.data import TASKS, Page, Task, check_project_name
from autofocus.types.geometry import NOTHING
from autofocus.types.models import check_background, fewest_classes

if TYPE_CHECKING:
    from autofocus.compute.executor import LocalExecutor
    from autofocus.config.policy_check import FieldProblem
    from autofocus.data.dataset import Dataset
    from autofocus.data.embeddings import Embedder
    from autofocus.labels.assistant import Assistant
    from autofocus.labels.queue import Labels
    from autofocus.labels.suggestions import Suggestions
    from autofocus.loop.engine import Engine
    from autofocus.loop.loop import Loop
    from autofocus.monitoring.service import ServiceLog
    from autofocus.monitoring.watch import Monitoring
    from autofocus.registry.models import Models
    from autofocus.serving.deployments import Deployments
    from autofocus.serving.reader import PredictionLog
    from autofocus.store.backup import Backup
    from autofocus.store.packs import PackStore
    from autofocus.training.runs import Training
    from autofocus.types.models import Gate, Model, Predictor, Report
    from autofocus.types.production import Deployment

MARKER = "workspace.json"
LIBRARIES = (
    "autofocus", "torch", "onnxruntime", "onnx", "transformers", "kornia", "numpy", "scipy",
    "scikit-learn", "cleanlab", "opencv-python-headless", "simplejpeg", "pillow", "pyarrow",
    "obstore", "sqlalchemy", "alembic", "psycopg", "dbos", "fastapi", "uvicorn", "ray", "openvino",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project's row: its task, classes in their fixed order, and whether the loop may act.

    ``background`` names the classes of segmentation that are areas and not countable objects.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    revision: int
    paused: bool
    frozen: str
    created_at: str
    background: tuple[str, ...] = ()


class Workspace:
    """Settings, database, object store and executor of one folder or URL.

    Use as a context manager, or call :meth:`close`. Several processes may have one workspace
    open at once; only one may run its control plane (``autofocus up``).
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.settings = settings
        self.database = Database.open(settings.database or root / "autofocus.db")
        self.database.migrate()
        self.objects = ObjectStore.open(settings.store or str(root / "store"))
        self._projects: dict[str, Project] = {}

    @classmethod
    def open(
        cls,
        root: str | os.PathLike[str] | None = None,
        *,
        create: bool = True,
        settings: Settings | None = None,
    ) -> Workspace:
        """Open the workspace in folder ``root`` (default ``$AUTOFOCUS_WORKSPACE`` or
        ``.autofocus``).

        Raises NotFound if there is none and ``create`` is false; Unavailable if its database or
        object store does not answer; InvalidInput if the settings are wrong.
        """
        if root is None:
            root = os.environ.get("AUTOFOCUS_WORKSPACE", ".autofocus")
        if "://" in os.fspath(root):
            raise InvalidInput(
                f"A workspace is opened by its folder, got the URL {os.fspath(root)!r}.",
                hint="Open a folder and put the URLs into its settings.yaml: "
                "database: postgresql://..., store: s3://bucket/prefix.",
            )
        path = Path(root).expanduser().absolute()
        if path.is_file():
            raise InvalidInput(f"{path} is a file, a workspace is a folder.", path=str(path))
        if not (path / MARKER).exists():
            if not create:
                raise NotFound(
                    f"There is no workspace in {path}.",
                    hint="Make one with `autofocus init PROJECT --task classification "
                    "--classes a,b`, or name another folder with --workspace.",
                    path=str(path),
                )
            _make_room(path)
        workspace = cls(path, settings or load_settings(path))
        if not (path / MARKER).exists():
            # Written last: a half-made workspace is made again, never half-opened.
            _mark(path)
        return workspace

    @classmethod
    def restore(
        cls,
        backup: str | os.PathLike[str],
        root: str | os.PathLike[str],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Backup:
        """Make the workspace of a backup file in the new or empty folder ``root``.

        A ``settings.yaml`` that lies there says which database and store to fill; they must be
        empty. Raises Conflict if anything is not, Corrupted if the file was altered or torn.
        """
        from autofocus.store.backup import read_backup, read_contents

        path = Path(root).expanduser().absolute()
        if (path / MARKER).exists():
            raise Conflict(f"{path} is a workspace already.", hint="Name a new folder.")
        read_contents(Path(backup))  # a file that is no backup leaves nothing behind
        _make_room(path)
        settings = load_settings(path)
        database = Database.open(settings.database or path / "autofocus.db")
        try:
            objects = ObjectStore.open(settings.store or str(path / "store"))
            found = read_backup(Path(backup), database, objects, progress=progress)
        finally:
            database.close()
        _mark(path)
        return found

    def backup(
        self,
        path: str | os.PathLike[str],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Backup:
        """Write everything to one new tar file while the workspace stays in use.

        Raises Conflict if the file exists, StorageFull. Settings and images kept by reference are
        not in it.
        """
        from autofocus.store.backup import write_backup

        return write_backup(self.database, self.objects, Path(path), progress=progress)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections; rooms handed out before must not be used after."""
        for project in self._projects.values():
            if "data" in project.__dict__:
                project.data.close()
        if "packs" in self.__dict__:  # opened, or closing would open it
            self.packs.close()
        self.database.close()

    @property
    def author(self) -> str:
        """Who signs what is done through this workspace when nobody else is named."""
        return self.settings.author or os.environ.get("AUTOFOCUS_AUTHOR") or _login()

    @cached_property
    def packs(self) -> PackStore:
        from autofocus.store.packs import PackStore

        return PackStore(self.database, self.objects)

    @cached_property
    def executor(self) -> LocalExecutor:
        from autofocus.compute.executor import LocalExecutor

        return LocalExecutor(self.root / "jobs")

    @property
    def cache(self) -> Path:
        """Local copies of bundles and decoded images; may be deleted at any time."""
        return self.root / "cache"

    @cached_property
    def engine(self) -> Engine:
        """The workflow engine; only the control plane starts it."""
        from autofocus.loop.engine import Engine
        from autofocus.loop.stages import step_names

        def perform(case: str, stage: str, step: str) -> bool:
            return self.project(case.rsplit("-case-", 1)[0]).loop.perform(case, stage, step)

        location = self.settings.database
        return Engine(
            location if location.startswith("postgres") else self.root / "flow.db",
            steps=lambda case, stage: step_names(stage),  # type: ignore[arg-type]
            perform=perform,
        )

    @cached_property
    def service(self) -> ServiceLog:
        """How machine and inference servers did over time; the control plane writes it."""
        from autofocus.monitoring.service import ServiceLog

        return ServiceLog(self.objects)

    def hardware(self) -> dict[str, Any]:
        """The machine of this process: what it is, and ``now``, how busy it is."""
        from autofocus.compute.hardware import hardware, usage_now

        return {**hardware(self.root), "now": usage_now(self.root)}

    def libraries(self) -> dict[str, str]:
        """Versions of Autofocus, Python and the libraries that carry the load."""
        import platform
        from importlib.metadata import PackageNotFoundError, version

        found = {"python": platform.python_version()}
        for name in LIBRARIES:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                # An optional one, or built under another name (opencv with a display).
                continue
        return found

    def check(self) -> list[Gate]:
        """Whether database, object store, packs and servers are well."""
        from autofocus.workspace.checks import run_checks

        return run_checks(self)

    # -- projects ------------------------------------------------------------------------

    def projects(self) -> list[ProjectInfo]:
        """All projects by name."""
        from sqlalchemy import select

        from autofocus.store.tables import project

        with self.database.read() as conn:
            rows = conn.execute(select(project).order_by(project.c.name)).mappings().all()
        return [_info(row) for row in rows]

    def create_project(
        self,
        name: str,
        *,
        task: str = "classification",
        classes: Sequence[str],
        background: Sequence[str] = (),
        policy: str = "",
    ) -> Project:
        """Make a project; raises Conflict if the name is taken, InvalidInput on wrong values.

        ``background`` names the classes of segmentation that are areas (sky, road): an image has
        one mask of each, while every object of the other classes has its own.
        """
        from autofocus.store.tables import project

        check_project_name(name)
        if task not in get_args(Task):
            raise InvalidInput(
                f"Task {task!r} is not supported, expected one of {list(TASKS)}.", field="task"
            )
        cleaned = tuple(c.strip() for c in classes)
        fewest = fewest_classes(task)  # type: ignore[arg-type]
        if len(cleaned) < fewest or len(set(cleaned)) != len(cleaned) or not all(cleaned):
            raise InvalidInput(
                f"A project for {task} needs at least {'two' if fewest == 2 else 'one'} class "
                f"name, all of them different, got {list(classes)}.",
                hint="For example: --classes open,closed",
                field="classes",
            )
        if NOTHING in cleaned:
            raise InvalidInput(
                f"{NOTHING} cannot be a class: images that were looked at and hold nothing are "
                "counted under it.",
                field="classes",
            )
        areas = tuple(c.strip() for c in background)
        check_background(task, cleaned, areas)  # type: ignore[arg-type]
        parse_policy(policy)
        with self.database.begin() as conn:
            made = insert_ignore(
                conn,
                project,
                name=name,
                task=task,
                classes=list(cleaned),
                background=list(areas),
                policy=policy,
                revision=0,
                paused=False,
                frozen="",
                created_at=now(),
            )
            if not made:
                raise Conflict(
                    f"Project {name!r} exists already in {self.root}.",
                    hint="Choose another name, or go on with it: --project " + name,
                )
            record_event(
                conn,
                Event(
                    kind="project.created",
                    project=name,
                    key=f"{name}/created",
                    what=f"Project {name} for {task} with classes {', '.join(cleaned)}.",
                    subject=name,
                    actor=self.author,
                ),
            )
        return self.project(name)

    def project(self, name: str) -> Project:
        """The project of that name; raises NotFound naming those there are."""
        if name not in self._projects:
            found = {info.name: info for info in self.projects()}
            if name not in found:
                raise NotFound(
                    f"There is no project {name!r} in {self.root}.",
                    hint=f"There is: {', '.join(found) or 'none yet'}.",
                )
            self._projects[name] = Project(self, found[name])
        return self._projects[name]

    # -- across projects -----------------------------------------------------------------

    def events(self, *, project: str | None = None, after: int = 0, limit: int = 100) -> Page:
        """Events with id above ``after``, oldest first."""
        from sqlalchemy import select

        from autofocus.store.tables import event

        query = select(event).where(event.c.id > after).order_by(event.c.id).limit(limit)
        if project is not None:
            query = query.where(event.c.project == project)
        with self.database.read() as conn:
            rows = [dict(row) for row in conn.execute(query).mappings()]
        return Page(tuple(rows), str(rows[-1]["id"]) if len(rows) == limit else None)

    def latest_events(self, *, project: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """The newest events, newest first."""
        from sqlalchemy import select

        from autofocus.store.tables import event

        query = select(event).order_by(event.c.id.desc()).limit(limit)
        if project is not None:
            query = query.where(event.c.project == project)
        with self.database.read() as conn:
            return [dict(row) for row in conn.execute(query).mappings()]

    def project_of_prediction(self, prediction: str) -> Project:
        """The project whose log holds this prediction id; raises NotFound."""
        for info in self.projects():
            project = self.project(info.name)
            try:
                project.log.find(prediction)
            except NotFound:
                continue
            return project
        raise NotFound(
            f"No prediction {prediction!r} in any project of {self.root}.",
            hint="Ids are in every answer as `prediction_id`; a row reaches the log within about "
            "a second.",
        )

    def lineage(self, prediction: str) -> dict[str, Any]:
        """From a prediction back to model, run, version, labels, people and case."""
        return self.project_of_prediction(prediction).loop.lineage(prediction)


class Project:
    """One project's rooms, opened when they are first used."""

    def __init__(self, workspace: Workspace, info: ProjectInfo) -> None:
        self.workspace = workspace
        self.name = info.name
        self.task = info.task
        self.classes = info.classes
        self.background = info.background
        self._policy: tuple[str, Policy] | None = None
        self._suggesting: Predictor | None = None

    @property
    def info(self) -> ProjectInfo:
        """The project's row as it is now."""
        return next(i for i in self.workspace.projects() if i.name == self.name)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        text = self.policy_text
        # Asked several times a second; parsing is dear, and the same text is the same policy.
        if self._policy is None or self._policy[0] != text:
            self._policy = (text, parse_policy(text, where=f"policy of {self.name}"))
        return self._policy[1]

    @property
    def policy_text(self) -> str:
        from sqlalchemy import select

        from autofocus.store.tables import project

        with self.workspace.database.read() as conn:
            text = conn.execute(
                select(project.c.policy).where(project.c.name == self.name)
            ).scalar_one()
        return str(text)

    def set_policy(
        self, policy: Policy | str, *, author: str | None = None, why: str = ""
    ) -> Policy:
        """Replace the policy by a value or YAML text.

        Raises InvalidInput whose context lists all wrong fields under ``fields``.
        """
        from sqlalchemy import update

        from autofocus.config.policy_check import check_policy, differences, refused
        from autofocus.store.tables import project

        text = dump_policy(policy) if isinstance(policy, Policy) else policy
        problems = check_policy(text)
        if problems:
            raise refused(problems)
        parsed = parse_policy(text)
        changes = differences(self.policy, parsed)
        with self.workspace.database.begin() as conn:
            conn.execute(update(project).where(project.c.name == self.name).values(policy=text))
            at = now()
            record_event(
                conn,
                Event(
                    kind="policy.changed",
                    project=self.name,
                    key=f"{self.name}/policy/{digest(text)[:16]}/{at}",
                    what=f"The policy of {self.name} was changed.",
                    subject=self.name,
                    actor=author or self.workspace.author,
                    body={"yaml": text, "changes": changes, "why": why},
                ),
            )
        return parsed

    def change_policy(
        self, changes: Mapping[str, str], *, author: str | None = None, why: str = ""
    ) -> Policy:
        """Set single fields, ``{"monitor.alpha": "0.02"}``; an empty value restores the default.

        Values are written as YAML. Raises InvalidInput as :meth:`set_policy` does.
        """
        from autofocus.config.policy_check import change_fields

        return self.set_policy(change_fields(self.policy_text, changes), author=author, why=why)

    def check_policy_changes(self, changes: Mapping[str, str]) -> list[FieldProblem]:
        """What :meth:`change_policy` would refuse, field by field; changes nothing."""
        from autofocus.config.policy_check import check_changes

        return check_changes(self.policy_text, changes)

    def policy_history(self, limit: int = 50) -> list[dict[str, Any]]:
        """Changes of the policy, newest first: at, author, why, changes (by field) and yaml."""
        from sqlalchemy import select

        from autofocus.store.tables import event

        query = (
            select(event)
            .where(event.c.project == self.name, event.c.kind == "policy.changed")
            .order_by(event.c.id.desc())
            .limit(limit)
        )
        with self.workspace.database.read() as conn:
            rows = conn.execute(query).mappings().all()
        return [
            {
                "at": row["at"],
                "author": row["actor"],
                "why": row["body"].get("why", ""),
                "changes": row["body"].get("changes", []),
                "yaml": row["body"]["yaml"],
            }
            for row in rows
        ]

    # -- rooms ---------------------------------------------------------------------------

    @cached_property
    def data(self) -> Dataset:
        """Images and versions."""
        from autofocus.data.dataset import Dataset

        w = self.workspace
        return Dataset(
            w.database,
            w.objects,
            w.packs,
            self.name,
            classes=self.classes,
            task=self.task,
            max_pixels=w.settings.max_pixels,
            author=w.author,
            embedder=self._embedder,
            search_memory=w.settings.search_megabytes * 1_000_000,
        )

    def _embedder(self) -> Embedder | None:
        from autofocus.data.embeddings import Embedder

        try:
            champion = self.models.model("champion")
        except NotFound:
            return None
        return Embedder(
            champion.id, champion.bundle, self.classes, lambda: self.predictor(champion.id)
        )

    @cached_property
    def labels(self) -> Labels:
        """Annotations and the labelling queue."""
        from autofocus.labels.queue import Labels

        return Labels(self.workspace.database, self.data, self.name)

    @cached_property
    def assistant(self) -> Assistant:
        """The small model that learns while people label."""
        from autofocus.compute.executor import LocalExecutor
        from autofocus.labels.assistant import NICENESS, Assistant

        w = self.workspace
        return Assistant(
            w.database,
            w.objects,
            self.data,
            lambda: LocalExecutor(w.root / "jobs", niceness=NICENESS),
            {"root": str(w.root), "project": self.name},
        )

    @cached_property
    def training(self) -> Training:
        """Runs."""
        from autofocus.training.runs import Training

        w = self.workspace
        return Training(
            w.database,
            w.objects,
            w.executor,
            self.name,
            task=self.task,
            classes=self.classes,
            background=self.background,
            threads=w.settings.threads or os.cpu_count() or 1,
            cache=w.cache,
        )

    @cached_property
    def models(self) -> Models:
        """Model versions and aliases."""
        from autofocus.registry.models import Models

        return Models(self.workspace.database, self.workspace.objects, self.name)

    @cached_property
    def deployments(self) -> Deployments:
        """Who serves, and which servers there are."""
        from autofocus.serving.deployments import Deployments

        return Deployments(self.workspace.objects)

    @cached_property
    def log(self) -> PredictionLog:
        """Every logged prediction."""
        from autofocus.serving.reader import PredictionLog

        return PredictionLog(self.workspace.objects, self.name)

    @cached_property
    def monitor(self) -> Monitoring:
        """Evidence of change, signals, estimated accuracy."""
        from autofocus.monitoring.watch import Monitoring

        return Monitoring(
            self.workspace.database,
            self.workspace.objects,
            self.log,
            self.name,
            classes=self.classes,
        )

    @cached_property
    def loop(self) -> Loop:
        """Cases and decisions."""
        from autofocus.loop.loop import Loop
        from autofocus.loop.rooms import Rooms

        rooms = Rooms(
            project=self.name,
            task=self.task,
            classes=self.classes,
            database=self.workspace.database,
            objects=self.workspace.objects,
            cache=self.workspace.cache,
            policy=lambda: self.policy,
            data=self.data,
            labels=self.labels,
            training=self.training,
            models=self.models,
            deployments=self.deployments,
            log=self.log,
            monitor=self.monitor,
            predictor=self.predictor,
            background=self.background,
        )
        return Loop(rooms, lambda: self.workspace.engine)

    # -- doing ---------------------------------------------------------------------------

    def predictor(self, model: str = "champion") -> Predictor:
        """A model (id or alias) in this process; raises NotFound, Corrupted."""
        from autofocus.serving.predictor import OnnxPredictor
        from autofocus.store.bundles import open_bundle

        found = self.models.model(model)
        bundle, folder = open_bundle(self.workspace.objects, found.bundle, self.workspace.cache)
        return OnnxPredictor(
            bundle, folder, name=found.id, max_pixels=self.workspace.settings.max_pixels
        )

    def suggestions(self, key: str) -> Suggestions:
        """What the champion would mark in an image, for whoever labels it; raises NotFound.

        Without a champion, or for a task whose label is one class, none and the reason.
        """
        from autofocus.labels.suggestions import Suggestions, suggest

        sample = self.data.sample(key)
        if self.task == "classification":
            return Suggestions(key, reason="Suggestions of one class stand in the queue.")
        try:
            champion = self.models.model("champion")
        except NotFound:
            return Suggestions(key, reason="There is no model yet that could suggest anything.")
        # Opening a model takes longer than asking it.
        if self._suggesting is None or self._suggesting.name != champion.id:
            self._suggesting = self.predictor(champion.id)
        return suggest(
            self._suggesting,
            key,
            self.data.image(sample.sha256),
            width=sample.facts.width,
            height=sample.facts.height,
        )

    def finish_training(self, run: str) -> tuple[Model, Report]:
        """Make the model of a run that ended well and test it; twice is once.

        Raises Conflict if the run has no model to give, InvalidInput if its version has no test
        images: the model is registered all the same.
        """
        model = self.models.register(self.training.run(run))
        reports = self.models.reports(model.id)
        return model, reports[0] if reports else self.test_model(model.id)

    def test_model(self, model: str, *, champion: str | None = None, record: bool = True) -> Report:
        """Run the model tests by the gates of the policy, beside the champion if there is one."""
        return self.loop.run_model_tests(model, champion=champion, record=record)

    def promote(self, model: str, *, who: str, why: str) -> Deployment:
        """Make a model champion at once, by a person's decision."""
        return self.loop.promote(model, who=who, why=why)

    def rollback(self, *, who: str, why: str) -> Deployment:
        """Put the previous champion back."""
        return self.loop.roll_back(who=who, why=why)

    def overview(self) -> dict[str, Any]:
        """The project at a glance, JSON-safe."""
        from autofocus.types.codec import encode

        info = self.info
        deployment = self.deployments.read(self.name)
        return {
            **encode(info),
            "loop": encode(self.loop.status()),
            "monitor": encode(self.monitor.status()),
            "deployment": None if deployment is None else encode(deployment),
            "servers": [encode(status) for status in self.deployments.servers()],
            "labels": self.labels.stats(),
        }


def _info(row: Any) -> ProjectInfo:
    return ProjectInfo(
        name=row["name"],
        task=row["task"],
        classes=tuple(row["classes"]),
        revision=int(row["revision"]),
        paused=bool(row["paused"]),
        frozen=row["frozen"],
        created_at=row["created_at"],
        background=tuple(row["background"]),
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # No entry in the password database (bare containers).
        return "unknown"


def _make_room(path: Path) -> None:
    """Make the folder of a new workspace; raises Conflict if something else lies there."""
    if path.exists() and any(path.iterdir()) and not _only_settings(path):
        raise Conflict(
            f"{path} is not empty and not a workspace.",
            hint="Name a new or empty folder with --workspace.",
            path=str(path),
        )
    path.mkdir(parents=True, exist_ok=True)


def _mark(path: Path) -> None:
    (path / MARKER).write_text('{"format": 1}\n')


def _only_settings(folder: Path) -> bool:
    """A folder that holds nothing but settings and what an interrupted creation left."""
    ours = {"settings.yaml", "autofocus.db", "autofocus.db-wal", "autofocus.db-shm", "store"}
    return all(path.name in ours for path in folder.iterdir())
