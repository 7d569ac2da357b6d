"""The simulated annotator: answers what the labelling queue asks, and knows nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from autofocus.api.client import Client
from autofocus.errors import Conflict, NotFound, Unavailable
from autofocus.types.data import Label, Tag

AUTHOR = "annotator"
POLL_SECONDS = 0.25


class Annotator:
    """Works through the queue of one project over HTTP, one label every ``delay`` seconds.

    ``truth`` gives the label of an image by its sha256, or None where the annotator cannot tell;
    such a task is skipped. Use as a context manager.
    """

    def __init__(
        self, client: Client, project: str, truth: Callable[[str], Label | None], *, delay: float
    ) -> None:
        self._client, self._project = client, project
        self._truth, self._delay = truth, delay
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="annotator", daemon=True)
        self.answered = 0
        self.skipped = 0
        self.trouble = ""

    def __enter__(self) -> Annotator:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=30)

    def _work(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                self._answer_all()
                self.trouble = ""
            except Unavailable as error:
                # The control plane is away (a restart); the queue is still there afterwards.
                self.trouble = error.message

    def _answer_all(self) -> None:
        for task in self._client.queue(self._project):
            if self._stopping.wait(self._delay):
                return
            label = self._truth(task["sha256"])
            try:
                if label is None:
                    self._client.skip(
                        self._project, task["id"], author=AUTHOR, reason="not known to me"
                    )
                    self.skipped += 1
                    continue
                if isinstance(label, Tag):
                    self._client.answer(
                        self._project, task["id"], label.label, author=AUTHOR, seconds=self._delay
                    )
                else:
                    self._client.annotate(
                        self._project,
                        task["key"],
                        label,
                        author=AUTHOR,
                        seen=task["seen"],
                        request=f"{task['id']}/{AUTHOR}",
                        seconds=self._delay,
                    )
                self.answered += 1
            except (Conflict, NotFound):
                continue  # cancelled with its case since the queue was read
