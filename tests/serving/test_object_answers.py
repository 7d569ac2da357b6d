"""A detector behind the real server process: answers, pictures, the log, feedback, the protocol."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image
from serving_world import CLASSES, World, photo, wait_until, world

from autofocus.serving.reader import PredictionLog
from autofocus.types.answers import OUTPUTS, unpack
from autofocus.types.geometry import Box

BRIGHT, DARK = photo(225), photo(40)
THING = [100.0, 50.0, 200.0, 150.0]  # of an image of 200 pixels a side, seen as 32


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("objects")) as made:
        made.deploy(made.publish("light-1", detects=True))
        made.start()
        yield made


def ask(here: World, data: bytes, query: str = "", **headers: str) -> httpx.Response:
    url = f"{here.url}/v1/projects/light/predict{query}"
    named = {name: value.encode() for name, value in headers.items()}
    return httpx.post(url, content=data, headers=named, timeout=20)


def test_answers_with_what_it_means_to_say(here: World) -> None:
    answer = ask(here, BRIGHT).json()
    assert answer["threshold"] == 0.5
    [found] = answer["detections"]
    assert (found["label"], found["box"]) == ("bright", THING)
    assert 0.9 < found["score"] <= 1.0
    assert ask(here, DARK).json()["detections"] == []
    assert "label" not in answer


def test_a_client_may_ask_for_what_the_model_is_unsure_of(here: World) -> None:
    unsure = ask(here, BRIGHT, "?threshold=0.1").json()
    assert [d["label"] for d in unsure["detections"]] == ["bright", "dark"]
    assert unsure["threshold"] == 0.1
    assert ask(here, BRIGHT, "?threshold=1").json()["detections"] == []


@pytest.mark.parametrize(
    "query", ["?threshold=2", "?threshold=x", "?masks=square", "?overlay=yes", "?colour=red"]
)
def test_wrong_wishes_are_refused_by_name(here: World, query: str) -> None:
    refused = ask(here, BRIGHT, query)
    assert refused.status_code == 422
    assert refused.json()["error"]["context"]["field"] == query[1:].split("=")[0]


@pytest.mark.parametrize(("query", "headers"), [("?overlay=1", {}), ("", {"Accept": "image/*"})])
def test_a_picture_with_what_was_seen_on_demand(
    here: World, query: str, headers: dict[str, str]
) -> None:
    got = ask(here, BRIGHT, query, **headers)
    assert got.headers["content-type"] == "image/jpeg"
    assert got.headers["x-prediction-id"].startswith("p-")
    drawn = np.asarray(Image.open(io.BytesIO(got.content)).convert("RGB"), float)
    side = drawn.shape[0] / 200
    edge = drawn[int(50 * side) : int(150 * side), round(100 * side)]
    assert np.ptp(edge.mean(axis=0)) > 60  # a coloured line where the box begins


def test_the_log_keeps_what_was_said_and_its_summary(here: World) -> None:
    name = ask(here, BRIGHT).json()["prediction_id"]
    log = PredictionLog(here.objects, "light")
    row = wait_until(lambda: _logged(log, name), "the row being logged")
    [one] = unpack(json.dumps(row["detections"]).encode(), CLASSES)
    assert one.geometry == Box.from_corners(*THING)
    assert dict(zip(OUTPUTS, row["outputs"], strict=True)) == pytest.approx(
        {"count": 1.0, "size": 0.5, "score": one.score}, abs=1e-3
    )


def test_the_truth_about_an_image_is_its_shapes(here: World) -> None:
    name = ask(here, BRIGHT).json()["prediction_id"]
    box = {"kind": "box", "x": 1, "y": 2, "width": 3, "height": 4}
    shape = {"id": "1", "label": "bright", "geometry": box}
    url = f"{here.url}/v1/feedback"
    stored = httpx.post(url, json={"prediction_id": name, "shapes": [shape], "author": "ann"})
    assert stored.status_code == 200, stored.text
    entries, _ = PredictionLog(here.objects, "light").feedback()
    assert entries[-1]["shapes"][0]["geometry"]["width"] == 3.0
    assert entries[-1]["author"] == "ann"
    for wrong in (
        {"label": "bright"},  # a class where shapes are wanted
        {"shapes": [{**shape, "label": "cat"}]},  # no such class
        {"shapes": [{**shape, "geometry": {**box, "width": 0}}]},  # no box
        {"shapes": [shape], "label": "bright"},  # both
    ):  # fmt: skip
        assert httpx.post(url, json={"prediction_id": name, **wrong}).status_code == 422, wrong


def test_open_inference_protocol_gives_detections_as_json(here: World) -> None:
    described = httpx.get(f"{here.url}/v2/models/light").json()
    assert [o["name"] for o in described["outputs"]] == [
        "probabilities", "detections", "prediction_id",
    ]  # fmt: skip
    data = [base64.b64encode(image).decode() for image in (BRIGHT, DARK)]
    call = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [2], "data": data}]}
    answer = httpx.post(f"{here.url}/v2/models/light/infer", json=call, timeout=20).json()
    found = {o["name"]: o["data"] for o in answer["outputs"]}
    bright, dark = (json.loads(text) for text in found["detections"])
    assert bright[0]["box"] == THING
    assert dark == []
    refused = httpx.post(
        f"{here.url}/v2/models/light/infer",
        json={**call, "outputs": [{"name": "label"}]},
        timeout=20,
    )
    assert "detections" in refused.json()["error"]


def _logged(log: PredictionLog, name: str) -> dict[str, object] | None:
    from autofocus.errors import NotFound

    try:
        return log.find(name)
    except NotFound:
        return None
