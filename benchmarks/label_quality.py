"""How many wrong labels does label QA find, and how early?

    python benchmarks/label_quality.py [--images FOLDER] [--wrong 0.05] [--seeds 3] [--json FILE]

A share of the labels is swapped for other classes; a model is trained with the labels as they are
and becomes champion; ``labels.quality()`` puts them in order. Printed: the share of the swapped
labels among the first 5, 10 and 15 % of the list, and how many wrong labels it estimates. Without
FOLDER (one folder per class) the images are drawn eyes. Training, validation and test images are
all labelled wrongly alike: nobody has clean ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from autofocus import Workspace
from autofocus.demo.world import Crowd

SHARES = (0.05, 0.10, 0.15)
DRAWN = {"train": 2000}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="one folder per class")
    parser.add_argument("--limit", type=int, default=3000, help="images taken of the folder")
    parser.add_argument("--wrong", type=float, default=0.05, help="share of labels swapped")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console()
    runs = [_run(options, seed, console) for seed in range(options.seeds)]
    table = Table("", *(f"seed {i}" for i in range(len(runs))), "median")
    for name in runs[0]:
        values = [run[name] for run in runs]
        table.add_row(name, *map(_short, values), _short(statistics.median(values)))
    console.print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(runs, indent=2) + "\n")
    found = statistics.median(run["found in the first 15 %"] for run in runs)
    console.print(f"Target: at least 0.80 in the first 15 %; found {found:.2f}")
    return 0 if found >= 0.8 else 1


def _run(options: argparse.Namespace, seed: int, console: Console) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 5])
    with tempfile.TemporaryDirectory(prefix="autofocus-quality-") as name:
        root = Path(name)
        if options.images is None:
            Crowd(seed).write_training_folder(root / "drawn", DRAWN)
            source = root / "drawn" / "train"
        else:
            source = options.images
        classes = sorted(p.name for p in source.iterdir() if p.is_dir())
        files = sorted(p for c in classes for p in (source / c).iterdir() if p.is_file())
        if len(files) > options.limit:
            files = [files[i] for i in sorted(rng.choice(len(files), options.limit, False))]
        swapped = set()
        for i, file in enumerate(files):
            given = file.parent.name
            if rng.random() < options.wrong:
                given = str(rng.choice([c for c in classes if c != given]))
                swapped.add(f"{given}/{i:06d}{file.suffix}")
            folder = root / "images" / given
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / f"{i:06d}{file.suffix}")
        with Workspace.open(root / "workspace") as workspace:
            project = workspace.create_project("quality", classes=classes)
            project.data.import_path(root / "images")
            version = project.data.commit("labels as they are")
            spec = project.training.spec(version.digest, seed=seed)
            run = project.training.wait(project.training.start(spec).id)
            if run.state != "done":
                raise SystemExit(f"Training ended as {run.state}: {run.error}")
            model = project.models.register(run, parent=None, case=None)
            project.promote(model.id, who="benchmark", why="the only one")
            start = time.perf_counter()
            project.data.embeddings.compute(threads=2)
            looked = time.perf_counter()
            found = project.labels.quality()
            done = time.perf_counter()
        order = [s.key in swapped for s in found.suspects]
        figures: dict[str, Any] = {"labels": len(order), "swapped": sum(order)}
        for share in SHARES:
            first = order[: int(share * len(order))]
            figures[f"found in the first {share:.0%}".replace("%", " %")] = sum(first) / sum(order)
        figures["estimated wrong"] = found.estimated_errors
        figures["seconds to look"] = looked - start
        figures["seconds to order"] = done - looked
        console.print(f"seed {seed}: {figures}", highlight=False)
        return figures


def _short(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    raise SystemExit(main())
