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
from autofocus.types.production import DeployedModel, Deployment, ImageSampling

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

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


def deploy(
    rooms: Rooms,
    wanted: Deployment,
    *,
    actor: str,
    effect: str | None,
    what: str,
    conn: Connection | None = None,
) -> None:
    """Put a deployment in force; the same ``effect`` does so once.

    With ``conn`` only the row is written, in the caller's transaction; call :func:`mend` after
    its commit.
    """
    if conn is None:
        with rooms.database.begin() as own:
            deploy(rooms, wanted, actor=actor, effect=effect, what=what, conn=own)
        mend(rooms)
        return
    if _is_done(conn, effect):
        return
    table = tables.deployment
    last = conn.execute(
        sa.select(sa.func.coalesce(sa.func.max(table.c.revision), 0)).where(
            table.c.project == rooms.project
        )
    ).scalar_one()
    body = replace(wanted, revision=int(last) + 1, reason=what, updated_at=now())
    conn.execute(
        sa.insert(table).values(
            project=rooms.project,
            revision=body.revision,
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
            key=f"{rooms.project}/deployment/{body.revision}",
            what=what,
            subject=body.champion.model,
            cause=effect or "",
            actor=actor,
            body={
                "revision": body.revision,
                "champion": body.champion.model,
                "challenger": body.challenger.model if body.challenger else None,
                "shadow": body.shadow,
                "canary": body.canary,
            },
        ),
    )


def _is_done(conn: Connection, effect: str | None) -> bool:
    if effect is None:
        return False
    query = sa.select(tables.deployment.c.revision).where(tables.deployment.c.effect == effect)
    return conn.execute(query).first() is not None


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
    now_serving = current(rooms)
    tried = None if now_serving is None else now_serving.challenger
    # The former champion that only listens while the new one is watched is no rollout.
    if now_serving is not None and tried is not None and tried != now_serving.previous:
        raise Conflict(
            f"A case is trying {tried.model} just now.",
            hint="Wait for its end, or cancel it: autofocus loop cancel CASE --why ...",
        )
    before = rooms.models.alias("champion")
    crown(rooms, found.id, instead_of=before, actor=who, why=why)
    _, folder = open_bundle(rooms.objects, found.bundle, rooms.cache)
    rooms.monitor.take_reference(found.id, folder, rooms.policy(), actor=who, cause=why)
    result = current(rooms)
    assert result is not None
    return result


def crown(
    rooms: Rooms,
    model: str,
    *,
    instead_of: str | None,
    actor: str,
    why: str,
    case: str | None = None,
    effect: str | None = None,
    watched: float = 0.0,
) -> None:
    """Move the champion and its deployment together: one without the other never exists.

    ``watched`` is the share of the requests that the former champion goes on answering, in shadow.
    The same ``effect`` does so once. Raises Conflict if the champion is neither ``instead_of``
    nor ``model`` already.
    """
    serving = current(rooms)
    champion = deployed(rooms, model)
    previous = None if instead_of in (None, model) else deployed(rooms, str(instead_of))
    wanted = Deployment(
        project=rooms.project,
        revision=0,
        classes=rooms.classes,
        champion=champion,
        challenger=previous if watched else None,
        previous=previous,
        shadow=watched if previous is not None else 0.0,
        sampling=ImageSampling() if serving is None else serving.sampling,
    )
    with rooms.database.begin() as conn:
        # Done before a crash and undone by a person since: it must not be done again.
        if not _is_done(conn, effect):
            rooms.models.set_alias(
                "champion",
                model,
                expected=instead_of,
                actor=actor,
                reason=why,
                case=case,
                conn=conn,
            )
            what = f"{model} serves {rooms.project} ({why})."
            deploy(rooms, wanted, actor=actor, effect=effect, what=what, conn=conn)
    mend(rooms)


def roll_back(rooms: Rooms, *, who: str, why: str) -> Deployment:
    """Put the previous champion back; raises NotFound if there is none."""
    previous = rooms.models.alias("previous")
    if previous is None:
        raise NotFound(
            f"Project {rooms.project} has no previous champion to go back to.",
            hint="Promote another model: autofocus models promote MODEL",
        )
    result = promote(rooms, previous, who=who, why=why)
    freeze_if_it_swings(rooms)
    return result


def freeze_if_it_swings(rooms: Rooms) -> None:
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
