"""Turns without an alarm: enough new labels, a schedule, or a person who asks for one.

Such a case begins with training, on everything that is labelled by then; its challenger has the
same tests, shadow, proof and canary before it. Nothing is diagnosed, so nothing counts as normal
afterwards that did not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from autofocus.store import tables
from autofocus.types.clock import parse

if TYPE_CHECKING:
    from autofocus.loop.cases import Cases
    from autofocus.loop.rooms import Rooms
    from autofocus.types.production import Case

# The name under which a case's evidence says that it is one of these.
REFRESH = "refresh"


def is_refresh(case: Case) -> bool:
    """Whether the case was opened to train anew, not to look into a change."""
    return REFRESH in case.evidence


@dataclass(frozen=True, slots=True)
class News:
    """``labels`` given since the last turn, the project's ``revision`` now, days since then."""

    labels: int
    revision: int
    days: float

    def as_json(self) -> dict[str, Any]:
        return {"labels": self.labels, "revision": self.revision, "days": round(self.days, 3)}


def news(rooms: Rooms, cases: Cases, champion: str) -> News:
    """What there is to learn that no turn has had yet. Labels of test images are not learnt."""
    version = tables.version.c
    learnt = rooms.models.model(champion).version
    with rooms.database.read() as conn:
        revision = conn.execute(
            sa.select(tables.project.c.revision).where(tables.project.c.name == rooms.project)
        ).scalar_one()
        turns = conn.execute(
            sa.select(version.revision, version.created_at).where(
                version.project == rooms.project,
                sa.or_(version.digest == learnt, version.effect.like("%/version")),
            )
        ).all()
        last = max((int(row.revision) for row in turns), default=0)
        when = max((str(row.created_at) for row in turns), default="")
        for case in cases.list():
            # A turn that failed before its version was frozen was one all the same.
            if is_refresh(case):
                last = max(last, int(case.evidence[REFRESH]["revision"]))
                when = max(when, case.opened_at)
        label, sample = tables.annotation.c, tables.sample.c
        count = conn.execute(
            sa.select(sa.func.count())
            .select_from(tables.annotation)
            .join(tables.sample, sa.and_(sample.project == label.project, sample.key == label.key))
            .where(
                label.project == rooms.project,
                label.rev_to.is_(None),
                label.rev_from > last,
                sample.rev_to.is_(None),
                sample.split != "test",
            )
        ).scalar_one()
    days = (datetime.now(UTC) - parse(when)).total_seconds() / 86_400 if when else 0.0
    return News(int(count), int(revision), days)


def due(rooms: Rooms, found: News) -> str | None:
    """Why a turn is due by the policy's triggers, in words; None if it is not.

    Without one new label there is nothing to learn, whatever the schedule says.
    """
    triggers = rooms.policy().triggers
    if found.labels == 0:
        return None
    if triggers.new_labels is not None and found.labels >= triggers.new_labels:
        return (
            f"{found.labels} new labels since the last turn, {triggers.new_labels} start another."
        )
    if triggers.every_days is not None and found.days >= triggers.every_days:
        return (
            f"the last turn is {found.days:.1f} days ago, every {triggers.every_days:g} days there "
            f"shall be one ({found.labels} new labels)."
        )
    return None


def take_what_is_labelled(rooms: Rooms) -> None:
    """Labelled images of the pool join the training split."""
    label, sample = tables.annotation.c, tables.sample.c
    with rooms.database.read() as conn:
        keys = conn.execute(
            sa.select(sample.key)
            .join(
                tables.annotation, sa.and_(label.project == sample.project, label.key == sample.key)
            )
            .where(
                sample.project == rooms.project,
                sample.rev_to.is_(None),
                sample.split == "pool",
                label.rev_to.is_(None),
            )
        ).scalars()
        found = [str(key) for key in keys]
    if found:
        rooms.data.set_split(found, "train")
