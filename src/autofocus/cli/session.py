"""What every command shares: which workspace and project, and how to speak."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autofocus.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from autofocus.workspace.workspace import Project, Workspace


@dataclass(frozen=True, slots=True)
class Session:
    """The global options of one call."""

    workspace: str
    project: str | None
    json: bool
    quiet: bool

    @property
    def console(self) -> Console:
        """Where people read; with ``--json`` standard output belongs to the machine."""
        from rich.console import Console

        return Console(stderr=self.json, quiet=self.quiet)

    @contextmanager
    def open(self, *, create: bool = False) -> Iterator[Workspace]:
        """The workspace of this call; created only by the commands that begin a story."""
        from autofocus.workspace.workspace import Workspace

        with Workspace.open(self.workspace, create=create) as workspace:
            yield workspace

    @contextmanager
    def open_project(self) -> Iterator[Project]:
        """The project named by ``--project``, or the only one there is."""
        with self.open() as workspace:
            yield self.pick(workspace)

    def pick(self, workspace: Workspace) -> Project:
        """The project named by ``--project``, or the only one there is."""
        if self.project is not None:
            return workspace.project(self.project)
        names = [row.name for row in workspace.projects()]
        if len(names) == 1:
            return workspace.project(names[0])
        if not names:
            raise NotFound(
                f"Workspace {workspace.root} has no project yet.",
                hint="Make one: autofocus init NAME --task classification --classes a,b",
            )
        raise InvalidInput(
            f"Workspace {workspace.root} has {len(names)} projects: {', '.join(names)}.",
            hint="Say which one: --project NAME",
        )

    def emit(self, value: Any, show: Callable[[Console], None]) -> None:
        """Give ``value`` as JSON to a machine, or let ``show`` draw it for a person."""
        if self.json:
            import json

            from autofocus.types.codec import encode

            sys.stdout.write(json.dumps(encode(value), indent=2, default=str) + "\n")
        elif not self.quiet:
            show(self.console)

    def table(
        self,
        value: Any,
        title: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        empty: str = "Nothing here yet.",
    ) -> None:
        """Give ``value`` as JSON, or a table with ``columns``; ``empty`` says what to do next."""
        rows = [tuple(r) for r in rows]

        def show(console: Console) -> None:
            from rich.table import Table

            if not rows:
                console.print(empty)
                return
            table = Table(title=title, title_justify="left", header_style="bold")
            for name in columns:
                table.add_column(name)
            for row in rows:
                table.add_row(*("" if cell is None else str(cell) for cell in row))
            console.print(table)

        self.emit(value, show)

    def say(self, value: Any, text: str) -> None:
        """Give ``value`` as JSON, or print ``text``."""
        self.emit(value, lambda console: console.print(text, highlight=False))

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar on standard error; yields ``advance(done, total)``."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True, quiet=self.quiet)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total or None)


def read_json(file: Path) -> Any:
    """The JSON values of a file, ``-`` for standard input; raises NotFound, InvalidInput."""
    import json

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as exc:
        raise NotFound(f"{file} cannot be read: {exc.strerror}.") from exc
    except ValueError as exc:
        raise InvalidInput(f"{file} is not JSON: {exc}.", path=str(file)) from exc


def default_author() -> str:
    """Who signs what is done from this shell."""
    import getpass
    import os

    if name := os.environ.get("AUTOFOCUS_AUTHOR"):
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # No entry in the password database (bare containers).
        return "cli"
