"""Send images to an inference server as a crowd of clients would, at a steady pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from autofocus.api.client import Client
from autofocus.errors import AutofocusError, InvalidInput


@dataclass(frozen=True, slots=True)
class Request:
    """One image to be classified; ``tag`` is the sender's own note and never leaves it."""

    image: bytes
    key: str = ""
    metadata: Mapping[str, Any] | None = None
    tag: Any = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How request number ``index`` ended: ``answer``, or the ``error`` in words."""

    index: int
    request: Request
    answer: Mapping[str, Any] | None
    error: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a replay sent: answered and failed requests, wall time in seconds."""

    answered: int
    failed: int
    seconds: float


def replay(
    client: Client,
    project: str,
    requests: Iterable[Request],
    *,
    rate: float | Callable[[], float] = 50.0,
    connections: int = 6,
    on_answer: Callable[[Answered], None] | None = None,
    stop: threading.Event | None = None,
) -> Traffic:
    """Send ``requests`` in their order, about ``rate`` a second, until they or ``stop`` end it.

    Requests are drawn from the iterable one at a time, so it may be endless and decide late. A
    failed request is counted and not sent again. ``on_answer`` is called by one thread at a
    time. After a stall the pace goes on from there: the backlog is not sent in one burst.
    """
    if connections < 1:
        raise InvalidInput(f"connections must be at least 1, got {connections}.")
    source = enumerate(requests)
    stop = stop or threading.Event()
    drawing, telling = threading.Lock(), threading.Lock()
    counts = {"answered": 0, "failed": 0}
    due = time.monotonic()

    def draw() -> tuple[int, Request, float] | None:
        nonlocal due
        with drawing:
            found = next(source, None)
            if found is None:
                return None
            per_second = rate() if callable(rate) else rate
            due = max(due + 1.0 / per_second, time.monotonic() - 0.25)
            return found[0], found[1], due

    def work() -> None:
        while not stop.is_set():
            drawn = draw()
            if drawn is None:
                return
            index, request, when = drawn
            if (wait := when - time.monotonic()) > 0 and stop.wait(wait):
                return
            begun = time.monotonic()
            answer, error = None, ""
            try:
                answer = client.predict(
                    project, request.image, key=request.key, metadata=request.metadata
                )
            except AutofocusError as exc:
                error = str(exc)
            seconds = time.monotonic() - begun
            with telling:
                counts["failed" if answer is None else "answered"] += 1
                if on_answer is not None:
                    on_answer(Answered(index, request, answer, error, time.time(), seconds))

    started = time.monotonic()
    with ThreadPoolExecutor(connections, thread_name_prefix="replay") as pool:
        workers = [pool.submit(work) for _ in range(connections)]
        try:
            for worker in workers:
                worker.result()
        except BaseException:
            # A bug in on_answer or Ctrl-C: let the other workers end before it travels on.
            stop.set()
            raise
    return Traffic(counts["answered"], counts["failed"], time.monotonic() - started)
