"""``autofocus demo``: the whole story in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    app.command()(demo)


def demo(
    context: typer.Context,
    task: Annotated[
        str, typer.Option(help="classification, detection or segmentation.")
    ] = "classification",
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Plain lines instead of the live display; opens no page."),
    ] = False,
    no_open: Annotated[
        bool,
        typer.Option(
            "--no-open",
            envvar="AUTOFOCUS_NO_OPEN",
            help="Do not open the web page, only print its address.",
        ),
    ] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures to FILE.")] = None,
    workspace: Annotated[
        Path | None, typer.Option(help="Keep the workspace here; default: a new folder.")
    ] = None,
    label_yourself: Annotated[
        bool,
        typer.Option("--label-yourself", help="You answer the labelling queue, on the page."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of pictures, traffic and training.")] = 0,
    annotator_delay: Annotated[
        float, typer.Option(help="Seconds the simulated annotator takes per label.")
    ] = 0.2,
) -> None:
    """Eyes, open or closed; then glasses arrive. Watch the loop notice, ask, heal and swap.

    With --task detection or segmentation: parts on a conveyor belt, and then comes another finish.
    """
    from autofocus.demo.story import DemoOptions, run

    result = run(
        DemoOptions(
            task=task,
            headless=headless,
            open_page=not no_open,
            json_file=json,
            workspace=workspace,
            label_yourself=label_yourself,
            seed=seed,
            annotator_delay=annotator_delay,
        )
    )
    if not result.healed:
        raise typer.Exit(1)
