"""How often does the monitor alarm when nothing has changed?

Replays undrifted streams of predictions, no HTTP: embeddings from correlated heavy-tailed classes,
whitened on images of their own, answers that depend on them (so many confidences are tied at 1).
The share of streams that ever alarm must stay at alpha, whatever the size of the calibration.

    python benchmarks/false_alarms.py [--seeds 200] [--rows 20000] [--calibration 300 500 2000]
        [--alpha 0.01] [--mode pfa] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from autofocus.config.policy import MonitorPolicy
from autofocus.monitoring.monitor import Monitor
from autofocus.monitoring.reference import Reference
from autofocus.types.production import Window

CLASSES, DIMENSIONS, KEPT = 4, 64, 32
BATCH = 512


class World:
    """Images of one stationary production, as a model's outputs."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 77])
        self.centres = 1.5 * self.rng.normal(size=(CLASSES, DIMENSIONS))
        self.mixing = self.rng.normal(size=(DIMENSIONS, DIMENSIONS)) * np.exp(
            -np.arange(DIMENSIONS) / 20.0
        )
        x, _ = self._embeddings(2000)
        self.middle = x.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
        self.whitening = vectors[:, ::-1][:, :KEPT] / np.sqrt(values[::-1][:KEPT])

    def _embeddings(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        classes = self.rng.choice(CLASSES, n, p=[0.4, 0.3, 0.2, 0.1])
        noise = self.rng.normal(size=(n, DIMENSIONS)) @ self.mixing
        heavy = np.sqrt(5.0 / self.rng.chisquare(5.0, n))  # Student's t with 5 degrees
        return self.centres[classes] + 0.25 * noise * heavy[:, None], classes

    def draw(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (n, classes) and whitened embeddings (n, k)."""
        x, _ = self._embeddings(n)
        distance = ((x[:, None, :] - self.centres[None]) ** 2).sum(axis=2)
        logits = -0.05 * (distance - distance.min(axis=1, keepdims=True))
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        return p.astype(np.float32), ((x - self.middle) @ self.whitening).astype(np.float32)


def reference(world: World, n: int) -> Reference:
    p, x = world.draw(n)
    flat = np.zeros(n, np.float32)
    return Reference(p, x, flat, flat, flat)


def window(p: np.ndarray, x: np.ndarray, first: int) -> Window:
    n = len(p)
    flat, empty = np.zeros(n, np.float32), np.full(n, "")
    return Window(
        ids=np.array([f"p-{i}" for i in range(first, first + n)]),
        time_us=np.arange(first, first + n),
        model=empty,
        role=empty,
        request_key=empty,
        predicted=p.argmax(axis=1),
        probabilities=p,
        whitened=x,
        brightness=flat,
        contrast=flat,
        blur=flat,
        latency_ms=flat,
        sha256=empty,
        kept=flat.astype(bool),
        keep_probability=flat,
        metadata=empty,
    )


def stream(task: tuple[int, int, int, float, str]) -> tuple[int | None, float]:
    """Rows until the first alarm (None: never) and seconds inside the monitor."""
    seed, rows, calibration, alpha, mode = task
    world = World(seed)
    policy = MonitorPolicy(mode=mode, alpha=alpha, calibration=min(calibration, 300))  # type: ignore[arg-type]
    monitor = Monitor.start(
        reference(world, calibration), policy, project="bench", model="null", seed=seed
    )
    seconds = 0.0
    for first in range(0, rows, BATCH):
        n = min(BATCH, rows - first)
        batch = window(*world.draw(n), first)
        begin = time.perf_counter()
        signals = monitor.update(batch)
        seconds += time.perf_counter() - begin
        if signals:
            return signals[0].at, seconds
    return None, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--calibration", type=int, nargs="+", default=[300, 500, 2000])
    parser.add_argument("--alpha", type=float, default=0.01)
    parser.add_argument("--mode", choices=("pfa", "arl"), default="pfa")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = Table(title=f"{options.seeds} undrifted streams of {options.rows:,} images")
    for name in ("calibration", "alarmed", "share", "first alarm at", "µs per image"):
        table.add_column(name, justify="right")
    results = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for calibration in options.calibration:
            tasks = [
                (seed, options.rows, calibration, options.alpha, options.mode)
                for seed in range(options.seeds)
            ]
            ends = list(pool.map(stream, tasks, chunksize=4))
            alarms = sorted(at for at, _ in ends if at is not None)
            images = sum(options.rows if at is None else at for at, _ in ends)
            cost = 1e6 * sum(seconds for _, seconds in ends) / images
            share = len(alarms) / options.seeds
            results.append(
                {
                    "calibration": calibration,
                    "alpha": options.alpha,
                    "mode": options.mode,
                    "streams": options.seeds,
                    "rows": options.rows,
                    "alarmed": len(alarms),
                    "share": share,
                    "first_alarms": alarms[:5],
                    "us_per_image": round(cost, 2),
                }
            )
            table.add_row(
                str(calibration),
                str(len(alarms)),
                f"{100 * share:.2f} %",
                str(alarms[0]) if alarms else "never",
                f"{cost:.1f}",
            )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    limit = max(options.alpha * 1.5, options.alpha + 0.005)
    return 0 if options.mode == "arl" or all(r["share"] <= limit for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
