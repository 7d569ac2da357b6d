"""What hardware there is, and what a job used of it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil


def hardware(folder: Path | None = None) -> dict[str, Any]:
    """A snapshot: processor, cores, memory, free disk at ``folder``, NVIDIA GPUs if any."""
    memory = psutil.virtual_memory()
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": memory.total,
        "memory_free_bytes": memory.available,
        "disk_free_bytes": shutil.disk_usage(folder or Path.cwd()).free,
        "gpus": _gpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def usage_now(folder: Path | None = None) -> dict[str, Any]:
    """How busy this machine is: percent of all cores (over 0.1 s), memory, disk, GPUs.

    ``gpus`` has name, memory_bytes, used_bytes and percent for each NVIDIA GPU.
    """
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(interval=0.1),
        "memory_used_bytes": memory.total - memory.available,
        "memory_bytes": memory.total,
        "disk_free_bytes": shutil.disk_usage(folder or Path.cwd()).free,
        "gpus": _gpus_now(),
    }


def _gpus_now() -> list[dict[str, Any]]:
    rows = _ask_nvidia("name,memory.total,memory.used,utilization.gpu")
    return [
        {
            "name": name,
            "memory_bytes": _number(total) * 2**20,
            "used_bytes": _number(used) * 2**20,
            "percent": _number(percent),
        }
        for name, total, used, percent in rows
    ]


def _number(text: str) -> int:
    """A figure of nvidia-smi; 0 where the GPU does not tell (``[N/A]`` on a slice of one)."""
    return int(text) if text.isdecimal() else 0


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpus() -> list[dict[str, Any]]:
    return [
        {"name": name, "memory_bytes": _number(mb) * 2**20}
        for name, mb in _ask_nvidia("name,memory.total")
    ]


def _ask_nvidia(fields: str) -> list[list[str]]:
    """One row per NVIDIA GPU; none where there is no driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    result = subprocess.run(
        [tool, f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    if result.returncode != 0:
        return []
    rows = ([part.strip() for part in line.split(",")] for line in result.stdout.splitlines())
    return [row for row in rows if len(row) == fields.count(",") + 1]


class UsageSampler:
    """Samples this process and its children while a ``with`` block runs."""

    def __init__(self, interval: float = 0.5) -> None:
        self._interval = interval
        self._process = psutil.Process()
        self._peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._began = 0.0
        self._cpu_before = 0.0
        self._seconds = 0.0
        self._cpu = 0.0

    def __enter__(self) -> UsageSampler:
        self._began = time.monotonic()
        self._cpu_before = self._cpu_seconds()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._seconds = time.monotonic() - self._began
        self._cpu = self._cpu_seconds() - self._cpu_before

    def usage(self) -> dict[str, float]:
        """Wall seconds, CPU seconds and peak resident bytes of the block."""
        return {
            "seconds": round(self._seconds, 3),
            "cpu_seconds": round(self._cpu, 3),
            "peak_rss_bytes": float(self._peak),
        }

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _run(self) -> None:
        while True:
            self._peak = max(self._peak, self._process.memory_info().rss)
            if self._stop.wait(self._interval):
                return
