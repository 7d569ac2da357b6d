"""``autofocus monitor``: is the world still the one the model knows?"""

from __future__ import annotations

from typing import Annotated

import typer

from autofocus.cli.session import Session

app = typer.Typer(
    help="Evidence of change, and signals.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def status(context: typer.Context) -> None:
    """Evidence of change against the alarm line, estimated accuracy, traffic."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.monitor.status()
    session.table(
        found,
        f"Monitor of {project.name}",
        ["what", "value"],
        ((key, value) for key, value in found.items()),
        empty="Nothing is monitored yet. Promote a model: autofocus models promote MODEL",
    )


@app.command()
def signals(context: typer.Context) -> None:
    """Alarms so far, newest first."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.monitor.signals()
    session.table(
        found,
        "Signals",
        ["signal", "evidence", "line", "at image", "change began", "leading score"],
        (
            (s.id, f"{s.e_value:.3g}", f"{s.threshold:.3g}", s.at, s.change_at, s.leading_score)
            for s in found
        ),
        empty="No signal: nothing has changed so far, as far as the evidence goes.",
    )


@app.command()
def metrics(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Points.")] = 20,
) -> None:
    """The recent history: evidence, estimated accuracy and traffic, one row per batch."""
    session: Session = context.obj
    with session.open_project() as project:
        points = project.monitor.history(limit=limit)
    columns = list(points[-1]) if points else []
    session.table(
        points,
        "History",
        columns,
        ([p.get(c) for c in columns] for p in points),
        empty="No history yet: predictions appear here within a second of being served.",
    )
