"""Requests under way: what is done for those that last is done for no other."""

import asyncio

import pytest

from api.router.flight import Flight, Flights, Patience
from tests.api.router.lifecycle.moments import ask
from tests.producers.registry_server import until


@pytest.mark.asyncio
async def test_what_lasts_is_called_for_and_what_is_over_is_not() -> None:
    flights = Flights(Patience(9.0, 9.0, 9.0))
    task = asyncio.current_task()
    assert task is not None
    called: list[str] = []
    for number in range(3):
        flight = Flight(ask(f"r{number}"), task)
        flights.after(0.01, flight, lambda name=flight.ask.request_id: called.append(name))  # type: ignore[misc]
        flight.closed = number == 1
    await until(lambda: len(called) == 2)
    last = Flight(ask("r3"), task)
    flights.after(0.01, last, lambda: called.append("r3"))
    await until(lambda: len(called) == 3)
    assert called == ["r0", "r2", "r3"]
