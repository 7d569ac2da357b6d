"""The real server process over real HTTP: answers, swaps, canary, shadow, ends and kills."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from serving_world import CLASSES, World, photo, wait_until, world

from autofocus.errors import NotFound
from autofocus.serving.reader import PredictionLog
from autofocus.types.production import DeployedModel, ImageSampling

DARK, BRIGHT = photo(60), photo(200)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


class Load:
    """Clients that ask all the time, from a thread with its own event loop."""

    def __init__(self, here: World, clients: int = 8) -> None:
        self._here, self._clients = here, clients
        self._stop = False
        self.answers: list[dict[str, object]] = []
        self.failures: list[str] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            await asyncio.gather(*(self._client(client, i) for i in range(self._clients)))

    async def _client(self, client: httpx.AsyncClient, number: int) -> None:
        url = self._here.url + "/v1/projects/light/predict"
        while not self._stop:
            try:
                answer = await client.post(url, content=(DARK, BRIGHT)[number % 2])
            except httpx.TransportError as exc:
                self.failures.append(repr(exc))
                return
            if answer.status_code != 200:
                self.failures.append(answer.text)
            else:
                self.answers.append(answer.json())


def test_an_answer_its_log_row_its_image_and_its_feedback(here: World) -> None:
    here.deploy(here.publish("light-1"))
    here.start()
    answer = here.predict(
        DARK, **{"X-Request-Key": "camera-7", "X-Autofocus-Metadata": '{"site": "Görlitz"}'}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["label"], body["model"], body["role"]) == ("dark", "light-1", "champion")
    assert set(body["probabilities"]) == set(CLASSES)
    assert body["confidence"] == max(body["probabilities"].values())

    feedback = {"prediction_id": body["prediction_id"], "label": "bright", "author": "ada"}
    told = httpx.post(here.url + "/v1/feedback", json=feedback, timeout=20)
    assert told.status_code == 200, told.text
    # Acknowledged means stored, and what it refers to is stored as well.
    log = PredictionLog(here.objects, "light")
    entries, cursor = log.feedback()
    assert [(e["label"], e["author"]) for e in entries] == [("bright", "ada")]
    assert log.feedback(cursor) == ([], cursor)

    row = log.find(body["prediction_id"])
    assert row["request_key"] == "camera-7"
    assert json.loads(row["metadata"]) == {"site": "Görlitz"}
    assert row["role"] == "champion"
    assert row["predicted"] == 0
    assert row["probabilities"][0] == pytest.approx(body["confidence"])
    assert log.image(body["prediction_id"]) == DARK
    with pytest.raises(NotFound):
        log.find("p-elsewhere-000000000001")

    for wrong, status in (
        ({**feedback, "label": "grey"}, 422),
        ({**feedback, "prediction_id": "p-x-000000000009"}, 404),
        ({"label": "dark"}, 422),
        ([], 422),
    ):
        refused = httpx.post(here.url + "/v1/feedback", json=wrong, timeout=20)
        assert refused.status_code == status, refused.text
        assert set(refused.json()["error"]) == {"code", "message", "hint", "retryable", "context"}


def test_bad_requests_are_told_apart_and_the_rest_goes_on(here: World) -> None:
    here.start("--max-pixels", "1000000", "--max-megabytes", "1", wait=False)
    wait_until(lambda: here.status("/healthz") == 200, "life")
    assert here.status("/readyz") == 503
    assert here.predict(DARK).status_code == 404
    here.deploy(here.publish("light-1"))
    wait_until(lambda: here.status("/readyz") == 200, "ready")
    big = here.predict(photo(9, side=1100), **{"Content-Type": "application/x-www-form-urlencoded"})
    assert "raise max_pixels" in big.json()["error"]["hint"], "curl's default hides no hint"
    cases = {
        "no image": (b"not an image", 422, "image_rejected"),
        "truncated": (DARK[: len(DARK) // 2], 422, "image_rejected"),
        "empty": (b"", 422, "image_rejected"),
        "too many pixels": (photo(9, side=1100), 422, "image_rejected"),
        "too large": (b"x" * 1_100_000, 413, "too_large"),
    }
    for name, (data, status, code) in cases.items():
        answer = here.predict(data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), name
    assert here.predict(DARK, **{"X-Autofocus-Metadata": "{"}).status_code == 422
    form = here.predict(b"--x", **{"Content-Type": "multipart/form-data; boundary=x"})
    assert "send the image file itself" in form.json()["error"]["hint"]
    get = httpx.get(here.url + "/v1/projects/light/predict")
    assert (get.status_code, get.json()["error"]["code"]) == (405, "method_not_allowed")
    assert httpx.get(here.url + "/v1/nothing").status_code == 404
    assert here.predict(BRIGHT).json()["label"] == "bright"
    metrics = httpx.get(here.url + "/metrics").text
    assert 'autofocus_requests_total{model="light-1",project="light"' in metrics
    assert 'status="422"' in metrics
    assert "autofocus_decode_seconds_count" in metrics
    listed = httpx.get(here.url + "/v1/projects").json()["projects"]
    assert [p["champion"]["model"] for p in listed] == ["light-1"]


def test_swaps_under_load_fail_nobody_and_never_mix_models(here: World) -> None:
    models = [here.publish(f"light-{i}", sharpness=4.0 + i) for i in range(4)]
    here.deploy(models[0])
    here.start()
    before: dict[object, set[object]] = {}
    with Load(here) as load:
        for turn in range(1, 12):
            champion = models[turn % 4]
            deployment = here.deploy(champion, previous=models[(turn - 1) % 4])
            here.in_force(deployment.revision)
            assert here.predict(DARK).json()["model"] == champion.model
    assert load.failures == []
    assert len(load.answers) > 50
    for answer in load.answers:
        confidence = round(float(str(answer["confidence"])), 6)
        before.setdefault((answer["model"], answer["label"]), set()).add(confidence)
    # One image, one model: one number, whatever was in the batch beside it.
    assert {key: len(values) for key, values in before.items()} == dict.fromkeys(before, 1)


def test_canary_share_by_request_key_and_shadow_rows(here: World) -> None:
    champion, challenger = here.publish("light-1", 6.0), here.publish("light-2", 9.0)
    here.deploy(champion, challenger=challenger, canary=0.3, shadow=1.0)
    here.start()
    with httpx.Client(timeout=20) as client:

        def ask(key: str) -> dict[str, str]:
            return dict(
                client.post(
                    here.url + "/v1/projects/light/predict",
                    content=DARK,
                    headers={"X-Request-Key": key},
                ).json()
            )

        answers = {f"k{i}": ask(f"k{i}") for i in range(150)}
        again = {f"k{i}": ask(f"k{i}") for i in range(20)}
    roles = Counter(answer["role"] for answer in answers.values())
    assert 25 <= roles["canary"] <= 68
    assert all(answers[key]["model"] == again[key]["model"] for key in again)
    assert {a["model"] for a in answers.values() if a["role"] == "canary"} == {"light-2"}

    log = PredictionLog(here.objects, "light")
    served_by_champion = sum(a["role"] == "champion" for a in (*answers.values(), *again.values()))
    wait_until(lambda: len(log.read({}, roles=("shadow",))[0]) == served_by_champion, "shadow rows")
    shadow, _ = log.read({}, roles=("shadow",))
    assert set(shadow.model) == {"light-2"}
    served = next(a for a in answers.values() if a["role"] == "champion")
    row = log.find(served["prediction_id"] + "-shadow")
    assert row["role"] == "shadow"
    assert row["sha256"] == log.find(served["prediction_id"])["sha256"]
    assert log.image(served["prediction_id"] + "-shadow") == DARK


def test_a_broken_new_model_is_refused_while_the_old_one_serves(here: World) -> None:
    good = here.publish("light-1")
    first = here.deploy(good)
    here.start()
    off = here.publish("light-2", golden_shift=0.05)
    torn = here.publish("light-3", onnx_bytes=b"this is no graph")
    swapped = here.publish("light-4", classes=CLASSES[::-1])
    missing = DeployedModel("light-5", "f" * 64)
    for bad, word in ((off, "golden"), (torn, "graph"), (swapped, "promises"), (missing, "")):
        here.deploy(bad)
        wait_until(
            lambda word=word: word in (here.project().get("refused") or "-"), f"refusal: {word}"
        )
        assert here.predict(DARK).json()["model"] == "light-1"
        assert here.project()["revision"] == first.revision
    status = wait_until(
        lambda: [s for s in here.deployments.servers() if s.refused], "status with a refusal"
    )[0]
    assert status.applied == {"light": first.revision}
    here.objects.put("deployments/light.json", b"{ torn")
    wait_until(lambda: "is not a deployment" in here.project()["refused"], "refusal of torn JSON")
    back = here.deploy(good)
    here.in_force(back.revision)
    assert here.project()["refused"] is None
    status = wait_until(
        lambda: [s for s in here.deployments.servers() if not s.refused], "status without"
    )[0]
    assert status.models["light-1"]["requests"] >= 4
    assert status.models["light-1"]["errors"] == 0


def test_a_canary_that_fails_costs_no_client_an_answer(here: World) -> None:
    champion = here.publish("light-1")
    challenger = here.publish("light-2", fails_on_bright=True)
    here.deploy(champion, challenger=challenger, canary=1.0)
    here.start()
    assert here.predict(DARK).json()["model"] == "light-2"
    for _ in range(5):
        answer = here.predict(BRIGHT)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["model"], answer.json()["role"]) == ("light-1", "champion")
    assert here.project()["challenger"]["errors"] == 5
    deployment = here.deploy(champion, challenger=challenger, shadow=1.0)
    here.in_force(deployment.revision)
    assert here.predict(BRIGHT).json()["model"] == "light-1"
    wait_until(lambda: here.project()["challenger"]["errors"] == 6, "the error in shadow")
    # As champion it has nobody behind it: the client is told.
    here.in_force(here.deploy(challenger).revision)
    assert here.predict(BRIGHT).status_code == 500
    assert here.predict(DARK).status_code == 200


def test_overload_is_refused_with_retry_after_and_the_rest_is_answered(here: World) -> None:
    here.deploy(here.publish("light-1"))
    here.start("--max-waiting", "4", "--threads", "1")
    large = photo(60, side=1500)
    statuses: Counter[int] = Counter()

    async def ask_all() -> None:
        async with httpx.AsyncClient(timeout=20) as client:
            url = here.url + "/v1/projects/light/predict"
            for answer in await asyncio.gather(
                *(client.post(url, content=large) for _ in range(60))
            ):
                statuses[answer.status_code] += 1
                if answer.status_code == 503:
                    assert answer.headers["retry-after"] == "1"
                    assert answer.json()["error"]["retryable"]

    asyncio.run(ask_all())
    assert set(statuses) == {200, 503}
    assert statuses[200] >= 4
    assert here.predict(DARK).status_code == 200
    assert "autofocus_overload_refusals_total" in httpx.get(here.url + "/metrics").text


def test_slow_and_broken_clients_do_not_hold_the_others_up(here: World) -> None:
    here.deploy(here.publish("light-1"))
    here.start()
    with contextlib.ExitStack() as stack:
        for start in (
            b"POST /v1/projects/light/predict HTTP/1.1\r\nHos",
            b"POST /v1/projects/light/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nab",
            b"\x00\x01 nonsense \r\n\r\n",
        ):
            for _ in range(10):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", here.port)))
                connection.sendall(start)
        assert here.predict(DARK).status_code == 200
    assert here.predict(DARK).status_code == 200
    assert "Traceback" not in here.log_text()


def test_sigterm_loses_nothing(here: World) -> None:
    here.deploy(here.publish("light-1"))
    here.start()
    with Load(here, clients=4) as load:
        wait_until(lambda: len(load.answers) > 100, "load")
        assert here.end(signal.SIGTERM) == 0
    ids = {answer["prediction_id"] for answer in load.answers}
    window, _ = PredictionLog(here.objects, "light").read({})
    assert ids <= set(window.ids.tolist())
    assert window.kept.all()
    assert here.deployments.servers() == []
    assert "Traceback" not in here.log_text()


def test_sigkill_loses_a_second_at_most_and_ids_are_never_used_twice(here: World) -> None:
    here.deploy(here.publish("light-1"))
    here.start()
    first = here.predict(DARK).json()["prediction_id"]
    log = PredictionLog(here.objects, "light")
    wait_until(lambda: len(log.read({})[0]) == 1, "the first row")
    _, cursor = log.read({})
    lost = [here.predict(DARK).json()["prediction_id"] for _ in range(5)]
    here.end(signal.SIGKILL)
    seconds = here.start()
    assert seconds < 4.0
    again = [here.predict(BRIGHT).json()["prediction_id"] for _ in range(3)]
    assert not set(again) & {first, *lost}
    wait_until(lambda: set(again) <= set(log.read(cursor)[0].ids.tolist()), "new rows")
    rows, cursor = log.read(cursor)
    assert first not in rows.ids
    assert len(log.read(cursor)[0]) == 0
    for prediction in again:
        assert log.image(prediction) == BRIGHT
    assert here.end() == 0


def test_log_reading_in_parts_is_the_log_read_at_once(here: World) -> None:
    model = here.publish("light-1")
    here.deploy(model, sampling=ImageSampling(rate=0.5))
    here.start()
    with httpx.Client(timeout=20) as client:
        for i in range(120):
            client.post(here.url + "/v1/projects/light/predict", content=(DARK, BRIGHT)[i % 2])
    assert here.end() == 0
    other_port = here.port + 1
    here.port, here.url = other_port, f"http://127.0.0.1:{other_port}"
    here.start()
    for _ in range(10):
        here.predict(DARK)
    assert here.end() == 0
    log = PredictionLog(here.objects, "light")
    whole, end = log.read({})
    assert len(whole) == 130
    assert (np.diff(whole.time_us) >= 0).all()
    assert end == log.end()
    parts, cursor = [], {}
    while True:
        part, cursor = log.read(cursor, 17)
        if not len(part):
            break
        parts.extend(part.ids.tolist())
    assert parts == whole.ids.tolist()
    share = whole.kept.mean()
    assert 0.3 < share < 0.7
    assert (whole.keep_probability == 0.5).all()
    kept = whole.ids[whole.kept][0]
    assert log.image(kept) in (DARK, BRIGHT)
    with pytest.raises(NotFound, match="was not kept"):
        log.image(whole.ids[~whole.kept][0])
    three = log.window(whole.ids[[5, 3, 128]].tolist())
    assert three.ids.tolist() == whole.ids[[5, 3, 128]].tolist()


def test_open_inference_protocol(here: World) -> None:
    here.deploy(here.publish("light-1"))
    here.start()
    base = here.url + "/v2"
    assert "binary_tensor_data" in httpx.get(base).json()["extensions"]
    assert httpx.get(base + "/health/live").json() == {"live": True}
    assert httpx.get(base + "/health/ready").json() == {"ready": True}
    assert httpx.get(base + "/models/light/ready").status_code == 200
    described = httpx.get(base + "/models/light/versions/1").json()
    assert described["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2]}

    text = {
        "id": "42",
        "inputs": [{**tensor, "data": [base64.b64encode(d).decode() for d in (DARK, BRIGHT)]}],
        "outputs": [{"name": "label"}, {"name": "prediction_id"}],
    }
    answer = httpx.post(base + "/models/light/infer", json=text).json()
    assert (answer["id"], answer["model_version"]) == ("42", "light-1")
    assert answer["outputs"][0]["data"] == ["dark", "bright"]

    packed = b"".join(struct.pack("<I", len(d)) + d for d in (DARK, BRIGHT))
    head = json.dumps(
        {
            "inputs": [{**tensor, "parameters": {"binary_data_size": len(packed)}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    binary = httpx.post(
        base + "/models/light/infer",
        content=head + packed,
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    length = int(binary.headers["inference-header-content-length"])
    outputs = json.loads(binary.content[:length])["outputs"]
    assert [o["name"] for o in outputs] == ["probabilities", "label", "prediction_id"]
    size = outputs[0]["parameters"]["binary_data_size"]
    values = np.frombuffer(binary.content[length : length + size], "<f4").reshape(2, 2)
    assert values.argmax(axis=1).tolist() == [0, 1]

    for wrong, status in (
        ({"inputs": []}, 400),
        ({"inputs": [{**tensor, "data": ["!!"]}]}, 400),
        ({"inputs": [{**tensor, "shape": [1], "data": [base64.b64encode(b"x").decode()]}]}, 400),
        ({"inputs": [{**tensor, "datatype": "FP32"}]}, 400),
    ):
        refused = httpx.post(base + "/models/light/infer", json=wrong)
        assert refused.status_code == status, refused.text
        assert set(refused.json()) == {"error"}
    assert httpx.get(base + "/models/none").status_code == 404
