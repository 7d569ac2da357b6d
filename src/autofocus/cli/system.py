"""``autofocus init``, ``policy``, ``events``, ``lineage``, ``doctor``, ``backup``, ``restore``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autofocus.cli.session import Session, default_author
from autofocus.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from autofocus.store.backup import Backup


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    app.command()(init)
    app.command()(policy)
    app.command()(events)
    app.command()(lineage)
    app.command()(doctor)
    app.command()(backup)
    app.command()(restore)


def init(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the project: lower-case, digits, - and _.")],
    classes: Annotated[str, typer.Option(help="Class names, comma-separated, in fixed order.")],
    task: Annotated[
        str, typer.Option(help="classification, detection or segmentation.")
    ] = "classification",
    background: Annotated[
        str,
        typer.Option(
            help="Classes of segmentation that are areas and not countable objects: sky,road."
        ),
    ] = "",
) -> None:
    """Make a project, and the workspace if there is none yet."""
    session: Session = context.obj
    with session.open(create=True) as workspace:
        project = workspace.create_project(
            name,
            task=task,
            classes=classes.split(","),
            background=background.split(",") if background else (),
        )
        info = project.info
    session.say(
        info,
        f"Project {name} ({task}: {', '.join(info.classes)}) in {session.workspace}\n"
        "Next: autofocus data import FOLDER",
    )


def policy(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--set", help="YAML file with the new policy.")
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Print every field, not only what was changed.")
    ] = False,
) -> None:
    """Print the policy of a project, or replace it."""
    from autofocus.config.policy import dump_policy
    from autofocus.types.codec import encode

    session: Session = context.obj
    with session.open_project() as project:
        if file is not None:
            if not file.is_file():
                raise NotFound(f"No such file: {file}.")
            project.set_policy(file.read_text(), author=default_author())
        found = project.policy
    session.say(encode(found), dump_policy(found, defaults=defaults).rstrip())


def events(
    context: typer.Context,
    after: Annotated[int, typer.Option(help="Only events with a larger id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows.")] = 100,
) -> None:
    """What happened, oldest first."""
    session: Session = context.obj
    with session.open() as workspace:
        page = workspace.events(project=session.project, after=after, limit=limit)
    session.table(
        page,
        "Events",
        ["id", "when", "what", "who"],
        ((e["id"], e["at"], e["what"], e["actor"]) for e in page.items),
    )


def lineage(
    context: typer.Context,
    prediction: Annotated[str, typer.Argument(help="prediction_id of an answer.")],
) -> None:
    """From a prediction back to model, run, version, labels, people and case (--json for all)."""
    session: Session = context.obj
    with session.open() as workspace:
        found = workspace.lineage(prediction)
    rows = list(_walk_back(found))
    session.table(found, f"Where {prediction} comes from", ["what", "which"], rows)


def _walk_back(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The lineage as rows for people, nearest cause first."""
    row, model, run = found["prediction"], found["model"], found["run"]
    sure = max(row["probabilities"])
    yield "answer", f"{found['label']} ({sure:.1%}), by {row['model']} as {row['role']}"
    for task in found["asked"]:
        yield "asked", f"{task['purpose']} of {task['case']}: {task['state']}"
    for truth in found["answered"]:
        yield "truth", f"{truth['label']['label']}, said {truth['author']}"
    yield "model", f"{model['id']}, registered {model['created_at']}"
    for move in found["aliases"]:
        what = move["name"] if move["model"] == model["id"] else f"no {move['name']} any more"
        yield "", f"{what} ({move['actor']}, {move['at']}): {move['reason']}"
    if run is not None:
        yield "run", f"{run['id']}, {run['state']}, seed {run['spec']['seed']}"
    version = found["version"]
    if version is not None:
        yield "version", f"v{version['number']} {version['digest'][:12]}: {version['message']}"
    if found["authors"]:
        people = ", ".join(f"{name} {count}" for name, count in found["authors"].items())
        yield "its labels", f"by {people}"
    case, signal = found["case"], found["signal"]
    if case is not None:
        asked = Counter(label["author"] for label in found["labels"])
        answered = ", ".join(f"{name} {count}" for name, count in asked.items())
        yield "case", f"{case['id']}: {case['trigger']}"
        yield "", f"{case['outcome'] or case['stage']}: {case['reason']}"
        yield "", f"{len(found['labels'])} labels asked for it in this version, by {answered}"
    if signal is not None:
        yield "signal", f"{signal['id']}, {signal['created_at']}"
    for parent in found["parents"]:
        yield "parent", f"{parent['model']} (version {parent['version'][:12]})"


def doctor(context: typer.Context) -> None:
    """Check that the workspace, database, store and servers are well; exit code 5 if not."""
    session: Session = context.obj
    with session.open() as workspace:
        checks = workspace.check()
    session.table(
        [{"check": c.name, "ok": c.passed, "found": c.reason} for c in checks],
        "Doctor",
        ["", "check", "found"],
        (("ok" if c.passed else "BAD", c.name, c.reason) for c in checks),
    )
    bad = [c.name for c in checks if not c.passed]
    if bad:
        raise Unavailable(f"Not well: {', '.join(bad)}.")


def backup(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="New file (default: autofocus-DATE-TIME.tar here).")
    ] = None,
) -> None:
    """Write the whole workspace to one tar file; it may stay in use meanwhile.

    Settings (they may hold secrets) and images kept by reference are not in it.
    """
    from autofocus.types.clock import now

    session: Session = context.obj
    if file is None:
        file = Path(f"autofocus-{now()[:19].replace(':', '')}.tar")
    with session.open() as workspace, session.progress(f"Writing {file}") as advance:
        found = workspace.backup(file, progress=advance)
    session.say(found, f"{_in_words(found)}\nTake it back: autofocus restore {file} FOLDER")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file written by `autofocus backup`.")],
    folder: Annotated[
        Path,
        typer.Argument(
            help="New or empty folder. A settings.yaml in it may name another database or store."
        ),
    ],
) -> None:
    """Make a workspace again from a backup."""
    from autofocus.workspace.workspace import Workspace

    session: Session = context.obj
    with session.progress(f"Restoring {file}") as advance:
        found = Workspace.restore(file, folder, progress=advance)
    session.say(found, f"{_in_words(found)}\nNext: autofocus --workspace {folder} up")


def _in_words(found: Backup) -> str:
    text = (
        f"{found.path}: {found.rows:,} rows and {found.objects:,} objects of {found.made_at}, "
        f"{found.bytes / 1e6:,.1f} MB."
    )
    if found.by_reference:
        text += f"\n{found.by_reference:,} images are kept by reference: back up their folders too."
    return text
