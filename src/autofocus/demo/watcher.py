"""Looks at the control plane from outside, as any client could, and tells the narrator."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autofocus.api.client import Client
from autofocus.demo.narrator import Narrator, Scene
from autofocus.demo.scorekeeper import Scorekeeper, unix
from autofocus.errors import NotFound, Unavailable

PATIENCE_SECONDS = 20.0
# Told in the story's own words, or too fine-grained for a screen.
_QUIET = {"labels.answered", "project.created", "data.imported"}


class Watcher:
    """One look at a time: new events, monitor, case, queue; saves contact sheets."""

    def __init__(
        self, client: Client, project: str, keeper: Scorekeeper, narrator: Narrator, folder: Path
    ) -> None:
        self._client, self._project = client, project
        self._keeper, self._narrator, self._folder = keeper, narrator, folder
        self._cursor = 0
        self._silent_since: float | None = None
        self._counted = (time.monotonic(), 0)
        self.scene = Scene()
        self.timeline: list[dict[str, Any]] = []
        self.sheets: list[str] = []
        self._with_sheet: set[str] = set()
        self._all_closed = False

    @property
    def champion(self) -> str:
        """Who serves, as last seen."""
        return self.scene.champion

    @property
    def all_closed(self) -> bool:
        """Whether there was a case and none is open."""
        return self._all_closed

    def look(self) -> Scene:
        """Look once; a control plane that is away for a moment is waited for.

        Raises Unavailable if it stays away.
        """
        try:
            self._tell_events()
            self.scene = self._scene()
            self._silent_since = None
        except Unavailable:
            now = time.monotonic()
            self._silent_since = self._silent_since or now
            if now - self._silent_since > PATIENCE_SECONDS:
                raise
        self._narrator.show(self.scene)
        return self.scene

    def _tell_events(self) -> None:
        for event in self._client.events(self._project, after=self._cursor):
            self._cursor = int(event["id"])
            self.timeline.append(
                {
                    "at": event["at"],
                    "images": self._keeper.images_by(unix(event["at"])),
                    "kind": event["kind"],
                    "subject": event["subject"],
                    "cause": event["cause"],
                    "actor": event["actor"],
                    "what": event["what"],
                }
            )
            if event["kind"] not in _QUIET:
                style = "bold red" if event["kind"] == "monitor.signal" else ""
                self._narrator.say(event["what"], style=style)

    def _scene(self) -> Scene:
        client, project = self._client, self._project
        monitor = client.monitor(project)
        estimate: Mapping[str, Any] = monitor.get("estimate") or {}
        deployment = client.deployment(project) or {}
        cases = client.cases(project)
        case: Mapping[str, Any] = cases[0] if cases else {}
        self._all_closed = bool(cases) and all(c["stage"] == "closed" for c in cases)
        if case:
            self._save_sheet(str(case["id"]))
        return Scene(
            answered=self._keeper.sent - self._keeper.failed,
            failed=self._keeper.failed,
            per_second=self._rate(),
            champion=(deployment.get("champion") or {}).get("model", ""),
            challenger=(deployment.get("challenger") or {}).get("model", ""),
            shadow=deployment.get("shadow", 0.0),
            canary=deployment.get("canary", 0.0),
            accuracy=estimate.get("value"),
            accuracy_low=estimate.get("low"),
            accuracy_high=estimate.get("high"),
            e_value=monitor.get("e_value"),
            threshold=monitor.get("threshold"),
            case=case.get("id", ""),
            stage=case.get("outcome") or case.get("stage", ""),
            waiting_for=case.get("waiting_for", ""),
            **self._labels(bool(case)),
            sheet=self.sheets[-1] if self.sheets else "",
        )

    def _labels(self, asked: bool) -> dict[str, int]:
        if not asked:
            return {"asked": 0, "labelled": 0}
        still_open = len(self._client.queue(self._project, state="open", limit=1000))
        done = len(self._client.queue(self._project, state="done", limit=1000))
        return {"asked": still_open + done, "labelled": done}

    def _rate(self) -> float:
        """Requests a second since the last look but a few."""
        now, sent = time.monotonic(), self._keeper.sent
        then, before = self._counted
        if now - then > 2.0:
            self._counted = (now, sent)
        return (sent - before) / max(now - then, 1e-3)

    def _save_sheet(self, case: str) -> None:
        if case in self._with_sheet:
            return
        try:
            png = self._client.contact_sheet(self._project, case)
        except NotFound:
            return  # not diagnosed yet
        path = self._folder / f"drifted-{case}.png"
        path.write_bytes(png)
        self._with_sheet.add(case)
        self.sheets.append(str(path))
        self._narrator.say(f"The drifted images, as a contact sheet: {path}", style="yellow")
