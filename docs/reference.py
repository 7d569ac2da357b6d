"""Write the reference pages from the code: ``python docs/reference.py`` (``--check`` compares).

``cli.md`` from the commands themselves, ``formats.md`` from the table of formats, ``policy.md`` and
``settings.md`` from the dataclasses and their docstrings, so that none of them can fall behind.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from pathlib import Path

import click
import typer

from autofocus.cli.main import app
from autofocus.config import words
from autofocus.config.policy import Policy, dump_policy
from autofocus.config.settings import PREFIX, Settings
from autofocus.data.formats import carried
from autofocus.data.formats.catalogue import FORMATS

HERE = Path(__file__).parent


def cli() -> str:
    root = typer.main.get_command(app)
    context = click.Context(root, info_name="autofocus")  # type: ignore[arg-type]
    lines = [
        "# The command line",
        "",
        "`--workspace`, `--project`, `--json` and `--quiet` may stand anywhere on the line "
        "(`autofocus demo` gives `--json` and `--workspace` a meaning of its own). Exit codes: "
        "0 ok, 1 a test or gate failed, 2 wrong use, 3 not found, 4 conflict, 5 unavailable.",
        "",
    ]

    def describe(command: object, path: str) -> None:
        subcommands = getattr(command, "commands", None)
        if subcommands:
            for name in subcommands:
                describe(subcommands[name], f"{path} {name}")
            return
        usage = [path]
        rows = []
        for parameter in command.params:  # type: ignore[attr-defined]
            if parameter.name == "help":
                continue
            text = getattr(parameter, "help", None) or ""
            if parameter.param_type_name == "argument":
                name = parameter.name.rstrip("_").upper() + ("..." if parameter.nargs == -1 else "")
                usage.append(name if parameter.required else f"[{name}]")
                rows.append(f"- `{name}`: {text}")
            else:
                rows.append(f"- `{', '.join(parameter.opts)}`: {text}")
        help_text = inspect.cleandoc(command.help or "")  # type: ignore[attr-defined]
        lines.extend([f"## `{' '.join(usage)}`", "", help_text, "", *rows, *([""] if rows else [])])

    describe(root, context.info_name or "autofocus")
    return "\n".join(lines).rstrip() + "\n"


def policy() -> str:
    lines = ["# The policy", "", "One YAML file a project; the defaults need no editing.", ""]
    for field in dataclasses.fields(Policy):
        part = field.default_factory  # type: ignore[misc]
        doc = inspect.cleandoc(part.__doc__ or "").replace("``", "`")  # type: ignore[union-attr]
        lines += [f"## `{field.name}`", "", doc, "", "| field | default | means |", "|---|---|---|"]
        for inner in dataclasses.fields(part):  # type: ignore[arg-type]
            value = inner.default
            if value is dataclasses.MISSING:
                value = inner.default_factory()  # type: ignore[misc]
            means = words.POLICY[f"{field.name}.{inner.name}"]
            lines.append(f"| `{inner.name}` | `{value!r}` | {means} |")
        lines.append("")
    lines += ["## All defaults as YAML", "", "```yaml"]
    lines += [dump_policy(Policy(), defaults=True).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def settings() -> str:
    lines = [
        "# Settings",
        "",
        "In `settings.yaml` in the workspace's folder, or in the environment as "
        f"`{PREFIX}<FIELD>`, which wins.",
        "",
        inspect.cleandoc(Settings.__doc__ or "").replace("``", "`"),
        "",
        "| field | default | environment | means |",
        "|---|---|---|---|",
    ]
    for field in dataclasses.fields(Settings):
        lines.append(
            f"| `{field.name}` | `{field.default!r}` | `{PREFIX}{field.name.upper()}` | "
            f"{words.SETTINGS[field.name]} |"
        )
    return "\n".join(lines) + "\n"


def formats() -> str:
    lines = [
        "# Formats",
        "",
        "`autofocus data import PATH` finds the format by content; `--format` names it. "
        "`autofocus data export FOLDER --format F` writes a version, and `--dry-run` says "
        "beforehand what the format cannot carry of it. Plug-ins add formats through the hooks "
        "`import_formats` and `export_formats`.",
        "",
        *FORMAT_RULES,
        "## What is read and written",
        "",
        "| format | name | read | written |",
        "|---|---|---|---|",
    ]
    for format in FORMATS:
        reads = format.reads if format.read else "no"
        lines.append(
            f"| {format.title} | `{format.name}` | {reads} | {'yes' if format.write else 'no'} |"
        )
    written = [format for format in FORMATS if format.write]
    lines += [
        "",
        "## What an export carries",
        "",
        "✓ comes back as it was when the export is imported again; – is left out; a number is a "
        "note below. Label history and authors are in no format: `autofocus labels export`.",
        "",
        f"| | {' | '.join(f'`{format.name}`' for format in written)} |",
        f"|---|{'---|' * len(written)}",
    ]
    notes: dict[str, int] = {}
    for what, called in carried.WORDS.items():
        row = []
        for format in written:
            how = getattr(format.carries, what)
            if isinstance(how, str):
                row.append(str(notes.setdefault(how, len(notes) + 1)))
            else:
                row.append("✓" if how else "–")
        lines.append(f"| {called} | {' | '.join(row)} |")
    lines += ["", *(f"{number}. {text}" for text, number in notes.items())]
    return "\n".join(lines) + "\n"


# What holds for all formats, of which the code says nothing in one place.
FORMAT_RULES = [
    "- **Coordinates** are continuous pixels of the upright image: 0 at its left and top edge, its "
    "width and height at the other ones, so that the box of the first pixel is 0, 0, 1, 1. Formats "
    "that count otherwise are converted.",
    "- **Labels match by relative path**: the path that a file names, then the folder of images "
    "beside its own, then the only image whose path ends so; never by position. What matches "
    "nothing is in the report.",
    "- **EXIF**: images are turned upright. Labels that declare the size of the picture before it "
    "was turned are turned with it, and the report says so. Where the size does not tell (half "
    "turns, YOLO), they are taken as drawn on the upright picture; `--drawn-on stored` takes them "
    "otherwise.",
    "- **Bad records cost themselves**: a shape without an area, of a class that is not declared, "
    "or outside of its image is left out with a line in the report; one that reaches over the edge "
    "is cut there. An image of which nothing is left has no label.",
    "- **Empty is not unlabelled**: an empty text file of YOLO, an XML file without objects or an "
    "image that a document lists without annotations was looked at; `--empty unlabelled` takes the "
    "last of these without a label.",
    "- **Task**: a project for detection or segmentation takes shapes, one for classification the "
    "class of an image, or the one class of its shapes.",
    "- **Safety**: names never lead out of the folder, XML declares no entities, archives and "
    "documents are bounded in size.",
    "",
]

PAGES = {"cli.md": cli, "formats.md": formats, "policy.md": policy, "settings.md": settings}


def main() -> int:
    """Write the pages, or with ``--check`` say which are stale (exit code 1)."""
    stale = []
    for name, make in PAGES.items():
        path, text = HERE / name, make()
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.write_text(text)
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run python docs/reference.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
