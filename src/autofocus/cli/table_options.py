"""Options of commands that read a table: which column holds what."""

from __future__ import annotations

from typing import Annotated

import typer

FileColumn = Annotated[str | None, typer.Option(help="Column of a table that holds the paths.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column of a table that holds the classes.")]
