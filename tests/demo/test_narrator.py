"""The narrator's lines where there is no terminal, and its display where there is one."""

from __future__ import annotations

import io

from rich.console import Console

from autofocus.demo.narrator import Narrator, Scene, sparkline

SCENE = Scene(
    answered=812,
    per_second=49.6,
    champion="eyes-1",
    challenger="eyes-2",
    canary=0.1,
    accuracy=0.91,
    accuracy_low=0.86,
    accuracy_high=0.95,
    e_value=12.5,
    threshold=100.0,
    case="eyes-case-1",
    stage="canary",
    asked=24,
    labelled=16,
)


def test_plain_lines_without_a_terminal() -> None:
    out = io.StringIO()
    with Narrator(Console(file=out, width=200), live=True) as narrator:
        narrator.chapter("It serves")
        with narrator.progress("Training") as advance:
            advance(1, 2)
        narrator.show(SCENE)
        narrator.show(SCENE)  # too soon for another status line
    lines = out.getvalue().splitlines()
    assert [line.split("s  ", 1)[1] for line in lines[:1]] == ["It serves"]
    assert "Training: done in" in lines[1]
    assert "812 answered, 0 failed, 50/s" in lines[2]
    assert "91.0 % [86.0 %, 95.0 %]" in lines[2]
    assert "eyes-2 (canary 10%)" in lines[2]
    assert len(lines) == 3


def test_live_display_on_a_terminal() -> None:
    out = io.StringIO()
    console = Console(file=out, width=140, height=40, force_terminal=True)
    with Narrator(console, live=True) as narrator:
        narrator.chapter("It serves")
        narrator.show(SCENE)
        with narrator.progress("Training") as advance:
            advance(1, 2)
    text = out.getvalue()
    for expected in ("Traffic", "Estimated accuracy", "eyes-case-1", "What happened", "It serves"):
        assert expected in text


def test_sparkline_keeps_to_its_range() -> None:
    assert sparkline([0.0, 0.5, 0.75, 1.0, 2.0]) == "▁▁▅██"
