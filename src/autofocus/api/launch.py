"""Start ``autofocus up`` for as long as a ``with`` block lasts: for demos, examples, notebooks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autofocus.api.client import Client
from autofocus.errors import Unavailable

START_SECONDS = 90.0
STOP_SECONDS = 30.0


@contextmanager
def running(
    workspace: str | os.PathLike[str], *, port: int = 0, inference_port: int = 0
) -> Iterator[Client]:
    """Run control plane and inference server on ``workspace``; yields a client that is ready.

    Port 0 takes a free one. The processes end with the block, also after an error or Ctrl-C.
    Their output goes to ``<workspace>/logs/up.log``. Raises Unavailable, with the end of that
    log, if they do not come up.
    """
    root = Path(workspace).expanduser().absolute()
    port = port or free_port()
    inference_port = inference_port or free_port()
    log = root / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            [
                sys.executable, "-m", "autofocus", "--workspace", str(root),
                "up", "--port", str(port), "--inference-port", str(inference_port),
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # Ctrl-C reaches the caller alone; the block's end stops the child in order.
            start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        with Client(url, inference_url=f"http://127.0.0.1:{inference_port}") as client:
            _wait(client, child, log)
            yield client
    finally:
        stop(child)


def _wait(client: Client, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if child.poll() is not None:
            raise Unavailable(
                f"`autofocus up` ended with code {child.returncode} before it was ready.",
                hint=f"The end of {log}:\n{_tail(log)}",
            )
        try:
            client.health()
            return
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"`autofocus up` was not ready within {START_SECONDS:.0f} seconds.",
                    hint=f"The end of {log}:\n{_tail(log)}",
                ) from error
        time.sleep(0.1)


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a process in order, or by force when it does not listen."""
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
