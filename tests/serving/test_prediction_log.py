"""The log without a server: round trip, order of writing, a store that goes away, sampling."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_world import wait_until

from autofocus.errors import AutofocusError, NotFound, Unavailable
from autofocus.serving.log import FeedbackEntry, LogWriter
from autofocus.serving.reader import PredictionLog
from autofocus.serving.sampling import Sampler
from autofocus.serving.segments import (
    LogRow,
    encode_rows,
    parse_prediction_id,
    prediction_id,
    read_segment,
    segment_key,
)
from autofocus.store.objects import ObjectStore
from autofocus.types.answers import pack
from autofocus.types.geometry import Box
from autofocus.types.models import Detection
from autofocus.types.production import ImageSampling


def row(
    number: int = -1, *, project: str = "light", width: int = 3, role: str = "champion",
    model: str = "light-1", at: int = 0, id: str = "", metadata: str = "",
) -> LogRow:  # fmt: skip
    return LogRow(
        row=number, id=id or (prediction_id("s1", number) if number >= 0 else ""),
        project=project, time_us=at, model=model, role=role, request_key="", predicted=1,
        probabilities=np.array([0.25, 0.75], np.float32),
        whitened=np.arange(width, dtype=np.float32), brightness=1.5, contrast=2.5, blur=3.5,
        latency_ms=4.5, sha256="0" * 64, kept=False, keep_probability=0.5, metadata=metadata,
        revision=7, preprocessing="f" * 64,
    )  # fmt: skip


class Fragile(ObjectStore):
    """A store that can be made to refuse, and remembers the order of its writes."""

    broken = False

    def put(self, key: str, data: bytes) -> None:
        if self.broken:
            raise Unavailable("The store is away.")
        super().put(key, data)
        self.written = [*getattr(self, "written", []), key]


@pytest.fixture
def store(tmp_path: Path) -> Fragile:
    return Fragile(str(tmp_path), folder=tmp_path, remote=None)


def name(number: int) -> str:
    return prediction_id("s1", number)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=20), st.integers(0, 2**50), st.sampled_from(["champion", "shadow"])
        ),
        min_size=1,
        max_size=30,
    )
)
def test_rows_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    objects = ObjectStore.open(folder)
    rows = [
        row(i, metadata=text.replace("\0", ""), at=at, role=role)
        for i, (text, at, role) in enumerate(values)
    ]
    objects.put("x.arrow", encode_rows(rows))
    segment = read_segment(objects, "x.arrow")
    assert segment.rows.tolist() == list(range(len(rows)))
    for column in ("time_us", "role", "metadata", "predicted", "brightness", "kept"):
        assert getattr(segment.window, column).tolist() == [getattr(r, column) for r in rows]
    assert np.array_equal(segment.window.probabilities, np.stack([r.probabilities for r in rows]))
    assert set(segment.revision.tolist()) == {7}


def test_images_are_stored_before_the_rows_that_refer_to_them(store: Fragile) -> None:
    log = LogWriter(store, "s1")
    log.start()
    kept = row()
    kept.kept = True
    ids = log.append([(kept, b"image"), (row(), None)], name)
    log.close()
    written = [key.split("/")[0] for key in store.written]
    assert written == ["servers", "sampled", "predictions", "servers"]
    reader = PredictionLog(store, "light")
    assert reader.image(ids[0]) == b"image"
    with pytest.raises(NotFound):
        reader.image(ids[1])


def test_a_store_that_goes_away_loses_nothing_when_it_returns(store: Fragile) -> None:
    log = LogWriter(store, "s1", flush_seconds=0.05)
    log.start()
    store.broken = True
    ids = log.append([(row(), None) for _ in range(10)], name)
    outcomes: list[AutofocusError | None] = []
    time.sleep(0.3)
    store.broken = False
    body = {"prediction_id": ids[0], "label": "dark", "author": "ada"}
    log.add_feedback(FeedbackEntry("light", 0, body, outcomes.append))
    wait_until(lambda: outcomes == [None], "the acknowledgement", 5)
    reader = PredictionLog(store, "light")
    assert reader.read()[0].ids.tolist() == ids
    assert reader.feedback()[0] == [body]
    log.close()
    assert log.dropped == 0


def test_rows_go_on_after_a_clean_end_and_jump_after_a_kill(store: Fragile) -> None:
    first = LogWriter(store, "s1")
    first.start()
    assert first.append([(row(), None)], name) == [name(0)]
    first.close()
    second = LogWriter(store, "s1")
    assert second.append([(row(), None)], name) == [name(1)]
    # Never closed: as if killed.
    third = LogWriter(store, "s1")
    (after,) = third.append([(row(), None)], name)
    parsed = parse_prediction_id(after)
    assert parsed is not None
    assert parsed[1] > 100_000


def test_projects_and_models_of_different_width_share_a_server(store: Fragile) -> None:
    log = LogWriter(store, "s1")
    log.start()
    log.append(
        [
            (row(at=1), None),
            (row(at=2, project="other"), None),
            (row(at=3, width=5, model="light-2"), None),
            (row(at=4, role="shadow", model="light-2", id=name(0) + "-shadow"), None),
        ],
        name,
    )
    log.close()
    reader = PredictionLog(store, "light")
    window, cursor = reader.read()
    assert window.whitened.shape == (3, 5)
    assert np.isnan(window.whitened[0, 3:]).all()
    assert cursor == {"s1": 4}
    assert len(reader.read({}, model="light-2", roles=("champion",))[0]) == 1
    narrow, cursor = reader.read({}, roles=("shadow",))
    assert narrow.ids.tolist() == [name(0) + "-shadow"]
    assert reader.find(name(0) + "-shadow")["model"] == "light-2"
    assert len(PredictionLog(store, "other").read()[0]) == 1


def test_servers_are_merged_by_time_and_each_keeps_its_place(store: Fragile) -> None:
    for server, times in (("s1", range(0, 40, 2)), ("s2", range(1, 41, 2))):
        log = LogWriter(store, server)
        log.start()
        log.append([(row(at=t), None) for t in times], lambda n, s=server: prediction_id(s, n))
        log.close()
    reader = PredictionLog(store, "light")
    seen: list[int] = []
    cursor: dict[str, int] = {}
    while len(seen) < 40:
        window, cursor = reader.read(cursor, 7)
        assert 0 < len(window) <= 7
        seen += window.time_us.tolist()
    assert seen == list(range(40))
    assert len(reader.read(cursor)[0]) == 0


def test_sampling_keeps_the_rate_and_stays_in_its_budget() -> None:
    sampler = Sampler(ImageSampling(rate=0.3), seed=1)
    draws = [sampler.draw(1000) for _ in range(4000)]
    assert {p for _, p in draws} == {0.3}
    assert 0.26 < np.mean([kept for kept, _ in draws]) < 0.34

    tight = Sampler(ImageSampling(rate=1.0, max_megabytes_per_minute=1.0), seed=1)
    draws = [tight.draw(10_000) for _ in range(5000)]
    kept_bytes = 10_000 * sum(kept for kept, _ in draws)
    assert kept_bytes < 1_200_000
    # Inverse-probability weights count what came, though most was not kept.
    estimate = sum(1 / p for kept, p in draws if kept)
    assert estimate > 0
    assert all(p > 0 for kept, p in draws if kept)
    assert Sampler(ImageSampling(rate=0.0)).draw(10) == (False, 0.0)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("p-s8701-000000000012", ("s8701", 12)),
        ("p-host-a-80-000000000001-shadow", ("host-a-80", 1)),
        ("p-s1-unlogged-3", ("s1-unlogged", 3)),
        ("nonsense", None),
        ("p--1", None),
        ("", None),
    ],
)
def test_ids(text: str, parsed: tuple[str, int] | None) -> None:
    assert parse_prediction_id(text) == parsed


def test_what_was_seen_is_logged_and_read_back_beside_rows_that_saw_nothing(store: Fragile) -> None:
    said = [pack([Detection("nut", Box(1, 2, 3, 4), 0.9)], ("nut",)), pack([], ("nut",))]
    made = []
    for number, (packed, outputs) in enumerate(
        zip(said, [(1.0, 0.25, 0.9), (0.0, 0.0, 0.125)], strict=True)
    ):
        one = row(number)
        one.detections, one.outputs = packed, outputs
        made.append(one)
    store.put(segment_key("predictions", "light", "s1", 0), encode_rows(made))
    store.put(segment_key("predictions", "light", "s1", 2), encode_rows([row(2)]))
    log = PredictionLog(store, "light")
    window, _ = log.read()
    assert window.detections.tolist() == [*said, b""]
    assert window.outputs[:2].tolist() == [[1.0, 0.25, np.float32(0.9)], [0.0, 0.0, 0.125]]
    assert np.isnan(window.outputs[2]).all()  # a classifier answered that one
    assert log.find(prediction_id("s1", 0))["detections"] == [[0, 0.9, 1.0, 2.0, 4.0, 6.0]]
    assert log.find(prediction_id("s1", 2))["detections"] is None
    assert log.window([prediction_id("s1", 2)]).outputs.shape == (1, 0)
