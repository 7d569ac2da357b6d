"""``autofocus up``, ``serve`` and ``predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autofocus.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    app.command()(up)
    app.command()(serve)
    app.command()(predict)


def up(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="Address to bind; loopback only for now.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the API and page; default 8700.")
    ] = None,
    inference_port: Annotated[
        int | None, typer.Option(help="Port of the inference server; default 8701.")
    ] = None,
) -> None:
    """Start everything: API, web page, loop, monitor and the inference server."""
    from autofocus.api.control_plane import run

    session: Session = context.obj
    run(
        session.workspace,
        host=host,
        port=port,
        inference_port=inference_port,
        console=session.console,
    )


def serve(
    context: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(help="URL or folder of the object store; default: the workspace's."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8701,
) -> None:
    """Run the inference server alone: it needs nothing but the object store."""
    from autofocus.serving.server import main

    session: Session = context.obj
    location = store
    if location is None:
        with session.open() as workspace:
            location = workspace.objects.url
    raise typer.Exit(main(["--store", location, "--host", host, "--port", str(port)]))


def predict(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    model: Annotated[str, typer.Option(help="Model id or alias.")] = "champion",
) -> None:
    """Classify image files with a model, in this process, without a server or a log."""
    from autofocus.errors import NotFound

    session: Session = context.obj
    missing = [str(path) for path in images if not path.is_file()]
    if missing:
        raise NotFound(f"No such file: {', '.join(missing)}.")
    with session.open_project() as project:
        predictor = project.predictor(model)
        answers = []
        for path in images:
            batch = predictor.predict([path.read_bytes()])
            best = int(batch.probabilities[0].argmax())
            answers.append(
                {
                    "image": str(path),
                    "label": predictor.classes[best],
                    "confidence": round(float(batch.probabilities[0, best]), 6),
                    "model": predictor.name,
                }
            )
    session.table(
        answers,
        f"Answers of {predictor.name}",
        ["image", "label", "confidence"],
        ((a["image"], a["label"], f"{a['confidence']:.3f}") for a in answers),
    )
