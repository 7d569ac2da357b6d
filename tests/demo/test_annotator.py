"""The annotator answers what is asked, skips what he cannot know, and outlives an outage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autofocus.demo.annotator import Annotator
from autofocus.errors import Conflict, Unavailable
from autofocus.types.data import Label, Tag
from autofocus.types.geometry import Box, Shape, Shapes


class Queue:
    """A labelling queue in memory with the client's methods."""

    def __init__(self, *tasks: str) -> None:
        self.open = {
            task: {"id": task, "key": f"k-{task}", "sha256": task, "seen": 0} for task in tasks
        }
        self.answers: dict[str, Label | str] = {}
        self.skipped: list[str] = []
        self.away = 0
        self.cancelled: set[str] = set()

    def queue(self, _: str) -> list[dict[str, Any]]:
        if self.away > 0:
            self.away -= 1
            raise Unavailable("nobody answers")
        return list(self.open.values())

    def answer(self, _: str, task: str, label: str, *, author: str, seconds: float) -> None:
        del self.open[task]
        if task in self.cancelled:
            raise Conflict("the case has ended")
        self.answers[task] = label

    def annotate(
        self, _: str, key: str, label: Shapes, *, author: str, seen: int, request: str,
        seconds: float,
    ) -> None:  # fmt: skip
        task = key.removeprefix("k-")
        assert (seen, request) == (0, f"{task}/{author}")
        del self.open[task]
        self.answers[task] = label

    def skip(self, _: str, task: str, *, author: str, reason: str) -> None:
        del self.open[task]
        self.skipped.append(task)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_answers_the_known_and_skips_the_unknown() -> None:
    queue = Queue("a", "b", "stranger")
    truth = {"a": Tag("open"), "b": Tag("closed")}
    with Annotator(queue, "eyes", truth.get, delay=0.0) as annotator:
        _until(lambda: not queue.open)
    assert queue.answers == {"a": "open", "b": "closed"}
    assert queue.skipped == ["stranger"]
    assert (annotator.answered, annotator.skipped) == (2, 1)


def test_goes_on_after_an_outage_and_after_a_cancelled_task() -> None:
    queue = Queue("a", "b")
    queue.away, queue.cancelled = 2, {"a"}
    with Annotator(queue, "eyes", lambda _: Tag("open"), delay=0.0):
        _until(lambda: not queue.open)
    assert queue.answers == {"b": "open"}


def test_draws_shapes_where_shapes_are_asked_for() -> None:
    queue, nut = Queue("a"), Shapes((Shape("1", "nut", Box(1, 2, 3, 4)),))
    with Annotator(queue, "parts", lambda _: nut, delay=0.0):
        _until(lambda: not queue.open)
    assert queue.answers == {"a": nut}
