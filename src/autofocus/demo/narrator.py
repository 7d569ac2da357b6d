"""Tells the story while it happens: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

LINES = 14
PLAIN_STATUS_SECONDS = 10.0
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Scene:
    """What can be seen at one moment; None: not known yet."""

    answered: int = 0
    failed: int = 0
    per_second: float = 0.0
    champion: str = ""
    challenger: str = ""
    shadow: float = 0.0
    canary: float = 0.0
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    e_value: float | None = None
    threshold: float | None = None
    case: str = ""
    stage: str = ""
    waiting_for: str = ""
    asked: int = 0
    labelled: int = 0
    sheet: str = ""


class Narrator:
    """Speaks to a person; everything it is told it only shows."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self._console = console
        self._live = live and console.is_terminal
        self._display: Live | None = None
        self._progress: Progress | None = None
        self._started = time.monotonic()
        self._chapter = ""
        self._lines: deque[Text] = deque(maxlen=LINES)
        self._scene = Scene()
        self._estimates: deque[float] = deque(maxlen=48)
        self._last_status = 0.0

    def __enter__(self) -> Narrator:
        if self._live:
            self._display = Live(
                self._draw(), console=self._console, refresh_per_second=4, transient=True
            )
            self._display.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None
            # The live display leaves nothing behind; the story's lines stay.
            for line in self._lines:
                self._console.print(line)

    def chapter(self, title: str) -> None:
        """A new part of the story begins."""
        self._chapter = title
        self.say(title, style="bold cyan")

    def say(self, what: str, *, style: str = "") -> None:
        """One thing that happened, in one sentence."""
        line = Text(f"{time.monotonic() - self._started:6.1f}s  ", style="dim")
        line.append(what, style=style)
        if self._display is None:
            self._console.print(line, soft_wrap=True)
        else:
            self._lines.append(line)
            self._refresh()

    def show(self, scene: Scene) -> None:
        """The state of things; on a terminal at once, otherwise a line now and then."""
        self._scene = scene
        if scene.accuracy is not None:
            self._estimates.append(scene.accuracy)
        if self._display is not None:
            self._refresh()
        elif time.monotonic() - self._last_status > PLAIN_STATUS_SECONDS:
            self._last_status = time.monotonic()
            self.say(self._status_line(scene), style="dim")

    @contextmanager
    def progress(self, what: str) -> Iterator[Any]:
        """A progress bar for one long step; yields ``advance(done, total)``."""
        begun = told = time.monotonic()
        if self._display is None:

            def advance(done: int, total: int) -> None:
                nonlocal told
                if time.monotonic() - told > PLAIN_STATUS_SECONDS:
                    told = time.monotonic()
                    self.say(f"{what}: {done} of {total}", style="dim")

            yield advance
        else:
            self._progress = Progress(
                TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
            )
            task = self._progress.add_task(what, total=None)
            bar = self._progress

            def move(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total or None)
                self._refresh()

            try:
                yield move
            finally:
                self._progress = None
        self.say(f"{what}: done in {time.monotonic() - begun:.1f} s", style="dim")

    # ------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if self._display is not None:
            self._display.update(self._draw())

    def _draw(self) -> RenderableType:
        scene = self._scene
        parts: list[RenderableType] = [Text(f" {self._chapter}", style="bold reverse cyan")]
        if scene.answered:
            parts.append(self._panels(scene))
        if self._progress is not None:
            parts.append(self._progress)
        parts.append(Panel(Group(*self._lines), title="What happened", title_align="left"))
        if scene.sheet:
            parts.append(Text(f" Drifted images: {scene.sheet}", style="yellow"))
        return Group(*parts)

    def _panels(self, scene: Scene) -> RenderableType:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_row(
            _panel(
                "Traffic",
                [
                    ("answered", f"{scene.answered}"),
                    ("failed", f"{scene.failed}"),
                    ("now", f"{scene.per_second:.0f} a second"),
                    ("champion", scene.champion),
                    ("challenger", _split(scene)),
                ],
            ),
            _panel(
                "Estimated accuracy",
                [
                    ("now", _percent(scene.accuracy)),
                    ("band", f"{_percent(scene.accuracy_low)} to {_percent(scene.accuracy_high)}"),
                    ("over time", sparkline(list(self._estimates))),
                    ("evidence", _evidence(scene)),
                ],
            ),
            _panel(
                "Case",
                [
                    ("case", scene.case or "none"),
                    ("stage", scene.stage),
                    ("waits for", scene.waiting_for),
                    ("labels asked", str(scene.asked)),
                    ("labels given", str(scene.labelled)),
                ],
            ),
        )
        return grid

    def _status_line(self, scene: Scene) -> str:
        parts = [f"{scene.answered} answered, {scene.failed} failed, {scene.per_second:.0f}/s"]
        if scene.accuracy is not None:
            parts.append(
                f"accuracy est. {_percent(scene.accuracy)} "
                f"[{_percent(scene.accuracy_low)}, {_percent(scene.accuracy_high)}]"
            )
        if scene.e_value is not None:
            parts.append(f"evidence {_evidence(scene)}")
        if scene.case:
            parts.append(f"{scene.case} {scene.stage}, labels {scene.labelled}/{scene.asked}")
        if scene.challenger:
            parts.append(f"challenger {_split(scene)}")
        return "; ".join(parts)


def _panel(title: str, rows: Sequence[tuple[str, str]]) -> Panel:
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    return Panel(table, title=title, title_align="left", height=7)


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.1f} %"


def _split(scene: Scene) -> str:
    if not scene.challenger:
        return "none"
    share = f"canary {scene.canary:.0%}" if scene.canary else f"shadow {scene.shadow:.0%}"
    return f"{scene.challenger} ({share})"


def _evidence(scene: Scene) -> str:
    if scene.e_value is None:
        return "collecting"
    return f"{scene.e_value:.3g} (alarm at {scene.threshold or 0:.3g})"


def sparkline(values: Sequence[float], *, low: float = 0.5, high: float = 1.0) -> str:
    """Values as a row of bars between ``low`` and ``high``."""
    steps = len(_BARS) - 1
    scaled = [round((min(max(v, low), high) - low) / (high - low) * steps) for v in values]
    return "".join(_BARS[i] for i in scaled)
