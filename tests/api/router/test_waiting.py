"""Requests that wait are bound to no node: they go where there is a place, whenever and wherever that is."""

import asyncio
import math
from concurrent.futures import FIRST_COMPLETED, wait

import pytest

from api.router.admission import QueueAdmission, QueueTicket
from api.router.queue.core import Queue
from api.router.queue.limits import QueueLimits
from api.router.seams import Choice
from tests.api.router.crowd import CHAT, Crowd, Held, waiting
from tests.api.router.fleet import Fleet
from tests.api.router.knowing import MODEL, Known, ask, registered, runtime, state, stopped


def test_what_waits_for_a_busy_node_goes_to_another_that_is_there_first(
    fleet: Fleet, crowd: Crowd, held: Held
) -> None:
    fleet.upstream(models={"m": held}, name="busy", slots=1)
    fleet.upstream(name="resting", slots=1)
    router = fleet.router()
    router.http.post("/queue/nodes/resting/pause")
    asked = {crowd.ask(router), crowd.ask(router)}
    assert [ticket["cause"] for ticket in waiting(router, 1)] == ["model_cap"]
    router.http.post("/queue/nodes/resting/resume")
    done, left = wait(asked, 10, FIRST_COMPLETED)
    assert [one.result().headers["x-penstock-node"] for one in done] == ["resting"]
    held.let_go()
    assert [one.result(10).headers["x-penstock-node"] for one in left] == ["busy"]


class Waiting:
    """A queue over nodes that tests tell of."""

    def __init__(self, hold_s: float = math.inf) -> None:
        self.known = Known()
        self.admission = QueueAdmission(Queue(QueueLimits()), patience_s=math.inf, hold_s=hold_s)
        self.known.chooser.listen(lambda: self.admission.sync(self.known.chooser))

    def enter(self, name: str) -> QueueTicket:
        return self.admission.enter(ask(name))

    async def goes_to(self, name: str, ticket: QueueTicket) -> str:
        """Wait until it may go; return where."""
        async with asyncio.timeout(10):
            await ticket.wait()
        choice = self.known.chooser.choose(ask(name), MODEL, frozenset())
        assert isinstance(choice, Choice)
        return choice.upstream.node_id


def one_place(node_id: str) -> tuple[object, object]:
    """A node that serves one request at once."""
    return registered(node_id, runtime(node_id, slots=1.0)), state(node_id, runtimes=())


@pytest.mark.asyncio
async def test_what_waits_goes_to_a_node_that_joins() -> None:
    fleet = Waiting()
    fleet.known.tell(*one_place("n1"))
    assert fleet.enter("1").admitted
    fleet.known.send("1")
    second = fleet.enter("2")
    assert second.admitted is None
    going = asyncio.create_task(fleet.goes_to("2", second))
    await asyncio.sleep(0)
    fleet.known.tell(*one_place("n2"))
    assert await going == "n2"


@pytest.mark.asyncio
async def test_what_waits_for_a_node_that_stopped_goes_when_it_is_back() -> None:
    fleet = Waiting()
    fleet.known.tell(*one_place("n1"))
    fleet.known.tell(stopped("n1"))
    assert fleet.known.chooser.knows(MODEL)
    ticket = fleet.enter("1")
    assert ticket.admitted is None
    going = asyncio.create_task(fleet.goes_to("1", ticket))
    await asyncio.sleep(0)
    fleet.known.tell(*one_place("n1"))
    assert await going == "n1"


@pytest.mark.parametrize("stream", [False, True])
def test_nobody_is_held_beyond_its_patience(fleet: Fleet, stream: bool) -> None:
    standin = fleet.upstream()
    router = fleet.router(hold_s=600, ask_interval_s=60)
    standin.stop()
    body = {"model": "m", "messages": [], "stream": stream}
    answer = router.post(CHAT, body, x_penstock_patience="0.3")  # the client itself waits for 20 s
    assert answer.status_code == 502
    assert "cannot be reached" in answer.text
    router.ended(upstream_error=1)
