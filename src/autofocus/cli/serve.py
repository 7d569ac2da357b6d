"""``autofocus up``, ``serve`` and ``predict``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autofocus.cli.session import Session

if TYPE_CHECKING:
    from autofocus.types.models import PredictionBatch, Predictor


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
    overlay: Annotated[
        Path | None,
        typer.Option(help="Folder for pictures with what was seen drawn over them."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Score from which a detection counts; default: the model's."
        ),
    ] = None,
) -> None:
    """Answer image files with a model, in this process, without a server or a log."""
    from autofocus.errors import InvalidInput, NotFound
    from autofocus.types.predictors import threshold_of

    session: Session = context.obj
    missing = [str(path) for path in images if not path.is_file()]
    if missing:
        raise NotFound(f"No such file: {', '.join(missing)}.")
    with session.open_project() as project:
        if project.task == "classification" and (overlay is not None or threshold is not None):
            raise InvalidInput(
                f"Project {project.name} is for classification: --overlay and --threshold are for "
                "boxes and masks."
            )
        predictor = project.predictor(model)
        batches = (predictor.predict([path.read_bytes()]) for path in images)
        if project.task == "classification":
            _tell_classes(session, predictor, images, batches)
            return
        sure = threshold_of(predictor) if threshold is None else threshold
        _tell_shapes(session, predictor, images, batches, sure, overlay)


def _tell_classes(
    session: Session,
    predictor: Predictor,
    images: Sequence[Path],
    batches: Iterable[PredictionBatch],
) -> None:
    answers = []
    for path, batch in zip(images, batches, strict=True):
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


def _tell_shapes(
    session: Session,
    predictor: Predictor,
    images: Sequence[Path],
    batches: Iterable[PredictionBatch],
    threshold: float,
    folder: Path | None,
) -> None:
    from collections import Counter

    from autofocus.imaging.overlay import overlay
    from autofocus.types.codec import encode

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    answers, rows = [], []
    for number, (path, batch) in enumerate(zip(images, batches, strict=True), 1):
        seen = [d for d in batch.detections[0] if d.score >= threshold]
        answer = {
            "image": str(path),
            "detections": encode(seen),
            "threshold": threshold,
            "model": predictor.name,
        }
        if folder is not None:
            # Numbered: images of several folders may have one name.
            picture = folder / f"{number:03d}-{path.stem}.jpg"
            picture.write_bytes(overlay(path.read_bytes(), seen, predictor.classes))
            answer["overlay"] = str(picture)
        counts = Counter(d.label for d in seen)
        words = ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "nothing"
        best = f"{seen[0].score:.3f}" if seen else ""
        rows.append((str(path), words, best, answer.get("overlay", "")))
        answers.append(answer)
    session.table(
        answers,
        f"Answers of {predictor.name}, scores from {threshold:g}",
        ["image", "seen", "surest", "picture"],
        rows,
    )
