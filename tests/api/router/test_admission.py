import asyncio
import math

import pytest

from api.router.admission import QueueAdmission, QueueTicket
from api.router.ask import Ask, Caller, Dialect, Task
from api.router.outcome import Outcome
from api.router.queue.core import Queue
from api.router.queue.limits import KeyLimits, QueueLimits
from api.router.seams import Refused, Usage

METERED = KeyLimits(tokens=100, period_s=10)


def made() -> QueueAdmission:
    admission = QueueAdmission(Queue(QueueLimits(output_tokens=0)), patience_s=math.inf, hold_s=0.05)
    for model in ("m", "n"):
        admission.queue.serve("u", model, 1, 0.0)
    return admission


def ask(name: str, model: str, key: str = "k", limits: KeyLimits | None = None, prompt: int = 0) -> Ask:
    caller = Caller(key, limits=limits or KeyLimits())
    return Ask(name, Dialect.OPENAI, Task.CHAT, "/", model, caller=caller, prompt_tokens=prompt)


async def within(ticket: QueueTicket) -> str:
    async with asyncio.timeout(10):
        return (await ticket.wait()).reason


@pytest.mark.asyncio
async def test_a_key_whose_budget_ran_out_while_it_waited_goes_on_in_time() -> None:
    admission = made()
    other = admission.enter(ask("1", "m", "other"))
    metered = admission.enter(ask("2", "n", "metered", METERED, prompt=99))
    waiting = asyncio.create_task(within(admission.enter(ask("3", "m", "metered", METERED))))
    await asyncio.sleep(0)
    metered.release(Outcome.COMPLETED, Usage(101, 0))
    # Its turn comes while it owes a token or two: nothing but time lets it go.
    other.release(Outcome.COMPLETED, Usage(0, 0))
    assert not admission.queue.models["m"].running
    assert await waiting == "key_budget"


@pytest.mark.asyncio
async def test_whoever_is_cancelled_while_it_waits_leaves_at_once() -> None:
    admission = made()
    first = admission.enter(ask("1", "m"))
    waiting = asyncio.create_task(within(admission.enter(ask("2", "m"))))
    last = asyncio.create_task(within(admission.enter(ask("3", "m"))))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert admission.queue.waiting == 1
    first.release(Outcome.COMPLETED, Usage())
    assert await last == "model_cap"


@pytest.mark.asyncio
async def test_a_model_without_an_upstream_is_waited_for_only_so_long() -> None:
    with pytest.raises(Refused) as caught:
        await within(made().enter(ask("1", "unknown")))
    assert (caught.value.outcome, caught.value.status) == (Outcome.REJECTED_UNHEALTHY, 503)
