"""``autofocus train``, ``reproduce`` and ``runs``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from autofocus.cli.session import Session
from autofocus.errors import GateFailed, InvalidInput


def register(app: typer.Typer) -> None:
    """Add the training commands to the top level."""
    app.command()(train)
    app.command()(reproduce)
    app.command()(runs)


def parse_parameters(pairs: list[str]) -> dict[str, Any]:
    """``key=value`` pairs as a mapping; values are read as YAML scalars."""
    import yaml

    parameters: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise InvalidInput(
                f"--set takes key=value, got {pair!r}.", hint="For example: --set steps=400"
            )
        parameters[key] = yaml.safe_load(value)
    return parameters


def train(
    context: typer.Context,
    version: Annotated[str, typer.Option(help="Version: v1, a digest, or latest.")] = "latest",
    architecture: Annotated[
        str, typer.Option(help="compact, hf:REPOSITORY_OR_FOLDER, or module:function.")
    ] = "compact",
    set: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, any number of times.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    from_model: Annotated[
        str | None, typer.Option("--from", help="Fine-tune from this model or alias.")
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make it champion if its tests pass.")
    ] = False,
) -> None:
    """Train a model on a version, register it and test it."""
    session: Session = context.obj
    with session.open_project() as project:
        initial = project.models.model(from_model).bundle if from_model else None
        spec = project.training.spec(
            project.data.version(version).digest,
            architecture=architecture,
            parameters=parse_parameters(set or []),
            seed=seed,
            initial_bundle=initial,
        )
        with session.progress("Training") as advance:
            run = project.training.start(spec)
            run = project.training.wait(run.id, progress=advance)
        model, report = project.finish_training(run.id)
        promoted = promote and report.passed
        if promoted:
            project.promote(
                model.id, who=project.workspace.author, why="trained and tested by hand"
            )
    session.table(
        {"run": run, "model": model, "report": report, "promoted": promoted},
        f"{model.id} from {run.id}, weights {model.weights_digest[:12]}",
        ["metric", "value", "interval"],
        (
            (m.name, f"{m.value:.4f}", f"{m.low:.4f} to {m.high:.4f}" if m.low is not None else "")
            for m in report.metrics
            if not m.slice
        ),
    )
    if not report.passed:
        raise GateFailed(
            "; ".join(g.reason for g in report.gates if not g.passed),
            hint=f"The whole report: autofocus models test {model.id}",
        )
    if not session.json:
        session.console.print(
            f"Promoted to champion: {model.id}"
            if promoted
            else f"Next: autofocus models promote {model.id}",
            highlight=False,
        )


def reproduce(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Model id or alias.")],
) -> None:
    """Train again from the record and compare the weights bit by bit; exit code 1 if not equal."""
    session: Session = context.obj
    with session.open_project() as project, session.progress("Reproducing") as advance:
        found = project.models.model(model)
        if found.run is None:
            raise InvalidInput(f"{found.id} has no run on record, it was brought in from outside.")
        result = project.training.reproduce(found.run, progress=advance)
    session.say(
        result,
        f"recorded   {result['expected']}\nreproduced {result['got']}\n"
        + ("identical, bit by bit" if result["identical"] else "NOT identical"),
    )
    if not result["identical"]:
        raise GateFailed(
            f"{found.id} did not reproduce.",
            hint="Same package versions, machine and thread count are needed; "
            "`autofocus runs --json` has the recorded environment.",
        )


def runs(context: typer.Context) -> None:
    """List the training runs, newest first."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.training.runs()
    session.table(
        found,
        "Runs",
        ["run", "state", "version", "architecture", "seed", "started", "case"],
        (
            (
                r.id,
                r.state,
                r.spec.version[:12],
                r.spec.architecture,
                r.spec.seed,
                r.created_at,
                r.case,
            )
            for r in found
        ),
        empty="No run yet. Start one: autofocus train",
    )
