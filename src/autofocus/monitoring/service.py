"""How machine and inference servers did over time: a sample every few seconds, an object an hour.

Servers say only how they are now. The one control plane of a workspace notes it down, so that
failures and memory have a past; the objects are small and those older than a month go.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from autofocus.errors import NotFound
from autofocus.serving.deployments import Deployments
from autofocus.types.clock import now, parse

if TYPE_CHECKING:
    from autofocus.store.objects import ObjectStore

PREFIX = "service/"
EVERY_SECONDS = 10.0
KEPT_DAYS = 31


class ServiceLog:
    """Samples of the servers' figures; one process writes, any may read."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._hour = ""
        self._samples: list[dict[str, Any]] = []
        self._written = -float("inf")

    def note(self, machine: Callable[[], dict[str, Any]]) -> bool:
        """Write down what servers and ``machine()`` say now; False if it is too early again."""
        if time.monotonic() < self._written + EVERY_SECONDS:
            return False
        self._written = time.monotonic()
        at = now()
        hour = at[:13]
        if hour != self._hour:
            self._hour, self._samples = hour, self._read(hour)
            self._forget(parse(at) - timedelta(days=KEPT_DAYS))
        self._samples.append(
            {
                "at": at,
                "machine": machine(),
                "servers": [
                    {
                        "server": s.server,
                        "started_at": s.started_at,
                        "requests": s.requests,
                        "failed": s.failed,
                        "log_dropped": s.log_dropped,
                        **s.hardware,
                    }
                    for s in Deployments(self._objects).servers()
                ],
            }
        )
        self._objects.put(_key(hour), json.dumps(self._samples).encode())
        return True

    def history(self, hours: float = 24.0, points: int = 240) -> list[dict[str, Any]]:
        """The last ``hours`` in at most ``points`` steps, oldest first.

        Each step has ``at``, ``requests`` and ``failed`` since the step before it (over all
        servers; a server that was started again counts from zero), ``seconds`` it lasted,
        ``machine`` and ``servers`` as they were at its end.
        """
        until = datetime.now(UTC)
        since = until - timedelta(hours=hours)
        samples: list[dict[str, Any]] = []
        at = since
        while at.isoformat()[:13] <= until.isoformat()[:13]:
            samples += self._read(at.isoformat()[:13])
            at += timedelta(hours=1)
        samples = [s for s in samples if parse(s["at"]) >= since]
        stride = max(1, -(-len(samples) // points))
        # Counted from the newest back, so that the newest is always one of them.
        samples = samples[::-1][::stride][::-1]
        return [
            {
                "at": after["at"],
                "seconds": (parse(after["at"]) - parse(before["at"])).total_seconds(),
                "requests": _since(before, after, "requests"),
                "failed": _since(before, after, "failed"),
                "machine": after["machine"],
                "servers": after["servers"],
            }
            for before, after in pairwise(samples)
        ]

    def _read(self, hour: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = json.loads(self._objects.get(_key(hour)))
        except NotFound:
            return []
        return found

    def _forget(self, before: datetime) -> None:
        oldest = _key(before.isoformat()[:13])
        for key in self._objects.list(PREFIX):
            if key < oldest:
                self._objects.delete(key)


def _key(hour: str) -> str:
    return f"{PREFIX}{hour}.json"


def _since(before: dict[str, Any], after: dict[str, Any], name: str) -> int:
    old = {(s["server"], s["started_at"]): int(s[name]) for s in before["servers"]}
    return sum(
        max(0, int(s[name]) - old.get((s["server"], s["started_at"]), 0)) for s in after["servers"]
    )
