"""The client against a registry that answers, refuses, errs and is away."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from schemas.codec import packaged
from schemas.errors import RefusedError, UnavailableError, UnknownSchemaError
from schemas.registry import Registry
from schemas.settings import RegistrySettings
from tests.fixtures.ports import free_port
from tests.samples import tick

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Answers:
    """A registry that numbers schemas in the order they come, and is away for its first requests."""

    def __init__(self, away: int = 0) -> None:
        self.schemas: list[str] = []
        self.asked: list[tuple[str, str | None]] = []
        self._away = away

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.get("Authorization")))
        if len(self.asked) <= self._away:
            return web.Response(status=503)
        if request.method == "GET":
            number = int(request.path.rsplit("/", 1)[1])
            if not 0 < number <= len(self.schemas):
                return web.json_response({"error_code": 40403, "message": "not found"}, status=404)
            return web.json_response({"schema": self.schemas[number - 1]})
        self.schemas.append(json.loads(await request.text())["schema"])
        return web.json_response({"id": len(self.schemas)})


def always(status: int, text: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return answer


@asynccontextmanager
async def client(handler: Handler, **given: Any) -> AsyncIterator[Registry]:
    """A client of a server that answers as the handler does."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        registry = Registry(RegistrySettings.model_validate({"url": str(server.make_url("/")), **given}))
        try:
            yield registry
        finally:
            await registry.close()


@pytest.mark.asyncio
async def test_a_codec_knows_the_ids_it_was_given() -> None:
    answers = Answers()
    async with client(answers.answer) as registry:
        codec = await registry.codec(["clock_tick"])
        assert answers.asked[0][0] == "/subjects/penstock.ClockTick/versions"
        assert json.loads(answers.schemas[0]) == packaged()["clock_tick"][0].schema
        assert codec.decode(codec.encode(tick(5))) == tick(5)
        assert await registry.schema(1) == answers.schemas[0]
        with pytest.raises(UnknownSchemaError):
            await registry.schema(2)


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, RefusedError), (422, RefusedError), (401, RefusedError), (500, UnavailableError)],
)
@pytest.mark.asyncio
async def test_what_the_caller_should_do_follows_from_the_answer(status: int, error: type[Exception]) -> None:
    async with client(always(status, "because")) as registry:
        with pytest.raises(error, match=r"registry"):
            await registry.codec(["clock_tick"])


@pytest.mark.asyncio
async def test_a_registry_that_is_away_is_waited_for() -> None:
    answers = Answers(away=1)
    async with client(answers.answer) as registry:
        codec = await registry.codec_when_up(["clock_tick"])
    assert codec.encode(tick(5))[:5] == b"\x00\x00\x00\x00\x01"
    assert len(answers.asked) == 2


@pytest.mark.asyncio
async def test_where_nothing_listens_it_is_unavailable() -> None:
    registry = Registry(RegistrySettings(url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(UnavailableError, match="does not answer"):
        await registry.subjects()
    await registry.close()


@pytest.mark.parametrize(
    ("given", "header"),
    [({"username": "u", "password": "p"}, "Basic dTpw"), ({"token": "secret"}, "Bearer secret"), ({}, None)],
)
@pytest.mark.asyncio
async def test_authentication(given: dict[str, str], header: str | None) -> None:
    answers = Answers()
    async with client(answers.answer, **given) as registry:
        await registry.codec(["clock_tick"])
    assert answers.asked[0][1] == header


@pytest.mark.asyncio
async def test_an_answer_that_is_no_registrys_says_so() -> None:
    async with client(always(200, "<html>")) as registry:
        with pytest.raises(UnavailableError, match="is no schema registry"):
            await registry.codec(["clock_tick"])
