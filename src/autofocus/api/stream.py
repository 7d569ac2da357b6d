"""Live events: ``text/event-stream`` for pages and scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from autofocus.api.access import InWorkspace
from autofocus.types.codec import encode

router = APIRouter(tags=["projects"])

POLL_SECONDS = 0.5
KEEPALIVE_POLLS = 20


@router.get("/events/stream", response_class=StreamingResponse)
async def stream(
    request: Request, workspace: InWorkspace, project: str | None = None, after: int = 0
) -> StreamingResponse:
    """Events as they happen; a reconnecting client goes on after its ``Last-Event-ID``."""
    last = request.headers.get("last-event-id", "")
    start = int(last) if last.isdigit() else after

    async def lines() -> AsyncIterator[str]:
        cursor, idle = start, 0
        while not await request.is_disconnected():
            page = await run_in_threadpool(
                workspace.events, project=project, after=cursor, limit=200
            )
            for event in page.items:
                cursor = event["id"]
                yield f"id: {cursor}\nevent: {event['kind']}\ndata: {json.dumps(encode(event))}\n\n"
            idle = 0 if page.items else idle + 1
            if idle % KEEPALIVE_POLLS == KEEPALIVE_POLLS - 1:
                yield ": still here\n\n"
            await asyncio.sleep(POLL_SECONDS)

    return StreamingResponse(lines(), media_type="text/event-stream")
