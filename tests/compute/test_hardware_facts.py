"""What hardware there is, and what a block of work used."""

from __future__ import annotations

import json
import time
from pathlib import Path

from autofocus.compute.hardware import UsageSampler, hardware


def test_hardware_is_json_with_plausible_numbers(tmp_path: Path) -> None:
    found = json.loads(json.dumps(hardware(tmp_path)))
    assert found["cores"] >= 1
    assert 0 < found["memory_free_bytes"] <= found["memory_bytes"]
    assert found["disk_free_bytes"] > 0
    assert found["processor"]


def test_usage_tells_waiting_from_working() -> None:
    with UsageSampler(interval=0.02) as waiting:
        time.sleep(0.2)
    with UsageSampler(interval=0.02) as working:
        block = bytearray(60_000_000)
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            block[0] += 1
            block[0] %= 7
    assert waiting.usage()["seconds"] >= 0.2
    assert waiting.usage()["cpu_seconds"] < 0.15
    assert working.usage()["cpu_seconds"] > waiting.usage()["cpu_seconds"]
    assert working.usage()["peak_rss_bytes"] > 60_000_000
