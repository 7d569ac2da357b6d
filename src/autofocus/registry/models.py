"""Model versions of a project: who is champion, where each comes from, what was promised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from autofocus.data.rows import lock_project
from autofocus.errors import Conflict, NotFound
from autofocus.events import Event
from autofocus.registry.lineage import model_lineage
from autofocus.store import tables
from autofocus.store.bundles import MANIFEST
from autofocus.store.database import insert_ignore, one_row, record_event, upsert
from autofocus.types.clock import now
from autofocus.types.codec import decode, encode
from autofocus.types.models import ALIASES, Model, Report, Run

if TYPE_CHECKING:
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore


# Written here because inside the class `list` is a method.
Rows = list[dict[str, Any]]
Reports = list[Report]


class Models:
    """The registry of one project."""

    def __init__(self, database: Database, objects: ObjectStore, project: str) -> None:
        self._database = database
        self._objects = objects
        self.project = project

    def register(self, run: Run, *, parent: str | None = None, case: str | None = None) -> Model:
        """Make the model version of a finished run; registering a run twice is once.

        ``parent`` is the model that it grew from; left out, that of the bundle that the run
        started from. Raises Conflict if the run has no bundle.
        """
        if run.state != "done" or run.bundle is None or run.weights_digest is None:
            raise Conflict(
                f"Run {run.id} is {run.state}: it has no model to register.",
                hint=run.error or "Wait until it is done.",
            )
        metrics = self._bundle_metrics(run.bundle)
        with self._database.begin() as conn:
            lock_project(conn, self.project)  # two who register at once get two numbers
            found = conn.execute(
                sa.select(tables.model).where(
                    tables.model.c.project == self.project, tables.model.c.run == run.id
                )
            ).one_or_none()
            if found is None:
                if parent is None and run.spec.initial_bundle is not None:
                    parent = self._of_bundle(conn, run.spec.initial_bundle)
                number = 1 + int(
                    conn.execute(
                        sa.select(sa.func.coalesce(sa.func.max(tables.model.c.number), 0)).where(
                            tables.model.c.project == self.project
                        )
                    ).scalar_one()
                )
                name = f"{self.project}-{number}"
                conn.execute(
                    sa.insert(tables.model).values(
                        id=name,
                        project=self.project,
                        number=number,
                        run=run.id,
                        version=run.spec.version,
                        bundle=run.bundle,
                        weights_digest=run.weights_digest,
                        parent=parent,
                        case=case,
                        metrics=metrics,
                        created_at=now(),
                    )
                )
                record_event(
                    conn,
                    Event(
                        kind="model.registered",
                        project=self.project,
                        key=f"{name}/registered",
                        what=f"Model {name} was registered from {run.id}.",
                        subject=name,
                        cause=case or run.id,
                        actor="loop" if case else "cli",
                        body={"run": run.id, "version": run.spec.version},
                    ),
                )
            else:
                name = found.id
        return self.model(name)

    def model(self, name: str) -> Model:
        """A model by id or alias; raises NotFound."""
        with self._database.read() as conn:
            target = conn.execute(
                sa.select(tables.alias.c.model).where(
                    tables.alias.c.project == self.project, tables.alias.c.name == name
                )
            ).scalar_one_or_none()
            row = one_row(
                conn,
                sa.select(tables.model).where(
                    tables.model.c.project == self.project, tables.model.c.id == (target or name)
                ),
            )
            if row is None:
                raise NotFound(
                    f"Project {self.project} has no model {name!r}.",
                    hint="No model has this alias yet: train and promote one."
                    if name in ALIASES
                    else "List them with `autofocus models list`.",
                )
            return _as_model(row, self._aliases(conn))

    def list(self) -> list[Model]:
        """All models, newest first."""
        with self._database.read() as conn:
            aliases = self._aliases(conn)
            rows = conn.execute(
                sa.select(tables.model)
                .where(tables.model.c.project == self.project)
                .order_by(tables.model.c.number.desc())
            ).mappings()
            return [_as_model(row, aliases) for row in rows]

    def alias(self, name: str) -> str | None:
        """The id of the model that an alias points to, if any."""
        with self._database.read() as conn:
            found = conn.execute(
                sa.select(tables.alias.c.model).where(
                    tables.alias.c.project == self.project, tables.alias.c.name == name
                )
            ).scalar_one_or_none()
        return None if found is None else str(found)

    def set_alias(
        self,
        name: str,
        model: str | None,
        *,
        expected: str | None,
        actor: str,
        reason: str,
        case: str | None = None,
        conn: Connection | None = None,
    ) -> bool:
        """Move an alias by compare-and-set; ``model`` None removes it.

        True if it moved now, False if it pointed there already (the step was done before).
        Raises Conflict if it points neither to ``expected`` nor to ``model``. Moving ``champion``
        writes ``previous`` in the same transaction.
        """
        if conn is None:
            with self._database.begin() as own:
                return self.set_alias(
                    name, model, expected=expected, actor=actor, reason=reason, case=case, conn=own
                )
        current = self._aliases(conn)
        before = current.get(name)
        if before == model:
            return False
        if before != expected:
            raise Conflict(
                f"Alias {name!r} points to {before or 'no model'}, expected "
                f"{expected or 'no model'}: somebody else moved it.",
                hint="Look at `autofocus models list` and decide again.",
            )
        if model is not None:
            known = conn.execute(
                sa.select(tables.model.c.id).where(
                    tables.model.c.project == self.project, tables.model.c.id == model
                )
            ).scalar_one_or_none()
            if known is None:
                raise NotFound(f"Project {self.project} has no model {model!r}.")
        self._point(conn, name, model, before, actor, reason, case)
        if name == "champion" and before is not None:
            self._point(conn, "previous", before, current.get("previous"), actor, reason, case)
        return True

    def history(self) -> Rows:
        """Every move of every alias, newest first: the promotion record."""
        with self._database.read() as conn:
            rows = conn.execute(
                sa.select(tables.alias_history)
                .where(tables.alias_history.c.project == self.project)
                .order_by(tables.alias_history.c.id.desc())
            ).mappings()
            return [dict(row) for row in rows]

    def record_report(self, report: Report, name: str) -> None:
        """Keep a report; the same name is kept once."""
        with self._database.begin() as conn:
            if not insert_ignore(
                conn,
                tables.report,
                id=name,
                project=self.project,
                kind=report.kind,
                subject=report.subject,
                passed=report.passed,
                body=encode(report),
                created_at=now(),
            ):
                return
            failed = [gate.reason for gate in report.gates if not gate.passed]
            record_event(
                conn,
                Event(
                    kind="model.tested",
                    project=self.project,
                    key=f"{name}/tested",
                    what=f"{report.subject} passed its {report.kind} tests."
                    if report.passed
                    else f"{report.subject} failed its {report.kind} tests: {'; '.join(failed)}",
                    subject=report.subject,
                    cause=name,
                ),
            )

    def reports(self, subject: str) -> Reports:
        """The reports on a model, newest first."""
        with self._database.read() as conn:
            rows = conn.execute(
                sa.select(tables.report.c.body)
                .where(tables.report.c.project == self.project, tables.report.c.subject == subject)
                .order_by(tables.report.c.created_at.desc())
            ).scalars()
            return [decode(Report, body) for body in rows]

    def lineage_of_model(self, name: str) -> dict[str, Any]:
        """Where a model comes from: run, version, labels, case, parents, aliases over time."""
        with self._database.read() as conn:
            return model_lineage(conn, self.project, self.model(name).id)

    def export(self, name: str, folder: Path) -> Path:
        """Write a model's bundle into a new or empty folder; raises Conflict if it is not."""
        model = self.model(name)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict(f"{folder} is not an empty folder.", hint="Name a new one.")
        prefix = f"bundles/{model.bundle}/"
        keys = self._objects.list(prefix)
        if not keys:
            raise NotFound(f"The bundle of {model.id} is not in {self._objects.url}.")
        folder.mkdir(parents=True, exist_ok=True)
        for key in keys:
            (folder / key.removeprefix(prefix)).write_bytes(self._objects.get(key))
        return folder

    def _bundle_metrics(self, bundle: str) -> dict[str, float]:
        found = json.loads(self._objects.get(f"bundles/{bundle}/{MANIFEST}"))
        metrics: dict[str, float] = found["metrics"]
        return metrics

    def _of_bundle(self, conn: Connection, bundle: str) -> str | None:
        """The first model with that bundle; None if none of this project has it."""
        query = (
            sa.select(tables.model.c.id)
            .where(tables.model.c.project == self.project, tables.model.c.bundle == bundle)
            .order_by(tables.model.c.number)
            .limit(1)
        )
        found: str | None = conn.execute(query).scalar_one_or_none()
        return found

    def _aliases(self, conn: Connection) -> dict[str, str]:
        rows = conn.execute(
            sa.select(tables.alias.c.name, tables.alias.c.model).where(
                tables.alias.c.project == self.project
            )
        )
        return {row.name: row.model for row in rows}

    def _point(
        self,
        conn: Connection,
        name: str,
        model: str | None,
        before: str | None,
        actor: str,
        reason: str,
        case: str | None,
    ) -> None:
        at = now()
        if model is None:
            conn.execute(
                sa.delete(tables.alias).where(
                    tables.alias.c.project == self.project, tables.alias.c.name == name
                )
            )
        else:
            upsert(conn, tables.alias, project=self.project, name=name, model=model, changed_at=at)
        number = conn.execute(
            sa.insert(tables.alias_history)
            .values(
                project=self.project,
                name=name,
                model=model,
                before=before,
                actor=actor,
                reason=reason,
                case=case,
                at=at,
            )
            .returning(tables.alias_history.c.id)
        ).scalar_one()
        record_event(
            conn,
            Event(
                kind="alias.moved",
                project=self.project,
                key=f"{self.project}/alias/{number}",
                what=f"{model or 'No model'} is {name} now ({reason})."
                if model
                else f"No model is {name} any more ({reason}).",
                subject=model or before or "",
                cause=case or "",
                actor=actor,
                body={"alias": name, "model": model, "before": before},
            ),
        )


def _as_model(row: Any, aliases: dict[str, str]) -> Model:
    return Model(
        id=row["id"],
        project=row["project"],
        number=row["number"],
        run=row["run"],
        version=row["version"],
        bundle=row["bundle"],
        weights_digest=row["weights_digest"],
        created_at=row["created_at"],
        metrics=row["metrics"],
        parent=row["parent"],
        case=row["case"],
        aliases=tuple(sorted(name for name, model in aliases.items() if model == row["id"])),
    )
