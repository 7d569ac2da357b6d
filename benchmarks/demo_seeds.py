"""Run the demo headless on several seeds and print the table with medians.

    python benchmarks/demo_seeds.py --seeds 10 --json seeds.json
    python benchmarks/demo_seeds.py --task detection --seeds 3

Each seed is a process of its own (`autofocus demo --headless`), one after the other, as a user
would run it. Exit code 1 if a median misses what we build for or a seed promotes a worse model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autofocus.demo.plays import PLAYS, Targets

Figures = Mapping[str, Any]


def _drop(figures: Figures) -> float:
    accuracy = figures["accuracy"]
    return float(accuracy["clean_before"] - accuracy["clean_after"])


def promoted_worse(figures: Figures) -> bool:
    """Whether the last champion answers shifted or clean images worse than the first did."""
    accuracy = figures["accuracy"]
    gain = accuracy["shifted_after"] - accuracy["shifted_before"]
    return figures["champion"] != figures["first_model"] and (gain < 0 or _drop(figures) > 0.01)


def _targets(figures: Figures) -> Targets:
    return PLAYS[figures["task"]].targets


# Column, how to read it, and what its median must meet; both are given what a run told.
Meets = Callable[[float, Targets], bool]
COLUMNS: list[tuple[str, Callable[[Figures], Any], Meets | None]] = [
    ("story s", lambda f: f["story_seconds"], lambda m, t: m <= t.seconds),
    ("false alarms", lambda f: f["false_alarms_before_shift"], lambda m, t: m == 0),
    ("images to alarm", lambda f: f["images_until_alarm"], lambda m, t: m <= t.images_until_alarm),
    ("labels", lambda f: f["labels_used"], lambda m, t: m <= t.labels),
    ("shifted before", lambda f: f["accuracy"]["shifted_before"], None),
    ("shifted after", lambda f: f["accuracy"]["shifted_after"], None),
    ("reference", lambda f: f["accuracy"]["shifted_reference"], None),
    ("ratio", lambda f: f["reference_ratio"], lambda m, t: m >= t.ratio),
    ("clean drop", _drop, lambda m, t: m <= 0.01),
    ("failed", lambda f: f["requests_failed"], lambda m, t: m == 0),
    ("reproduced", lambda f: f["reproduced"], lambda m, t: m == 1),
    ("worse promoted", promoted_worse, lambda m, t: m == 0),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=list(PLAYS), default="classification")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    console = Console()
    runs: list[dict[str, Any]] = []
    for seed in range(options.first, options.first + options.seeds):
        console.print(f"seed {seed} ...", highlight=False)
        figures = _run(seed, options.task, console)
        if figures is not None:
            runs.append(figures)
            console.print(f"seed {seed}: {_row(figures)}", highlight=False)
    if options.json is not None:
        options.json.write_text(json.dumps(runs, indent=2) + "\n")
    if not runs:
        return 1
    met = _show(console, runs)
    complete = len(runs) == options.seeds
    if not complete:
        console.print(f"{options.seeds - len(runs)} seeds ended with an error.")
    return 0 if met and complete and not any(map(promoted_worse, runs)) else 1


def _run(seed: int, task: str, console: Console) -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory(prefix="autofocus-seed-") as folder:
        out = Path(folder) / "figures.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "autofocus", "demo", "--headless"),
                *("--json", str(out), "--seed", str(seed), "--task", task),
                *("--workspace", str(Path(folder) / "workspace")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if not out.exists():
            console.print(f"seed {seed} ended with code {done.returncode}:\n{done.stderr[-2000:]}")
            return None
        figures: dict[str, Any] = json.loads(out.read_text())
        return figures


def _row(figures: Figures) -> dict[str, Any]:
    return {name: read(figures) for name, read, _ in COLUMNS}


def _show(console: Console, runs: list[dict[str, Any]]) -> bool:
    table = Table(title="autofocus demo", title_justify="left", header_style="bold")
    table.add_column("seed")
    for name, _, _ in COLUMNS:
        table.add_column(name, justify="right")
    for figures in runs:
        table.add_row(str(figures["seed"]), *(_cell(value) for value in _row(figures).values()))
    medians, verdicts = [], []
    wanted = _targets(runs[0])
    for _, read, meets in COLUMNS:
        # No alarm or no reference counts as the worst that can be.
        values = [read(f) for f in runs]
        known = [float(v) for v in values if v is not None]
        median = statistics.median(known) if len(known) == len(values) else None
        medians.append(_cell(median))
        verdicts.append(meets is None or (median is not None and meets(median, wanted)))
    table.add_section()
    table.add_row("median", *medians)
    table.add_row(
        "met",
        *(
            "" if meets is None else ("yes" if verdict else "NO")
            for (_, _, meets), verdict in zip(COLUMNS, verdicts, strict=True)
        ),
    )
    console.print(table)
    return all(verdicts)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) and value < 10 else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())
