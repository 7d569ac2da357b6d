"""How many drifted images pass before the monitor alarms?

Undrifted images first, then a stream in which a share is drifted: their embeddings lie some
standard deviations away, and the model is as sure of them as of others, or less so (its
probabilities to the power ``softer``, normalised). Prints for each kind of shift and share the
median and the worst number of drifted images until the alarm.

    python benchmarks/monitor_power.py [--seeds 20] [--clean 1000] [--mode pfa] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from false_alarms import KEPT, World, reference, window
from rich.console import Console
from rich.table import Table

from autofocus.config.policy import MonitorPolicy
from autofocus.monitoring.monitor import Monitor

SHIFTED = 3000


def delay(seed: int, shift: float, soft: float, share: float, options: argparse.Namespace) -> float:
    """Drifted images until the alarm; -1 for a false one, inf for none."""
    world = World(seed)
    policy = MonitorPolicy(mode=options.mode)
    monitor = Monitor.start(reference(world, 500), policy, project="bench", model="m", seed=seed)
    if monitor.update(window(*world.draw(options.clean), 0)):
        return -1.0
    p, x = world.draw(SHIFTED)
    drifted = world.rng.random(SHIFTED) < share
    direction = world.rng.normal(size=KEPT)
    x[drifted] += (shift * direction / np.linalg.norm(direction)).astype(np.float32)
    softer = p[drifted] ** soft
    p[drifted] = softer / softer.sum(axis=1, keepdims=True)
    signals = monitor.update(window(p, x, options.clean))
    if not signals:
        return float("inf")
    return float(drifted[: signals[0].at - options.clean].sum())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--clean", type=int, default=1000)
    parser.add_argument("--mode", choices=("pfa", "arl"), default="pfa")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = Table(title=f"drifted images until the alarm, after {options.clean:,} undrifted ones")
    for name in ("shift (sd)", "softer", "share", "median", "worst", "false alarms", "missed"):
        table.add_column(name, justify="right")
    results = []
    for shift, soft in ((0.0, 0.5), (5.0, 1.0), (8.0, 1.0), (8.0, 0.5)):
        for share in (0.1, 0.2, 0.5, 1.0):
            found = np.array([delay(s, shift, soft, share, options) for s in range(options.seeds)])
            row = {
                "shift": shift,
                "softer": soft,
                "share": share,
                "median": float(np.median(found)),
                "worst": float(found.max()),
                "false": int((found < 0).sum()),
                "missed": int(np.isinf(found).sum()),
            }
            results.append(row)
            table.add_row(*(f"{value:g}" for value in row.values()))
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
