"""The writing half of the prediction log: memory first, the object store a moment later.

A prediction costs a tuple in a list. A thread writes about once a second: first the kept images,
then the segment that refers to them, then feedback, so that a reader never finds a reference to
something missing. Row numbers are handed out below a stored limit; after a kill the next process
starts at that limit, so an id that a client holds never names another prediction.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from autofocus.errors import AutofocusError, NotFound, Unavailable
from autofocus.serving.segments import (
    LogRow,
    encode_images,
    encode_rows,
    feedback_key,
    number_of,
    segment_key,
)

if TYPE_CHECKING:
    from autofocus.store.objects import ObjectStore

_LOG = logging.getLogger(__name__)

CAPACITY_ROWS = 100_000
CAPACITY_IMAGE_BYTES = 256_000_000
FLUSH_ROWS = 1000
FLUSH_SECONDS = 0.5
# Larger pieces would hold the interpreter for so long that answers are late.
FLUSH_IMAGE_BYTES = 8_000_000
_TICK_SECONDS = 0.1


class FeedbackEntry:
    """A truth on its way into the store; ``done`` is called with an error or None."""

    __slots__ = ("body", "done", "project", "row")

    def __init__(
        self,
        project: str,
        row: int,
        body: dict[str, Any],
        done: Callable[[AutofocusError | None], None],
    ) -> None:
        self.project = project
        self.row = row
        self.body = body
        self.done = done


class LogWriter:
    """Collects predictions, kept images and feedback of one server and stores them.

    ``each_second`` is called about once a second from the same thread (status, heartbeat).
    """

    def __init__(
        self,
        objects: ObjectStore,
        server: str,
        *,
        each_second: Callable[[], None] | None = None,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self.objects = objects
        self.server = server
        self.dropped = 0
        self._flush_seconds = flush_seconds
        self._each_second = each_second
        self._lock = threading.Lock()
        self._rows: list[LogRow] = []
        self._images: list[tuple[int, str, str, bytes, str]] = []
        self._image_bytes = 0
        self._feedback: list[FeedbackEntry] = []
        self._feedback_numbers: dict[str, int] = {}
        self._in_flight: dict[int, str] = {}
        self._next_row = self._claim_rows()
        self._unlogged = 0
        self._wake = threading.Event()
        self._closing = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="prediction-log")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write everything that is left; returns when it is stored (or cannot be)."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._store_limit(self._next_row)
        except AutofocusError as exc:
            _LOG.error("The row counter could not be stored: %s", exc)

    def append(
        self, rows: Sequence[tuple[LogRow, bytes | None]], name: Callable[[int], str]
    ) -> list[str]:
        """Number the rows and take them in; returns their ids in order.

        Each row comes with the image to keep, or None; ``name`` makes an id of a row number.
        ``row`` and, where empty, ``id`` and ``request_key`` are set here. When the store has been
        away for so long that memory is full, rows are counted as dropped and their ids say so.
        """
        ids = []
        with self._lock:
            for row, image in rows:
                number = self._next_row
                if len(self._rows) >= CAPACITY_ROWS or number >= self._limit:
                    self.dropped += 1
                    self._unlogged += 1
                    ids.append(row.id or f"{name(number)}-unlogged-{self._unlogged}")
                    continue
                self._next_row = number + 1
                row.row = number
                row.id = row.id or name(number)
                row.request_key = row.request_key or row.id
                if image is not None and self._image_bytes > CAPACITY_IMAGE_BYTES:
                    row.kept, row.keep_probability = False, 0.0
                elif image is not None:
                    self._images.append((number, row.id, row.sha256, image, row.project))
                    self._image_bytes += len(image)
                self._rows.append(row)
                self._in_flight[number] = row.project
                ids.append(row.id)
            full = self._full()
        if full:
            self._wake.set()
        return ids

    def add_feedback(self, entry: FeedbackEntry) -> None:
        """Take in a truth; its ``done`` is called once it is stored."""
        with self._lock:
            self._feedback.append(entry)
        self._wake.set()

    def project_of(self, row: int) -> str | None:
        """Project of a row that is not stored yet."""
        return self._in_flight.get(row)

    def _full(self) -> bool:
        return len(self._rows) >= FLUSH_ROWS or self._image_bytes >= FLUSH_IMAGE_BYTES

    def _claim_rows(self) -> int:
        try:
            first = int(json.loads(self.objects.get(self._limit_key()))["limit"])
        except NotFound:
            first = 0
        self._store_limit(first + 2 * CAPACITY_ROWS)
        return first

    def _store_limit(self, limit: int) -> None:
        self.objects.put(self._limit_key(), json.dumps({"limit": limit}).encode())
        self._limit = limit

    def _limit_key(self) -> str:
        return f"servers/{self.server}.rows"

    def _run(self) -> None:
        flushed = told = time.monotonic()
        while True:
            self._wake.wait(_TICK_SECONDS)
            closing = self._closing
            self._wake.clear()
            now = time.monotonic()
            due = now - flushed >= self._flush_seconds or self._full()
            if due or closing or self._feedback:
                try:
                    self._write(everything=due or closing)
                    self._failing = False
                except AutofocusError as exc:
                    if not self._failing:
                        _LOG.error("The prediction log cannot be written, will try again: %s", exc)
                    self._failing = True
                flushed = now
            if self._each_second is not None and (now - told >= 1.0 or closing):
                told = now
                self._each_second()
            if closing:
                return
            if self._failing:
                time.sleep(_TICK_SECONDS)

    def _write(self, *, everything: bool) -> None:
        with self._lock:
            feedback = self._feedback[:]
            rows, images = self._rows[:], self._images[:]
        oldest = rows[0].row if rows else None
        if everything or (oldest is not None and any(f.row >= oldest for f in feedback)):
            self._write_rows(rows, images)
        self._write_feedback(feedback)
        if self._next_row + CAPACITY_ROWS > self._limit:
            self._store_limit(self._next_row + 2 * CAPACITY_ROWS)

    def _write_rows(
        self, rows: list[LogRow], images: list[tuple[int, str, str, bytes, str]]
    ) -> None:
        if not rows:
            return
        groups: dict[tuple[str, int], list[LogRow]] = {}
        for row in rows:
            groups.setdefault((row.project, len(row.probabilities)), []).append(row)
        for (project, _), group in groups.items():
            # A segment that was stored before a later group failed is stored again, unchanged.
            first = group[0].row
            numbers = {row.row for row in group}
            kept = [image[:4] for image in images if image[4] == project and image[0] in numbers]
            if kept:
                self.objects.put(
                    segment_key("sampled", project, self.server, first), encode_images(kept)
                )
            self.objects.put(
                segment_key("predictions", project, self.server, first), encode_rows(group)
            )
        with self._lock:
            del self._rows[: len(rows)]
            del self._images[: len(images)]
            self._image_bytes -= sum(len(image[3]) for image in images)
            for row in rows:
                self._in_flight.pop(row.row, None)

    def _write_feedback(self, entries: list[FeedbackEntry]) -> None:
        by_project: dict[str, list[FeedbackEntry]] = {}
        for entry in entries:
            by_project.setdefault(entry.project, []).append(entry)
        for project, group in by_project.items():
            error: AutofocusError | None = None
            try:
                number = self._next_feedback(project)
                lines = b"".join(json.dumps(e.body).encode() + b"\n" for e in group)
                self.objects.put(feedback_key(project, self.server, number), lines)
                self._feedback_numbers[project] = number + 1
            except AutofocusError as exc:
                error = Unavailable(
                    f"The feedback could not be stored: {exc.message}",
                    hint="Send it again in a moment.",
                )
            with self._lock:
                gone = set(map(id, group))
                self._feedback = [e for e in self._feedback if id(e) not in gone]
            for entry in group:
                entry.done(error)

    def _next_feedback(self, project: str) -> int:
        if project not in self._feedback_numbers:
            keys = self.objects.list(f"feedback/{project}/{self.server}/")
            self._feedback_numbers[project] = number_of(keys[-1]) + 1 if keys else 0
        return self._feedback_numbers[project]
