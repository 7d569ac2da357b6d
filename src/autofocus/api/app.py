"""The control plane's HTTP application: one thin router per room, one error shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from autofocus import __version__
from autofocus.api import (
    cases,
    data,
    labels,
    models,
    monitor,
    page,
    projects,
    settings,
    stream,
    uploads,
)
from autofocus.api.annotations import router as annotated
from autofocus.api.background import Background
from autofocus.api.suggestions import router as suggested
from autofocus.errors import AutofocusError, Forbidden, InvalidInput, NotFound

if TYPE_CHECKING:
    from autofocus.workspace.workspace import Workspace

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    workspace: Workspace, *, inference_url: str = "", lifespan: Lifespan | None = None
) -> FastAPI:
    """The application over an open workspace; who opens it closes it."""
    app = FastAPI(
        title="Autofocus",
        version=__version__,
        summary="Vision models that stay sharp in production.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page loads scripts from outside; the document itself is enough
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.workspace = workspace
    app.state.inference_url = inference_url
    app.state.uploads = {}
    app.state.embedding = Background()
    app.state.testing = Background()
    for module in (projects, data, uploads, labels, models, monitor, cases, settings, stream):
        app.include_router(module.router, prefix="/api")
    for router in (annotated, suggested, monitor.machine):
        app.include_router(router, prefix="/api")
    app.include_router(page.router)
    app.add_exception_handler(AutofocusError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.middleware("http")(_same_origin_only)
    return app


async def _answer_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, AutofocusError)
    return JSONResponse(error.as_json(), status_code=error.code.http_status)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself (no such address or method), in the one error shape."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        nothing = NotFound(
            f"There is nothing at {request.url.path}.", hint="See /api/openapi.json."
        )
        return await _answer_error(request, nothing)
    refused = InvalidInput(
        f"{request.method} {request.url.path}: {error.detail}.", hint="See /api/openapi.json."
    )
    return JSONResponse(refused.as_json(), status_code=error.status_code, headers=error.headers)


async def _answer_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [e.get("ctx", {}).get("error") for e in error.errors()]
    if len(found) == 1 and isinstance(found[0], AutofocusError):
        return await _answer_error(_, found[0])  # our own values refuse with hint and context
    problems = "; ".join(
        f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()
    )
    wrapped = InvalidInput(f"The request is not valid: {problems}.", hint="See /api/openapi.json.")
    return JSONResponse(wrapped.as_json(), status_code=wrapped.code.http_status)


async def _same_origin_only(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Without a login, only this machine's own pages and scripts may call.

    A foreign web page could otherwise reach a loopback port through the visitor's browser:
    directly (Origin differs) or by DNS rebinding (Host is not a loopback name).
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or host not in ("127.0.0.1", "localhost", "::1"):
        refusal = Forbidden(
            "This control plane has no login and answers only its own machine.",
            hint="Call it as http://127.0.0.1:<port> from a program or from its own page.",
        )
        return JSONResponse(refusal.as_json(), status_code=refusal.code.http_status)
    return await call_next(request)


def openapi_document(workspace: Workspace) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    return create_app(workspace).openapi()
