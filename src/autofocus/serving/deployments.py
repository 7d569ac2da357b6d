"""Who serves a project: the object that the control plane writes and inference servers watch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from autofocus.errors import Corrupted, InvalidInput, NotFound
from autofocus.types.clock import seconds_since
from autofocus.types.codec import decode, encode
from autofocus.types.data import check_project_name
from autofocus.types.production import Deployment, ServerStatus

if TYPE_CHECKING:
    from autofocus.store.objects import ObjectStore

PREFIX = "deployments/"
SERVERS = "servers/"


class Deployments:
    """Deployments of all projects in one object store, and the servers that report there."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects

    def read(self, project: str) -> Deployment | None:
        """The deployment in force, None before the first; Corrupted if it cannot be understood."""
        check_project_name(project)
        try:
            data = self.objects.get(deployment_key(project))
        except NotFound:
            return None
        return parse_deployment(project, data)

    def write(self, deployment: Deployment) -> None:
        """Replace the deployment atomically; servers follow within a second."""
        check_project_name(deployment.project)
        self.objects.put(deployment_key(deployment.project), _dump(deployment))

    def projects(self) -> list[str]:
        """Projects that have a deployment, sorted."""
        return sorted(
            key.removeprefix(PREFIX).removesuffix(".json")
            for key in self.objects.list(PREFIX)
            if key.endswith(".json")
        )

    def servers(self, *, max_age: float = 10.0) -> list[ServerStatus]:
        """Servers whose last heartbeat is at most ``max_age`` seconds old, by name."""
        found = []
        for key in self.objects.list(SERVERS):
            if not key.endswith(".json"):
                continue
            try:
                status = decode(ServerStatus, json.loads(self.objects.get(key)))
            except NotFound:  # it has just shut down
                continue
            age = seconds_since(status.heartbeat_at)
            if age <= max_age:
                found.append(status)
        return sorted(found, key=lambda status: status.server)


def deployment_key(project: str) -> str:
    """Where the deployment of ``project`` is stored."""
    return f"{PREFIX}{project}.json"


def status_key(server: str) -> str:
    """Where the server of that id writes its status."""
    return f"{SERVERS}{server}.json"


def parse_deployment(project: str, data: bytes) -> Deployment:
    """The deployment in ``data``; Corrupted names the file and what is wrong with it."""
    try:
        deployment = decode(Deployment, json.loads(data))
    except (ValueError, InvalidInput) as exc:
        raise Corrupted(
            f"{deployment_key(project)} is not a deployment: {exc}",
            hint="Write it again with `autofocus promote` or `autofocus rollback`.",
        ) from exc
    if deployment.project != project:
        raise Corrupted(f"{deployment_key(project)} is a deployment of {deployment.project!r}.")
    return deployment


def _dump(value: Any) -> bytes:
    return json.dumps(encode(value), indent=1, sort_keys=True).encode()
