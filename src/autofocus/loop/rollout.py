"""Moving pointers: who serves, who shadows, and the way back.

A deployment is a row first, named by its inputs, and an object second; writing the object again
is harmless, so a crash between the two is mended at the next look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from autofocus.errors import Conflict, NotFound
from autofocus.events import Event
from autofocus.store import tables
from autofocus.store.bundles import open_bundle
from autofocus.store.database import record_event
from autofocus.types.clock import now
from autofocus.types.codec import decode, encode
from autofocus.types.production import DeployedModel, Deployment

if TYPE_CHECKING:
    from autofocus.loop.rooms import Rooms


def deployed(rooms: Rooms, model: str) -> DeployedModel:
    """A registered model as a deployment names it."""
    found = rooms.models.model(model)
    return DeployedModel(found.id, found.bundle)


def current(rooms: Rooms) -> Deployment | None:
    """The newest deployment by our rows."""
    table = tables.deployment
    query = (
        sa.select(table.c.body)
        .where(table.c.project == rooms.project)
        .order_by(table.c.revision.desc())
        .limit(1)
    )
    with rooms.database.read() as conn:
        body = conn.execute(query).scalar_one_or_none()
    return None if body is None else decode(Deployment, body)


def deploy(rooms: Rooms, wanted: Deployment, *, actor: str, effect: str | None, what: str) -> int:
    """Put a deployment in force; the same ``effect`` does so once. Returns its revision."""
    table = tables.deployment
    with rooms.database.begin() as conn:
        done = None
        if effect is not None:
            done = conn.execute(
                sa.select(table.c.revision).where(table.c.effect == effect)
            ).scalar_one_or_none()
        if done is None:
            last = conn.execute(
                sa.select(sa.func.coalesce(sa.func.max(table.c.revision), 0)).where(
                    table.c.project == rooms.project
                )
            ).scalar_one()
            done = int(last) + 1
            body = replace(wanted, revision=done, reason=what, updated_at=now())
            conn.execute(
                sa.insert(table).values(
                    project=rooms.project,
                    revision=done,
                    body=encode(body),
                    actor=actor,
                    effect=effect,
                    created_at=now(),
                )
            )
            record_event(
                conn,
                Event(
                    kind="deployment.changed",
                    project=rooms.project,
                    key=f"{rooms.project}/deployment/{done}",
                    what=what,
                    subject=body.champion.model,
                    cause=effect or "",
                    actor=actor,
                    body={
                        "revision": done,
                        "champion": body.champion.model,
                        "challenger": body.challenger.model if body.challenger else None,
                        "shadow": body.shadow,
                        "canary": body.canary,
                    },
                ),
            )
    mend(rooms)
    return int(done)


def mend(rooms: Rooms) -> None:
    """Write the newest deployment's object if it is missing or older than its row."""
    wanted = current(rooms)
    if wanted is None:
        return
    there = rooms.deployments.read(rooms.project)
    if there is None or there.revision < wanted.revision:
        rooms.deployments.write(wanted)


def promote(rooms: Rooms, model: str, *, who: str, why: str) -> Deployment:
    """Make a model champion at once, by a person's decision, with a new reference for it.

    Raises Conflict while a case is rolling out a challenger of its own.
    """
    found = rooms.models.model(model)
    before = rooms.models.alias("champion")
    now_serving = current(rooms)
    if now_serving is not None and now_serving.challenger is not None:
        raise Conflict(
            f"A case is trying {now_serving.challenger.model} just now.",
            hint="Wait for its end, or cancel it: autofocus loop cancel CASE --why ...",
        )
    rooms.models.set_alias("champion", found.id, expected=before, actor=who, reason=why)
    deploy(
        rooms,
        Deployment(
            project=rooms.project,
            revision=0,
            classes=rooms.classes,
            champion=deployed(rooms, found.id),
            previous=None if before in (None, found.id) else deployed(rooms, str(before)),
        ),
        actor=who,
        effect=None,
        what=f"{found.id} serves {rooms.project} ({why}).",
    )
    _, folder = open_bundle(rooms.objects, found.bundle, rooms.cache)
    rooms.monitor.take_reference(found.id, folder, rooms.policy(), actor=who, cause=why)
    result = current(rooms)
    assert result is not None
    return result


def roll_back(rooms: Rooms, *, who: str, why: str) -> Deployment:
    """Put the previous champion back; raises NotFound if there is none."""
    previous = rooms.models.alias("previous")
    if previous is None:
        raise NotFound(
            f"Project {rooms.project} has no previous champion to go back to.",
            hint="Promote another model: autofocus models promote MODEL",
        )
    result = promote(rooms, previous, who=who, why=why)
    _freeze_if_it_swings(rooms)
    return result


def _freeze_if_it_swings(rooms: Rooms) -> None:
    """Freeze the loop when champions go A, B, A, B: it would go on for ever."""
    moves = [row["model"] for row in reversed(rooms.models.history()) if row["name"] == "champion"]
    returns = sum(a == c and a != b for a, b, c in zip(moves, moves[1:], moves[2:], strict=False))
    if returns < rooms.policy().limits.freeze_after:
        return
    table = tables.project
    reason = f"champions swing: {' > '.join(moves[-4:])}"
    with rooms.database.begin() as conn:
        conn.execute(sa.update(table).where(table.c.name == rooms.project).values(frozen=reason))
        record_event(
            conn,
            Event(
                kind="loop.frozen",
                project=rooms.project,
                key=f"{rooms.project}/frozen/{len(moves)}",
                what=f"The loop is frozen until a person resumes it: {reason}.",
                actor="loop",
            ),
        )
