"""``Client``: a control plane and its inference server, called from Python.

Thin on purpose: one method per call, plain dicts as answers, and the same errors that the rooms
raise on the other side. Safe to use from several threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx
import orjson

from autofocus.errors import AutofocusError, Unavailable
from autofocus.types.codec import encode

if TYPE_CHECKING:
    from autofocus.types.geometry import Shapes


def _by_code() -> dict[str, type[AutofocusError]]:
    found: dict[str, type[AutofocusError]] = {}
    open_ = [AutofocusError]
    while open_:
        cls = open_.pop()
        found.setdefault(cls.code.name, cls)
        open_ += cls.__subclasses__()
    return found


def raise_for(answer: httpx.Response) -> None:
    """Raise what the other side raised; nothing for a success."""
    if answer.is_success:
        return
    try:
        told = answer.json()["error"]
        cls = _by_code().get(told["code"], AutofocusError)
        error = cls(told["message"], hint=told.get("hint", ""), **told.get("context", {}))
    except (ValueError, KeyError, TypeError):
        raise Unavailable(
            f"{answer.request.method} {answer.request.url} answered {answer.status_code}, "
            "expected a success or an error of ours.",
            hint="Is something else listening on this port?",
        ) from None
    raise error


class Client:
    """Talks to one control plane; finds its inference server by itself.

    ``url`` is the control plane's address. Every call raises the error that the other side
    raised, or Unavailable if nobody answers.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8700", *, inference_url: str = "", timeout: float = 30.0
    ) -> None:
        self.url = url.rstrip("/")
        self._inference_url = inference_url.rstrip("/")
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self._http = httpx.Client(timeout=timeout, limits=limits, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # -- inference server ----------------------------------------------------------------

    @property
    def inference_url(self) -> str:
        """Where requests for predictions go."""
        if not self._inference_url:
            self._inference_url = str(self.health()["inference_url"]).rstrip("/")
        return self._inference_url

    def predict(
        self,
        project: str,
        image: bytes,
        *,
        key: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """What the model sees in one encoded image.

        Requests of one ``key`` (a person, a camera) stay on one model during a canary;
        ``metadata`` is logged beside the prediction. The answer has ``prediction_id``, ``model``,
        ``role``, ``label``, ``confidence`` and ``probabilities``.
        """
        headers = {"Content-Type": "application/octet-stream"}
        if key:
            headers["X-Request-Key"] = key
        if metadata:
            headers["X-Autofocus-Metadata"] = orjson.dumps(dict(metadata)).decode("ascii", "strict")
        url = f"{self.inference_url}/v1/projects/{project}/predict"
        answer: dict[str, Any] = self._send("POST", url, content=image, headers=headers)
        return answer

    def feedback(self, prediction: str, label: str, *, author: str) -> dict[str, Any]:
        """Tell the truth about a prediction, any time later."""
        body = {"prediction_id": prediction, "label": label, "author": author}
        answer: dict[str, Any] = self._send("POST", f"{self.inference_url}/v1/feedback", json=body)
        return answer

    # -- control plane -------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Version, workspace and the inference server's address."""
        answer: dict[str, Any] = self._get("/api/health")
        return answer

    def wait_until_ready(self, seconds: float = 60.0) -> dict[str, Any]:
        """Wait until the control plane answers; raises Unavailable when the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.health()
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def projects(self) -> list[dict[str, Any]]:
        """Every project of the workspace: name, task, classes."""
        answer: list[dict[str, Any]] = self._get("/api/projects")
        return answer

    def overview(self, project: str) -> dict[str, Any]:
        """The project at a glance."""
        answer: dict[str, Any] = self._get(f"/api/projects/{project}")
        return answer

    def monitor(self, project: str) -> dict[str, Any]:
        """Evidence of change, estimated accuracy, traffic."""
        answer: dict[str, Any] = self._get(f"/api/projects/{project}/monitor")
        return answer

    def signals(self, project: str) -> list[dict[str, Any]]:
        """Alarms, newest first."""
        answer: list[dict[str, Any]] = self._get(f"/api/projects/{project}/signals")
        return answer

    def loop(self, project: str) -> dict[str, Any]:
        """Where the loop stands and who must act."""
        answer: dict[str, Any] = self._get(f"/api/projects/{project}/loop")
        return answer

    def cases(self, project: str) -> list[dict[str, Any]]:
        """Cases, newest first."""
        answer: list[dict[str, Any]] = self._get(f"/api/projects/{project}/cases")
        return answer

    def case(self, project: str, case: str) -> dict[str, Any]:
        """One case with its evidence."""
        answer: dict[str, Any] = self._get(f"/api/projects/{project}/cases/{case}")
        return answer

    def contact_sheet(self, project: str, case: str) -> bytes:
        """The drifted images of a case as one PNG; raises NotFound while there is none."""
        return self._request("GET", f"{self.url}/api/projects/{project}/cases/{case}/drifted.png")

    def models(self, project: str) -> list[dict[str, Any]]:
        """Models, newest first."""
        answer: list[dict[str, Any]] = self._get(f"/api/projects/{project}/models")
        return answer

    def deployment(self, project: str) -> dict[str, Any] | None:
        """Who serves, with which split; None before the first promotion."""
        answer: dict[str, Any] | None = self._get(f"/api/projects/{project}/deployment")
        return answer

    def lineage(self, prediction: str) -> dict[str, Any]:
        """From a prediction back to model, run, version, labels, people and case."""
        answer: dict[str, Any] = self._get(f"/api/predictions/{prediction}/lineage")
        return answer

    def events(self, project: str, *, after: int = 0) -> Iterator[dict[str, Any]]:
        """All events of a project with an id above ``after``, oldest first."""
        while True:
            params = {"project": project, "after": after, "limit": 1000}
            page: dict[str, Any] = self._get("/api/events", params=params)
            yield from page["items"]
            if not page["next_cursor"]:
                return
            after = int(page["next_cursor"])

    # -- labels --------------------------------------------------------------------------

    def queue(self, project: str, *, state: str = "open", limit: int = 200) -> list[dict[str, Any]]:
        """Labelling tasks, the most useful first, each with its ``image_url``."""
        params = {"state": state, "limit": limit}
        page: dict[str, Any] = self._get(f"/api/projects/{project}/labels/queue", params=params)
        items: list[dict[str, Any]] = page["items"]
        return items

    def answer(
        self,
        project: str,
        task: str,
        label: str,
        *,
        author: str,
        source: str = "human",
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Answer a labelling task; sending the same answer twice does no harm."""
        body = {"task": task, "label": label, "author": author, "source": source}
        request = f"{task}/{author}/{label}"
        answer: dict[str, Any] = self._send(
            "POST",
            f"{self.url}/api/projects/{project}/labels/answer",
            json={**body, "seconds": seconds, "request": request},
        )
        return answer

    def annotate(
        self,
        project: str,
        key: str,
        label: Shapes,
        *,
        author: str,
        seen: int,
        request: str,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Save the whole label of an image; open questions about it are answered by that.

        ``seen`` is the annotation that was looked at (0: none), ``request`` makes sending it
        twice harmless.
        """
        body = {"label": encode(label), "author": author, "seen": seen, "request": request}
        answer: dict[str, Any] = self._send(
            "PUT",
            f"{self.url}/api/projects/{project}/annotations/{quote(key)}",
            json={**body, "seconds": seconds},
        )
        return answer

    def skip(self, project: str, task: str, *, author: str, reason: str) -> None:
        """Leave a task unanswered and say why."""
        body = {"task": task, "author": author, "reason": reason}
        self._send("POST", f"{self.url}/api/projects/{project}/labels/skip", json=body)

    def label_stats(self, project: str) -> dict[str, Any]:
        """Counts of tasks by state, and of labels by class and author."""
        answer: dict[str, Any] = self._get(f"/api/projects/{project}/labels/stats")
        return answer

    def image(self, project: str, sha256: str) -> bytes:
        """The original bytes of an image of the project."""
        return self._request("GET", f"{self.url}/api/projects/{project}/images/{sha256}")

    # ------------------------------------------------------------------------------------

    def _get(self, path: str, **options: Any) -> Any:
        return self._send("GET", self.url + path, **options)

    def _send(self, method: str, url: str, **options: Any) -> Any:
        return orjson.loads(self._request(method, url, **options))

    def _request(self, method: str, url: str, **options: Any) -> bytes:
        try:
            answer = self._http.request(method, url, **options)
        except httpx.HTTPError as exc:
            raise Unavailable(
                f"{method} {url} got no answer ({type(exc).__name__}: {exc}).",
                hint="Is `autofocus up` running on this address?",
                url=url,
            ) from exc
        raise_for(answer)
        return answer.content
