"""What ``/metrics`` shows, and the latency figures of the server's status."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

_SECONDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
_RECENT = 512


class Metrics:
    """Counters and histograms of one server process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        prefix = "autofocus_"
        self.requests = Counter(
            prefix + "requests", "Predictions answered or refused, by HTTP status.",
            ("project", "model", "role", "status"), registry=self.registry,
        )  # fmt: skip
        self.queue = self._histogram("queue_seconds", "Time a request waited for a worker.")
        self.decode = self._histogram("decode_seconds", "Decode and resize of one image.")
        self.infer = self._histogram("infer_seconds", "Inference of one batch.")
        self.batch = Histogram(
            prefix + "batch_size", "Images per batch.", ("model",),
            buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry,
        )  # fmt: skip
        self.waiting = Gauge(
            prefix + "waiting", "Requests waiting for a worker.", registry=self.registry
        )
        self.swaps = self._counter("swaps", "Deployments put in force.", ("project",))
        self.swaps_refused = self._counter(
            "swaps_refused", "Deployments that were not taken.", ("project",)
        )
        self.overload = self._counter("overload_refusals", "Requests refused by admission.", ())
        self.shadow_dropped = self._counter(
            "shadow_dropped", "Shadow answers given up for live ones.", ("project",)
        )
        self.log_dropped = Gauge(
            prefix + "log_dropped", "Predictions that could not be logged.", registry=self.registry
        )

    def text(self) -> bytes:
        """The Prometheus text format."""
        return bytes(generate_latest(self.registry))

    def _histogram(self, name: str, what: str) -> Histogram:
        return Histogram(
            f"autofocus_{name}", what, ("model",), buckets=_SECONDS, registry=self.registry
        )

    def _counter(self, name: str, what: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"autofocus_{name}", what, labels, registry=self.registry)


class ModelFigures:
    """Requests, errors and recent latency of one model, for the server's status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.errors = 0
        self._latencies: deque[float] = deque(maxlen=_RECENT)

    def answered(self, latencies_ms: list[float]) -> None:
        """Count answers given after these times."""
        with self._lock:
            self.requests += len(latencies_ms)
            self._latencies.extend(latencies_ms)

    def shadowed(self, count: int) -> None:
        """Count silent answers, whose latency is not that of a live one."""
        with self._lock:
            self.requests += count

    def failed(self, count: int) -> None:
        """Count requests that the model could not answer."""
        with self._lock:
            self.requests += count
            self.errors += count

    def as_mapping(self) -> Mapping[str, float]:
        """``requests``, ``errors``, ``p50_ms`` and ``p99_ms`` of the last 512 live answers."""
        with self._lock:
            recent = sorted(self._latencies)
            requests, errors = self.requests, self.errors
        figures = {"requests": float(requests), "errors": float(errors)}
        for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
            at = min(len(recent) - 1, int(share * len(recent)))
            figures[name] = round(recent[at], 3) if recent else 0.0
        return figures
