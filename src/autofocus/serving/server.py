"""The inference server: a process that needs nothing but the object store.

Starts the watcher, the engine, the log and the HTTP front, and takes them down in the order that
loses nothing: refuse new work, finish what runs, write the log, exit 0.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from autofocus.errors import AutofocusError, InvalidInput, Unavailable
from autofocus.serving.app import App, Limits
from autofocus.serving.deployments import Deployments, status_key
from autofocus.serving.engine import Engine
from autofocus.serving.log import LogWriter
from autofocus.serving.metrics import Metrics
from autofocus.serving.projects import ModelLoader
from autofocus.serving.watcher import Watcher
from autofocus.store.objects import ObjectStore
from autofocus.types.clock import now
from autofocus.types.codec import encode
from autofocus.types.production import ServerStatus

_LOG = logging.getLogger(__name__)

_HEADER_SECONDS = 10.0
_READ_AHEAD_BYTES = 1_000_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SERVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How an inference server runs; ``threads`` 0 means one per core, ``server`` empty a name
    made of host and port that is the same after a restart."""

    store: str
    host: str = "127.0.0.1"
    port: int = 8701
    server: str = ""
    threads: int = 0
    max_pixels: int = 64_000_000
    max_megabytes: int = 64
    deadline: float = 5.0
    max_waiting: int = 512
    drain_seconds: float = 0.0
    cache: str = ""
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if self.server and not _SERVER_ID.fullmatch(self.server):
            raise InvalidInput(
                f"Server id {self.server!r} is not valid.",
                hint="Use letters, digits, '.', '_' and '-', at most 63.",
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until SIGTERM or SIGINT; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="autofocus serve", description="Serve the models that the object store names."
    )
    defaults = ServerOptions(store="")
    parser.add_argument("--store", required=True, help="URL or folder of the object store")
    parser.add_argument("--host", default=defaults.host, help="address to bind")
    parser.add_argument("--port", type=int, default=defaults.port, help="TCP port")
    parser.add_argument(
        "--server-id", dest="server", default="", help="name in the log; default from host, port"
    )
    parser.add_argument("--threads", type=int, default=0, help="worker threads; 0: one per core")
    parser.add_argument("--max-pixels", type=int, default=defaults.max_pixels)
    parser.add_argument(
        "--max-megabytes", type=int, default=defaults.max_megabytes, help="limit of a body"
    )
    parser.add_argument(
        "--deadline", type=float, default=defaults.deadline, help="seconds a request may wait"
    )
    parser.add_argument("--max-waiting", type=int, default=defaults.max_waiting)
    parser.add_argument(
        "--drain-seconds",
        type=float,
        default=0.0,
        help="serve on for so long after SIGTERM while /readyz says no",
    )
    parser.add_argument("--cache", default="", help="folder for bundles from a remote store")
    parser.add_argument("--log-level", default=defaults.log_level)
    arguments = parser.parse_args(argv)
    logging.basicConfig(
        level=arguments.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return serve(ServerOptions(**vars(arguments)))
    except AutofocusError as exc:
        _LOG.error("%s", exc)
        return exc.code.exit_code


def serve(options: ServerOptions) -> int:
    """Serve in this process until SIGTERM or SIGINT; returns 0 after a clean end."""
    # A mistyped folder would be made, and waited for deployments in for ever.
    objects = ObjectStore.open(options.store, create=False)
    listener = _bind(options.host, options.port)
    port = listener.getsockname()[1]
    server = options.server or default_server_id(options.host, port)
    deployments = Deployments(objects)
    metrics = Metrics()
    cache = Path(options.cache) if options.cache else _default_cache()
    loader = ModelLoader(objects, cache, metrics, max_pixels=options.max_pixels)
    watcher = Watcher(deployments, loader, metrics)
    reporter = _Reporter(objects, server, f"http://{_show(options.host)}:{port}", watcher)
    log = LogWriter(objects, server, each_second=reporter.write)
    engine = Engine(
        server,
        log,
        metrics,
        threads=options.threads or _cores(),
        deadline=options.deadline,
        max_waiting=options.max_waiting,
    )
    limits = Limits(body_bytes=options.max_megabytes * 1_000_000)
    app = App(objects, engine, watcher, log, metrics, limits)
    reporter.app, reporter.log = app, log
    engine.start()
    watcher.start()
    log.start()
    _LOG.info("inference server %s at %s, store %s", server, reporter.url, objects.url)
    try:
        _run(app, listener, options.drain_seconds)
    finally:
        engine.close()
        watcher.stop()
        log.close()
        reporter.remove()
    _LOG.info("inference server %s has ended", server)
    return 0


def default_server_id(host: str, port: int) -> str:
    """``s<port>`` on this machine alone; with the host's name where others may share the store."""
    if host in _LOOPBACK:
        return f"s{port}"
    name = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-") or "host"
    return f"{name[:50]}-{port}"


class _Reporter:
    """Writes the ServerStatus about once a second."""

    def __init__(self, objects: ObjectStore, server: str, url: str, watcher: Watcher) -> None:
        self.url = url
        self.app: App | None = None
        self.log: LogWriter | None = None
        self._objects = objects
        self._server = server
        self._watcher = watcher
        self._started_at = now()
        self._failing = False
        self._process = psutil.Process()

    def write(self) -> None:
        served = self._watcher.served
        models = {
            model.id: model.figures.as_mapping()
            for project in served.values()
            for model in project.models.values()
        }
        status = ServerStatus(
            server=self._server,
            url=self.url,
            started_at=self._started_at,
            heartbeat_at=now(),
            applied={name: project.deployment.revision for name, project in served.items()},
            models=models,
            refused=dict(self._watcher.refused),
            requests=self.app.requests if self.app else 0,
            failed=self.app.failed if self.app else 0,
            log_dropped=self.log.dropped if self.log else 0,
            hardware=self._hardware(),
        )
        try:
            self._objects.put(status_key(self._server), json.dumps(encode(status)).encode())
            self._failing = False
        except AutofocusError as exc:
            if not self._failing:
                _LOG.error("the server's status cannot be written: %s", exc)
            self._failing = True

    def _hardware(self) -> dict[str, Any]:
        return {
            "machine": socket.gethostname(),
            "cores": _cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "rss_bytes": self._process.memory_info().rss,
            "cpu_percent": self._process.cpu_percent(),
        }

    def remove(self) -> None:
        try:
            self._objects.delete(status_key(self._server))
        except AutofocusError as exc:
            _LOG.warning("the server's status stays behind: %s", exc)


class _GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, fit for images and for clients that dawdle.

    uvicorn bounds the time between requests, not a request whose headers arrive byte by byte; and
    it stops reading after 64 KiB of body, which costs two system calls for every photograph.
    """

    _guard: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arm()

    def on_headers_complete(self) -> None:
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > _READ_AHEAD_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._guard is None:
            self._guard = self.loop.call_later(_HEADER_SECONDS, self._give_up)

    def _disarm(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None

    def _give_up(self) -> None:
        self._guard = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()


class _Front(uvicorn.Server):
    """uvicorn with our own end: say "not ready" first, keep the exit code ours."""

    def __init__(self, config: uvicorn.Config, app: App, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own version raises the signal again at the end, which would end the process
        # before the log is written.
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self._end, loop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)
                # A second signal must not cut the writing of the log short.
                signal.signal(number, signal.SIG_IGN)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._app.draining:
            self.should_exit = True
            return
        self._app.draining = True
        loop.call_later(self._drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def _run(app: App, listener: socket.socket, drain_seconds: float) -> None:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=_GuardedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
        backlog=2048,
    )
    _Front(config, app, drain_seconds).run(sockets=[listener])


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as exc:
        raise Unavailable(
            f"The inference server cannot listen on {host}:{port}: {exc.strerror or exc}.",
            hint="Another program uses this port; end it or choose another --port.",
        ) from exc
    listener.set_inheritable(True)
    return listener


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _show(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    home = Path(base) if base else Path.home() / ".cache"
    folder = home / "autofocus" / "serving"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"autofocus-serving-{os.getuid()}"
    return folder
