"""The inference engine: one worker thread per core, each decodes and infers.

Batching is natural, without timers: a worker that becomes free takes its fair share of what waits
for one model, at most B*. A separate decode stage and larger fixed batches were measured and are
slower on CPUs. Shadow answers have a thread of their own at low priority and give way.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import AutofocusError, ImageRejected, Overloaded
from autofocus.imaging.statistics import statistics
from autofocus.serving.log import LogWriter
from autofocus.serving.metrics import Metrics
from autofocus.serving.projects import LoadedModel, ServedProject
from autofocus.serving.segments import SHADOW_SUFFIX, LogRow, prediction_id
from autofocus.serving.watcher import lower_priority
from autofocus.types.answers import pack, summarise
from autofocus.types.models import Detection, PredictionBatch
from autofocus.types.production import Role

_LOG = logging.getLogger(__name__)

_SHADOW_WAITING = 256
_SHADOW_BATCH = 8


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the client of one request is told.

    Where the model sees objects, ``detections`` are all of them, the unsure ones too; those with a
    score of ``threshold`` or more are what it means to say.
    """

    prediction_id: str
    model: LoadedModel
    role: Role
    probabilities: npt.NDArray[np.float32]
    detections: tuple[Detection, ...] = ()
    threshold: float = 0.0

    @property
    def sees_objects(self) -> bool:
        """Whether it is an answer of objects and not of a class."""
        return self.model.predictor.bundle.task != "classification"


class Request:
    """One image on its way through the engine."""

    __slots__ = (
        "answer", "data", "error", "future", "loop", "metadata", "model", "pixels", "received",
        "request_key", "role", "served", "sha256", "size", "statistics",
    )  # fmt: skip

    def __init__(
        self,
        served: ServedProject,
        data: bytes,
        *,
        model: LoadedModel,
        role: Role,
        request_key: str,
        metadata: str,
    ) -> None:
        self.served = served
        self.data = data
        self.model = model
        self.role = role
        self.request_key = request_key
        self.metadata = metadata
        self.received = time.perf_counter()
        self.pixels: npt.NDArray[np.uint8] | None = None
        self.size = (0, 0)  # height and width of the upright original
        self.sha256 = ""
        self.statistics = (0.0, 0.0, 0.0)
        self.answer: Answer | None = None
        self.error: AutofocusError | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: asyncio.Future[Answer] | None = None


class Engine:
    """Answers requests on ``threads`` worker threads.

    ``deadline`` seconds after it came a request that still waits is refused with Overloaded;
    ``max_waiting`` bounds how many may wait at all.
    """

    def __init__(
        self,
        server: str,
        log: LogWriter,
        metrics: Metrics,
        *,
        threads: int,
        deadline: float,
        max_waiting: int,
    ) -> None:
        self.threads = threads
        self.deadline = deadline
        self._max_waiting = max_waiting
        self._server = server
        self._log = log
        self._metrics = metrics
        self._condition = threading.Condition()
        self._queues: dict[LoadedModel, deque[Request]] = {}
        self._waiting = 0
        self._closing = False
        self._seconds_per_image = 0.0
        self._shadow_condition = threading.Condition()
        self._shadow: deque[tuple[Request, str, LoadedModel]] = deque()
        self._workers = [self._thread(self._work, f"worker-{i}") for i in range(threads)]
        self._shadow_worker = self._thread(self._work_shadow, "shadow")

    def start(self) -> None:
        """Start the threads."""
        for thread in (*self._workers, self._shadow_worker):
            thread.start()

    def close(self) -> None:
        """Finish what waits, shadows included, and end the threads."""
        self._closing = True
        with self._condition:
            self._condition.notify_all()
        for thread in self._workers:
            thread.join()
        with self._shadow_condition:
            self._shadow_condition.notify_all()
        self._shadow_worker.join()

    def admit(self) -> None:
        """Raise Overloaded if one more request could not be answered within the deadline."""
        expected = self._waiting * self._seconds_per_image / self.threads
        if self._waiting >= self._max_waiting or expected > self.deadline:
            raise Overloaded(
                f"{self._waiting} requests wait already; this one would not be answered in time.",
                hint="Try again in a second; add servers if this lasts.",
            )

    def submit(self, request: Request) -> asyncio.Future[Answer]:
        """Queue a request of the running event loop; the future gets its Answer or an error."""
        request.loop = asyncio.get_running_loop()
        request.future = request.loop.create_future()
        self._enqueue(request)
        return request.future

    def _enqueue(self, request: Request) -> None:
        with self._condition:
            self._queues.setdefault(request.model, deque()).append(request)
            self._waiting += 1
            self._condition.notify()

    @property
    def waiting(self) -> int:
        """Requests that no worker has taken yet."""
        return self._waiting

    def _thread(self, run: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=run, name=f"autofocus-{name}")

    # Live requests

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._waiting:
                    if self._closing:
                        return
                    self._condition.wait()
                batch = self._take()
            finished = False
            try:
                self._answer(batch)
                finished = True
            finally:
                if not finished:
                    self._survive(batch)

    def _take(self) -> list[Request]:
        """The fair share of the model whose oldest request waits longest."""
        model, queue = min(self._queues.items(), key=lambda item: item[1][0].received)
        n = min(model.batch, math.ceil(len(queue) / self.threads))
        batch = [queue.popleft() for _ in range(n)]
        if not queue:
            # An empty queue must not keep a replaced model in memory.
            del self._queues[model]
        self._waiting -= n
        return batch

    def _survive(self, batch: list[Request]) -> None:
        """A bug must cost one batch, not the server: answer it, and put a new worker in place.

        The exception goes on to ``threading.excepthook`` with its trace.
        """
        for request in batch:
            if request.answer is None and request.error is None:
                request.error = AutofocusError(
                    "The server failed on this request.", hint="See the server's log."
                )
        self._deliver(batch)
        replacement = self._thread(self._work, "worker-replacement")
        self._workers.append(replacement)
        replacement.start()

    def _answer(self, batch: list[Request]) -> None:
        model = batch[0].model
        started = time.perf_counter()
        live = [request for request in batch if self._prepare(request, started)]
        model.observe.batch.observe(len(batch))
        if live:
            self._infer(model, live)
        spent = (time.perf_counter() - started) / len(batch)
        self._seconds_per_image += 0.1 * (spent - self._seconds_per_image)
        self._deliver([r for r in batch if r.answer is not None or r.error is not None])

    def _prepare(self, request: Request, started: float) -> bool:
        model = request.model
        model.observe.queue.observe(started - request.received)
        if started - request.received > self.deadline:
            request.error = Overloaded(
                f"The request waited longer than its deadline of {self.deadline:g} s.",
                hint="Try again in a second; add servers if this lasts.",
            )
            return False
        if request.loop is not None and request.future is not None and request.future.cancelled():
            request.error = Overloaded("The client left.")
            return False
        begin = time.perf_counter()
        predictor = model.predictor
        try:
            request.pixels, request.size = predictor.preprocessing.look(
                request.data, max_pixels=predictor.max_pixels
            )
        except ImageRejected as exc:
            request.error = exc
            return False
        model.observe.decode.observe(time.perf_counter() - begin)
        request.statistics = statistics(request.pixels)
        request.sha256 = request.sha256 or hashlib.sha256(request.data).hexdigest()
        return True

    def _infer(self, model: LoadedModel, live: list[Request]) -> None:
        begin = time.perf_counter()
        try:
            result = _run(model, live)
        except AutofocusError as exc:
            model.figures.failed(len(live))
            self._fall_back(model, live, exc)
            return
        now = time.perf_counter()
        model.observe.infer.observe(now - begin)
        predicted = result.probabilities.argmax(axis=1).tolist()
        time_us = time.time_ns() // 1000
        rows: list[tuple[LogRow, bytes | None]] = []
        latencies = []
        for i, request in enumerate(live):
            kept, probability = request.served.sampler.draw(len(request.data))
            latency = 1e3 * (now - request.received)
            latencies.append(latency)
            row = self._row(request, model, result, i, predicted[i])
            row.time_us, row.latency_ms = time_us, latency
            row.kept, row.keep_probability = kept, probability
            rows.append((row, request.data if kept else None))
        ids = self._log.append(rows, self._name)
        model.figures.answered(latencies)
        for i, request in enumerate(live):
            request.answer = Answer(
                ids[i],
                model,
                request.role,
                result.probabilities[i],
                result.detections[i] if result.detections else (),
                model.predictor.threshold,
            )
            self._offer_shadow(request, rows[i][0].id)

    def _row(
        self,
        request: Request,
        model: LoadedModel,
        result: PredictionBatch,
        i: int,
        predicted: int,
    ) -> LogRow:
        brightness, contrast, blur = request.statistics
        detections, outputs = _summary(request, model, result, i)
        return LogRow(
            row=-1, id="", project=request.served.deployment.project, time_us=0, model=model.id,
            role=request.role, request_key=request.request_key, predicted=predicted,
            probabilities=result.probabilities[i], whitened=result.whitened[i],
            brightness=brightness,
            contrast=contrast, blur=blur, latency_ms=0.0, sha256=request.sha256, kept=False,
            keep_probability=0.0, metadata=request.metadata,
            revision=request.served.deployment.revision, preprocessing=model.preprocessing,
            detections=detections, outputs=outputs,
        )  # fmt: skip

    def _name(self, row: int) -> str:
        return prediction_id(self._server, row)

    def _fall_back(self, model: LoadedModel, live: list[Request], exc: AutofocusError) -> None:
        """A challenger that fails must not fail its clients: the champion answers instead."""
        _LOG.error("model %s failed on a batch of %d: %s", model.id, len(live), exc)
        for request in live:
            champion = request.served.champion
            if model is champion:
                request.error = exc
            else:
                request.model, request.role, request.pixels = champion, "champion", None
                self._enqueue(request)

    def _deliver(self, batch: list[Request]) -> None:
        """Hand answers to the event loop, one wake-up for the whole batch."""
        by_loop: dict[Any, list[Request]] = {}
        for request in batch:
            if request.loop is not None:
                by_loop.setdefault(request.loop, []).append(request)
        for loop, requests in by_loop.items():
            loop.call_soon_threadsafe(_resolve, requests)

    # Shadow answers

    def _offer_shadow(self, request: Request, served_id: str) -> None:
        served = request.served
        challenger = served.challenger
        if challenger is None or not served.shadows(
            request.request_key or served_id, request.model
        ):
            return
        with self._shadow_condition:
            if not served_id or len(self._shadow) >= _SHADOW_WAITING:
                self._metrics.shadow_dropped.labels(served.deployment.project).inc()
                return
            if challenger.preprocessing == request.model.preprocessing:
                request.data = b""  # the pixels are enough
            self._shadow.append((request, served_id, challenger))
            self._shadow_condition.notify()

    def _work_shadow(self) -> None:
        lower_priority(10)
        while True:
            with self._shadow_condition:
                while not self._shadow:
                    if self._closing:
                        return
                    self._shadow_condition.wait()
                challenger = self._shadow[0][2]
                batch: list[tuple[Request, str, LoadedModel]] = []
                while self._shadow and len(batch) < _SHADOW_BATCH:
                    if self._shadow[0][2] is not challenger:
                        break
                    batch.append(self._shadow.popleft())
            try:
                self._answer_shadow(challenger, batch)
            except AutofocusError as exc:
                challenger.figures.failed(len(batch))
                _LOG.error("challenger %s failed in shadow: %s", challenger.id, exc)

    def _answer_shadow(
        self, challenger: LoadedModel, batch: list[tuple[Request, str, LoadedModel]]
    ) -> None:
        begin = time.perf_counter()
        preprocessing = challenger.predictor.preprocessing
        for request, _, _ in batch:
            if challenger.preprocessing != request.model.preprocessing:
                request.pixels, request.size = preprocessing.look(
                    request.data, max_pixels=challenger.predictor.max_pixels
                )
                request.statistics = statistics(request.pixels)
        result = _run(challenger, [request for request, _, _ in batch])
        latency = 1e3 * (time.perf_counter() - begin)
        predicted = result.probabilities.argmax(axis=1).tolist()
        time_us = time.time_ns() // 1000
        rows: list[tuple[LogRow, bytes | None]] = []
        for i, (request, served_id, _) in enumerate(batch):
            row = self._row(request, challenger, result, i, predicted[i])
            row.id, row.role = served_id + SHADOW_SUFFIX, "shadow"
            row.request_key = request.request_key or served_id
            row.time_us, row.latency_ms = time_us, latency
            rows.append((row, None))
        self._log.append(rows, self._name)
        # At low priority a shadow's time says nothing about how fast the model would answer, so
        # it is logged but kept out of the latency that a canary is judged by.
        challenger.figures.shadowed(len(batch))


def _run(model: LoadedModel, requests: list[Request]) -> PredictionBatch:
    """What a model sees in requests whose pixels are there."""
    pixels = np.stack([request.pixels for request in requests if request.pixels is not None])
    return model.predictor.run(pixels, sizes=[request.size for request in requests])


def _summary(
    request: Request, model: LoadedModel, result: PredictionBatch, i: int
) -> tuple[bytes, tuple[float, ...]]:
    """What was meant to be said, packed, and its outputs; nothing of a class."""
    if not result.detections:
        return b"", ()
    said = [d for d in result.detections[i] if d.score >= model.predictor.threshold]
    # Against all that the model looks at, a letterbox's frame included, as on the reference.
    seen = model.predictor.preprocessing
    frame = seen.frame(*request.size)
    area = frame.rows * frame.columns * (seen.height * seen.width) / (frame.height * frame.width)
    surest = float(result.probabilities[i].max())
    outputs = summarise(said, area=area, surest=surest)
    return pack(said, model.predictor.classes), outputs


def _resolve(requests: list[Request]) -> None:
    for request in requests:
        future = request.future
        if future is None or future.done():
            continue
        if request.answer is not None:
            future.set_result(request.answer)
        elif request.error is not None:
            future.set_exception(request.error)
