"""The end of the story: figures against what we build for, and what to try next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from autofocus.demo.figures import DemoOptions, Result
    from autofocus.demo.plays import Play


def targets(play: Play, result: Result) -> list[tuple[str, str, str, bool | None]]:
    """Rows of (what, figure, target, met); met is None where nothing was measured."""
    wanted, name = play.targets, play.measure_name
    accuracy, until = result.accuracy, result.images_until_alarm
    clean_drop = (
        None
        if accuracy.clean_before is None or accuracy.clean_after is None
        else accuracy.clean_before - accuracy.clean_after
    )
    ratio = result.reference_ratio
    return [
        (
            "time of the story",
            f"{result.story_seconds:.0f} s",
            f"{wanted.seconds:.0f} s",
            result.story_seconds <= wanted.seconds,
        ),
        (
            "false alarms before the shift",
            str(result.false_alarms_before_shift),
            "0",
            result.false_alarms_before_shift == 0,
        ),
        (
            "shifted images until the alarm",
            "no alarm" if until is None else str(until),
            f"at most {wanted.images_until_alarm}",
            until is not None and until <= wanted.images_until_alarm,
        ),
        (
            "labels used",
            str(result.labels_used),
            f"at most {wanted.labels}",
            result.labels_used <= wanted.labels,
        ),
        (
            f"{name} on shifted images, before",
            _percent(accuracy.shifted_before),
            "",
            None,
        ),
        (
            f"{name} on shifted images, after",
            _percent(accuracy.shifted_after),
            f"{wanted.ratio:.0%} of {_percent(accuracy.shifted_reference)}",
            None if ratio is None else ratio >= wanted.ratio,
        ),
        (
            f"{name} on clean images, after",
            _percent(accuracy.clean_after),
            f"at most 1 point below {_percent(accuracy.clean_before)}",
            None if clean_drop is None else clean_drop <= 0.01,
        ),
        (
            "requests failed, of all sent",
            f"{result.requests_failed} of {result.requests}",
            "0",
            result.requests_failed == 0,
        ),
        (
            "requests failed around the swaps",
            f"{result.swap['failed']} of {result.swap['failed'] + result.swap['served']}",
            "0",
            result.swap["failed"] == 0,
        ),
        (
            "champion reproduced bit by bit",
            {True: "yes", False: "no", None: "not tried"}[result.reproduced],
            "yes",
            result.reproduced,
        ),
    ]


def show(console: Console, result: Result, options: DemoOptions) -> None:
    """Print the table and the next commands."""
    title = (
        f"{result.first_model} decayed and {result.champion} healed it"
        if result.healed
        else f"Not healed: {result.champion} still serves"
    )
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in ("what", "here", "we build for", ""):
        table.add_column(column)
    for what, figure, target, met in targets(options.play, result):
        mark = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[met]
        table.add_row(what, figure, target, mark)
    console.print()
    console.print(table)
    for case in result.cases:
        console.print(
            f"{case['id']}: {case['verdict'] or 'no verdict'}, {case['outcome'] or case['stage']}. "
            f"{case['reason']}",
            highlight=False,
        )
    for sheet in result.contact_sheets:
        console.print(f"Drifted images: {sheet}", highlight=False, soft_wrap=True)
    if options.json_file is not None:
        console.print(f"All figures: {options.json_file}", highlight=False, soft_wrap=True)
    console.print("\nGo on from here:")
    for line in _next_commands(result):
        console.print(f"  {line}", highlight=False, soft_wrap=True)


def how_to_label(play: Play, workspace: Path, url: str) -> str:
    """Where and how a person answers the queue."""
    command = f"autofocus --workspace {workspace}"
    page = f"Your turn: label the images on {url}/p/{play.project}/label."
    if play.task != "classification":
        return page
    return (
        f"{page} Or in another terminal: "
        f"`{command} labels queue`, `{command} labels image TASK eye.jpg` and "
        f"`{command} labels answer TASK open` (or closed)."
    )


def _next_commands(result: Result) -> list[str]:
    command = f"autofocus --workspace {result.workspace}"
    lines = [
        f"{command} models list",
        f"{command} models show champion",
        f"{command} data log",
        f"{command} events",
        f"{command} up",
    ]
    if result.cases:
        lines.insert(0, f"{command} loop show {result.cases[-1]['id']}")
    return lines


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.1f} %"
