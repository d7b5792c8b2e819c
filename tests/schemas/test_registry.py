"""The client against a registry that answers, refuses, errs and is away."""

import json

import httpx
import pytest

from schemas.codec import packaged
from schemas.errors import RefusedError, UnavailableError, UnknownSchemaError
from schemas.registry import Registry
from schemas.settings import RegistrySettings
from tests.samples import tick


def client(handler: httpx.MockTransport, settings: RegistrySettings | None = None) -> Registry:
    return Registry(settings or RegistrySettings(), transport=handler)


class Answers:
    """A registry that numbers schemas in the order they come."""

    def __init__(self) -> None:
        self.schemas: list[str] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "GET":
            number = int(request.url.path.rsplit("/", 1)[1])
            if not 0 < number <= len(self.schemas):
                return httpx.Response(404, json={"error_code": 40403, "message": "not found"})
            return httpx.Response(200, json={"schema": self.schemas[number - 1]})
        self.schemas.append(json.loads(request.content)["schema"])
        return httpx.Response(200, json={"id": len(self.schemas)})


@pytest.mark.asyncio
async def test_a_codec_knows_the_ids_it_was_given() -> None:
    answers = Answers()
    registry = client(httpx.MockTransport(answers))
    codec = await registry.codec(["clock_tick"])
    assert answers.requests[0].url.path == "/subjects/penstock.ClockTick/versions"
    assert json.loads(answers.schemas[0]) == packaged()["clock_tick"][0].schema
    assert codec.decode(codec.encode(tick(5))) == tick(5)
    assert await registry.schema(1) == answers.schemas[0]
    with pytest.raises(UnknownSchemaError):
        await registry.schema(2)
    await registry.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [(409, RefusedError), (422, RefusedError), (401, RefusedError), (500, UnavailableError)],
)
@pytest.mark.asyncio
async def test_what_the_caller_should_do_follows_from_the_answer(status: int, error: type[Exception]) -> None:
    registry = client(httpx.MockTransport(lambda request: httpx.Response(status, text="because")))
    with pytest.raises(error, match=r"registry"):
        await registry.codec(["clock_tick"])
    await registry.close()


@pytest.mark.asyncio
async def test_a_registry_that_is_away_is_waited_for() -> None:
    answers, calls = Answers(), []

    def flaky(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        if len(calls) < 2:
            raise httpx.ConnectError("refused")
        return answers(request)

    registry = client(httpx.MockTransport(flaky))
    codec = await registry.codec_when_up(["clock_tick"])
    assert codec.encode(tick(5))[:5] == b"\x00\x00\x00\x00\x01"
    assert len(calls) == 2
    await registry.close()


@pytest.mark.parametrize(
    ("given", "header"),
    [({"username": "u", "password": "p"}, "Basic dTpw"), ({"token": "secret"}, "Bearer secret"), ({}, None)],
)
@pytest.mark.asyncio
async def test_authentication(given: dict[str, str], header: str | None) -> None:
    answers = Answers()
    registry = client(httpx.MockTransport(answers), RegistrySettings.model_validate(given))
    await registry.codec(["clock_tick"])
    assert answers.requests[0].headers.get("authorization") == header
    await registry.close()


@pytest.mark.asyncio
async def test_an_answer_that_is_no_registrys_says_so() -> None:
    registry = client(httpx.MockTransport(lambda request: httpx.Response(200, text="<html>")))
    with pytest.raises(UnavailableError, match="is no schema registry"):
        await registry.codec(["clock_tick"])
    await registry.close()
