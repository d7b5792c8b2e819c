"""The three ways of a statement: rows through a pipe, an insertion piece by piece, anything else at once."""

import asyncio
import os
import tempfile
from collections.abc import Mapping

from aiohttp import web

from infra.embedded.clickhouse.answer import Answer
from infra.embedded.clickhouse.body import Body, is_form
from infra.embedded.clickhouse.directory import require_space
from infra.embedded.clickhouse.engine import Effect, Handle, Outcome
from infra.embedded.clickhouse.failure import (
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_FORMAT,
    ClickHouseError,
    refusal,
)
from infra.embedded.clickhouse.form import read_form
from infra.embedded.clickhouse.pipe import PIPE_BYTES, Reader, pipe
from infra.embedded.clickhouse.query import Access, Query
from infra.embedded.clickhouse.statement import SELECTS, Insert, Statement, from_file, reading_input_from
from infra.embedded.clickhouse.store import Lease, Store

# An answer up to this size is sent whole, with its real summary and, if it fails, its real status; as the
# server's http_response_buffer_size.
WHOLE_BYTES = 1 << 20
_SPOOL_BYTES = 8 << 20


async def execute(store: Store, request: web.Request, query: Query) -> web.StreamResponse:
    """Run a request's statement and answer it.

    Raises:
        ClickHouseError: it failed before anything of the answer was sent.
    """
    if is_form(request):
        query = await read_form(request, query)
    body = Body(request, query)
    statement = await body.statement()
    if isinstance(statement, Insert):
        return await _insert(store, query, statement, body)
    fmt = statement.format or query.default_format
    if store.content_type(fmt) is None:
        raise refusal(UNKNOWN_FORMAT, "UNKNOWN_FORMAT", f"Unknown format {fmt}")
    query.refuse_native_of(fmt)
    if statement.verb == "INSERT":
        require_space(store.engine.directory)
    answer = Answer(store, query, fmt)
    async with store.lease(query) as lease:
        effect = await lease.call(_judge, lease.handle, query, statement)
        if effect is Effect.READ_ONLY and statement.verb in SELECTS:
            return await _rows(request, lease, statement, answer)
        outcome = await lease.call(lease.handle.query, statement.text, fmt, query.parameters)
    return await answer.whole(outcome.data, outcome)


def _judge(handle: Handle, query: Query, statement: Statement) -> Effect:
    """Return what the statement does, if the request may do it.

    Raises:
        ClickHouseError: it is several statements, or writes in a request that only reads.
    """
    effect, count = handle.effect(statement.text)
    if count > 1:
        raise refusal(SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: Multi-statements are not allowed")
    if query.access is Access.WRITE or effect is Effect.READ_ONLY:
        return effect
    if effect is Effect.UNKNOWN:
        # Raises the engine's own words about a text that does not parse.
        handle.query(b"SELECT formatQuery({text:String})", "Null", {"text": statement.text.decode()})
    if query.access is Access.READ and query.readonly == "2" and _on_the_handle(statement):
        return effect
    raise _readonly()


def _on_the_handle(statement: Statement) -> bool:
    """Whether it changes the handle alone: settings, the current database, temporary tables."""
    if statement.verb == "CREATE":
        return b"TEMPORARY" in statement.text.upper()
    return statement.verb in ("SET", "USE")


def _readonly() -> ClickHouseError:
    return refusal(
        READONLY,
        "READONLY",
        "default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
        "You should use method POST for modifying queries",
    )


async def _insert(store: Store, query: Query, insert: Insert, body: Body) -> web.Response:
    """Feed the data in as it arrives; a body that does not come to its proper end inserts nothing."""
    if query.access is not Access.WRITE:
        raise _readonly()
    fmt = insert.format or query.default_format
    query.refuse_native_of(fmt)
    require_space(store.engine.directory)
    async with store.lease(query) as lease:
        outcome = await _insert_through_file(store, lease, insert, fmt, body)
    return await Answer(store, query, query.default_format).whole(b"", outcome)


async def _insert_through_file(store: Store, lease: Lease, insert: Insert, fmt: str, body: Body) -> Outcome:
    """Let the engine read the rows from a file that has all of them.

    Not chDB's streaming insertion, which parses as the bytes come: what fails after parsing (a constraint, a
    view, a full disk) ends it without an error, and nothing has been stored (chDB 26.9).
    """
    with tempfile.TemporaryFile() as spool:
        async for piece in body.data():
            require_space(store.engine.directory)
            await asyncio.to_thread(spool.write, piece)
        spool.flush()
        # All is here: if the client leaves now, the insertion still ends as it would on a server.
        lease.killable = False
        path = f"/proc/self/fd/{spool.fileno()}"
        rewritten = reading_input_from if insert.selects else from_file
        head = rewritten(insert.head, path, fmt)
        return await lease.call(lease.handle.query, head, "TSV", lease.query.parameters)


async def _rows(
    request: web.Request, lease: Lease, statement: Statement, answer: Answer
) -> web.StreamResponse:
    """Let the engine write the rows into a pipe and pass them on as they come: memory stays bounded."""
    with pipe() as (reader, write_end):
        text = statement.into(f"/dev/fd/{write_end}", lease.query.default_format)
        done = lease.start(_query_into, lease.handle, text, lease.query.parameters, write_end)
        if lease.query.wait_end:
            return await _rows_at_the_end(request, reader, done, answer)
        head = await reader.read_to(WHOLE_BYTES)
        if reader.ended:
            outcome = await asyncio.shield(done)
            return await answer.whole(head or outcome.data, outcome)
        response = await answer.begin(request)
        await answer.send(response, head)
        while piece := await reader.read():
            await answer.send(response, piece)
        await asyncio.shield(done)
        await answer.end(response)
        return response


async def _rows_at_the_end(
    request: web.Request, reader: Reader, done: asyncio.Future[Outcome], answer: Answer
) -> web.StreamResponse:
    """Keep the rows aside, on disk where they are many, until it is certain that the statement succeeds."""
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        while piece := await reader.read():
            await asyncio.to_thread(spool.write, piece)
        outcome = await asyncio.shield(done)
        size = spool.tell()
        spool.seek(0)
        if size <= WHOLE_BYTES:
            return await answer.whole(spool.read() or outcome.data, outcome)
        response = await answer.begin(request, outcome)
        while piece := await asyncio.to_thread(spool.read, PIPE_BYTES):
            await answer.send(response, piece)
        await answer.end(response)
        return response


def _query_into(handle: Handle, text: bytes, parameters: Mapping[str, str], write_end: int) -> Outcome:
    try:
        return handle.query(text, "TSV", parameters)
    finally:
        os.close(write_end)
