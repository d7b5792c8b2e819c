"""Backtests of the API: real processes over a recorded incident."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.auth import KeyRing
from api.query.backtest_jobs import MOST_RUNNING, Backtests
from processors.replay.backtest.run import FeedOf, Sources
from processors.replay.source import Source
from processors.replay.sources.log_file import LogFileSource
from schemas.errors import UnavailableError
from schemas.settings import ApiSettings
from tests.api.running import settings, within
from tests.fixtures.ports import free_port
from tests.processors.replay.backtest.files import written
from tests.processors.replay.backtest.recorded import span

pytestmark = pytest.mark.asyncio
PATH = "/api/v1/backtests"
KEPT = 2


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("recorded"))


def body(**more: Any) -> dict[str, Any]:
    first, last = (str(at // 1_000_000 + late) for late, at in zip((0, 1), span(), strict=True))
    return {"rules": {"patterns": {"queue_stall": {"for_s": 120}}}, "from": first, "to": last, **more}


def reading(app: FastAPI, opener: Callable[[], Source]) -> None:
    app.state.backtests = Backtests(lambda _: Sources(opener, FeedOf(opener)), KEPT)


def slow() -> Source:
    """A source that takes for ever."""
    time.sleep(600)
    raise AssertionError


def away() -> Source:
    raise UnavailableError("ClickHouse is away")


async def over(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = (await client.get(f"{PATH}/{job['id']}")).json()
            if found["state"] != "running":
                return found
            await asyncio.sleep(0.05)


async def test_a_job_from_its_beginning_to_its_result(recorded: Path, tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, app):
        reading(app, partial(LogFileSource, recorded))
        labels = {"expect": [{"pattern": "queue_stall", "node": "r2-2", "opens": "13m..14m30s"}]}
        answer = await client.post(PATH, json=body(labels=labels))
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert answer.headers["Location"] == f"{PATH}/{job['id']}"
        assert job["state"] == "running"
        done = await over(client, job)
        assert (done["state"], done["progress"], done["problem"]) == ("done", 1.0, None)
        assert done["result"]["figures"]["moved"] == 1
        assert done["result"]["figures"]["recall"] == 0.0
        assert done["result"]["old"]["labels"]["recall"] == 1.0
        listed = (await client.get(PATH)).json()["backtests"]
        assert [(one["id"], one["result"]) for one in listed] == [(job["id"], None)]
        await client.delete(f"{PATH}/{job['id']}")
        assert (await client.get(f"{PATH}/{job['id']}")).status_code == 404


async def test_so_many_at_a_time_and_one_can_be_cancelled(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, app):
        reading(app, slow)
        jobs = [(await client.post(PATH, json=body())).json() for _ in range(MOST_RUNNING)]
        refused = await client.post(PATH, json=body())
        assert refused.status_code == 429
        assert (await client.delete(f"{PATH}/{jobs[0]['id']}")).json()["state"] == "cancelled"
        assert (await client.post(PATH, json=body())).status_code == 202
    # The application has ended, and with it what still ran.


async def test_a_source_that_is_away_is_the_jobs_problem(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, app):
        reading(app, away)
        failed = await over(client, (await client.post(PATH, json=body())).json())
        assert (failed["state"], failed["problem"]) == ("failed", "ClickHouse is away")
        for _ in range(2):
            await over(client, (await client.post(PATH, json=body())).json())
        assert len((await client.get(PATH)).json()["backtests"]) == KEPT


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": {"patterns": {"queue_stal": {}}}}, "did you mean queue_stall?"),
        ({"rules": "[patterns.queue_stall]\nfor_s = 99999\n"}, "-1 to 3600 s is allowed"),
        ({"rules": {}}, "nothing is left to try"),
        ({"from": "yesterday"}, "is not a time"),
        ({"labels": {"expect": [{"pattern": "nothing", "node": "a", "opens": "1m..2m"}]}}, "no pattern"),
        ({"only": ["nothing"]}, "there is no pattern or alert 'nothing'"),
    ],
)
async def test_what_cannot_be_is_said_at_once(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    async with within(settings(tmp_path)) as (client, _):
        answer = await client.post(PATH, json=body(**wrong))
        assert answer.status_code == 422
        assert said in answer.json()["detail"]


async def test_a_key_needs_the_scope(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    may, may_not = ring.create("ci", ["backtest"]), ring.create("reader")
    beyond = settings(tmp_path, api=ApiSettings(host="0.0.0.0", port=free_port()))
    async with within(beyond) as (client, app):
        reading(app, slow)
        for key, status in ((may_not, 403), (may, 202)):
            answer = await client.post(PATH, json=body(), headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == status, answer.text
        assert answer.json()["by"] == "ci"


async def test_the_description_has_an_example(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        document = (await client.get("/openapi.json")).json()
        example = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["examples"]
        assert "thermal_drain" in str(example)
