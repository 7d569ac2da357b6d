"""``Training``: the runs of a project, as rows, and the jobs that execute them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.errors import Conflict, JobFailed, NotFound
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.database import insert_ignore, one_row, record_event
from autofocus.training.parameters import parse_parameters
from autofocus.types.clock import now
from autofocus.types.codec import decode, encode
from autofocus.types.data import Task
from autofocus.types.models import Run, RunSpec

if TYPE_CHECKING:
    from autofocus.compute.executor import Job, LocalExecutor
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore

TASK = "autofocus.training.job:train"
TRIES = 3  # starts after a death by signal; each goes on from the last checkpoint
FINAL = ("done", "failed", "cancelled")
METRICS_FILE = "metrics.jsonl"
_POLL_SECONDS = 0.25

Advance = Callable[[int, int], None]


class Training:
    """The runs of one project."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        executor: LocalExecutor,
        project: str,
        *,
        task: Task = "classification",
        classes: Sequence[str],
        background: Sequence[str] = (),
        threads: int,
        cache: Path,
    ) -> None:
        self._database = database
        self._objects = objects
        self._executor = executor
        self.project = project
        self._task = task
        self._classes = tuple(classes)
        self._background = tuple(background)
        self._threads = threads
        self._cache = cache
        self._read_to: dict[str, int] = {}  # run -> bytes of its metrics already kept

    # -- starting ------------------------------------------------------------------------

    def spec(
        self,
        version: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        seed: int = 0,
        initial_bundle: str | None = None,
        architecture: str | None = None,
    ) -> RunSpec:
        """Everything that decides what a run of this project on ``version`` produces.

        A fine-tuning takes its bundle's architecture unless one is named. Raises InvalidInput for
        a wrong parameter, NotFound for a bundle that is not there.
        """
        parse_parameters(parameters or {}, self._task)
        if architecture is None or (initial_bundle is not None and architecture == "compact"):
            architecture = "compact"
            if initial_bundle is not None:
                text = self._objects.get(f"bundles/{initial_bundle}/bundle.json")
                architecture = str(json.loads(text)["architecture"])
        return RunSpec(
            project=self.project,
            task=self._task,
            classes=self._classes,
            version=version,
            architecture=architecture,
            parameters=dict(parameters or {}),
            seed=seed,
            threads=self._threads,
            code=code_identity(architecture),
            initial_bundle=initial_bundle,
            background=self._background,
        )

    def start(self, spec: RunSpec, *, case: str | None = None) -> Run:
        """Start a run, or find it: a run is named by its spec. One that failed starts anew."""
        run_id = f"{self.project}-run-{spec.digest[:12]}"
        self._put_aside_if_failed(run_id)
        with self._database.begin() as conn:
            made = insert_ignore(
                conn,
                tables.run,
                id=run_id,
                project=self.project,
                spec=encode(spec),
                spec_digest=spec.digest,
                state="running",
                cancel_wanted=False,
                case=case,
                environment={},
                hardware={},
                created_at=now(),
            )
            if made:
                record_event(
                    conn,
                    Event(
                        kind="run.started",
                        project=self.project,
                        key=f"{run_id}/started",
                        what=f"Training {run_id} started on version {spec.version[:12]}.",
                        subject=run_id,
                        cause=case or spec.version,
                        actor="loop" if case else "cli",
                        body={"architecture": spec.architecture, "seed": spec.seed},
                    ),
                )
        run = self.run(run_id)
        if run.state not in FINAL:
            self._submit(run_id, run.spec, publish=True)
        return self.poll(run_id)

    def _put_aside_if_failed(self, run_id: str) -> None:
        """Make a failed or cancelled run one that was never started; its events stay."""
        table = tables.run
        ended = (table.c.id == run_id) & table.c.state.in_(("failed", "cancelled"))
        with self._database.read() as conn:
            if conn.execute(sa.select(table.c.id).where(ended)).first() is None:
                return
        self._executor.forget(run_id)
        self._read_to.pop(run_id, None)
        with self._database.begin() as conn:
            points = tables.run_metric
            conn.execute(sa.delete(points).where(points.c.run == run_id))
            conn.execute(
                sa.update(table)
                .where(ended)
                .values(state="running", cancel_wanted=False, error=None, finished_at=None)
            )

    def _submit(self, name: str, spec: RunSpec, *, publish: bool) -> Job:
        arguments = {
            "spec": encode(spec),
            "store": self._objects.url,
            "out": str(self._executor.folder(name) / "out"),
            "cache": str(self._cache),
            "publish": publish,
        }
        return self._executor.submit(name, TASK, arguments, tries=TRIES)

    # -- following -----------------------------------------------------------------------

    def poll(self, run_id: str) -> Run:
        """The run as it is now; keeps new points of its curves and notices its end."""
        run = self.run(run_id)
        if run.state in FINAL:
            return run
        job = self._submit(run_id, run.spec, publish=True)
        state = job.advance()
        if state != "running":
            # Whoever asked for the end is right, however the process took it.
            state = "cancelled" if self._cancel_wanted(run_id) and state != "done" else state
        self._keep_metrics(run_id)
        if state == "running":
            return run
        if state == "done":
            self._finish(run, job.result())
        else:
            self._fail(run, job, cancelled=state == "cancelled")
        return self.run(run_id)

    def wait(
        self,
        run_id: str,
        *,
        progress: Advance | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Run:
        """Wait for the end; ``progress(step, steps)`` is told now and then.

        ``stop`` is asked now and then: True cancels the run.
        """
        while True:
            run = self.poll(run_id)
            if progress is not None:
                done, total = self.steps(run_id)
                progress(total if run.state == "done" else done, total)
            if run.state in FINAL:
                return run
            if stop is not None and stop():
                return self.cancel(run_id)
            time.sleep(_POLL_SECONDS)

    def cancel(self, run_id: str) -> Run:
        """End a run; one that has ended stays what it is."""
        run = self.run(run_id)
        if run.state in FINAL:
            return run
        with self._database.begin() as conn:
            conn.execute(
                sa.update(tables.run).where(tables.run.c.id == run_id).values(cancel_wanted=True)
            )
        self._executor.job(run_id).cancel()
        return self.poll(run_id)

    # -- reading -------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        """A run by id; raises NotFound."""
        with self._database.read() as conn:
            row = self._row(conn, run_id)
        return _as_run(row)

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        table = tables.run
        query = (
            sa.select(table)
            .where(table.c.project == self.project)
            .order_by(table.c.created_at.desc(), table.c.id)
        )
        with self._database.read() as conn:
            return [_as_run(dict(row)) for row in conn.execute(query).mappings()]

    def curves(self, run_id: str) -> dict[str, list[list[float]]]:
        """Metric name to its points ``[step, value]`` in order of steps."""
        table = tables.run_metric
        query = (
            sa.select(table.c.name, table.c.step, table.c.value)
            .where(table.c.run == run_id)
            .order_by(table.c.name, table.c.step)
        )
        found: dict[str, list[list[float]]] = {}
        with self._database.read() as conn:
            self._row(conn, run_id)
            for name, step, value in conn.execute(query):
                found.setdefault(name, []).append([step, value])
        return found

    def steps(self, run_id: str) -> tuple[int, int]:
        """Gradient steps done and to do, as far as the job has told."""
        table = tables.run_metric
        with self._database.read() as conn:
            done = conn.execute(
                sa.select(sa.func.max(table.c.step)).where(table.c.run == run_id)
            ).scalar_one()
            total = conn.execute(
                sa.select(table.c.value).where(table.c.run == run_id, table.c.name == "steps")
            ).scalar_one_or_none()
        return int(done or 0), int(total or 0)

    def unregistered(self) -> list[Run]:
        """Runs that a person asked for and that are no model yet: going on, or ended well.

        Those of a case are not among them, the loop looks after its own.
        """
        run, model = tables.run, tables.model
        query = (
            sa.select(run)
            .outerjoin(model, (model.c.project == run.c.project) & (model.c.run == run.c.id))
            .where(
                run.c.project == self.project,
                run.c.case.is_(None),
                run.c.state.in_(("running", "done")),
                model.c.id.is_(None),
            )
            .order_by(run.c.created_at, run.c.id)
        )
        with self._database.read() as conn:
            return [_as_run(dict(row)) for row in conn.execute(query).mappings()]

    def artifacts(self, run_id: str) -> list[dict[str, Any]]:
        """The files a finished run left: ``path``, ``sha256``, ``size``, ``uri``."""
        table = tables.run_artifact
        query = sa.select(table).where(table.c.run == run_id).order_by(table.c.path)
        with self._database.read() as conn:
            self._row(conn, run_id)
            return [dict(row) for row in conn.execute(query).mappings()]

    def reproduce(self, run: str | RunSpec, *, progress: Advance | None = None) -> dict[str, Any]:
        """Train again from the record and compare the weights bit by bit.

        Returns ``expected`` and ``got`` (weights digests), ``identical``, and ``differences``
        between the recorded environment and this one. Raises Conflict if the run has no weights,
        JobFailed if the second training fails.
        """
        name = run if isinstance(run, str) else f"{self.project}-run-{run.digest[:12]}"
        recorded = self.run(name)
        if recorded.weights_digest is None:
            raise Conflict(f"Run {name} is {recorded.state}: it has no weights to compare with.")
        again = f"{name}-again-{now().translate(str.maketrans('', '', '-:.TZ'))}"
        job = self._submit(again, recorded.spec, publish=False)
        file = self._executor.folder(again) / "out" / METRICS_FILE
        try:
            while (state := job.advance()) == "running":
                if progress is not None:
                    progress(*_steps_told(file))
                time.sleep(_POLL_SECONDS)
        except BaseException:
            job.cancel()  # a second training that nobody waits for is of no use
            raise
        if state != "done":
            job.result()
            raise JobFailed(f"The second training of {name} ended as {state}.")
        result = job.result()
        return {
            "run": name,
            "expected": recorded.weights_digest,
            "got": result["weights_digest"],
            "identical": recorded.weights_digest == result["weights_digest"],
            "differences": _differences(recorded.environment, result["environment"]),
        }

    # -- ends ----------------------------------------------------------------------------

    def _finish(self, run: Run, result: Mapping[str, Any]) -> None:
        bundle = str(result["bundle"])
        described = json.loads(self._objects.get(f"bundles/{bundle}/bundle.json"))
        folder = self._executor.folder(run.id) / "out" / "bundle"
        name = "accuracy" if run.spec.task == "classification" else "quality"
        value = result["metrics"][name]
        with self._database.begin() as conn:
            changed = self._end(
                conn,
                run.id,
                state="done",
                environment=result["environment"],
                hardware=result["hardware"],
                weights_digest=result["weights_digest"],
                bundle=bundle,
            )
            if not changed:
                return
            for path, sha256 in described["files"].items():
                local = folder / path
                insert_ignore(
                    conn,
                    tables.run_artifact,
                    run=run.id,
                    path=path,
                    sha256=sha256,
                    size=local.stat().st_size if local.exists() else 0,
                    uri=f"{self._objects.url}/bundles/{bundle}/{path}",
                )
            record_event(
                conn,
                Event(
                    kind="run.finished",
                    project=self.project,
                    key=f"{run.id}/finished",
                    what=f"Training {run.id} finished: {name} {value:.4f} on held-out images.",
                    subject=run.id,
                    cause=run.case or run.spec.version,
                    body={"bundle": bundle, "metrics": result["metrics"]},
                ),
            )

    def _fail(self, run: Run, job: Job, *, cancelled: bool) -> None:
        error = "cancelled on request"
        if not cancelled:
            try:
                job.result()
                error = "it ended without a result"
            except JobFailed as exc:
                error = str(exc)
        with self._database.begin() as conn:
            state = "cancelled" if cancelled else "failed"
            if self._end(conn, run.id, state=state, error=error):
                record_event(
                    conn,
                    Event(
                        kind="run.failed",
                        project=self.project,
                        key=f"{run.id}/failed/{job.attempts}/{now()}",
                        what=f"Training {run.id} {state}: {error}"[:2000],
                        subject=run.id,
                        cause=run.case or run.spec.version,
                        body={"state": state},
                    ),
                )

    def _end(self, conn: Connection, run_id: str, **values: Any) -> bool:
        """Set the last state once; False if another process was first."""
        table = tables.run
        return bool(
            conn.execute(
                sa.update(table)
                .where(table.c.id == run_id, table.c.state.notin_(FINAL))
                .values(finished_at=now(), **values)
            ).rowcount
        )

    # -- metrics -------------------------------------------------------------------------

    def _keep_metrics(self, run_id: str) -> None:
        path = self._executor.folder(run_id) / "out" / METRICS_FILE
        start = self._read_to.get(run_id, 0)
        if not path.exists() or path.stat().st_size <= start:
            return
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
        # A line without its end is still being written.
        data = data[: data.rfind(b"\n") + 1]
        points = list(_points(data))
        if points:
            with self._database.begin() as conn:
                for point in points:
                    insert_ignore(conn, tables.run_metric, run=run_id, **point)
        self._read_to[run_id] = start + len(data)

    def _cancel_wanted(self, run_id: str) -> bool:
        with self._database.read() as conn:
            return bool(self._row(conn, run_id)["cancel_wanted"])

    def _row(self, conn: Connection, run_id: str) -> Mapping[str, Any]:
        table = tables.run
        query = sa.select(table).where(table.c.id == run_id, table.c.project == self.project)
        row = one_row(conn, query)
        if row is None:
            raise NotFound(
                f"Project {self.project} has no run {run_id!r}.", hint="List them: autofocus runs"
            )
        return row


def code_identity(architecture: str) -> dict[str, str]:
    """What computes: package version, git commit and digest of uncommitted changes to the
    package where there is a work tree, and the digest of a user's own architecture."""
    identity = {"autofocus": importlib.metadata.version("autofocus")}
    package = Path(__file__).resolve().parents[1]
    # A package installed below somebody's work tree is no part of it.
    tracked = _git(package, "ls-files", "errors.py")
    commit = _git(package, "rev-parse", "HEAD") if tracked else b""
    if commit:
        identity["commit"] = commit.decode().strip()
        changed = _git(package, "diff", "HEAD", "--", str(package))
        if changed:
            identity["diff"] = hashlib.sha256(changed).hexdigest()
    if ":" in architecture and not architecture.startswith("hf:"):
        from autofocus.training.architectures import source_file

        path = source_file(architecture)
        if path is not None:
            identity["architecture"] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return identity


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""


def _points(data: bytes) -> list[dict[str, Any]]:
    """Lines of metrics.jsonl as values; a line torn by a kill is left out."""
    points = []
    for line in data.splitlines():
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            continue
        points.append({name: told[name] for name in ("step", "name", "value", "at")})
    return points


def _steps_told(file: Path) -> tuple[int, int]:
    points = _points(file.read_bytes()) if file.exists() else []
    total = next((int(p["value"]) for p in points if p["name"] == "steps"), 0)
    return max((int(p["step"]) for p in points), default=0), total


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What changed between two environments, by name: [before, after]."""
    found: dict[str, Any] = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found.update(_differences(old, new))
        elif old != new:
            found[name] = [old, new]
    return found


def _as_run(row: Mapping[str, Any]) -> Run:
    values = {name: row[name] for name in Run.__dataclass_fields__ if name != "spec"}
    return Run(spec=decode(RunSpec, row["spec"]), **values)
