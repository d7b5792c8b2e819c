"""Every error as ``application/problem+json`` (RFC 9457): what happened, and what to do about it."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.sql.verdict import QueryRefusedError
from api.store import StoreError
from schemas.errors import UnavailableError

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:penstock:problem:"

# By the engine's code: what the person who wrote the query can do. Codes are ClickHouse's ErrorCodes.
_SQL_HINTS: Mapping[int, tuple[int, str]] = {
    36: (400, "check the arguments of the functions"),
    43: (400, "check the types of the arguments; toTypeName(x) shows one"),
    46: (400, "SHOW FUNCTIONS LIKE '%name%' lists functions"),
    47: (400, "DESCRIBE the table to see its columns"),
    60: (400, "SHOW TABLES lists the tables"),
    62: (400, "correct the query at the position that the message names"),
    81: (400, "SHOW DATABASES lists the databases"),
    158: (422, "read fewer rows: narrow the time or the nodes"),
    159: (422, "narrow the time or the nodes, or raise the setting api.sql_max_seconds"),
    160: (422, "narrow the time or the nodes, or raise the setting api.sql_max_seconds"),
    164: (403, "ad-hoc SQL reads only"),
    202: (503, "try again in a moment"),
    241: (422, "aggregate or select less, or raise the setting api.sql_max_memory_bytes"),
    306: (400, "nest the query less deeply"),
    307: (422, "read less: narrow the time or the nodes"),
    394: (503, "the query was ended; run it again"),
    396: (422, "select less: the result is too large"),
    456: (400, "give a value for every parameter {name:Type} of the query"),
    457: (400, "give the parameter a value of its type"),
    497: (403, "the user of the store may not read this"),
}
_INTERNAL = frozenset({49, 210, 1000, 1001, 1002})
"""Codes that say something about the engine and nothing about the query."""


class Problem(HTTPException):
    """An error that is answered as it stands; HTTPException, which the framework passes on unchanged."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        hint: str = "",
        **more: Any,  # noqa: ANN401 - whatever JSON can hold
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.kind = kind
        self.hint = hint
        self.more = more

    def answer(self, **more: Any) -> Response:  # noqa: ANN401 - whatever JSON can hold
        """Return the HTTP answer."""
        return problem(self.status, self.kind, self.detail, hint=self.hint, **self.more, **more)


def problem(
    status: int,
    kind: str,
    detail: str,
    *,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - whatever JSON can hold
) -> Response:
    """Return an answer of the kind ``urn:penstock:problem:<kind>``."""
    body = {
        "type": _TYPE + kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"hint": hint} if hint else {}),
        **more,
    }
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def of_store(error: StoreError) -> Response:
    """Return the answer for an error of the engine, with its code and name."""
    status, hint = _SQL_HINTS.get(error.code, (400, "the message is the engine's own"))
    if error.code in _INTERNAL or not error.code:
        status, hint = 502, "the store failed; try again, and look at its log"
    return problem(status, "sql-failed", error.message, hint=hint, code=error.code, name=error.name)


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem."""

    @app.exception_handler(Problem)
    async def plain(_: Request, exc: Problem) -> Response:
        return exc.answer()

    @app.exception_handler(QueryRefusedError)
    async def refused(_: Request, exc: QueryRefusedError) -> Response:
        return problem(403, "sql-refused", exc.reason, hint=exc.hint)

    @app.exception_handler(StoreError)
    async def store(_: Request, exc: StoreError) -> Response:
        return of_store(exc)

    @app.exception_handler(UnavailableError)
    async def unavailable(_: Request, exc: UnavailableError) -> Response:
        headers = {"Retry-After": str(max(1, math.ceil(exc.retry_after_s)))}
        return problem(
            503, "unavailable", str(exc), hint="penstock doctor says what is away", headers=headers
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, exc: RequestValidationError) -> Response:
        errors = [
            {"where": ".".join(map(str, error["loc"])), "message": error["msg"]} for error in exc.errors()
        ]
        detail = "; ".join(f"{error['where']}: {error['message']}" for error in errors)
        return problem(422, "invalid-request", detail, errors=errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, exc: HTTPException) -> Response:
        detail = str(exc.detail)
        if exc.status_code == HTTPStatus.NOT_FOUND:
            detail = f"there is nothing at {request.url.path}; /openapi.json lists what there is"
        if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            detail = f"{request.method} is not possible on {request.url.path}"
        return problem(exc.status_code, "http", detail, headers=exc.headers)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, exc: Exception) -> Response:
        return problem(500, "internal", f"an error of Penstock: {type(exc).__name__}", hint="see the log")
