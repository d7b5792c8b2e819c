import asyncio
import logging

import pytest

from schemas.errors import RefusedError, UnavailableError
from sinks.clickhouse.patience import Patience


class Dependency:
    """Away for so many attempts."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def ask(self) -> str:
        if self.failures:
            self.failures -= 1
            raise UnavailableError("nobody answers")
        return "here"


@pytest.mark.asyncio
async def test_one_line_an_outage_however_many_wait(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    waiting = Patience("clickhouse", first_s=0.0)
    lanes = [waiting.until_done(Dependency(failures).ask) for failures in (5, 7, 0)]
    assert await asyncio.gather(*lanes) == ["here"] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert not waiting.away


@pytest.mark.asyncio
async def test_what_is_there_makes_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert await Patience("kafka").until_done(Dependency(0).ask) == "here"
    assert not caplog.records


@pytest.mark.asyncio
async def test_a_refusal_is_not_waited_out() -> None:
    waiting = Patience("registry")

    async def refused() -> None:
        raise RefusedError("never")

    with pytest.raises(RefusedError):
        await waiting.until_done(refused)
    assert not waiting.away


@pytest.mark.asyncio
async def test_one_that_is_told_to_stop_stops_waiting() -> None:
    waiting = Patience("clickhouse", first_s=0.0)
    task = asyncio.ensure_future(waiting.until_done(Dependency(10**9).ask))
    while not waiting.away:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not waiting.away
