"""A real decaying stream: digits of water, gas and power meters, by capture time.

Cheap cameras in many homes photographed rolling digits from October 2019 to May 2022. A model is
trained on the first period and deployed; then the rest is replayed by capture time through the
real server. New meters, cameras and light make the first model decay. The loop notices, asks a
simulated annotator for a few labels, retrains, tests and swaps, more than once if need be.

    python examples/meters.py
    python examples/meters.py --data FOLDER      # the whole set: FOLDER/index.csv, images.zip

The cut in examples/data/meters is about 1,200 of 8,183 images; its NOTICE has the source.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from driver import (
    Item,
    Story,
    accuracy,
    answers,
    by_period,
    finish,
    play,
    say,
    show,
    train_first,
    write_images,
)

from autofocus import Workspace

HERE = Path(__file__).parent / "data" / "meters"
CLASSES = [str(digit) for digit in range(10)]
FIRST_PERIOD_ENDS = "2021-06"
SAME = "held out"  # images of the first period that the model never saw, replayed first
SESSION = timedelta(hours=1)  # photographs closer than this are one visit to one meter

# A digit is hard to read, frames of one camera resemble each other, and a new meter needs more
# than a handful of labels. Everything else is the default policy.
POLICY = """\
monitor: {calibration: 100}
labels: {per_case: 160, verdict_batch: 16, training: 100, comparison: 40}
rollout: {shadow_requests: 60, canary_requests: 30, watch_requests: 100}
limits: {retry_images: 150}
"""


def main() -> int:
    """Run the example; 0 if no alarm was false, one was raised, and the loop promoted."""
    options = _options()
    items = list(_read(options.data))
    first = [item for item in items if item.period < FIRST_PERIOD_ENDS]
    later = [item for item in items if item.period >= FIRST_PERIOD_ENDS]
    splits = _split(first, options.seed)
    known = [item for item in first if splits[item.name] != "replay"]
    again = [replace(item, period=SAME) for item in first if splits[item.name] == "replay"]
    random.Random(options.seed).shuffle(again)
    say(
        f"{len(items)} images; {len(known)} of the first period to learn from and to test on, "
        f"{len(again)} of the same period and {len(later)} of the following to replay"
    )
    root = options.workspace or Path(tempfile.mkdtemp(prefix="autofocus-meters-"))
    with tempfile.TemporaryDirectory() as folder, Workspace.open(root) as workspace:
        index = write_images(Path(folder) / "first", known, splits)
        project, model, _ = train_first(
            workspace, "meters", CLASSES, index, policy=POLICY, seed=options.seed
        )
        project.promote(model, who="examples/meters.py", why="trained on the first period")
    stream = again + later
    story = play(root, "meters", stream, rate=options.rate)
    with Workspace.open(root) as workspace:
        without = answers(workspace.project("meters"), model, stream)
    best = _retrained(known, splits, stream, options) if options.yardstick else {}
    return _report(stream, story, without, best, model, root, options)


def _read(folder: Path) -> Iterator[Item]:
    """All images with a capture time, oldest first; the period is the month."""
    with (folder / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["timestamp"]]
    rows.sort(key=lambda row: (row["timestamp"], row["file"]))
    session, last = 0, datetime.min
    with zipfile.ZipFile(folder / "images.zip") as images:
        for row in rows:
            at = datetime.fromisoformat(row["timestamp"])
            if at - last > SESSION:
                session += 1
            last = at
            yield Item(
                name=row["file"],
                image=images.read(row["file"]),
                label=row["digit"],
                period=row["timestamp"][:7],
                key=row["roi"] or row["source"],
                metadata={"captured": row["timestamp"], "roi": row["roi"], "session": session},
            )


def _split(items: list[Item], seed: int) -> dict[str, str]:
    """Sessions to train, val, test and replay: neighbours in time never part ways."""
    sessions = sorted({item.metadata["session"] for item in items})
    random.Random(seed).shuffle(sessions)
    shares = {"train": 0.55, "val": 0.1, "test": 0.15, "replay": 0.2}
    total = Counter(item.metadata["session"] for item in items)
    found: dict[int, str] = {}
    filled = dict.fromkeys(shares, 0)
    for session in sessions:
        # Into the split that lacks most of its share.
        name = max(shares, key=lambda s: shares[s] * len(items) - filled[s])
        found[session] = name
        filled[name] += total[session]
    return {item.name: found[item.metadata["session"]] for item in items}


def _retrained(
    known: list[Item], splits: dict[str, str], stream: list[Item], options: argparse.Namespace
) -> dict[str, list[str]]:
    """For each month, the answers of a model trained with every label of all months before it."""
    found: dict[str, list[str]] = {}
    months = [month for month in dict.fromkeys(item.period for item in stream) if month != SAME]
    fresh, current = 0, ""
    with tempfile.TemporaryDirectory() as folder:
        for month in months:
            before = [i for i in stream if i.period == SAME or i.period < month]
            if not current or len(before) - fresh >= options.yardstick_step:
                say(
                    f"yardstick: training with all {len(known) + len(before)} labels before {month}"
                )
                fresh = len(before)
                current = month
                split = splits | {item.name: "train" for item in before}
                index = write_images(Path(folder) / month, [*known, *before], split)
                with Workspace.open(Path(folder) / f"workspace-{month}") as workspace:
                    project, model, _ = train_first(
                        workspace, "yardstick", CLASSES, index, policy="", quiet=True
                    )
                    answered = answers(project, model, stream)
            found[month] = answered
    return found


def _report(
    stream: list[Item],
    story: Story,
    without: list[str],
    best: dict[str, list[str]],
    model: str,
    root: Path,
    options: argparse.Namespace,
) -> int:
    counted = by_period(stream, story)
    rows: list[dict[str, Any]] = []
    for period in dict.fromkeys(item.period for item in stream):
        rows.append(
            {
                "month": period,
                "images": sum(item.period == period for item in stream),
                "first model": accuracy(stream, without, period),
                "living champion": accuracy(stream, story.predicted, period),
                "every label": accuracy(stream, best[period], period) if period in best else None,
                **{name: counted[period][name] for name in ("alarms", "labels", "promotions")},
            }
        )
    columns = list(rows[0])
    show("Accuracy month by month", columns, ([row[c] for c in columns] for row in rows))
    for case in story.cases:
        say(
            f"{case['id']}: {case['verdict']}, {case['outcome'] or case['stage']}. {case['reason']}"
        )
    false = counted[SAME]["alarms"]
    raised = sum(counted[row["month"]]["alarms"] for row in rows) - false
    promotions = sum(case["outcome"] == "promoted" for case in story.cases)
    say(
        f"{false} alarms on the first period, {raised} on the new ones; {len(story.labels)} "
        f"labels, {promotions} promotions, {story.failed} failed requests"
    )
    say(
        "For comparison, a net with one hidden layer trained before 2021-06 on the whole set, "
        "split by time: 0.750 on the same period, 0.18 to 0.21 on 2021-06 to 2022-05."
    )
    say(f"Go on: autofocus --workspace {root} loop cases")
    if options.json is not None:
        figures = {
            "rows": rows,
            "false_alarms": false,
            "alarms": raised,
            "labels": len(story.labels),
            "promotions": promotions,
            "failed_requests": story.failed,
            "first_model": model,
            "champion": story.champion,
            "cases": story.cases,
            "workspace": str(root),
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if not false and raised and promotions and not story.failed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE, help="folder of index.csv, images.zip")
    parser.add_argument("--workspace", type=Path, help="keep the workspace here (a new folder)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--rate", type=float, default=25.0, help="images a second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--no-yardstick",
        dest="yardstick",
        action="store_false",
        help="leave out the model retrained with every label",
    )
    parser.add_argument(
        "--yardstick-step",
        type=int,
        default=100,
        help="retrain it after this many new labels (default 100)",
    )
    options = parser.parse_args()
    for name in ("index.csv", "images.zip"):
        if not (options.data / name).is_file():
            parser.error(f"{options.data} has no {name}")
    return options


if __name__ == "__main__":
    finish(main)
