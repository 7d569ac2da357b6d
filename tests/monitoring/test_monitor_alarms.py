"""The monitor is silent while nothing changes, and quick when something does."""

import dataclasses

import numpy as np
import pytest
from scipy.signal import lfilter

from autofocus.config.policy import MonitorPolicy
from autofocus.errors import Corrupted, InvalidInput
from autofocus.monitoring.monitor import Monitor
from autofocus.monitoring.reference import Reference
from autofocus.types.production import Window


def start(world, policy=None, n=500, seed=0):
    return Monitor.start(
        world.reference(n), policy or MonitorPolicy(), project="eyes", model="eyes-1", seed=seed
    )


def test_no_alarm_on_undrifted_images(world):
    for seed in range(20):
        w = world(seed)
        monitor = start(w, seed=seed)
        assert monitor.update(w.window(3000)[0]) == []
        assert monitor.status()["e_value"] < 100


@pytest.mark.parametrize("clean", [500, 1500])
def test_alarm_within_100_drifted_images_at_20_percent(world, clean):
    missed = []
    for seed in range(10):
        w = world(seed)
        monitor = start(w, seed=seed)
        assert monitor.update(w.window(clean)[0]) == []
        window, drifted = w.window(500, share=0.2)
        (signal,) = monitor.update(window)
        assert drifted[: signal.at - clean].sum() <= 40
        missed.append(abs(signal.change_at - clean))
        assert signal.e_value >= signal.threshold == pytest.approx(100)
        assert signal.last_prediction == window.ids[signal.at - clean - 1]
        assert signal.first_prediction == f"p-s1-{signal.change_at - 1:012d}"
        assert monitor.update(w.window(500, share=0.2)[0]) == []  # raised once
    assert np.median(missed) <= 40


def test_the_direction_finds_what_length_and_confidence_miss(world):
    found = 0
    for seed in range(5):
        w = world(seed)
        monitor = start(w, seed=seed)
        monitor.update(w.window(1000)[0])
        window, _ = w.window(3000, share=0.5, shift=1.5, unsure=1.0)
        signals = monitor.update(window)
        found += bool(signals) and signals[0].leading_score == "domain"
    assert found >= 3


def test_restored_monitor_has_the_same_future(world):
    w = world(1)
    monitor = start(w)
    monitor.update(w.window(777)[0])
    copy = Monitor.restore(monitor.state())
    assert copy.state() == monitor.state()
    window, _ = w.window(2000, share=0.1, shift=3.0)
    assert copy.update(window) == monitor.update(window)
    assert copy.state() == monitor.state()
    assert copy.status() == monitor.status()
    assert len(copy.state()) < 1_000_000


def test_the_cut_into_windows_does_not_matter(world):
    whole, pieces = start(world(2)), start(world(2))
    w = world(3)
    window, _ = w.window(1500, share=0.1, shift=3.0)
    expected = whole.update(window)
    got = []
    for i in range(0, 1500, 37):
        got += pieces.update(window.take(slice(i, i + 37)))
    assert [s.id for s in got] == [s.id for s in expected]
    assert pieces.status()["log_e_value"] == pytest.approx(whole.status()["log_e_value"])


def test_calibration_is_completed_from_production(world):
    w = world(4)
    monitor = start(w, n=100)
    monitor.update(w.window(150)[0])
    status = monitor.status()
    assert status["calibrating"]
    assert status["calibration_needed"] == 50
    assert monitor.update(w.window(2000)[0]) == []
    assert not monitor.status()["calibrating"]
    assert monitor.update(w.window(500, share=0.3)[0])


def test_rows_that_something_was_fitted_on_do_not_calibrate(world):
    r = world(5).reference(400)
    fitted = np.arange(400) < 300
    r = Reference(r.probabilities, r.whitened, r.brightness, r.contrast, r.blur, fitted=fitted)
    monitor = Monitor.start(r, MonitorPolicy(), project="eyes", model="eyes-1")
    assert monitor.status()["calibration_needed"] == 200


def test_arl_mode_finds_the_change_sooner(world):
    w = world(6)
    monitor = start(w, MonitorPolicy(mode="arl", arl=10_000))
    monitor.update(w.window(500)[0])
    window, drifted = w.window(500, share=0.2)
    (signal,) = monitor.update(window)
    assert drifted[: signal.at - 500].sum() <= 30


def frames(seed, n, cameras=4, k=8, rho=0.9):
    """Cameras whose consecutive frames look alike: AR(1) embeddings."""
    rng = np.random.default_rng(seed)
    x = np.empty((n, k))
    for c in range(cameras):
        noise = rng.standard_normal((len(range(c, n, cameras)), k)) * np.sqrt(1 - rho**2)
        noise[0] /= np.sqrt(1 - rho**2)
        x[c::cameras] = lfilter([1], [1, -rho], noise, axis=0)
    p = 1 / (1 + np.exp(-np.abs(3 * x[:, 0] + 1)))
    f, empty = np.zeros(n, np.float32), np.full(n, "")
    return Window(
        ids=np.array([f"p{i}" for i in range(n)]), time_us=np.arange(n), model=empty, role=empty,
        request_key=np.array([f"camera-{i % cameras}" for i in range(n)]),
        predicted=np.zeros(n, np.int64),
        probabilities=np.stack([p, 1 - p], axis=1).astype(np.float32),
        whitened=x.astype(np.float32), brightness=f, contrast=f, blur=f, latency_ms=f,
        sha256=empty, kept=f > 0, keep_probability=f, metadata=empty,
    )  # fmt: skip


def test_blocks_keep_the_promise_on_frames_that_resemble_each_other():
    for seed in range(8):
        window = frames(seed, 12_000)
        reference = Reference.from_window(frames(seed + 100, 600, cameras=600))
        policy = MonitorPolicy(block=32)
        monitor = Monitor.start(reference, policy, project="p", model="m", seed=seed)
        monitor.update(window.take(slice(0, 6000)))
        monitor = Monitor.restore(monitor.state())  # open blocks survive, too
        monitor.update(window.take(slice(6000, None)))
        assert not monitor.alarmed


def test_wrong_use_is_named(world):
    with pytest.raises(InvalidInput, match="scores"):
        start(world(0), MonitorPolicy(scores=("confidence", "magic")))
    monitor = start(world(0))
    window, _ = world(0).window(5)
    narrow = Window(**{
        name: getattr(window, name) if name != "whitened" else window.whitened[:, :3]
        for name in Window.__dataclass_fields__
    })  # fmt: skip
    with pytest.raises(InvalidInput, match="whitened"):
        monitor.update(narrow)
    with pytest.raises(Corrupted, match="cannot be read"):
        Monitor.restore(b"not a state")


@pytest.mark.slow
def test_ever_alarm_stays_at_alpha_over_long_streams(world):
    alarms = 0
    for seed in range(150):
        w = world(seed)
        monitor = start(w, MonitorPolicy(alpha=0.05), seed=seed)
        alarms += bool(monitor.update(w.window(20_000)[0]))
    assert alarms / 150 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)


@pytest.mark.slow
def test_mean_run_between_false_alarms_in_arl_mode(world):
    runs = []
    for seed in range(60):
        w = world(seed)
        monitor = start(w, MonitorPolicy(mode="arl", arl=1000), seed=seed)
        signals = monitor.update(w.window(8000)[0])
        runs.append(signals[0].at if signals else 8000)
    assert np.mean(runs) >= 1000


def test_dependence_that_nobody_mentioned_is_noticed_before_an_alarm():
    noticed = alarms = 0
    for seed in range(6):
        reference = Reference.from_window(frames(seed + 100, 600, cameras=600))
        monitor = Monitor.start(reference, MonitorPolicy(), project="p", model="m", seed=seed)
        alarms += bool(monitor.update(frames(seed, 3000, cameras=1)))
        noticed += monitor.status()["dependent"]
    assert noticed >= 4
    assert alarms <= 2


def test_keys_that_never_come_again_do_not_blind_the_monitor(world):
    w = world(8)
    monitor = start(w, MonitorPolicy(block=4))
    assert monitor.update(w.window(1500)[0]) == []  # every image has a key of its own
    assert not monitor.status()["calibrating"]
    assert monitor.update(w.window(600, share=0.5)[0])


def seeing(world, n, missed=0.0):
    """A window of a detector whose embedding sees no change; ``missed`` objects are not seen."""
    window, _ = world.window(n)
    count = world.rng.poisson(3.0 * (1.0 - missed), n)
    size, score = world.rng.uniform(0.1, 0.3, n), world.rng.beta(8, 2, n)
    outputs = np.stack([count, size, score], axis=1).astype(np.float32)
    return dataclasses.replace(window, outputs=outputs)


def test_objects_that_are_missed_raise_an_alarm_where_nothing_else_changed(world):
    found = []
    for seed in range(6):
        w = world(seed)
        monitor = Monitor.start(
            Reference.from_window(seeing(w, 500)), MonitorPolicy(), project="p", model="p-1"
        )
        assert monitor.update(seeing(w, 800)) == []
        found += monitor.update(seeing(w, 400, missed=0.6))
    assert len(found) == 6
    assert {signal.leading_score for signal in found} == {"count"}
    assert set(found[0].scores) == {"confidence", "mahalanobis", "domain", "count", "size", "score"}


def test_no_alarm_on_undrifted_objects(world):
    for seed in range(10):
        w = world(seed)
        monitor = Monitor.start(
            Reference.from_window(seeing(w, 500)), MonitorPolicy(), project="p", model="p-1"
        )
        assert monitor.update(seeing(w, 3000)) == []


@pytest.mark.parametrize("block", [1, 4])
def test_a_restored_monitor_of_objects_has_the_same_future(world, block):
    w = world(2)
    reference = Reference.from_window(seeing(w, 400))
    policy = MonitorPolicy(block=block)
    monitor = Monitor.start(reference, policy, project="p", model="p-1")
    monitor.update(seeing(w, 333))
    twin = Monitor.restore(monitor.state())
    later = seeing(w, 500, missed=0.5)
    assert monitor.update(later) == twin.update(later)
    assert monitor.state() == twin.state()


def test_a_policy_without_outputs_leaves_them_out(world):
    w = world(0)
    policy = MonitorPolicy(scores=("confidence",))
    monitor = Monitor.start(Reference.from_window(seeing(w, 400)), policy, project="p", model="p-1")
    monitor.update(seeing(w, 200))
    assert set(monitor.status()["scores"]) == {"confidence"}
    with pytest.raises(InvalidInput):
        Monitor.start(w.reference(), MonitorPolicy(scores=("outputs",)), project="p", model="p-1")
