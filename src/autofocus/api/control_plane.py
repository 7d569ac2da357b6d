"""``autofocus up``: API, loop and monitor in this process, the inference server beside it."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from filelock import FileLock, Timeout

from autofocus.api.app import create_app
from autofocus.api.background import Background
from autofocus.compute.hardware import usage_now
from autofocus.errors import AutofocusError, Forbidden, Unavailable, WorkspaceBusy
from autofocus.types.clock import seconds_since
from autofocus.workspace.workspace import Project, Workspace

if TYPE_CHECKING:
    from fastapi import FastAPI
    from rich.console import Console

log = logging.getLogger("autofocus.up")

TICK_SECONDS = 0.25
TRAININGS_SECONDS = 1.0
# Whoever waits for a run of theirs makes its model at once; after this nobody does.
LEFT_ALONE_SECONDS = 3.0
RESTART_SECONDS = 0.1


def run(
    root: str | Path,
    *,
    host: str | None = None,
    port: int | None = None,
    inference_port: int | None = None,
    console: Console,
) -> None:
    """Serve until interrupted.

    Raises WorkspaceBusy if another control plane works on this workspace, Unavailable if a port
    is taken, Forbidden for an address that others can reach.
    """
    with Workspace.open(root) as workspace, only_one(workspace.root):
        settings = workspace.settings
        host = host or settings.host
        port = settings.port if port is None else port
        inference_port = settings.inference_port if inference_port is None else inference_port
        # What is in force, for the people who look at the settings.
        workspace.settings = replace(settings, host=host, port=port, inference_port=inference_port)
        _refuse_open_door(host)
        logging.basicConfig(
            level=settings.log_level,
            stream=sys.stderr,
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        for noisy in ("httpx", "uvicorn.access"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        listener = _listen(host, port)
        server = InferenceServer(workspace, host, inference_port)
        app = create_app(workspace, inference_url=server.url, lifespan=_lifespan(workspace, server))
        console.print(
            f"Autofocus on http://{host}:{listener.getsockname()[1]}  "
            f"inference on {server.url}  workspace {workspace.root}\n"
            "Stop with Ctrl-C.",
            highlight=False,
        )
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=5
        )
        # Before the page answers, so that what is wrong with it is said here and now.
        server.start()
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            server.stop()


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the workspace's control-plane lock; the kernel frees it when the process dies."""
    path = root / "control-plane.lock"
    owner = root / "control-plane.pid"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid = owner.read_text().strip() if owner.exists() else "unknown"
        raise WorkspaceBusy(
            f"Another control plane (process {pid}) works on {root}.",
            hint="Use that one, stop it first, or name another --workspace.",
            pid=pid,
        ) from None
    try:
        owner.write_text(f"{os.getpid()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _refuse_open_door(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Forbidden(
            f"Binding to {host} would let others in, and this control plane has no users yet.",
            hint="Bind to 127.0.0.1 and put a proxy with a login in front of it.",
        )


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is an error here and not a log line later."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port}: {exc.strerror}.",
            hint="Another program has this port. Choose one with --port, 0 for any free one.",
        ) from exc
    return listener


def _lifespan(workspace: Workspace, server: InferenceServer) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        from starlette.concurrency import run_in_threadpool

        ticker = Ticker(workspace)
        await run_in_threadpool(ticker.start)
        try:
            yield
        finally:
            await run_in_threadpool(ticker.stop)
            # Here and not after uvicorn's run, which ends by raising the signal again.
            await run_in_threadpool(server.stop)

    return lifespan


class InferenceServer:
    """The inference server as a child that is started again when it dies.

    A server left behind by a control plane that was killed goes on serving; it is recognised by
    its port and store, and taken over rather than replaced.
    """

    def __init__(self, workspace: Workspace, host: str, port: int) -> None:
        if port == 0:
            with _listen(host, 0) as probe:
                port = probe.getsockname()[1]
        self._store = workspace.objects.url
        self._max_pixels = workspace.settings.max_pixels
        self._host, self._port = host, port
        self._log = workspace.root / "logs" / "inference.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._adopted: int | None = None
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="inference-keeper", daemon=True)

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Start or take over, and wait until it answers; raises Unavailable after 30 seconds."""
        self._adopted = self._already_there()
        if self._adopted is None:
            self._spawn()
        deadline = time.monotonic() + 30
        while self._health() is None:
            if self._child is not None and self._child.poll() is not None:
                raise Unavailable(
                    f"The inference server ended with code {self._child.returncode}.",
                    hint=f"Its log: {self._log}",
                )
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The inference server does not answer on {self.url}.",
                    hint=f"Its log: {self._log}",
                )
            time.sleep(0.05)
        self._keeper.start()

    def stop(self) -> None:
        """Let it finish what it has, flush its log and end."""
        self._stopping.set()
        pid = self._adopted if self._child is None else self._child.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if self._child is not None:
            try:
                self._child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def _spawn(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as out:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "autofocus.serving",
                    "--store",
                    self._store,
                    "--host",
                    self._host,
                    "--port",
                    str(self._port),
                    "--max-pixels",
                    str(self._max_pixels),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Ctrl-C is for the control plane; it stops the server in order.
                start_new_session=True,
            )

    def _health(self) -> dict[str, Any] | None:
        try:
            answer = httpx.get(f"{self.url}/healthz", timeout=2.0)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def _already_there(self) -> int | None:
        """Process id of a server of ours on this port; raises Unavailable if it is not ours."""
        try:
            socket.create_connection((self._host, self._port), timeout=0.5).close()
        except OSError:
            return None
        found = self._health()
        if not found or found.get("store") != self._store:
            raise Unavailable(
                f"Something else answers on {self.url}.",
                hint="Choose another port with --inference-port, 0 for any free one.",
            )
        log.info("taking over the inference server %s (process %s)", self.url, found["pid"])
        return int(found["pid"])

    def _keep(self) -> None:
        while not self._stopping.wait(RESTART_SECONDS):
            if self._child is not None:
                code = self._child.poll()
                if code is not None and not self._stopping.is_set():
                    log.warning("the inference server ended with code %s; starting it again", code)
                    self._spawn()
            elif self._adopted is not None and not _alive(self._adopted):
                log.warning("the adopted inference server is gone; starting a new one")
                self._adopted = None
                self._spawn()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Ticker:
    """Drives monitor and loop of every project in a thread of its own.

    It also ends what nobody waits for: a training that was asked for over HTTP, or whose command
    was killed, becomes a model with its tests.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._testing = Background()
        self._looked_at_trainings = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._workspace.engine.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)
        self._workspace.engine.stop()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self._workspace.service.note(lambda: usage_now(self._workspace.root))
            except AutofocusError as error:
                log.error("the servers' figures were not noted: %s", error)
            due = time.monotonic() - self._looked_at_trainings > TRAININGS_SECONDS
            if due:
                self._looked_at_trainings = time.monotonic()
            for info in self._workspace.projects():
                if self._stopping.is_set():
                    return
                try:
                    project = self._workspace.project(info.name)
                    if due:
                        self._follow_trainings(project)
                    project.loop.tick()
                    project.assistant.tick()
                except AutofocusError as error:
                    # One project's trouble (store away, a damaged log segment) must not stop
                    # the others; it is tried again at the next tick.
                    log.error("project %s: %s", info.name, error)
                    self._stopping.wait(2.0 if error.code.retryable else 10.0)

    def _follow_trainings(self, project: Project) -> None:
        for run in project.training.unregistered():
            now = project.training.poll(run.id)
            ended = now.finished_at
            if now.state == "done" and ended and seconds_since(ended) > LEFT_ALONE_SECONDS:
                self._testing.start(now.id, partial(project.finish_training, now.id))
