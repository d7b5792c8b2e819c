"""Batching: everyone is served once, whoever waits is in the queue, a full cache pushes somebody out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.hardware.models import shape
from producers.simulator.physics.batching import Batch, End
from producers.simulator.physics.decode import Rig
from producers.simulator.physics.kv import KvCache
from producers.simulator.physics.queueing import Request
from producers.simulator.scenario.machines import Model

RIG = Rig(800e9, 100e12, 0.001, 2e-5)
MODEL = shape(Model(name="llama-3.1-8b", quantization="q8_0", context_tokens=8192))


class Served:
    """A batch, and what became of its requests."""

    def __init__(self, slots: int = 8, cache_tokens: float = 100_000.0, paged: bool = True) -> None:
        self.ends: list[tuple[int, End, float]] = []
        self.firsts: list[tuple[int, float]] = []
        self.batch = Batch(
            MODEL, RIG, KvCache(cache_tokens), slots=slots, piece=512, paged=paged,
            on_end=lambda request, how, at_s: self.ends.append((request.serial, how, at_s)),
            on_first=lambda request, at_s: self.firsts.append((request.serial, at_s)),
        )  # fmt: skip

    def ask(self, serial: int, at_s: float = 0.0, prompt: int = 500, output: int = 100,
            patience_s: float = math.inf) -> Request:  # fmt: skip
        request = Request(serial, "m", at_s, prompt, output, patience_s=patience_s)
        self.batch.post(at_s, request)
        return request

    def run(self, until_s: float, clock: float = 1.0, share: float = 1.0, begin_s: float = 0.0) -> None:
        for second in range(math.floor(begin_s), math.ceil(until_s)):
            self.batch.did.clear()
            self.batch.advance(second, second + 1.0, clock, share)


def test_one_request_is_read_then_written() -> None:
    served = Served()
    served.ask(1)
    served.run(10)
    (_, first_s), (_, how, end_s) = served.firsts[0], served.ends[0]
    assert how == "completed"
    assert 0 < first_s < 0.5 < end_s < 3
    counters = served.batch.counters
    assert (counters.prompted, counters.finished, counters.failed) == (500, 1, 0)
    assert counters.generated == pytest.approx(100)
    assert counters.ttft_s == pytest.approx(first_s)
    assert counters.e2e_s == pytest.approx(end_s)
    assert served.batch.idle
    assert served.batch.used_tokens == pytest.approx(0.0)


def test_a_slower_clock_takes_longer_for_both() -> None:
    fast, slow = Served(), Served()
    fast.ask(1)
    slow.ask(1)
    fast.run(20)
    slow.run(20, clock=0.4)
    assert slow.firsts[0][1] > 1.5 * fast.firsts[0][1]
    assert slow.ends[0][2] > 1.3 * fast.ends[0][2]


def test_who_finds_no_slot_waits_in_order() -> None:
    served = Served(slots=2)
    for serial in range(4):
        served.ask(serial, output=400)
    served.run(1)
    assert (served.batch.running, served.batch.waiting) == (2, 2)
    served.run(60, begin_s=1)
    assert [serial for serial, _ in served.firsts] == [0, 1, 2, 3]
    assert served.batch.counters.queue_s > 1


def test_eight_at_once_are_faster_together_than_one_after_the_other() -> None:
    alone, together = Served(slots=1), Served(slots=8)
    for served in (alone, together):
        for serial in range(8):
            served.ask(serial)
        served.run(60)
    assert together.ends[-1][2] < 0.5 * alone.ends[-1][2]


def test_a_full_cache_pushes_out_who_came_last_and_serves_it_later() -> None:
    served = Served(cache_tokens=3000)
    for serial in range(3):
        served.ask(serial, prompt=700, output=900)
    served.run(200)
    assert served.batch.counters.preempted > 0
    assert sorted(serial for serial, how, _ in served.ends if how == "completed") == [0, 1, 2]
    assert len(served.firsts) == 3, "a first token comes once"


def test_a_cache_that_is_taken_makes_requests_wait() -> None:
    served = Served(cache_tokens=10_000)
    served.batch.cache.taken_ratio = 0.8
    for serial in range(6):
        served.ask(serial, prompt=600, output=300)
    served.run(1)
    assert served.batch.waiting > 0
    assert served.batch.cache.ratio(served.batch.used_tokens) > 0.8


def test_a_client_leaves_when_it_hears_nothing() -> None:
    served = Served(slots=1)
    served.ask(1, output=3000)
    served.ask(2, patience_s=5.0)
    served.run(10)
    assert [end[:2] for end in served.ends] == [(2, "abandoned")]
    assert served.ends[0][2] == pytest.approx(5.0)


def test_a_client_that_gets_tokens_stays_longer_than_its_patience() -> None:
    served = Served()
    served.ask(1, output=1000, patience_s=3.0)
    served.run(30)
    assert served.ends[0][1] == "completed"
    assert served.ends[0][2] > 6


def test_a_client_leaves_when_tokens_stop() -> None:
    served = Served()
    served.ask(1, output=3000, patience_s=3.0)
    served.run(4)
    served.run(12, share=0.0, begin_s=4)
    assert served.ends[0][1] == "abandoned"
    assert served.ends[0][2] == pytest.approx(7.0, abs=1.1)
    assert served.batch.idle


def test_what_does_not_fit_the_context_is_cut_off() -> None:
    served = Served()
    served.ask(1, prompt=50_000, output=5000)
    served.run(300)
    assert served.batch.counters.prompted == 8191
    assert served.ends[0][1] == "completed"


def test_when_the_process_dies_everyone_dies_with_it() -> None:
    served = Served(slots=2)
    for serial in range(5):
        served.ask(serial, output=2000)
    served.run(2)
    served.batch.abort_all(2.0, "died")
    assert sorted(served.ends) == [(serial, "died", 2.0) for serial in range(5)]
    assert served.batch.idle
    served.ask(9, at_s=3.0)
    served.run(20, begin_s=2)
    assert served.ends[-1][:2] == (9, "completed")


@given(
    st.lists(
        st.tuples(
            st.floats(0, 20), st.integers(1, 3000), st.integers(1, 400), st.sampled_from([2.0, math.inf])
        ),
        max_size=25,
    ),
    st.integers(1, 6),
    st.floats(1500, 8000),
)
def test_no_request_is_lost_or_served_twice(
    asks: list[tuple[float, int, int, float]], slots: int, cache_tokens: float
) -> None:
    served = Served(slots=slots, cache_tokens=cache_tokens)
    for serial, (at_s, prompt, output, patience_s) in enumerate(asks):
        served.ask(serial, at_s, prompt, output, patience_s)
    served.run(25)
    open_now = served.batch.running + served.batch.waiting
    serials = [serial for serial, _, _ in served.ends]
    assert len(serials) == len(set(serials))
    assert len(serials) + open_now == len(asks)
    assert served.batch.used_tokens >= -1e-6
    served.run(2000, begin_s=25)
    assert sorted(serial for serial, _, _ in served.ends) == list(range(len(asks)))
    assert served.batch.idle
    counters = served.batch.counters
    assert counters.finished + counters.failed == len(asks)
    ended_well = (asks[serial] for serial, how, _ in served.ends if how == "completed")
    written = sum(min(output, 8192 - min(prompt, 8191)) for _, prompt, output, _ in ended_well)
    assert counters.generated >= written - 1e-3
