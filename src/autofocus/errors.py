"""One base class, one table of codes.

Every error that Autofocus raises on purpose says what happened, what was expected and what to do
next. The code decides the HTTP status, the exit code of the command line and whether trying the
same call again can help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """What the world outside sees of an error: HTTP status, exit code, and the retry flag."""

    name: str
    http_status: int
    exit_code: int
    retryable: bool


class AutofocusError(Exception):
    """Base of all errors raised on purpose.

    ``message`` says what happened and what was expected, ``hint`` what to do next, ``context``
    names the file, image or field as JSON-safe values.
    """

    code: ClassVar[ErrorCode] = ErrorCode("internal", 500, 70, False)

    def __init__(self, message: str, *, hint: str = "", **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context = context

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process boundaries (executors); keep hint and context on the way.
        return (_rebuild, (type(self), self.message, self.hint, self.context))

    def as_json(self) -> dict[str, Any]:
        """The one error shape of HTTP answers and ``--json`` output."""
        return {
            "error": {
                "code": self.code.name,
                "message": self.message,
                "hint": self.hint,
                "retryable": self.code.retryable,
                "context": self.context,
            }
        }


def _rebuild(
    cls: type[AutofocusError], message: str, hint: str, context: dict[str, Any]
) -> AutofocusError:
    return cls(message, hint=hint, **context)


class InvalidInput(AutofocusError, ValueError):
    """A value, file or option is not what was asked for."""

    code = ErrorCode("invalid_input", 422, 2, False)


class ImageRejected(InvalidInput):
    """An image cannot be used: truncated, not an image, too large, unsupported."""

    code = ErrorCode("image_rejected", 422, 2, False)


class NotFound(AutofocusError, LookupError):
    """The thing asked for does not exist."""

    code = ErrorCode("not_found", 404, 3, False)


class Conflict(AutofocusError):
    """Somebody else was first, or the state does not allow this step."""

    code = ErrorCode("conflict", 409, 4, False)


class WorkspaceBusy(Conflict):
    """Another control plane works on this workspace."""

    code = ErrorCode("workspace_busy", 409, 4, True)


class Unavailable(AutofocusError):
    """A part that is needed does not answer: database, object store, server."""

    code = ErrorCode("unavailable", 503, 5, True)


class StorageFull(Unavailable):
    """No space left where the workspace lives."""

    code = ErrorCode("storage_full", 507, 5, True)


class Overloaded(Unavailable):
    """The server has more work than it can finish in time."""

    code = ErrorCode("overloaded", 503, 5, True)


class Corrupted(AutofocusError):
    """Stored bytes are not the bytes that were written."""

    code = ErrorCode("corrupted", 500, 70, False)


class GateFailed(AutofocusError):
    """A data test, model test or gate said no."""

    code = ErrorCode("gate_failed", 409, 1, False)


class Forbidden(AutofocusError):
    """The caller may not do this."""

    code = ErrorCode("forbidden", 403, 2, False)


class JobFailed(AutofocusError):
    """A job in another process ended without a result."""

    code = ErrorCode("job_failed", 500, 70, True)
