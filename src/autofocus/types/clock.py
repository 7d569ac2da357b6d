"""The one way to write a time: ISO 8601, UTC, microseconds; sorts as text."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The current time, e.g. ``2026-01-31T09:30:00.000000Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """The aware datetime of what :func:`now` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def seconds_since(text: str) -> float:
    """Seconds from what :func:`now` wrote until now."""
    return (datetime.now(UTC) - parse(text)).total_seconds()
