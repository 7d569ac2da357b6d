"""The workflow engine behind five verbs; the only module that knows DBOS.

The engine only knows which step comes next: arguments are ids, domain state is in our rows. It
gives "at least once" for each step; "once" comes from the names of effects. A flow covers one
stage of one case and never sleeps: where a case has to wait, its flow ends, and the ticker starts
another when there is something to do. So a release of new code meets almost no unfinished flow.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy.engine import make_url

from autofocus.errors import AutofocusError, Conflict

if TYPE_CHECKING:
    from dbos import WorkflowHandle

log = logging.getLogger("autofocus.loop")

# Raised only when flows of an older release could no longer be finished by this code.
PROTOCOL = "1"
EXECUTOR = "control-plane"
_TIDY_AT_A_TIME = 50

# Names the steps of a stage, and performs one: True means "go on", False "this flow ends here".
StepNames = Callable[[str, str], list[str]]
Perform = Callable[[str, str, str], bool]


class Engine:
    """Runs stages of cases durably; one per process."""

    _current: Engine | None = None

    def __init__(self, location: Path | str, *, steps: StepNames, perform: Perform) -> None:
        """``location``: a file for SQLite, or a PostgreSQL URL."""
        self._location = location
        self.steps = steps
        self.perform = perform
        self._handles: dict[str, WorkflowHandle[Any]] = {}
        self._mutex = threading.Lock()

    def start(self) -> None:
        """Launch; flows that a crash interrupted go on at the step they had reached."""
        if Engine._current is not None:
            raise Conflict("This process runs a workflow engine already.")
        Engine._current = self
        # It offers a registration at its vendor's console at every launch otherwise.
        logging.getLogger("dbos").setLevel(logging.WARNING)
        config: DBOSConfig = {
            "name": "autofocus",
            "system_database_engine": _open(self._location),
            "application_version": PROTOCOL,
            "executor_id": EXECUTOR,
            "log_level": "WARNING",
            "serializer": DBOSPortableJSONSerializer(),
        }
        DBOS(config=config)
        DBOS.launch()

    def stop(self) -> None:
        """Stop; what is under way goes on after the next start."""
        if Engine._current is self:
            DBOS.destroy()
            Engine._current = None

    def wake(self, case: str, stage: str, attempt: str) -> bool:
        """Start a flow for the case's stage unless one is under way; whether it did."""
        with self._mutex:
            if self.busy(case):
                return False
            self._forget_finished(case)
            with SetWorkflowID(f"{case}/{stage}/{attempt}"):
                self._handles[case] = DBOS.start_workflow(_stage_flow, case, stage)
            return True

    def _forget_finished(self, case: str) -> None:
        """Finished flows say nothing that our rows do not: a case that waits for days would
        pile them up."""
        done = DBOS.list_workflows(
            workflow_id_prefix=f"{case}/",
            status="SUCCESS",
            limit=_TIDY_AT_A_TIME,
            load_input=False,
            load_output=False,
        )
        if len(done) >= _TIDY_AT_A_TIME:
            DBOS.delete_workflows([flow.workflow_id for flow in done])

    def busy(self, case: str) -> bool:
        """Whether a flow of this case is under way."""
        return any(
            True
            for _ in DBOS.list_workflows(
                workflow_id_prefix=f"{case}/", status=["PENDING", "ENQUEUED"], limit=1
            )
        )

    def failure(self, case: str) -> str | None:
        """What the case's last flow of this process died of, if it did; said once."""
        handle = self._handles.get(case)
        if handle is None:
            return None
        status = handle.get_status()
        if status.status in ("ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"):
            del self._handles[case]
            return str(status.error or status.status)
        return None


@DBOS.workflow()
def _stage_flow(case: str, stage: str) -> None:
    engine = Engine._current
    assert engine is not None
    for step in engine.steps(case, stage):
        if not _step(case, stage, step):
            return


@DBOS.step()
def _step(case: str, stage: str, step: str) -> bool:
    engine = Engine._current
    assert engine is not None
    try:
        return engine.perform(case, stage, step)
    except AutofocusError as error:
        if not error.code.retryable:
            raise
        # The store or the database is away: this flow ends, the ticker tries again.
        log.warning("%s, %s: %s", case, step, error)
        return False


def _open(location: Path | str) -> sa.Engine:
    if isinstance(location, str) and "://" in location:
        url = make_url(location)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=os.fspath(location)),
        # Write locks are taken at BEGIN, so a read in a transaction never has to be upgraded.
        connect_args={"timeout": 30, "isolation_level": "IMMEDIATE"},
    )

    def prepare(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=30000")

    sa.event.listen(engine, "connect", prepare)
    return engine
