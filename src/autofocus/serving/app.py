"""The ASGI application of the inference server, without a framework between socket and engine."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from autofocus.errors import (
    AutofocusError,
    ImageRejected,
    InvalidInput,
    NotFound,
    Overloaded,
    Unavailable,
)
from autofocus.imaging.overlay import overlay
from autofocus.serving import oip
from autofocus.serving.answers import answer_json, parse_view, shown
from autofocus.serving.engine import Answer, Engine, Request
from autofocus.serving.log import FeedbackEntry, LogWriter
from autofocus.serving.reader import PredictionLog
from autofocus.serving.segments import SHADOW_SUFFIX, parse_prediction_id
from autofocus.types.clock import now
from autofocus.types.codec import encode
from autofocus.types.geometry import read_shapes

if TYPE_CHECKING:
    from autofocus.serving.metrics import Metrics
    from autofocus.serving.projects import LoadedModel, ServedProject
    from autofocus.serving.watcher import Watcher
    from autofocus.store.objects import ObjectStore

_LOG = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_MAX_METADATA_BYTES = 8192
_MAX_KEY_CHARACTERS = 200
_MAX_FEEDBACK_BYTES = 65_536
_HELD_REFUSALS = 256
_FEEDBACK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``body_bytes`` per request, ``body_seconds`` to send it, ``hold_seconds`` a refusal waits."""

    body_bytes: int = 64_000_000
    body_seconds: float = 20.0
    hold_seconds: float = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the client."""

    status: int
    body: bytes
    kind: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Problem(Exception):
    """An HTTP answer that is not a success and not one of Autofocus' own errors."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {
                "code": code,
                "message": message,
                "hint": hint,
                "retryable": status in (408, 503),
                "context": {},
            }
        }


class _ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class App:
    """Routes requests to the engine; one instance per process."""

    def __init__(
        self,
        objects: ObjectStore,
        engine: Engine,
        watcher: Watcher,
        log: LogWriter,
        metrics: Metrics,
        limits: Limits,
    ) -> None:
        self.objects = objects
        self.draining = False
        self.requests = 0
        self.failed = 0
        self._engine = engine
        self._watcher = watcher
        self._log = log
        self._metrics = metrics
        self._limits = limits
        self._held = 0
        self._counters: dict[tuple[str, str, str, int], Any] = {}
        # Names the store, so that a control plane can tell its own server from a stranger.
        self._health = orjson.dumps(
            {"status": "live", "server": log.server, "store": objects.url, "pid": os.getpid()}
        )
        self._readers: dict[str, PredictionLog] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            reply = await self._route(scope, receive)
        except _ClientGone:
            return
        except AutofocusError as exc:
            reply = Reply(exc.code.http_status, orjson.dumps(exc.as_json()))
        except Problem as exc:
            reply = Reply(exc.status, orjson.dumps(exc.body))
        headers = [
            (b"content-type", reply.kind),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
        ]
        if reply.status == 503:
            headers.append((b"retry-after", b"1"))
        if self.draining or reply.status in (408, 413):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _route(self, scope: Scope, receive: Receive) -> Reply:
        path, method = scope["path"], scope["method"]
        parts = path.split("/")
        if len(parts) == 5 and parts[1:3] == ["v1", "projects"] and parts[4] == "predict":
            _allow(method, "POST")
            return await self._predict(unquote(parts[3]), scope, receive)
        if path == "/v1/feedback":
            _allow(method, "POST")
            return Reply(200, await self._feedback(scope, receive))
        if parts[1] == "v2":
            return await self._open_inference(scope, receive)
        _allow(method, "GET", "HEAD")
        if path == "/healthz":
            return Reply(200, self._health)
        if path == "/readyz":
            return self._ready()
        if path == "/metrics":
            self._metrics.waiting.set(self._engine.waiting)
            self._metrics.log_dropped.set(self._log.dropped)
            return Reply(200, self._metrics.text(), b"text/plain; version=0.0.4; charset=utf-8")
        if path == "/v1/projects":
            names = sorted({*self._watcher.served, *self._watcher.refused})
            return _reply({"projects": [self._describe(name) for name in names]})
        if len(parts) == 4 and parts[1:3] == ["v1", "projects"]:
            project = unquote(parts[3])
            if project not in self._watcher.refused:
                self._served(project)
            return _reply(self._describe(project))
        raise NotFound(
            f"There is nothing at {path}.",
            hint="POST an image to /v1/projects/<project>/predict; see /v1/projects.",
        )

    # Predictions

    async def _predict(self, project: str, scope: Scope, receive: Receive) -> Reply:
        headers = dict(scope["headers"])
        data = await self._admitted_body(project, scope, receive)
        view = parse_view(scope["query_string"], headers.get(b"accept", b""))
        answer = await self._answer(project, data, headers)
        body = answer_json(answer, view)
        if not view.overlay:
            return Reply(200, body)
        predictor = answer.model.predictor
        picture = await asyncio.to_thread(
            overlay,
            data,
            shown(answer, view),
            predictor.classes,
            max_pixels=predictor.max_pixels,
        )
        name = answer.prediction_id.encode()
        return Reply(200, picture, b"image/jpeg", ((b"x-prediction-id", name),))

    async def _admitted_body(self, project: str, scope: Scope, receive: Receive) -> bytes:
        """The body, if there is a model for it and room; refusals read it too, but keep nothing."""
        try:
            self._served(project)
            # Before the body, so that an overloaded server does not hold many of them.
            await self._admit()
        except AutofocusError as exc:
            await self._discard(scope, receive)
            # Only names of projects we know become labels: clients must not fill our memory.
            known = project if project in self._watcher.served else ""
            self._count(known, "", "", exc.code.http_status)
            self.failed += known != ""
            raise
        try:
            return await self._body(scope, receive, self._limits.body_bytes)
        except Problem as exc:
            self._count(project, "", "", exc.status)
            raise

    async def _answer(self, project: str, data: bytes, headers: Mapping[bytes, bytes]) -> Answer:
        """Let the engine answer one image, and count how it went."""
        self.requests += 1
        model: LoadedModel | None = None
        role = ""
        try:
            request_key, metadata = _request_key(headers), _metadata(headers)
            if not data:
                raise ImageRejected(
                    "The request has no body; an image was expected.",
                    hint="Send the file itself, e.g. curl --data-binary @image.jpg",
                    reason="not_an_image",
                )
            await self._admit()  # others may have come while the body did
            served = self._served(project)
            model, role = served.choose(request_key)
            request = Request(
                served, data, model=model, role=role, request_key=request_key, metadata=metadata
            )
            answer = await self._engine.submit(request)
        except AutofocusError as exc:
            status = exc.code.http_status
            self.failed += status >= 500
            self._count(project, model.id if model else "", role, status)
            if isinstance(exc, ImageRejected):
                raise _with_body_hint(exc, headers) from exc
            raise
        self._count(project, answer.model.id, answer.role, 200)
        return answer

    # Open Inference Protocol

    async def _open_inference(self, scope: Scope, receive: Receive) -> Reply:
        """Routes below /v2; errors are ``{"error": text}`` there."""
        try:
            return await self._open_inference_route(scope, receive)
        except AutofocusError as exc:
            status = exc.code.http_status
            return Reply(400 if status == 422 else status, orjson.dumps({"error": str(exc)}))

    async def _open_inference_route(self, scope: Scope, receive: Receive) -> Reply:
        method, parts = scope["method"], [unquote(p) for p in scope["path"].split("/")[2:]]
        if parts in ([], [""]):
            _allow(method, "GET")
            return _reply(
                {
                    "name": "autofocus",
                    "version": version("autofocus"),
                    "extensions": ["binary_tensor_data"],
                }
            )
        if parts == ["health", "live"]:
            return _reply({"live": True})
        if parts == ["health", "ready"]:
            ready = self._ready().status == 200
            return Reply(200 if ready else 503, orjson.dumps({"ready": ready}))
        if len(parts) >= 2 and parts[0] == "models":
            project, rest = parts[1], parts[2:]
            if rest[:1] == ["versions"]:
                rest = rest[2:]  # one version serves at a time: the one in force
            if rest == ["infer"]:
                _allow(method, "POST")
                return await self._open_inference_infer(project, scope, receive)
            _allow(method, "GET")
            served = self._served(project)
            if rest == ["ready"]:
                return _reply({"name": project, "ready": True})
            if not rest:
                return _reply(oip.describe(project, served.deployment.classes, served.champion))
        raise NotFound(f"There is nothing at {scope['path']}.")

    async def _open_inference_infer(self, project: str, scope: Scope, receive: Receive) -> Reply:
        headers = dict(scope["headers"])
        body = await self._admitted_body(project, scope, receive)
        outputs = oip.outputs_of(self._served(project).champion)
        request = oip.parse_request(body, headers, outputs)
        # All end before the first error is told, so that no task is left behind.
        outcomes = await asyncio.gather(
            *(self._answer(project, image, headers) for image in request.images),
            return_exceptions=True,
        )
        answers = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            answers.append(outcome)
        data, json_length = oip.encode_answers(project, request, answers)
        if json_length is None:
            return Reply(200, data)
        return Reply(
            200,
            data,
            b"application/octet-stream",
            ((oip.HEADER_LENGTH, b"%d" % json_length),),
        )

    def _served(self, project: str) -> ServedProject:
        served = self._watcher.served.get(project)
        if served is not None:
            return served
        if project in self._watcher.refused or not self._watcher.looked.is_set():
            reason = self._watcher.refused.get(project, "it is being loaded")
            raise Unavailable(
                f"Project {project!r} has no model that can serve yet: {reason}.",
                hint="Promote a model, or wait until it is loaded.",
            )
        raise NotFound(
            f"This server has no project {project!r}.",
            hint=f"It serves {sorted(self._watcher.served)}. A project is served once a model "
            "has been promoted.",
        )

    async def _admit(self) -> None:
        try:
            self._engine.admit()
        except Overloaded:
            self._metrics.overload.inc()
            # Clients that come back at once would eat the time of those being served: hold the
            # refusal a moment, for as many as memory allows.
            if self._held < _HELD_REFUSALS:
                self._held += 1
                try:
                    await asyncio.sleep(self._limits.hold_seconds)
                finally:
                    self._held -= 1
            raise

    def _count(self, project: str, model: str, role: str, status: int) -> None:
        key = (project, model, role, status)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._metrics.requests.labels(project, model, role, str(status))
            self._counters[key] = counter
        counter.inc()

    # Feedback

    async def _feedback(self, scope: Scope, receive: Receive) -> bytes:
        data = await self._body(scope, receive, _MAX_FEEDBACK_BYTES)
        entry = _parse_feedback(data)
        parsed = parse_prediction_id(entry["prediction_id"])
        project = None
        if parsed is not None:
            project = self._log.project_of(parsed[1]) if parsed[0] == self._log.server else None
            if project is None:
                project = await asyncio.to_thread(self._find_project, entry["prediction_id"])
        if parsed is None or project is None:
            raise NotFound(
                f"There is no prediction {entry['prediction_id']!r}.",
                hint="Use the prediction_id of an answer of /v1/projects/<project>/predict.",
            )
        served = self._watcher.served.get(project)
        if served is not None:
            _check_truth(entry, served)
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()

        def done(error: AutofocusError | None) -> None:
            loop.call_soon_threadsafe(_settle, stored, error)

        own_row = parsed[1] if parsed[0] == self._log.server else -1
        self._log.add_feedback(
            FeedbackEntry(project, own_row, {**entry, "project": project, "at": now()}, done)
        )
        try:
            async with asyncio.timeout(_FEEDBACK_SECONDS):
                await stored
        except TimeoutError as exc:
            raise Unavailable(
                "The feedback could not be stored in time.", hint="Send it again in a moment."
            ) from exc
        return orjson.dumps({"status": "stored", "project": project})

    def _find_project(self, prediction_id: str) -> str | None:
        for project in self._watcher.served:
            reader = self._readers.setdefault(project, PredictionLog(self.objects, project))
            try:
                reader.find(prediction_id)
            except NotFound:
                continue
            return project
        return None

    # What the server says of itself

    def _ready(self) -> Reply:
        if self.draining:
            return Reply(503, b'{"status":"draining"}')
        if not self._watcher.looked.is_set():
            return Reply(503, b'{"status":"loading"}')
        if not self._watcher.served:
            return Reply(503, b'{"status":"no model yet"}')
        return Reply(200, b'{"status":"ready"}')

    def _describe(self, project: str) -> dict[str, Any]:
        served = self._watcher.served.get(project)
        described: dict[str, Any] = {
            "project": project,
            "refused": self._watcher.refused.get(project),
        }
        if served is None:
            return described
        deployment = served.deployment
        return described | {
            "revision": deployment.revision,
            "classes": list(deployment.classes),
            "champion": _describe_model(served.champion),
            "challenger": _describe_model(served.challenger),
            "standby": _describe_model(served.standby),
            "shadow": deployment.shadow,
            "canary": deployment.canary,
        }

    # Bodies

    async def _body(self, scope: Scope, receive: Receive, limit: int) -> bytes:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                raise _too_large(limit)
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await self._next(receive)
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > limit:
                        raise _too_large(limit)
                    if not message.get("more_body", False):
                        break
        except TimeoutError as exc:
            raise Problem(
                408,
                "timeout",
                f"The body did not arrive within {self._limits.body_seconds:g} seconds.",
                "Check the connection and send it again.",
            ) from exc
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _next(self, receive: Receive) -> dict[str, Any]:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        return message

    async def _discard(self, scope: Scope, receive: Receive) -> None:
        """Read a body that is not wanted, so that the connection can be used again."""
        await self._body(scope, receive, self._limits.body_bytes)


def _reply(value: Any) -> Reply:
    return Reply(200, orjson.dumps(value))


def _allow(method: str, *methods: str) -> None:
    if method not in methods:
        raise Problem(
            405, "method_not_allowed", f"{method} is not possible here.", f"Use {methods[0]}."
        )


def _too_large(limit: int) -> Problem:
    return Problem(
        413, "too_large", f"The body is larger than the {limit:,} bytes allowed.",
        "Send a smaller image, or raise the server's limit.",
    )  # fmt: skip


def _request_key(headers: Mapping[bytes, bytes]) -> str:
    text = headers.get(b"x-request-key", b"").decode("utf-8", "replace")
    if len(text) > _MAX_KEY_CHARACTERS:
        raise InvalidInput(
            f"X-Request-Key has {len(text)} characters, at most {_MAX_KEY_CHARACTERS} are allowed."
        )
    return text


def _metadata(headers: Mapping[bytes, bytes]) -> str:
    raw = headers.get(b"x-autofocus-metadata")
    if not raw:
        return ""
    hint = 'Send an object of plain values, e.g. {"camera": "north"}.'
    if len(raw) > _MAX_METADATA_BYTES:
        raise InvalidInput(
            f"X-Autofocus-Metadata has {len(raw)} bytes, at most {_MAX_METADATA_BYTES} are "
            "allowed.",
            hint=hint,
        )
    try:
        value = json.loads(raw)
    except ValueError as exc:
        raise InvalidInput(f"X-Autofocus-Metadata is not JSON: {exc}.", hint=hint) from exc
    if not isinstance(value, dict) or any(isinstance(v, (dict, list)) for v in value.values()):
        raise InvalidInput("X-Autofocus-Metadata is not a flat JSON object.", hint=hint)
    return json.dumps(value, ensure_ascii=False)


def _with_body_hint(exc: ImageRejected, headers: Mapping[bytes, bytes]) -> ImageRejected:
    """What is no image at all may be an envelope; a broken image has a hint of its own.

    curl calls everything a form unless told otherwise, so that alone says little.
    """
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if exc.context.get("reason") != "not_an_image":
        return exc
    hint = exc.hint
    if kind in (b"multipart/form-data", b"application/json"):
        hint = f"The body is {kind.decode()}; send the image file itself as the body."
    elif kind == b"application/x-www-form-urlencoded":
        hint = f"{exc.hint} Send the file itself, e.g. curl --data-binary @image.jpg".strip()
    return ImageRejected(exc.message, hint=hint, **exc.context)


def _parse_feedback(data: bytes) -> dict[str, Any]:
    hint = (
        'Send {"prediction_id": ..., "label": ..., "author": ...}; where objects are seen, '
        '"shapes" as they are labelled instead of "label".'
    )
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"The feedback is not JSON: {exc}.", hint=hint) from exc
    if not isinstance(body, dict):
        raise InvalidInput("The feedback is not a JSON object.", hint=hint)
    wanted = ("prediction_id",) if "shapes" in body else ("prediction_id", "label")
    problems = [
        f"{name} is missing or not text"
        for name in wanted
        if not isinstance(body.get(name), str) or not body[name]
    ]
    if "shapes" in body and "label" in body:
        problems.append("both label and shapes are there")
    author = body.get("author", "client")
    if not isinstance(author, str):
        problems.append("author is not text")
    unknown = sorted(set(body) - {"prediction_id", "label", "shapes", "author", "project"})
    if unknown:
        problems.append(f"unknown fields {unknown}")
    if problems:
        raise InvalidInput(f"The feedback cannot be taken: {'; '.join(problems)}.", hint=hint)
    truth: dict[str, Any] = {"label": body.get("label")}
    if "shapes" in body:
        truth = {"shapes": encode(read_shapes({"shapes": body["shapes"]}))["shapes"]}
    return {
        "prediction_id": body["prediction_id"].removesuffix(SHADOW_SUFFIX),
        **truth,
        "author": author,
    }


def _check_truth(entry: Mapping[str, Any], served: ServedProject) -> None:
    """Raise InvalidInput unless the truth is of the project's kind and classes."""
    project, classes = served.deployment.project, served.deployment.classes
    objects = served.champion.predictor.bundle.task != "classification"
    if objects != ("shapes" in entry):
        wanted, got = ("shapes", "a class") if objects else ("one class", "shapes")
        raise InvalidInput(
            f"The truth about an image of project {project!r} is {wanted}, got {got}."
        )
    named = [s["label"] for s in entry["shapes"]] if objects else [entry["label"]]
    for label in named:
        if label not in classes:
            raise InvalidInput(
                f"Label {label!r} is not a class of project {project!r}.",
                hint=f"Its classes are {list(classes)}.",
            )


def _settle(future: asyncio.Future[None], error: AutofocusError | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _describe_model(model: LoadedModel | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {
        "model": model.id,
        "bundle": model.bundle,
        "preprocessing": model.preprocessing,
        "largest_batch": model.batch,
        **model.figures.as_mapping(),
    }
