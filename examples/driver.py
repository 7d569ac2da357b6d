"""What the examples share: train a first model, send a stream, answer the queue, keep score.

Only the public API is used: ``autofocus.Workspace`` and the HTTP client. The stream's labels are
used for two things: the simulated annotator answers what the labelling queue asks, one image at a
time, and the score is kept. Nothing else sees them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autofocus import Workspace
from autofocus.api.client import Client
from autofocus.api.launch import running
from autofocus.api.replay import Answered, Request, replay
from autofocus.errors import AutofocusError, Conflict, NotFound, Unavailable

console = Console(stderr=True)
BATCH = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled image; ``period`` is the row of the final table that it counts for."""

    name: str
    image: bytes
    label: str
    period: str
    key: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Story:
    """What was seen while the stream ran."""

    predicted: dict[int, str] = field(default_factory=dict)
    model: dict[int, str] = field(default_factory=dict)
    prediction: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    labels: list[dict[str, Any]] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    champion: str = ""


def say(what: str) -> None:
    """One line of progress."""
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/]  {what}", highlight=False)


def write_images(folder: Path, items: Iterable[Item], splits: Mapping[str, str]) -> Path:
    """Write ``items`` below ``folder`` with a CSV of label, split and metadata; returns the CSV.

    ``splits`` maps an item's name to train, val or test.
    """
    items = list(items)
    folder.mkdir(parents=True, exist_ok=True)
    columns = sorted({name for item in items for name in item.metadata})
    index = folder / "index.csv"
    with index.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "label", "split", *columns])
        writer.writeheader()
        for item in items:
            (folder / item.name).write_bytes(item.image)
            row = {"file": item.name, "label": item.label, "split": splits[item.name]}
            writer.writerow(row | dict(item.metadata))
    return index


def train_first(
    workspace: Workspace,
    name: str,
    classes: Sequence[str],
    index: Path,
    *,
    policy: str,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> tuple[Any, str, Any]:
    """Import a CSV of images, train, test; returns (project, model id, report)."""
    project = workspace.create_project(name, classes=classes, policy=policy)
    report = project.data.import_path(index, format="csv")
    version = project.data.commit("first period", author=workspace.author)
    spec = project.training.spec(version.digest, seed=seed, parameters=dict(parameters or {}))
    run = project.training.wait(project.training.start(spec).id)
    if run.state != "done":
        raise SystemExit(f"Training ended as {run.state}: {run.error}")
    model = project.models.register(run, parent=None, case=None).id
    tested = project.test_model(model)
    if not quiet:
        accuracy = tested.metric("accuracy")
        say(
            f"{report.accepted} images imported ({len(report.skipped)} refused), {model} trained: "
            f"accuracy {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}] on "
            f"{accuracy.n} held-out images"
        )
    return project, model, tested


def play(
    workspace: Path,
    project: str,
    items: Sequence[Item],
    *,
    rate: float,
    label_delay: float = 0.05,
    settle_seconds: float = 240.0,
) -> Story:
    """Send ``items`` in their order to the running system and let the loop do its work.

    Weeks of the stream pass in minutes, but training takes as long as it takes. So the stream
    slows down while a case waits for labels or for training, as it would look in real time.
    """
    story = Story()
    truth = {hashlib.sha256(item.image).hexdigest(): item.label for item in items}
    slow, done = threading.Event(), threading.Event()

    def take(got: Answered) -> None:
        if got.answer is None:
            story.failed += 1
            say(f"[red]request {got.index} failed: {got.error}[/]")
            return
        story.predicted[got.index] = got.answer["label"]
        story.model[got.index] = got.answer["model"]
        story.prediction[got.answer["prediction_id"]] = got.index

    with running(workspace) as client:
        say(f"`autofocus up` runs on {client.url}; sending {len(items)} images")
        helpers = [
            threading.Thread(target=_annotate, args=(client, project, truth, label_delay, done)),
            threading.Thread(target=_watch, args=(client, project, slow, done)),
        ]
        for helper in helpers:
            helper.start()
        try:
            requests = (Request(item.image, key=item.key, metadata=item.metadata) for item in items)
            replay(
                client,
                project,
                requests,
                rate=lambda: 2.0 if slow.is_set() else rate,
                connections=4,
                on_answer=take,
            )
            _settle(client, project, settle_seconds)
        finally:
            done.set()
            for helper in helpers:
                helper.join()
        story.signals = client.signals(project)[::-1]
        story.cases = client.cases(project)[::-1]
        story.models = client.models(project)[::-1]
        story.labels = client.queue(project, state="done", limit=1000)
        deployment = client.deployment(project) or {}
        story.champion = (deployment.get("champion") or {}).get("model", "")
    return story


def _annotate(
    client: Client,
    project: str,
    truth: Mapping[str, str],
    delay: float,
    done: threading.Event,
) -> None:
    """Answer what the queue asks, by looking up the label of that one image."""
    while not done.wait(0.3):
        try:
            for task in client.queue(project):
                if done.wait(delay):
                    return
                try:
                    client.answer(project, task["id"], truth[task["sha256"]], author="annotator")
                except (Conflict, NotFound):
                    continue  # its case ended in between
        except Unavailable as error:
            say(f"[yellow]labels: {error.message}[/]")


def _watch(client: Client, project: str, slow: threading.Event, done: threading.Event) -> None:
    """Tell what happens, and say when the stream should slow down."""
    after = 0
    while not done.wait(0.5):
        try:
            for event in client.events(project, after=after):
                after = int(event["id"])
                if event["kind"] != "labels.answered":
                    say(event["what"])
            # Finding out what changed needs more images; labelling and training need time.
            working = ("verdict", "collect", "train")
            if any(case["stage"] in working for case in client.cases(project)):
                slow.set()
            else:
                slow.clear()
        except Unavailable as error:
            say(f"[yellow]events: {error.message}[/]")


def _settle(client: Client, project: str, seconds: float) -> None:
    """After the last image: wait for a case that needs no more traffic to end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        cases = [case for case in client.cases(project) if case["stage"] != "closed"]
        if not cases or cases[0]["stage"] in ("shadow", "canary"):
            return
        time.sleep(1.0)


def answers(project: Any, model: str, items: Sequence[Item]) -> list[str]:
    """What a registered model says to all items, without a server."""
    predictor = project.predictor(model)
    found: list[str] = []
    for i in range(0, len(items), BATCH):
        batch = predictor.predict([item.image for item in items[i : i + BATCH]])
        found += [predictor.classes[k] for k in batch.probabilities.argmax(axis=1)]
    return found


def accuracy(
    items: Sequence[Item], predicted: Mapping[int, str] | Sequence[str], period: str
) -> float | None:
    """Share of right answers among the items of a period that were answered."""
    known = predicted if isinstance(predicted, Mapping) else dict(enumerate(predicted))
    right = [
        known[i] == item.label
        for i, item in enumerate(items)
        if item.period == period and i in known
    ]
    return sum(right) / len(right) if right else None


def by_period(items: Sequence[Item], story: Story) -> dict[str, Counter[str]]:
    """Alarms, labels and promotions, each counted for the period in which it happened.

    An alarm counts where its last image lies, a promotion where the new champion first answered,
    a label where its image was sent.
    """
    counted: dict[str, Counter[str]] = {item.period: Counter() for item in items}
    for signal in story.signals:
        index = story.prediction.get(signal["last_prediction"])
        if index is not None:
            counted[items[index].period]["alarms"] += 1
    promoted = {case["challenger"] for case in story.cases if case["outcome"] == "promoted"}
    for model in promoted:
        first = [i for i, name in sorted(story.model.items()) if name == model]
        if first:
            counted[items[first[0]].period]["promotions"] += 1
    where = {hashlib.sha256(item.image).hexdigest(): item.period for item in items}
    for task in story.labels:
        if task["sha256"] in where:
            counted[where[task["sha256"]]]["labels"] += 1
    return counted


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on standard output."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, justify="left" if name == columns[0] else "right")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    Console().print(table)


def finish(program: Callable[[], int], json_file: Path | None = None) -> None:
    """Run a program and turn errors of ours into their message and exit code."""
    try:
        sys.exit(program())
    except AutofocusError as error:
        console.print(f"Error: {error.message}", highlight=False)
        if error.hint:
            console.print(error.hint, highlight=False)
        if json_file is not None:
            json_file.write_text(json.dumps(error.as_json(), indent=2) + "\n")
        sys.exit(error.code.exit_code)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
