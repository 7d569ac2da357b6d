"""``autofocus loop``: cases, decisions, pause and resume."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from autofocus.cli.session import Session, default_author

app = typer.Typer(help="Cases and decisions.", no_args_is_help=True, rich_markup_mode=None)
CaseId = Annotated[str, typer.Argument(help="Case id, e.g. eyes-case-1.")]
Why = Annotated[str, typer.Option(help="Reason, kept on record.")]
Who = Annotated[str | None, typer.Option(help="Who decides; default: you.")]


@app.command()
def status(context: typer.Context) -> None:
    """Where the loop stands and who must act."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.loop.status()
    session.table(
        found, f"Loop of {project.name}", ["what", "value"], ((k, v) for k, v in found.items())
    )


@app.command()
def cases(context: typer.Context) -> None:
    """All cases, newest first."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.loop.cases()
    session.table(
        found,
        "Cases",
        ["case", "stage", "verdict", "outcome", "waiting for", "opened", "reason"],
        (
            (c.id, c.stage, c.verdict, c.outcome, c.waiting_for, c.opened_at, c.reason)
            for c in found
        ),
        empty="No case so far. A signal of the monitor opens one.",
    )


@app.command()
def show(context: typer.Context, case: CaseId) -> None:
    """One case with all its evidence."""
    from autofocus.types.codec import encode

    session: Session = context.obj
    with session.open_project() as project:
        found = project.loop.case(case)
    session.say(found, json.dumps(encode(found), indent=2, default=str))


@app.command()
def run(
    context: typer.Context,
    why: Why = "started by hand",
    who: Who = None,
    retrain: Annotated[
        bool,
        typer.Option("--retrain", help="Do not look for a change: train on all labels so far."),
    ] = False,
) -> None:
    """Open a case by hand on the latest predictions; `autofocus up` then works on it."""
    session: Session = context.obj
    with session.open_project() as project:
        case = project.loop.open_by_hand(who=who or default_author(), why=why, retrain=retrain)
    session.say(case, f"{case.id} is open; follow it with: autofocus loop show {case.id}")


@app.command()
def approve(context: typer.Context, case: CaseId, why: Why = "", who: Who = None) -> None:
    """Say yes to the step the case waits for."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.loop.approve(case, who=who or default_author(), why=why)
    session.say(found, f"{case}: approved")


@app.command()
def reject(context: typer.Context, case: CaseId, why: Why, who: Who = None) -> None:
    """Say no to the step the case waits for; the case ends."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.loop.reject(case, who=who or default_author(), why=why)
    session.say(found, f"{case}: rejected")


@app.command()
def cancel(context: typer.Context, case: CaseId, why: Why, who: Who = None) -> None:
    """End a case where it stands; the champion goes on serving."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.loop.cancel(case, who=who or default_author(), why=why)
    session.say(found, f"{case}: cancelled")


@app.command()
def pause(context: typer.Context, why: Why = "", who: Who = None) -> None:
    """Let the loop act no more until it is resumed; serving and monitoring go on."""
    session: Session = context.obj
    with session.open_project() as project:
        project.loop.pause(who=who or default_author(), why=why)
    session.say({"paused": True}, "The loop is paused. Go on with: autofocus loop resume")


@app.command()
def resume(context: typer.Context, why: Why = "", who: Who = None) -> None:
    """Let the loop act again; also lifts a freeze."""
    session: Session = context.obj
    with session.open_project() as project:
        project.loop.resume(who=who or default_author(), why=why)
    session.say({"paused": False}, "The loop acts again.")
