"""Any labelled images with a column that may be a shift: does it hurt the model, or not?

The images that carry the shift are held back from training. A model is trained on the rest; the
stream begins with held-out images without the shift and goes on with the shifted ones. The verdict
of the loop says whether the shift does harm. Images come as a folder with a CSV (columns: file,
a label, the shift), or as one folder per class with such a CSV beside it.

    python examples/any_folder.py FOLDER --label pose --shift eyes=sunglasses --group-by person

keeps people apart (nobody is in training and in the stream) and asks whether sunglasses harm a
model that tells where a head points.
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
from pathlib import Path
from typing import Any

from driver import (
    Item,
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

BEFORE, AFTER = "before the shift", "after the shift"
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
POLICY = "monitor: {{calibration: {calibration}}}\n"


def main() -> int:
    """Run; 0 if the loop served well: no failed request, and nothing worse was promoted."""
    options = _options()
    items = list(_read(options))
    if not items:
        raise SystemExit(f"No image of {options.folder} has a value for {options.label!r}.")
    classes = sorted({item.label for item in items})
    plain = [item for item in items if item.period == BEFORE]
    shifted = [item for item in items if item.period == AFTER]
    if not shifted or not plain:
        raise SystemExit(
            f"{len(shifted)} images have {options.shift}, {len(plain)} have not; both are needed. "
            "Is the value spelt as in the CSV?"
        )
    splits = _split(plain, options)
    known = [item for item in plain if splits[item.name] != "replay"]
    taught = {item.key for item in known if splits[item.name] == "train"}
    again = [item for item in plain if splits[item.name] == "replay"]
    apart = [item for item in shifted if not options.group_by or item.key not in taught]
    rng = random.Random(options.seed)
    rng.shuffle(again)
    rng.shuffle(apart)
    say(
        f"{len(items)} images, classes {', '.join(classes)}; {len(known)} to learn from and test "
        f"on; the stream: {len(again)} without {options.shift}, then {len(apart)} with it, shown "
        f"{options.rounds} times"
    )
    root = options.workspace or Path(tempfile.mkdtemp(prefix="autofocus-folder-"))
    held = sum(splits[item.name] in ("val", "test") for item in known)
    policy = POLICY.format(calibration=max(50, min(300, held)))
    with tempfile.TemporaryDirectory() as folder, Workspace.open(root) as workspace:
        index = write_images(Path(folder) / "images", known, splits)
        project, model, report = train_first(
            workspace, "folder", classes, index, policy=policy, seed=options.seed
        )
        shown = report.metric("accuracy")
        tested = [item for item in known if splits[item.name] == "test"]
        guess = max(Counter(item.label for item in tested).values()) / len(tested)
        if shown.low is not None and shown.low <= guess:
            say(
                f"Not good enough to serve: {shown.value:.3f} [{shown.low:.3f}, {shown.high:.3f}] "
                f"on {shown.n} images, and always answering the commonest class gives {guess:.3f}."
            )
            _write(options, {"served": False, "accuracy": shown.value, "guess": guess})
            return 1
        project.promote(model, who="examples/any_folder.py", why="first model")
    stream = again + apart * options.rounds
    story = play(root, "folder", stream, rate=options.rate)
    with Workspace.open(root) as workspace:
        project = workspace.project("folder")
        without = answers(project, model, stream)
        with_it = answers(project, story.champion, stream)
    counted = by_period(stream, story)
    rows: list[dict[str, Any]] = [
        {
            "part of the stream": period,
            "images": sum(item.period == period for item in stream),
            "first model": accuracy(stream, without, period),
            "champion at the end": accuracy(stream, with_it, period),
            "as served": accuracy(stream, story.predicted, period),
            **{name: counted[period][name] for name in ("alarms", "labels", "promotions")},
        }
        for period in (BEFORE, AFTER)
        if period in counted
    ]
    columns = list(rows[0])
    show(
        f"{options.label}, shift {options.shift}", columns, ([r[c] for c in columns] for r in rows)
    )
    for case in story.cases:
        say(
            f"{case['id']}: {case['verdict']}, {case['outcome'] or case['stage']}. {case['reason']}"
        )
    if not story.cases:
        say("No alarm: as far as the evidence goes, nothing has changed for this model.")
    worse = _worse(rows)
    say(
        f"{len(story.labels)} labels, {story.failed} failed requests; champion "
        f"{model} -> {story.champion}{', which is WORSE' if worse else ''}"
    )
    say(f"Go on: autofocus --workspace {root} loop cases")
    _write(
        options,
        {
            "served": True,
            "rows": rows,
            "cases": story.cases,
            "labels": len(story.labels),
            "failed_requests": story.failed,
            "first_model": model,
            "champion": story.champion,
            "promoted_worse": worse,
            "workspace": str(root),
        },
    )
    return 1 if worse or story.failed else 0


def _worse(rows: list[dict[str, Any]]) -> bool:
    """Whether the last champion answers the whole stream worse than the first model."""

    def right(column: str) -> float:
        return float(sum((row[column] or 0.0) * row["images"] for row in rows))

    allowed = 0.01 * float(sum(row["images"] for row in rows))
    return right("champion at the end") < right("first model") - allowed


def _read(options: argparse.Namespace) -> Iterator[Item]:
    """Images with label, group and whether they carry the shift."""
    column, _, value = options.shift.partition("=")
    rows = {row["file"]: row for row in _rows(options.csv or options.folder / "index.csv")}
    needed = [column, *([options.label] if options.label else [])]
    needed += [options.group_by] if options.group_by else []
    some = next(iter(rows.values()), {})
    if missing := [name for name in needed if name not in some]:
        raise SystemExit(f"The CSV has no column {', '.join(missing)}; it has {', '.join(some)}.")
    for name, label, data in _images(options.folder):
        row = rows.get(name)
        label = row[options.label] if row and options.label else label
        if row is None or not label:
            continue
        yield Item(
            name=name.replace("/", "__"),
            image=data,
            label=label,
            period=AFTER if row[column] == value else BEFORE,
            key=row[options.group_by] if options.group_by else "",
            metadata={k: row[k] for k in needed if k != options.label},
        )


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise SystemExit(f"There is no {path}; name the CSV with --csv.")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _images(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """(relative path, name of its folder, bytes) of each image, also out of images.zip."""
    archive = folder / "images.zip"
    if archive.is_file():
        with zipfile.ZipFile(archive) as images:
            for name in sorted(images.namelist()):
                if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                    yield name, Path(name).parent.name, images.read(name)
        return
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            yield path.relative_to(folder).as_posix(), path.parent.name, path.read_bytes()


def _split(items: list[Item], options: argparse.Namespace) -> dict[str, str]:
    """Train, val, test and replay; groups stay together in training or out of it.

    Held-out groups share their images between val, test and replay, so that the reference and
    the replayed images are of the same people (or cameras).
    """
    rng = random.Random(options.seed)
    held_out = ("val", "test", "replay")
    groups = sorted({item.key for item in items}) if options.group_by else []
    rng.shuffle(groups)
    taught = set(groups[: round(0.6 * len(groups))])
    found: dict[str, str] = {}
    for item in rng.sample(items, len(items)):
        trains = item.key in taught if groups else rng.random() < 0.6
        found[item.name] = "train" if trains else held_out[len(found) % 3]
    return found


def _write(options: argparse.Namespace, figures: dict[str, Any]) -> None:
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of images, or with images.zip")
    parser.add_argument("--csv", type=Path, help="metadata, default FOLDER/index.csv")
    parser.add_argument("--label", default="", help="label column; default: the folder's name")
    parser.add_argument("--shift", required=True, metavar="COLUMN=VALUE", help="what is held back")
    parser.add_argument("--group-by", default="", help="column whose groups are kept apart")
    parser.add_argument("--rounds", type=int, default=3, help="times the shifted images are sent")
    parser.add_argument("--rate", type=float, default=25.0, help="images a second")
    parser.add_argument("--workspace", type=Path, help="keep the workspace here (a new folder)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    if "=" not in options.shift:
        parser.error("--shift takes COLUMN=VALUE, for example eyes=sunglasses")
    return options


if __name__ == "__main__":
    finish(main)
