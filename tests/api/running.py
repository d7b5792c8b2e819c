"""The application under test: within the process, or behind a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api import main
from api.app import create_app
from schemas.settings import ApiSettings, ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from tests.fixtures.ports import free_port

NOWHERE = "127.0.0.1:9"
"""An address that refuses connections."""


def settings(data_dir: Path, **sections: Any) -> Settings:
    """Return settings whose dependencies are away, unless a section says where they are."""
    away = {
        "kafka": KafkaSettings(bootstrap_servers=NOWHERE),
        "clickhouse": ClickHouseSettings(url=f"http://{NOWHERE}"),
        "registry": RegistrySettings(url=f"http://{NOWHERE}"),
        "api": ApiSettings(port=free_port()),
    }
    return Settings(data_dir=data_dir, **{**away, **sections})


@asynccontextmanager
async def within(wanted: Settings) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """Run the application in this process; calls go straight in."""
    app = create_app(wanted)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client, app


@asynccontextmanager
async def served(wanted: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run the API on its port; calls go through the socket."""
    task = asyncio.create_task(main.serve(wanted))
    url = f"http://127.0.0.1:{wanted.api.port}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            async with asyncio.timeout(20):
                while not await _answers(client):
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.02)
            yield client
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).is_success
    except httpx.TransportError:
        return False
