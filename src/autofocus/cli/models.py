"""``autofocus models``: what was trained, how good it is, who serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autofocus.cli.data import TestOutput, _show_report
from autofocus.cli.session import Session, default_author
from autofocus.errors import GateFailed

if TYPE_CHECKING:
    from autofocus.types.models import Report
    from autofocus.workspace.workspace import Project

app = typer.Typer(help="Model versions.", no_args_is_help=True, rich_markup_mode=None)
Model = Annotated[str, typer.Argument(help="Model id or alias (champion, challenger, previous).")]


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the models, newest first."""
    session: Session = context.obj
    with session.open_project() as project:
        models = project.models.list()
    session.table(
        models,
        "Models",
        ["model", "alias", "measured", "version", "case", "when"],
        (
            (
                m.id,
                ", ".join(m.aliases),
                _headline(m.metrics),
                m.version[:12],
                m.case,
                m.created_at,
            )
            for m in models
        ),
        empty="No model yet. Train one: autofocus train",
    )


@app.command()
def show(context: typer.Context, model: Model) -> None:
    """Show one model: where it comes from, its reports and its aliases over time."""
    import json

    from autofocus.types.codec import encode

    session: Session = context.obj
    with session.open_project() as project:
        lineage = project.models.lineage_of_model(project.models.model(model).id)
    session.say(lineage, json.dumps(encode(lineage), indent=2, default=str))


@app.command()
def test(
    context: typer.Context,
    model: Model,
    output: Annotated[
        TestOutput, typer.Option("--output", help="table, markdown, junit or json.")
    ] = TestOutput.table,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Write the worst images of boxes or masks here: there beside seen."),
    ] = None,
) -> None:
    """Run the model tests; exit code 1 if a gate of the policy fails."""
    session: Session = context.obj
    with session.open_project() as project:
        report = project.test_model(project.models.model(model).id)
        if pictures is not None:
            _write_pictures(project, report, pictures)
    _show_report(session, report, output)
    if not report.passed:
        raise GateFailed("; ".join(g.reason for g in report.gates if not g.passed))


def _headline(metrics: Mapping[str, float]) -> str:
    """The one number by which a model is known, with its name where it is no accuracy."""
    for name in ("accuracy", "map50", "miou"):
        if name in metrics:
            return f"{'' if name == 'accuracy' else f'{name} '}{metrics[name]:.4f}"
    return ""


def _write_pictures(project: Project, report: Report, folder: Path) -> None:
    """The failures of a report as ``01-<key>.jpg`` ..., the worst first."""
    from autofocus.evaluation.pictures import failure_picture

    folder.mkdir(parents=True, exist_ok=True)
    for place, failure in enumerate((f for f in report.failures if "mistakes" in f), start=1):
        name = f"{place:02}-{Path(failure['key']).stem}.jpg"
        data = project.data.image(failure["sha256"])
        (folder / name).write_bytes(failure_picture(data, failure, report.classes))


@app.command()
def compare(
    context: typer.Context,
    a: Model,
    b: Annotated[str, typer.Argument(help="Model to compare with.")] = "champion",
) -> None:
    """Compare two models, paired on the same test images."""
    session: Session = context.obj
    with session.open_project() as project:
        report = project.test_model(
            project.models.model(a).id, champion=project.models.model(b).id, record=False
        )
    _show_report(session, report, TestOutput.table)


@app.command()
def promote(
    context: typer.Context,
    model: Model,
    why: Annotated[str, typer.Option(help="Reason, kept in the promotion record.")] = "by hand",
    who: Annotated[str | None, typer.Option(help="Who decides; default: you.")] = None,
) -> None:
    """Make a model champion at once; the one before stays ready as `previous`."""
    session: Session = context.obj
    with session.open_project() as project:
        found = project.models.model(model)
        deployment = project.promote(found.id, who=who or default_author(), why=why)
    session.say(deployment, f"{found.id} is champion (deployment {deployment.revision})")


@app.command()
def rollback(
    context: typer.Context,
    why: Annotated[str, typer.Option(help="Reason, kept in the promotion record.")],
    who: Annotated[str | None, typer.Option(help="Who decides; default: you.")] = None,
) -> None:
    """Put the previous champion back."""
    session: Session = context.obj
    with session.open_project() as project:
        deployment = project.rollback(who=who or default_author(), why=why)
    session.say(deployment, f"{deployment.champion.model} is champion again")


@app.command()
def export(
    context: typer.Context,
    model: Model,
    folder: Annotated[Path, typer.Argument(help="New or empty folder.")],
) -> None:
    """Write a model's bundle (ONNX, preprocessing, card, golden samples) into a folder."""
    session: Session = context.obj
    with session.open_project() as project:
        path = project.models.export(project.models.model(model).id, folder)
    session.say({"folder": str(path)}, f"Wrote {path}")
