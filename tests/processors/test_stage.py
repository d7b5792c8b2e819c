"""``advance`` with a stage of two lines: keys, ticks, forgetting."""

from typing import NamedTuple

from processors.stage import Arrived, Outputs, Rejected, advance
from schemas.codec import Event
from schemas.events.clock_tick import ClockTick
from schemas.topics import NODE_STAGE_STATES, TELEMETRY
from tests.samples import sample, tick


class Count(NamedTuple):
    key: str
    samples: int
    ticks: int


class Counting:
    """Counts what it is given; a key is over after two ticks; one sample of five is refused."""

    name = "counting"
    source = TELEMETRY
    states = NODE_STAGE_STATES

    def key(self, event: Event) -> str | tuple[str, ...] | None:
        return None if isinstance(event, ClockTick) else str(getattr(event, "node_id", ""))

    def initial(self, key: str) -> Count:
        return Count(key, 0, 0)

    def step(self, state: Count, arrived: Arrived) -> tuple[Count, Outputs]:
        if isinstance(arrived.event, ClockTick):
            return state._replace(ticks=state.ticks + 1), (Rejected("tick", state.key),)
        if getattr(arrived.event, "seq", 0) == 5:
            return state, (Rejected("rejected", "five"),)
        return state._replace(samples=state.samples + 1), ()

    def forward(self, arrived: Arrived) -> Outputs:
        return ()

    def settled(self, state: Count) -> bool:
        return True

    def over(self, state: Count) -> bool:
        return state.ticks == 2

    def encode(self, state: Count) -> bytes:
        return repr(state).encode()

    def decode(self, raw: bytes) -> Count:
        raise NotImplementedError


def arrived(event: Event) -> Arrived:
    return Arrived(event, 0)


def test_each_key_has_a_state_of_its_own() -> None:
    states: dict[str, Count] = {}
    for node_id in ("b", "a", "b"):
        assert advance(states, Counting(), arrived(sample(node_id=node_id))) == ()
    assert {key: state.samples for key, state in states.items()} == {"a": 1, "b": 2}


def test_a_tick_concerns_every_key_in_the_order_of_the_keys() -> None:
    states: dict[str, Count] = {}
    for node_id in ("c", "a", "b"):
        advance(states, Counting(), arrived(sample(node_id=node_id)))
    assert [
        one.detail for one in advance(states, Counting(), arrived(tick(5))) if isinstance(one, Rejected)
    ] == [
        "a",
        "b",
        "c",
    ]


def test_a_key_that_is_over_is_forgotten() -> None:
    states: dict[str, Count] = {}
    advance(states, Counting(), arrived(sample()))
    advance(states, Counting(), arrived(tick(5)))
    assert states
    advance(states, Counting(), arrived(tick(10)))
    assert states == {}


def test_a_refused_first_record_leaves_no_state() -> None:
    states: dict[str, Count] = {}
    assert advance(states, Counting(), arrived(sample(5))) == (Rejected("rejected", "five"),)
    assert states == {}


class Pairing(Counting):
    """A sample concerns its node and ``all``; a tick is passed on."""

    def key(self, event: Event) -> str | tuple[str, ...] | None:
        return None if isinstance(event, ClockTick) else ("all", str(getattr(event, "node_id", "")), "all")

    def forward(self, arrived: Arrived) -> Outputs:
        return (Rejected("forwarded", str(arrived.partition)),)


def test_an_event_can_concern_several_keys_each_once() -> None:
    states: dict[str, Count] = {}
    for node_id in ("b", "a", "b"):
        advance(states, Pairing(), arrived(sample(node_id=node_id)))
    assert {key: state.samples for key, state in states.items()} == {"a": 1, "all": 3, "b": 2}


def test_what_is_forwarded_comes_once_and_after_all_keys() -> None:
    states: dict[str, Count] = {}
    advance(states, Pairing(), arrived(sample(node_id="a")))
    said = advance(states, Pairing(), Arrived(tick(5), 0, 7))
    assert said == (Rejected("tick", "a"), Rejected("tick", "all"), Rejected("forwarded", "7"))
    assert advance({}, Pairing(), Arrived(tick(5), 0, 7)) == (Rejected("forwarded", "7"),)
