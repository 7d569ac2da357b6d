"""What the inference servers answer just now, read from the end of the prediction log.

The cost is bounded by the number of rows asked for, never by the age of the log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from autofocus.types.production import Window

if TYPE_CHECKING:
    from autofocus.serving.reader import PredictionLog

# Slices that the curves of the latest traffic have at most.
SLICES = 48
SEGMENTS = 300


def latest(
    log: PredictionLog,
    classes: Sequence[str],
    limit: int = 24,
    *,
    roles: Collection[str] | None = None,
    model: str | None = None,
) -> list[dict[str, Any]]:
    """The newest predictions, newest first, JSON-safe.

    ``image`` says whether the request's image was kept; a shadow answer has that of the answer it
    shadowed.
    """
    rows = log.tail(limit, roles=roles, model=model)
    return [
        {
            "id": str(rows.ids[i]),
            "at": _time(int(rows.time_us[i])),
            "model": str(rows.model[i]),
            "role": str(rows.role[i]),
            "label": _class(classes, int(rows.predicted[i])),
            "confidence": float(rows.confidence[i]),
            "latency_ms": float(rows.latency_ms[i]),
            "image": bool(rows.kept[i]) or str(rows.role[i]) == "shadow",
        }
        for i in range(len(rows))
    ]


def recent(log: PredictionLog, classes: Sequence[str], rows: int = 2000) -> dict[str, Any]:
    """The newest ``rows`` answers, counted by role, model and class, and cut into slices in
    the order of time.

    ``served`` counts answers that a client got (champion and canary); shadow answers are silent
    and counted in ``roles`` alone. Latency is in milliseconds, of served answers.
    """
    window = log.tail(rows, segments=SEGMENTS)
    order = np.argsort(window.time_us, kind="stable")
    window = window.take(order)
    served = window.take(window.role != "shadow")
    found: dict[str, Any] = {
        "rows": len(window),
        "served": len(served),
        "since": _time(int(window.time_us[0])) if len(window) else None,
        "until": _time(int(window.time_us[-1])) if len(window) else None,
        "per_second": None,
        "roles": _counts(window.role),
        "models": _counts(served.model),
        "classes": _mix(served, classes),
        "latency": _latency(served),
        "slices": [],
    }
    if len(window) < 2:
        return found
    first, last = int(window.time_us[0]), int(window.time_us[-1])
    if last > first:
        found["per_second"] = (len(served) - 1) / ((last - first) / 1e6)
    # Equal numbers of answers, so that a night without traffic leaves no hole to be guessed over.
    for index in np.array_split(np.arange(len(window)), min(SLICES, max(2, len(window) // 20))):
        part = window.take(index)
        live = part.take(part.role != "shadow")
        found["slices"].append(
            {
                "at": _time(int(part.time_us[0])),
                "seconds": float(part.time_us[-1] - part.time_us[0]) / 1e6,
                "roles": _counts(part.role),
                "classes": _mix(live, classes),
                "latency": _latency(live),
            }
        )
    return found


def _counts(values: Any) -> dict[str, int]:
    names, counts = np.unique(values, return_counts=True)
    return {str(name): int(n) for name, n in zip(names, counts, strict=True)}


def _mix(window: Window, classes: Sequence[str]) -> dict[str, float]:
    """Share of each class among the answers; empty without answers."""
    if not len(window):
        return {}
    counts = np.bincount(window.predicted, minlength=len(classes))
    return {_class(classes, c): round(float(n) / len(window), 4) for c, n in enumerate(counts)}


def _latency(window: Window) -> dict[str, float] | None:
    if not len(window):
        return None
    values = np.quantile(window.latency_ms, (0.5, 0.9, 0.99))
    return dict(zip(("p50_ms", "p90_ms", "p99_ms"), (float(v) for v in values), strict=True))


def _class(classes: Sequence[str], index: int) -> str:
    return classes[index] if index < len(classes) else f"class {index}"


def _time(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(timespec="milliseconds")
