"""``/api/v1/sql``: ad-hoc SQL over HTTP; a client that goes away takes its query with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api.metrics import ApiMetrics
from api.parts import Parts, parts
from api.problem import Problem
from api.sql.formats import FORMATS, Format, by_accept, by_name
from api.sql.limits import QUERY_BYTES
from api.sql.parameters import Value
from api.sql.run import Answer, Question
from api.sql.verdict import QueryRefusedError
from schemas.errors import PenstockError

router = APIRouter(prefix="/api/v1/sql", tags=["sql"])

_FORMAT_NAMES = ", ".join(one.name for one in FORMATS)
_EXAMPLE = (
    "SELECT node_id, avg(power_w) FROM node_states WHERE occurred_at > now() - INTERVAL 1 HOUR GROUP BY 1"
)
_CONTENT: dict[str, dict[str, Any]] = {
    one.media_type.split(";")[0]: {"schema": {"type": "string", "format": "binary"}} for one in FORMATS
} | {
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {
                "meta": {"type": "array", "description": "name and type of each column"},
                "data": {"type": "array", "description": "rows"},
                "rows": {"type": "integer"},
                "truncated": {"type": "boolean", "description": "there are more rows than max_rows"},
            },
        }
    }
}
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Penstock-Truncated": {"schema": {"type": "boolean"}, "description": "there are more rows"},
    "X-Penstock-Row-Limit": {"schema": {"type": "integer"}, "description": "the most rows that come"},
    "X-Penstock-Rows": {"schema": {"type": "integer"}, "description": "the rows that come, where known"},
    "X-Penstock-Query-Id": {"schema": {"type": "string"}, "description": "id of the query in the store"},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "the rows, in the format asked for", "content": _CONTENT, "headers": _HEADERS},
    400: {"description": "the query cannot be read, or does not fit the tables (problem+json)"},
    403: {"description": "the query may not run: it does more than read (problem+json)"},
    422: {"description": "a limit of time, memory or size was met (problem+json)"},
    503: {"description": "the store is away or busy (problem+json)"},
}


class SqlRequest(BaseModel):
    """One ad-hoc query."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query": _EXAMPLE}]})

    query: str = Field(description="one SELECT, SHOW, DESCRIBE or EXPLAIN, without FORMAT and SETTINGS")
    format: str = Field("", description=f"{_FORMAT_NAMES}; empty: by the Accept header, else JSON")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="values for {name:Type} in the query", examples=[{"node": "gpu-01"}]
    )
    max_rows: int | None = Field(None, ge=1, description="most rows that come; never more than the setting")


@router.post("", responses=_RESPONSES, summary="Run an ad-hoc query")
async def post(request: Request, body: SqlRequest, accept: Annotated[str, Header()] = "") -> Response:
    """Run one statement that reads, within the limits of time, memory and rows of the settings."""
    return await _serve(request, body, accept)


@router.get("", responses=_RESPONSES, summary="Run an ad-hoc query from a link")
async def get(
    request: Request,
    query: Annotated[str, Query(description="as in the body of POST", examples=["SELECT 1"])],
    format_: Annotated[str, Query(alias="format", description=_FORMAT_NAMES)] = "",
    max_rows: Annotated[int | None, Query(ge=1)] = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Run one statement; values for ``{name:Type}`` are ``param_name=...``."""
    values = {
        name.removeprefix("param_"): value
        for name, value in request.query_params.items()
        if name.startswith("param_")
    }
    body = SqlRequest(query=query, format=format_, parameters=values, max_rows=max_rows)
    return await _serve(request, body, accept)


async def _serve(request: Request, body: SqlRequest, accept: str) -> Response:
    at = parts(request)
    question = _question(body, accept, at)
    stack = AsyncExitStack()
    try:
        answer = await _unless_left(request, stack.enter_async_context(at.sql.run(question)))
    except ValueError as exc:
        raise Problem(400, "invalid-request", str(exc), "correct the parameters") from exc
    except QueryRefusedError:
        at.metrics.sql.labels("refused").inc()
        raise
    except PenstockError:
        at.metrics.sql.labels("failed").inc()
        raise
    if answer is None:
        at.metrics.sql.labels("left").inc()
        return Response(status_code=499)
    chunks = _passed_on(stack, answer, at.metrics)
    return StreamingResponse(chunks, 200, _headers(answer, question.format), question.format.media_type)


def _question(body: SqlRequest, accept: str, at: Parts) -> Question:
    if len(body.query.encode()) > QUERY_BYTES:
        raise Problem(413, "query-too-long", f"a query may have {QUERY_BYTES} bytes", "use parameters")
    wanted = by_name(body.format) if body.format else by_accept(accept) or FORMATS[0]
    if wanted is None:
        raise Problem(
            400, "invalid-request", f"no format is called {body.format}", f"there are {_FORMAT_NAMES}"
        )
    limit = at.settings.api.sql_max_rows
    parameters: Mapping[str, Value] = body.parameters
    return Question(body.query, wanted, min(body.max_rows or limit, limit), parameters)


async def _unless_left(request: Request, running: Any) -> Answer | None:  # noqa: ANN401 - a coroutine
    """Await the beginning of an answer; None, and no more query, where the client has gone before it."""
    answer = asyncio.ensure_future(running)
    left = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            result: Answer = await answer
            return result
        return None
    finally:
        left.cancel()
        if not answer.done():
            answer.cancel()
            await asyncio.wait({answer})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _passed_on(stack: AsyncExitStack, answer: Answer, metrics: ApiMetrics) -> AsyncIterator[bytes]:
    outcome = "left"
    try:
        async with stack:
            async for chunk in answer.chunks:
                yield chunk
            outcome = "truncated" if answer.truncated else "ok"
    finally:
        metrics.sql.labels(outcome).inc()


def _headers(answer: Answer, wanted: Format) -> dict[str, str]:
    headers = {
        "X-Penstock-Truncated": "true" if answer.truncated else "false",
        "X-Penstock-Row-Limit": str(answer.max_rows),
        "X-Penstock-Query-Id": answer.query_id,
    }
    if answer.rows is not None:
        headers["X-Penstock-Rows"] = str(answer.rows)
    if wanted.name in {"Parquet", "Arrow", "ArrowStream"}:
        headers["Content-Disposition"] = f'attachment; filename="result.{wanted.name.lower()}"'
    return headers
