"""``autofocus``: the entry point, global options, and errors in the user's words."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from autofocus.cli import data, demo, labels, loop, models, monitor, serve, system, train
from autofocus.cli.session import Session
from autofocus.errors import AutofocusError

app = typer.Typer(
    name="autofocus",
    help="Vision models that stay sharp in production: notice decay, prove that it does harm, "
    "label what matters, retrain, test and swap.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="--workspace, --project, --json and --quiet may stand anywhere on the line. "
    "Exit codes: 0 ok, 1 a test or gate failed, 2 wrong use, 3 not found, 4 conflict, "
    "5 unavailable.",
)
app.add_typer(data.app, name="data")
app.add_typer(labels.app, name="labels")
app.add_typer(models.app, name="models")
app.add_typer(monitor.app, name="monitor")
app.add_typer(loop.app, name="loop")
for module in (demo, serve, system, train):
    module.register(app)

_WITH_VALUE = ("--workspace", "--project")
_FLAGS = ("--json", "--quiet")
_OWN_OPTIONS = ("demo",)  # commands that give these names a meaning of their own


def _version(value: bool) -> None:
    if value:
        from autofocus import __version__

        typer.echo(f"autofocus {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    workspace: Annotated[
        str,
        typer.Option(envvar="AUTOFOCUS_WORKSPACE", help="Folder of the workspace."),
    ] = ".autofocus",
    project: Annotated[
        str | None,
        typer.Option(envvar="AUTOFOCUS_PROJECT", help="Project; not needed if there is one."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Machine-readable output, messages on stderr.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Vision models that stay sharp in production."""
    context.obj = Session(workspace=workspace, project=project, json=json, quiet=quiet)


def hoist(arguments: list[str]) -> list[str]:
    """Move global options to the front, so that they may stand anywhere on the line."""
    command = _command(arguments)
    if "--" in arguments:
        return arguments
    if command in _OWN_OPTIONS:
        place = arguments.index(command)
        if arguments[0] == "--workspace" and place == 2:  # its own --workspace, said earlier
            return [command, *arguments[:2], *arguments[3:]]
        return arguments
    front: list[str] = []
    rest: list[str] = []
    i = 0
    while i < len(arguments):
        argument = arguments[i]
        if argument in _FLAGS or argument.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            front.append(argument)
        elif argument in _WITH_VALUE and i + 1 < len(arguments):
            front += arguments[i : i + 2]
            i += 1
        else:
            rest.append(argument)
        i += 1
    return front + rest


def _command(arguments: list[str]) -> str:
    """The first word that is neither an option nor the value of one; empty if there is none."""
    before = ""
    for argument in arguments:
        if not argument.startswith("-") and before not in _WITH_VALUE:
            return argument
        before = argument
    return ""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line; errors raised on purpose become one readable message."""
    arguments = hoist(list(sys.argv[1:] if arguments is None else arguments))
    try:
        app(args=arguments, prog_name="autofocus")
    except AutofocusError as error:
        if "--json" in arguments:
            import json

            sys.stdout.write(json.dumps(error.as_json(), indent=2, default=str) + "\n")
        sys.stderr.write(f"Error: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"{error.hint}\n")
        sys.exit(error.code.exit_code)
    except BrokenPipeError:
        # The reader of our output left (`autofocus data list | head`): nothing went wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    run()
