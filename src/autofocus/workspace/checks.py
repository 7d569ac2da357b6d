"""``autofocus doctor``: is everything that a workspace rests on well?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from autofocus.errors import AutofocusError
from autofocus.types.models import Gate

if TYPE_CHECKING:
    from autofocus.workspace.workspace import Workspace

MIN_FREE_BYTES = 1_000_000_000
_PROBE = "doctor/probe"


def run_checks(workspace: Workspace) -> list[Gate]:
    """Database, object store, disk, deployments and servers, each as passed or not with words."""
    return [
        _database(workspace),
        _store(workspace),
        _disk(workspace),
        *(_serving(workspace, info.name) for info in workspace.projects()),
    ]


def _database(workspace: Workspace) -> Gate:
    engine = workspace.database.engine
    try:
        with workspace.database.read() as conn:
            if engine.dialect.name == "sqlite":
                found = conn.execute(sa.text("PRAGMA quick_check")).scalar_one()
                return Gate("database", found == "ok", f"SQLite: {found}")
            version = conn.execute(sa.text("SHOW server_version")).scalar_one()
            return Gate("database", True, f"PostgreSQL {version}")
    except AutofocusError as error:
        return Gate("database", False, str(error))


def _store(workspace: Workspace) -> Gate:
    try:
        workspace.objects.put(_PROBE, b"autofocus")
        well = workspace.objects.get(_PROBE) == b"autofocus"
        workspace.objects.delete(_PROBE)
    except AutofocusError as error:
        return Gate("object store", False, str(error))
    reason = "writes and reads" if well else "did not give back what was written"
    return Gate("object store", well, f"{workspace.objects.url} {reason}")


def _disk(workspace: Workspace) -> Gate:
    free = shutil.disk_usage(workspace.root).free
    return Gate(
        "disk", free >= MIN_FREE_BYTES, f"{free / 1e9:.1f} GB free", float(free), MIN_FREE_BYTES
    )


def _serving(workspace: Workspace, project: str) -> Gate:
    deployments = workspace.project(project).deployments
    try:
        wanted = deployments.read(project)
        servers = deployments.servers()
    except AutofocusError as error:
        return Gate(f"serving {project}", False, str(error))
    if wanted is None:
        return Gate(f"serving {project}", True, "no champion yet")
    if not servers:
        return Gate(f"serving {project}", True, "no inference server is running")
    refused = [f"{s.server}: {s.refused[project]}" for s in servers if project in s.refused]
    if refused:
        return Gate(f"serving {project}", False, f"refused by {'; '.join(refused)}")
    behind = [s.server for s in servers if s.applied.get(project, 0) < wanted.revision]
    if behind:
        return Gate(f"serving {project}", False, f"not yet followed by {', '.join(behind)}")
    return Gate(f"serving {project}", True, f"{wanted.champion.model} on {len(servers)} server(s)")
