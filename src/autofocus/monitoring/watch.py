"""The monitor beside the prediction log: every row is counted once, whatever is killed when.

One transaction holds the monitor's state, the cursor into the log, the points of the history and
the signals. Whoever comes second finds the cursor moved and does nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select, update

from autofocus.config.policy import MonitorPolicy, Policy
from autofocus.errors import Conflict, NotFound
from autofocus.events import Event
from autofocus.monitoring import traffic
from autofocus.monitoring.estimate import Calibration, Estimate, estimate_accuracy
from autofocus.monitoring.monitor import Monitor
from autofocus.monitoring.reference import Reference
from autofocus.monitoring.timeline import timeline
from autofocus.serving.deployments import Deployments
from autofocus.serving.segments import join_windows
from autofocus.store import tables
from autofocus.store.database import insert_ignore, record_event
from autofocus.types.clock import now
from autofocus.types.codec import decode, encode
from autofocus.types.production import Signal, Window

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from autofocus.serving.reader import PredictionLog
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore

# Images per point of the history, and the most taken in by one tick.
BATCH = 256
TICK = 20_000
# Images that the current estimate of accuracy rests on.
RECENT = 500


class Monitoring:
    """What production tells about the champion of one project."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        log: PredictionLog,
        project: str,
        *,
        classes: Sequence[str] = (),
    ) -> None:
        self.database = database
        self.objects = objects
        self.log = log
        self.project = project
        self.classes = tuple(classes)
        # Only to spare reading; the truth is in the rows. Keyed by (model, generation, rows).
        self._monitor: tuple[tuple[str, int, int], Monitor] | None = None
        self._baseline: tuple[tuple[str, int], Reference, Calibration | None] | None = None
        self._recent: tuple[tuple[str, int], list[Window]] | None = None

    # -- reference -----------------------------------------------------------------------

    def take_reference(
        self,
        model: str,
        normal: Window | Reference | Path,
        policy: Policy | MonitorPolicy,
        *,
        bundle: Path | None = None,
        actor: str = "monitor",
        cause: str = "",
        effect: str | None = None,
    ) -> int:
        """Declare what is normal for ``model`` from now on; returns the new generation.

        ``normal`` is a bundle's folder (its held-out images), rows of the log (for instance the
        shadow and canary answers of a challenger just promoted), or a Reference. ``bundle`` is
        the folder whose labelled reference and calibration estimate accuracy (default: the one
        given as ``normal``). ``effect`` names the inputs: asked twice, it is done once. Under
        policy ``reference: production`` the first production images become normal instead.
        """
        policy = policy.monitor if isinstance(policy, Policy) else policy
        folder = normal if isinstance(normal, Path) else bundle
        baseline = Reference.from_npz(folder / "reference.npz") if folder is not None else None
        if isinstance(normal, Window):
            reference = Reference.from_window(normal)
        elif isinstance(normal, Reference):
            reference = normal
        else:
            assert baseline is not None
            reference = baseline
            if policy.reference == "production":
                reference = Reference.empty(
                    reference.probabilities.shape[1],
                    reference.whitened.shape[1],
                    0 if reference.outputs is None else reference.outputs.shape[1],
                )
        with self.database.read() as conn:
            if effect is not None:
                done = self._generation_of(conn, effect)
                if done is not None:
                    return done
            last = self._latest_row(conn, model)
            cursor = self._newest_cursor(conn)
        generation = 1 if last is None else int(last["generation"]) + 1
        monitor = Monitor.start(
            reference,
            policy,
            project=self.project,
            model=model,
            seed=_seed(self.project, model, generation),
            first_row=0 if last is None else int(last["rows"]),
        )
        # The object comes first: a row without its baseline would be half a reference.
        self._write_baseline(model, generation, baseline or reference, folder)
        at = now()
        with self.database.begin() as conn:
            if effect is not None:
                done = self._generation_of(conn, effect)
                if done is not None:
                    return done
            made = insert_ignore(
                conn,
                tables.monitor_state,
                project=self.project,
                model=model,
                generation=generation,
                cursor=cursor,
                state=monitor.state(),
                rows=monitor.rows,
                updated_at=at,
            )
            if not made:
                raise Conflict(
                    f"Somebody else just took generation {generation} of {model}'s reference.",
                    hint="Look at `autofocus monitor status`.",
                )
            record_event(
                conn,
                Event(
                    kind="monitor.reference_taken",
                    project=self.project,
                    key=f"{self.project}/reference/{effect or f'{model}/{generation}'}",
                    what=f"What {model} sees now counts as normal, from {len(reference)} images."
                    if len(reference)
                    else f"The next {policy.calibration} images of {model} count as normal.",
                    subject=model,
                    cause=cause,
                    actor=actor,
                    body={
                        "model": model,
                        "generation": generation,
                        "images": len(reference),
                        "effect": effect,
                    },
                ),
            )
        return generation

    def baseline(self, model: str) -> tuple[Reference, Calibration | None]:
        """The labelled reference of the model's newest generation, and its calibration."""
        with self.database.read() as conn:
            row = self._latest_row(conn, model)
        if row is None:
            raise _no_reference(model)
        return self._read_baseline(model, int(row["generation"]))

    # -- taking in rows ------------------------------------------------------------------

    def tick(self, policy: Policy | MonitorPolicy | None = None) -> list[Signal]:
        """Take in what the log holds since last time; signals raised now.

        Only answers that the champion gave as champion count. Does nothing while there is no
        champion or no reference of it. The policy in force when the reference was taken stays
        in force for it: changing the rules of a running test would void its guarantee.
        """
        raised: list[Signal] = []
        taken = 0
        while taken < TICK:
            count, signals = self._take()
            raised += signals
            taken += count
            if count < BATCH:
                break
        return raised

    def _take(self) -> tuple[int, list[Signal]]:
        """One batch: rows taken in, signals raised."""
        with self.database.read() as conn:
            model = self._champion(conn)
            row = None if model is None else self._latest_row(conn, model)
        if model is None or row is None:
            return 0, []
        generation, rows = int(row["generation"]), int(row["rows"])
        window, cursor = self.log.read(row["cursor"], BATCH, roles=("champion",), model=model)
        if len(window) == 0 and cursor == row["cursor"]:
            return 0, []
        monitor = self._restore(model, generation, rows, row["state"])
        signals = monitor.update(window)
        key = (model, generation)
        recent = self._keep_recent(key, window, row["cursor"])
        at = now()
        with self.database.begin() as conn:
            moved = conn.execute(
                update(tables.monitor_state)
                .where(*self._is(model, generation), tables.monitor_state.c.rows == rows)
                .where(tables.monitor_state.c.updated_at == row["updated_at"])
                .values(cursor=cursor, state=monitor.state(), rows=monitor.rows, updated_at=at)
            )
            if moved.rowcount != 1:  # another control plane was faster; its rows count
                self._monitor = None
                return 0, []
            if len(window):
                insert_ignore(
                    conn,
                    tables.monitor_point,
                    project=self.project,
                    model=model,
                    generation=generation,
                    rows=monitor.rows,
                    body=self._point(monitor, generation, window, recent, row["cursor"], at),
                    at=at,
                )
            for signal in signals:
                self._record(conn, signal, at)
        self._monitor = ((model, generation, monitor.rows), monitor)
        return len(window), signals

    def _record(self, conn: Connection, signal: Signal, at: str) -> None:
        insert_ignore(
            conn,
            tables.signal,
            id=signal.id,
            project=self.project,
            model=signal.model,
            body=encode(signal),
            case=None,
            created_at=at,
        )
        record_event(
            conn,
            Event(
                kind="monitor.signal",
                project=self.project,
                key=f"{self.project}/{signal.id}",
                what=f"What {signal.model} sees has changed, probably since image "
                f"{signal.change_at:,}: evidence {signal.e_value:,.0f}, alarm line "
                f"{signal.threshold:,.0f}, at image {signal.at:,}.",
                subject=signal.id,
                cause=signal.last_prediction,
                actor="monitor",
                body=encode(signal),
            ),
        )

    def _point(
        self,
        monitor: Monitor,
        generation: int,
        window: Window,
        recent: Window,
        cursor: Mapping[str, int],
        at: str,
    ) -> dict[str, Any]:
        status = monitor.status()
        reference, calibration = self._read_baseline(monitor.model, generation)
        estimate = estimate_accuracy(reference, recent, calibration)
        span = (int(window.time_us.max()) - int(window.time_us.min())) / 1e6
        mix = np.bincount(window.predicted, minlength=len(self.classes)) / len(window)
        return {
            "at": at,
            "model": monitor.model,
            "rows": monitor.rows,
            "e_value": status["e_value"],
            "threshold": status["threshold"],
            "calibrating": status["calibrating"],
            "accuracy": estimate.value,
            "accuracy_low": estimate.low,
            "accuracy_high": estimate.high,
            "confidence": float(window.confidence.mean()),
            "p50_ms": float(np.quantile(window.latency_ms, 0.5)),
            "p99_ms": float(np.quantile(window.latency_ms, 0.99)),
            "images": len(window),
            "images_per_second": len(window) / span if span > 0 else None,
            "classes": {self._class(c): round(float(v), 4) for c, v in enumerate(mix)},
            "cursor": dict(cursor),
        }

    # -- what is known -------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """JSON-safe summary for people: evidence, alarm line, estimated accuracy, traffic,
        latency, class mix, servers. ``model`` is None while there is no champion."""
        with self.database.read() as conn:
            model = self._champion(conn)
            row = None if model is None else self._latest_row(conn, model)
            point = None
            if row is not None and model is not None:
                c = tables.monitor_point.c
                point = conn.execute(
                    select(c.body)
                    .where(
                        c.project == self.project,
                        c.model == model,
                        c.generation == row["generation"],
                    )
                    .order_by(c.rows.desc())
                    .limit(1)
                ).scalar_one_or_none()
        servers = [
            {
                "server": s.server,
                "url": s.url,
                "requests": s.requests,
                "failed": s.failed,
                "log_dropped": s.log_dropped,
                "models": encode(s.models),
            }
            for s in Deployments(self.objects).servers()
        ]
        empty = encode(Estimate(None, None, None, "none", "No predictions yet."))
        if model is None or row is None:
            return {
                "project": self.project,
                "model": model,
                "reference": False,
                "e_value": None,
                "threshold": None,
                "alarmed": False,
                "estimate": empty,
                "servers": servers,
            }
        generation = int(row["generation"])
        monitor = self._restore(model, generation, int(row["rows"]), row["state"])
        found: dict[str, Any] = monitor.status() | {"reference": True, "generation": generation}
        found["estimate"] = empty
        if point is not None:
            found["estimate"] = encode(
                Estimate(
                    point["accuracy"], point["accuracy_low"], point["accuracy_high"], "unlabelled"
                )
            )
            for name in ("p50_ms", "p99_ms", "images_per_second", "classes", "confidence"):
                found[name] = point[name]
        found["updated_at"] = row["updated_at"]
        found["servers"] = servers
        return found

    def signals(self, limit: int = 1000) -> list[Signal]:
        """Alarms so far, newest first."""
        c = tables.signal.c
        with self.database.read() as conn:
            bodies = (
                conn.execute(
                    select(c.body)
                    .where(c.project == self.project)
                    .order_by(c.created_at.desc(), c.id.desc())
                    .limit(limit)
                )
                .scalars()
                .all()
            )
        return [decode(Signal, body) for body in bodies]

    def history(self, limit: int = 500, *, model: str | None = None) -> list[dict[str, Any]]:
        """The last points, oldest first: evidence, estimated accuracy, traffic, latency."""
        c = tables.monitor_point.c
        query = select(c.body).where(c.project == self.project)
        if model is not None:
            query = query.where(c.model == model)
        with self.database.read() as conn:
            bodies = (
                conn.execute(query.order_by(c.at.desc(), c.rows.desc()).limit(limit))
                .scalars()
                .all()
            )
        return [{k: v for k, v in body.items() if k != "cursor"} for body in reversed(bodies)]

    def timeline(self, points: int = 300) -> list[dict[str, Any]]:
        """The whole history in about ``points`` stored points, oldest first; never reads it all."""
        return timeline(self.database, self.project, points)

    def traffic(self, rows: int = 2000) -> dict[str, Any]:
        """The newest ``rows`` answers by role, model, class, and over time."""
        return traffic.recent(self.log, self.classes, rows)

    def latest(
        self, limit: int = 24, *, roles: Collection[str] | None = None, model: str | None = None
    ) -> list[dict[str, Any]]:
        """The newest predictions, newest first, by id, with label, role and latency."""
        return traffic.latest(self.log, self.classes, limit, roles=roles, model=model)

    def around(
        self, signal: Signal, *, before: int = 500, limit: int = 5000
    ) -> tuple[Window, Window]:
        """The champion's rows (before the change, since the change) that a signal is about.

        Up to ``before`` rows before ``signal.change_at`` and the first ``limit`` since, as far as
        the log goes now.
        """
        first = max(signal.change_at - before, 1)
        c = tables.monitor_point.c
        # The newest point whose rows begin at or before the first one wanted.
        with self.database.read() as conn:
            body = conn.execute(
                select(c.body)
                .where(c.project == self.project, c.model == signal.model, c.rows < first)
                .order_by(c.generation.desc(), c.rows.desc())
                .limit(1)
            ).scalar_one_or_none()
            if body is None:
                body = conn.execute(
                    select(c.body)
                    .where(c.project == self.project, c.model == signal.model)
                    .order_by(c.rows)
                    .limit(1)
                ).scalar_one_or_none()
        if body is None:
            raise NotFound(f"There is no history of {signal.model} for signal {signal.id}.")
        start = int(body["rows"]) - int(body["images"])
        rows, _ = self.log.read(
            body["cursor"],
            max(signal.change_at - start - 1, 0) + limit,
            roles=("champion",),
            model=signal.model,
        )
        count = start + 1 + np.arange(len(rows))
        return (
            rows.take((count >= first) & (count < signal.change_at)),
            rows.take(count >= signal.change_at),
        )

    # -- inside --------------------------------------------------------------------------

    def _keep_recent(
        self, key: tuple[str, int], window: Window, cursor: Mapping[str, int]
    ) -> Window:
        """The last rows of this generation, as far as this process has seen them."""
        if self._recent is None or self._recent[0] != key:
            self._recent = (key, [])
        parts = self._recent[1]
        if len(window):
            parts.append(window)
        while len(parts) > 1 and sum(map(len, parts[1:])) >= RECENT:
            parts.pop(0)
        return join_windows(parts) if parts else window

    def _restore(self, model: str, generation: int, rows: int, state: bytes) -> Monitor:
        key = (model, generation, rows)
        if self._monitor is not None and self._monitor[0] == key:
            found = self._monitor[1]
            if found.rows == rows:
                return found
        return Monitor.restore(state)

    def _champion(self, conn: Connection) -> str | None:
        c = tables.alias.c
        found = conn.execute(
            select(c.model).where(c.project == self.project, c.name == "champion")
        ).scalar_one_or_none()
        return None if found is None else str(found)

    def _is(self, model: str, generation: int) -> tuple[Any, ...]:
        c = tables.monitor_state.c
        return c.project == self.project, c.model == model, c.generation == generation

    def _latest_row(self, conn: Connection, model: str) -> RowMapping | None:
        c = tables.monitor_state.c
        return (
            conn.execute(
                select(tables.monitor_state)
                .where(c.project == self.project, c.model == model)
                .order_by(c.generation.desc())
                .limit(1)
            )
            .mappings()
            .one_or_none()
        )

    def _newest_cursor(self, conn: Connection) -> dict[str, int]:
        """Where reading of this project's log stands, so no row is counted twice."""
        c = tables.monitor_state.c
        found = conn.execute(
            select(c.cursor).where(c.project == self.project).order_by(c.updated_at.desc()).limit(1)
        ).scalar_one_or_none()
        return dict(found) if found is not None else {}

    def _generation_of(self, conn: Connection, effect: str) -> int | None:
        c = tables.event.c
        body = conn.execute(
            select(c.body).where(c.key == f"{self.project}/reference/{effect}")
        ).scalar_one_or_none()
        return None if body is None else int(body["generation"])

    def _baseline_key(self, model: str, generation: int) -> str:
        return f"monitoring/{self.project}/{model}/{generation:06d}"

    def _write_baseline(
        self, model: str, generation: int, reference: Reference, folder: Path | None
    ) -> None:
        arrays: dict[str, npt.NDArray[Any]] = {
            f.name: getattr(reference, f.name)
            for f in fields(Reference)
            if getattr(reference, f.name) is not None
        }
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        key = self._baseline_key(model, generation)
        if folder is not None and (folder / "estimator.json").exists():
            self.objects.put(f"{key}.json", (folder / "estimator.json").read_bytes())
        self.objects.put(f"{key}.npz", buffer.getvalue())

    def _read_baseline(self, model: str, generation: int) -> tuple[Reference, Calibration | None]:
        if self._baseline is None or self._baseline[0] != (model, generation):
            key = self._baseline_key(model, generation)
            reference = Reference.from_npz(self.objects.get(f"{key}.npz"))
            try:
                calibration: Calibration | None = Calibration.from_json(
                    json.loads(self.objects.get(f"{key}.json"))
                )
            except NotFound:
                calibration = None
            self._baseline = ((model, generation), reference, calibration)
        return self._baseline[1], self._baseline[2]

    def _class(self, index: int) -> str:
        return self.classes[index] if index < len(self.classes) else f"class {index}"


def _seed(project: str, model: str, generation: int) -> int:
    """The same random ties in every replay of the same generation."""
    text = f"{project}/{model}/{generation}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def _no_reference(model: str) -> NotFound:
    return NotFound(
        f"{model} has no reference yet, so nothing tells what is normal for it.",
        hint="A model gets one when it is promoted: autofocus models promote MODEL.",
    )
