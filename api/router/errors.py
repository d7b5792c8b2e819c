"""Errors in the words and the shape of the client's dialect.

OpenAI's clients read ``{"error": {"message", "type", "param", "code"}}``, Ollama's ``{"error": "message"}``;
in a stream each comes as one more event, which the clients of both raise as an error.
"""

from typing import Any

import orjson

from api.router.ask import Dialect
from api.router.outcome import Outcome

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_SERVER_ERROR = "server_error"


class Declined(Exception):
    """The router answers with an error of its own; ``outcome`` is what becomes of the request."""

    def __init__(
        self,
        outcome: Outcome,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s


def invalid(message: str, param: str | None = None) -> Declined:
    """Return the error for a request that cannot be read."""
    return Declined(Outcome.REJECTED_INVALID, 400, message, param=param)


def body(
    dialect: Dialect, status: int, message: str, *, param: str | None = None, code: str | None = None
) -> bytes:
    """Return the body of an error."""
    return orjson.dumps(content(dialect, status, message, param=param, code=code))


def content(
    dialect: Dialect, status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return an error as JSON."""
    if dialect is Dialect.OLLAMA:
        return {"error": message}
    kind = _TYPES.get(status, _SERVER_ERROR)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def in_band(dialect: Dialect, message: str) -> bytes:
    """Return an error as the last event of a stream that has begun."""
    if dialect is Dialect.OLLAMA:
        return orjson.dumps({"error": message}) + b"\n"
    event = {"error": {"message": message, "type": _SERVER_ERROR, "param": None, "code": None}}
    return b"data: " + orjson.dumps(event) + b"\n\n"


def message_of(answer: bytes) -> str:
    """Return the text of an upstream's error, whatever its shape; empty where there is none."""
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return answer[:200].decode("utf-8", "replace").strip()
    return text_of(found)


def text_of(found: object) -> str:
    """Return the text of an error that is JSON already; empty where there is none."""
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return found if isinstance(found, str) else ""
