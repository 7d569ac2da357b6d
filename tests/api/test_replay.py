"""Client and replay against a small server of the standard library: pace, failures, errors."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from autofocus.api.client import Client
from autofocus.api.replay import Answered, Request, replay
from autofocus.errors import ImageRejected, InvalidInput, NotFound, Unavailable


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: set[tuple[str, int]]

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if self.path.startswith("/api/projects/none"):
            error = NotFound("There is no project 'none'.", hint="Make one.", project="none")
            self._answer(404, error.as_json())
        elif self.path == "/api/health":
            self._answer(200, {"inference_url": f"http://127.0.0.1:{self.server.server_port}/"})
        else:
            self._answer(502, {"oops": 1})

    def do_POST(self) -> None:
        self.server.seen.add(self.client_address)
        image = self.rfile.read(int(self.headers["Content-Length"]))
        if image == b"bad":
            self._answer(422, ImageRejected("It is truncated.").as_json())
            return
        metadata = json.loads(self.headers.get("X-Autofocus-Metadata", "null"))
        key = self.headers.get("X-Request-Key", "")
        self._answer(200, {"label": image.decode(), "key": key, "metadata": metadata})


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = set()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(server: ThreadingHTTPServer) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{server.server_port}") as client:
        yield client


def test_every_request_is_sent_once_over_few_connections(
    client: Client, server: ThreadingHTTPServer
) -> None:
    got: list[Answered] = []
    requests = [Request(str(i).encode(), key=f"k{i}", metadata={"n": i}) for i in range(60)]
    traffic = replay(client, "p", requests, rate=2000, connections=3, on_answer=got.append)
    assert (traffic.answered, traffic.failed) == (60, 0)
    assert sorted(a.index for a in got) == list(range(60))
    for one in got:
        assert one.answer == {
            "label": str(one.index), "key": f"k{one.index}", "metadata": {"n": one.index}
        }  # fmt: skip
    assert len(server.seen) <= 3


def test_keeps_the_pace(client: Client) -> None:
    begun = time.monotonic()
    replay(client, "p", [Request(b"x")] * 20, rate=50)
    assert 0.3 < time.monotonic() - begun < 2.0


def test_a_refused_image_is_counted_and_the_rest_goes_on(client: Client) -> None:
    got: list[Answered] = []
    requests = [Request(b"bad" if i == 3 else b"ok") for i in range(8)]
    traffic = replay(client, "p", requests, rate=1000, on_answer=got.append)
    assert (traffic.answered, traffic.failed) == (7, 1)
    assert next(a.error for a in got if a.index == 3) == "It is truncated."


def test_an_endless_stream_ends_when_told(client: Client) -> None:
    stop = threading.Event()
    count = itertools.count(1)

    def told(_: Answered) -> None:
        if next(count) == 10:
            stop.set()

    endless = (Request(b"x") for _ in itertools.count())
    traffic = replay(client, "p", endless, rate=500, on_answer=told, stop=stop)
    assert 10 <= traffic.answered < 30


def test_a_bug_of_the_caller_ends_the_replay(client: Client) -> None:
    def told(_: Answered) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replay(client, "p", (Request(b"x") for _ in itertools.count()), on_answer=told)


def test_errors_of_the_other_side_are_raised_here(client: Client) -> None:
    with pytest.raises(NotFound, match="no project 'none'") as caught:
        client.overview("none")
    assert caught.value.hint == "Make one."
    assert caught.value.context == {"project": "none"}
    with pytest.raises(Unavailable, match="answered 502"):
        client.overview("other")


def test_nobody_there_is_unavailable() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unavailable, match="no answer"):
        client.health()


def test_no_connections_is_wrong_use(client: Client) -> None:
    with pytest.raises(InvalidInput):
        replay(client, "p", [], connections=0)
