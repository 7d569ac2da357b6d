"""Everything that can happen, as typed events with fixed names.

Rooms record events in the transaction of the effect itself (the outbox); ``key`` is made of the
effect's inputs, so an effect executed twice is one event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from autofocus.errors import InvalidInput

EventKind = Literal[
    "project.created",
    "policy.changed",
    "data.imported",
    "data.committed",
    "data.deleted",
    "labels.requested",
    "labels.answered",
    "labels.suggested",
    "assistant.trained",
    "run.started",
    "run.finished",
    "run.failed",
    "model.registered",
    "model.tested",
    "alias.moved",
    "deployment.changed",
    "monitor.reference_taken",
    "monitor.signal",
    "case.opened",
    "case.stage",
    "case.waiting",
    "case.decided",
    "case.closed",
    "loop.paused",
    "loop.resumed",
    "loop.frozen",
    "approval.given",
    "approval.refused",
]
KINDS: frozenset[str] = frozenset(get_args(EventKind))


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: ``what`` in one plain sentence, ``body`` for machines.

    ``subject`` is the id of the thing (model, case, version), ``cause`` the id of what led to it,
    ``actor`` a person, or ``loop``, ``monitor``, ``cli``. ``id`` and ``at`` are set when stored.
    """

    kind: EventKind
    project: str
    key: str
    what: str
    subject: str = ""
    cause: str = ""
    actor: str = "system"
    body: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    at: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInput(f"Unknown event kind {self.kind!r}.", hint=f"Known: {sorted(KINDS)}")
        if not self.key:
            raise InvalidInput(f"Event {self.kind} needs a key that names its inputs.")
