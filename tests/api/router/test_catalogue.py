import asyncio
import socket

import pytest

from api.router.ask import Ask, Dialect, Task
from api.router.fleet_chooser import FleetChooser
from api.router.seams import Choice
from api.router.upstream.catalogue import Catalogue
from api.router.upstream.client import Client
from schemas.settings import RouterSettings, UpstreamSettings
from tests.api.router.fleet import Fleet


@pytest.mark.asyncio
async def test_what_one_upstream_says_is_known_before_another_answers(fleet: Fleet) -> None:
    standin = fleet.upstream()
    silent = socket.create_server(("127.0.0.1", 0))  # connects, and never answers
    port = silent.getsockname()[1]
    upstreams = (
        UpstreamSettings(name="silent", url=f"http://127.0.0.1:{port}", kind="vllm"),
        UpstreamSettings(name="good", url=standin.url, kind="vllm"),
    )
    client = Client(connect_timeout_s=5)
    catalogue = Catalogue(client, interval_s=60)
    known = FleetChooser(RouterSettings(upstreams=upstreams), catalogue)
    told = asyncio.Event()
    ask = Ask("1", Dialect.OPENAI, Task.CHAT, "/v1/chat/completions", "m")
    known.listen(told.set)
    task = asyncio.create_task(catalogue.ask(known.upstreams()))
    try:
        async with asyncio.timeout(10):
            await told.wait()
        assert isinstance(known.choose(ask, "m", frozenset()), Choice)
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})
        await client.close()
        silent.close()
