"""Follows the deployments in the object store and swaps models without losing a request."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from autofocus.errors import AutofocusError, NotFound
from autofocus.serving.deployments import Deployments, deployment_key, parse_deployment
from autofocus.serving.projects import LoadedModel, ModelLoader, ServedProject
from autofocus.serving.sampling import Sampler
from autofocus.types.production import DeployedModel

if TYPE_CHECKING:
    from autofocus.serving.metrics import Metrics

_LOG = logging.getLogger(__name__)

LOCAL_SECONDS = 0.1
REMOTE_SECONDS = 2.0
_RETRY_SECONDS = 5.0


def lower_priority(nice: int) -> None:
    """Let the calling thread yield to the others; a no-op where threads have no priority."""
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
        except PermissionError:
            _LOG.warning("thread priority cannot be lowered here")


class Watcher:
    """Keeps ``served`` equal to the deployments, as far as they can be served.

    ``served`` maps project to what is in force; readers take one reference and keep it. A
    deployment that cannot be served is refused with its reason, and the one before stays.
    """

    def __init__(self, deployments: Deployments, loader: ModelLoader, metrics: Metrics) -> None:
        self.served: dict[str, ServedProject] = {}
        self.refused: dict[str, str] = {}
        self.looked = threading.Event()
        self._deployments = deployments
        self._loader = loader
        self._metrics = metrics
        self._seen: dict[str, object] = {}
        self._retry_at: dict[str, float] = {}
        self._stop = threading.Event()
        local = deployments.objects.local_path(deployment_key("any")) is not None
        self._local = local
        self._period = LOCAL_SECONDS if local else REMOTE_SECONDS
        self._thread = threading.Thread(target=self._run, name="deployments")

    def start(self) -> None:
        """Begin to follow; ``looked`` is set after the first look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; waits for a load in progress."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except AutofocusError as exc:
                # The store is away: keep serving what is in force and look again.
                _LOG.warning("deployments cannot be read: %s", exc)
            if not self.looked.is_set():
                self.looked.set()
                # The first models are awaited by everybody, later ones must not disturb.
                lower_priority(10)
            self._stop.wait(self._period)

    def _look(self) -> None:
        for project in self._deployments.projects():
            data: bytes | None = None
            key = deployment_key(project)
            path = self._deployments.objects.local_path(key)
            if path is not None:
                try:
                    stat = path.stat()
                except FileNotFoundError:
                    continue
                mark: object = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            else:
                try:
                    mark = data = self._deployments.objects.get(key)
                except NotFound:
                    continue
            retry = time.monotonic() >= self._retry_at.get(project, float("inf"))
            if self._seen.get(project) == mark and not retry:
                continue
            self._retry_at.pop(project, None)
            self._take(project, data)
            self._seen[project] = mark

    def _take(self, project: str, data: bytes | None) -> None:
        start = time.monotonic()
        try:
            data = data or self._deployments.objects.get(deployment_key(project))
            deployment = parse_deployment(project, data)
            current = self.served.get(project)
            if current is not None and current.deployment == deployment:
                return
            warm = current.models if current else {}
            sampler = (
                current.sampler
                if current and current.deployment.sampling == deployment.sampling
                else Sampler(deployment.sampling)
            )
            new = self._loader.assemble(deployment, warm, sampler)
        except (AutofocusError, OSError, MemoryError) as exc:
            self.refused[project] = str(exc) or type(exc).__name__
            self._metrics.swaps_refused.labels(project).inc()
            _LOG.error("deployment of %s refused, the one before stays: %s", project, exc)
            if not isinstance(exc, AutofocusError) or exc.code.retryable:
                self._retry_at[project] = time.monotonic() + _RETRY_SECONDS
            return
        self.served = {**self.served, project: new}
        self.refused.pop(project, None)
        self._metrics.swaps.labels(project).inc()
        _LOG.info(
            "project %s: revision %d in force, champion %s (%.0f ms)",
            project, deployment.revision, new.champion.id, 1e3 * (time.monotonic() - start),
        )  # fmt: skip
        current = None
        _release(warm, new)


def _release(before: dict[DeployedModel, LoadedModel], after: ServedProject) -> None:
    """Give memory of models that left back to the system."""
    if set(before) - set(after.models):
        before.clear()
        gc.collect()
        if sys.platform == "linux":
            try:
                ctypes.CDLL(None).malloc_trim(0)
            except (OSError, AttributeError):
                pass  # a C library without malloc_trim gives memory back in its own time
