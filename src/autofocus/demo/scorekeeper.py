"""Counts what happened, with the truth that nobody else in the demo may use."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autofocus.api.replay import Answered
from autofocus.types import clock
from autofocus.types.data import Label

SWAP_SECONDS = 3.0  # around a swap, within which a failed request is blamed on it


@dataclass(frozen=True, slots=True)
class Share:
    """``total`` answers, worth ``right`` right ones together."""

    right: float
    total: int

    @property
    def value(self) -> float | None:
        return self.right / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class _Row:
    at: float
    shifted: bool
    quality: float | None  # 1 for a right answer; None: the request failed
    model: str
    prediction: str


class Scorekeeper:
    """Takes every answer of the stream, and the project's events; safe to use from threads.

    ``quality`` says how good an answer is, 0 to 1, given the truth about its image.
    """

    def __init__(self, quality: Callable[[Label, Mapping[str, Any]], float]) -> None:
        self._quality = quality
        self._lock = threading.Lock()
        self._rows: list[_Row] = []
        self._by_prediction: dict[str, int] = {}
        self._failures: list[str] = []

    def take(self, answered: Answered) -> None:
        """One request of the stream, answered or failed."""
        shown, got = answered.request.tag, answered.answer
        row = _Row(
            at=answered.at,
            shifted=shown.shifted,
            quality=None if got is None else self._quality(shown.label, got),
            model=(got or {}).get("model", ""),
            prediction=(got or {}).get("prediction_id", ""),
        )
        with self._lock:
            if row.prediction:
                self._by_prediction[row.prediction] = len(self._rows)
            else:
                self._failures.append(answered.error)
            self._rows.append(row)

    @property
    def sent(self) -> int:
        """Requests that ended, answered or not."""
        return len(self._rows)

    @property
    def failed(self) -> int:
        return len(self._failures)

    @property
    def shifted(self) -> int:
        """Images with the shift that were answered or failed."""
        with self._lock:
            return sum(row.shifted for row in self._rows)

    def failures(self) -> list[str]:
        """Why requests failed, each reason once."""
        with self._lock:
            return list(dict.fromkeys(self._failures))

    def images_by(self, at: float) -> int:
        """Requests that had ended at a Unix time."""
        with self._lock:
            return bisect.bisect_right([row.at for row in self._rows], at)

    def served(self, *, shifted: bool, models: Iterable[str] = (), since: float = 0.0) -> Share:
        """How good the answers were to shifted (or clean) images, by these models if given."""
        wanted = set(models)
        with self._lock:
            found = [
                row.quality
                for row in self._rows
                if row.quality is not None
                and row.shifted == shifted
                and row.at >= since
                and (not wanted or row.model in wanted)
            ]
        return Share(sum(found), len(found))

    def alarms(self, signals: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Each alarm, oldest first, with what had been sent when it was raised.

        An alarm is false if no shifted image was among the images it had seen.
        """
        found = []
        with self._lock:
            for signal in reversed(list(signals)):
                last = self._by_prediction.get(str(signal["last_prediction"]))
                seen = self._rows[: last + 1] if last is not None else self._rows
                shifted = sum(row.shifted for row in seen)
                found.append(
                    {
                        "model": signal["model"],
                        "images": len(seen),
                        "shifted_images": shifted,
                        "false": shifted == 0,
                        "leading_score": signal["leading_score"],
                    }
                )
        return found

    def around_swaps(self, swaps: Iterable[float]) -> dict[str, int]:
        """Requests served and failed within a few seconds of each swap."""
        times = list(swaps)
        with self._lock:
            near = [
                row for row in self._rows if any(abs(row.at - at) <= SWAP_SECONDS for at in times)
            ]
        failed = sum(row.quality is None for row in near)
        return {"swaps": len(times), "served": len(near) - failed, "failed": failed}


def unix(at: str) -> float:
    """The Unix time of one of our time texts."""
    return clock.parse(at).timestamp()
