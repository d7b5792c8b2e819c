"""What holds for any traffic: restart anywhere, redeliver anything, split it over partitions."""

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.requests.pane import OUTCOMES
from processors.requests.stage import RequestStage
from processors.requests.state import FLEET_KEY, State
from processors.stage import Arrived, Output, Rejected, advance
from schemas.codec import Event
from schemas.codec.serde import encode_body
from schemas.events.request_pane import RequestPane
from tests.processors.requests.traffic import FLEET, Replay, arrived, finished, first_token, received, routed
from tests.samples import SECOND, tick

# Start, queue, first token, length, nodes it goes to, outcome (None: it never ends), delay of its facts.
REQUESTS = st.lists(
    st.tuples(
        st.floats(0, 60),
        st.floats(0, 12),
        st.floats(0, 30),
        st.floats(0, 40),
        st.lists(st.sampled_from(["node-1", "node-2", "node-3"]), max_size=3),
        st.sampled_from([*OUTCOMES, None]),
        st.sampled_from([0, 0, 0, 3, 25]),
    ),
    max_size=25,
)
END_S = 200
Request = tuple[float, float, float, float, list[str], str | None, int]
ADDED = ("received", "routed", "retried", "first_tokens", *OUTCOMES, "open", "in_flight_s", "ttft_count")


def events(number: int, request: Request) -> list[Event]:
    """Return the facts of one request, in the order of time."""
    start, queue, first, length, nodes, outcome, _ = request
    request_id, now = f"r{number}", start + queue
    facts: list[Event] = [received(request_id, start)]
    before = ""
    for attempt, node in enumerate(nodes, 1):
        facts.append(routed(request_id, now, node, attempt=attempt, before=before))
        before, now = node, now + first
    if nodes and first < 20:
        facts.append(first_token(request_id, now, before, ttft_s=first))
    if outcome is not None:
        facts.append(finished(request_id, now + length, before, outcome=outcome, ttft_s=first))
    return facts


def stream(requests: Sequence[Request], *, late: bool = True) -> list[Arrived]:
    """Return all facts and a tick each five seconds, in the order of arrival."""
    records = [
        arrived(event, (request[6] if late else 0) * SECOND)
        for number, request in enumerate(requests)
        for event in events(number, request)
    ]
    records += [arrived(tick(seconds), 0) for seconds in range(0, END_S, 5)]
    return sorted(records, key=lambda record: record.arrived_at)


def said(
    records: Iterable[Arrived], states: dict[str, State] | None = None, part: int = 0
) -> list[Output | Rejected]:
    memory: dict[str, State] = {} if states is None else states
    stage = RequestStage()
    return [out for one in records for out in advance(memory, stage, one._replace(partition=part))]


def coded(outputs: Iterable[Output | Rejected]) -> list[tuple[str | None, bytes]]:
    return [(out.key, encode_body(out.event)) for out in outputs if isinstance(out, Output)]


def totals(outputs: Iterable[Output | Rejected]) -> dict[tuple[str, int], dict[str, int]]:
    """Add up the parts of each pane, in millionths; what comes to nothing is left out."""
    found: dict[tuple[str, int], dict[str, int]] = {}
    for out in outputs:
        assert isinstance(out, Output)
        pane = out.event
        assert isinstance(pane, RequestPane)
        sums = found.setdefault((pane.node_id, pane.started_at), dict.fromkeys(ADDED, 0))
        for name in ADDED:
            sums[name] += round(getattr(pane, name) * 1e6)
    return {place: sums for place, sums in found.items() if any(sums.values())}


@settings(max_examples=50, deadline=None)
@given(REQUESTS, st.integers(0, 150))
def test_restart_at_any_point_gives_the_same_output(requests: list[Request], cut: int) -> None:
    records, stage = stream(requests), RequestStage()
    memory: dict[str, State] = {}
    first = said(records[:cut], memory)
    recovered = {key: stage.decode(stage.encode(state)) for key, state in memory.items()}
    assert coded(first + said(records[cut:], recovered)) == coded(said(records))


@settings(max_examples=50, deadline=None)
@given(REQUESTS, st.integers(2, 5))
def test_partitions_add_up_to_the_whole(requests: list[Request], partitions: int) -> None:
    records = stream(requests)
    parts: list[Output | Rejected] = []
    for part in range(partitions):
        mine = [
            one
            for one in records
            if not (request_id := getattr(one.event, "request_id", ""))
            or int(request_id[1:]) % partitions == part
        ]
        parts += said(mine, part=part)
    assert totals(parts) == totals(said(records))
    ids = [out.event.id for out in parts if isinstance(out, Output) and isinstance(out.event, RequestPane)]
    assert len(set(ids)) == len(ids)


@settings(max_examples=50, deadline=None)
@given(REQUESTS)
def test_what_comes_late_adds_up_to_what_comes_in_time(requests: list[Request]) -> None:
    assert totals(said(stream(requests))) == totals(said(stream(requests, late=False)))


@settings(max_examples=50, deadline=None)
@given(REQUESTS, st.integers(0, 150), st.integers(1, 80))
def test_redelivered_facts_count_once(requests: list[Request], cut: int, back: int) -> None:
    records = stream(requests)
    again = [one for one in records[max(0, cut - back) : cut] if hasattr(one.event, "request_id")]
    at = records[cut - 1].arrived_at if 0 < cut <= len(records) else records[-1].arrived_at
    twice = records[:cut] + [one._replace(arrived_at=at) for one in again] + records[cut:]
    assert totals(said(twice)) == totals(said(records))


@settings(max_examples=50, deadline=None)
@given(REQUESTS, st.randoms(use_true_random=False))
def test_the_order_of_requests_does_not_matter(requests: list[Request], rng: object) -> None:
    records = stream(requests, late=False)
    between = []
    mixed: list[Arrived] = []
    for one in [*records, arrived(tick(END_S), 0)]:
        if hasattr(one.event, "request_id"):
            between.append(one)
        else:
            rng.shuffle(between)  # type: ignore[attr-defined]
            mixed += [*between, one]
            between = []
    assert coded(said(mixed)) == coded(said([*records, arrived(tick(END_S), 0)]))


@settings(max_examples=50, deadline=None)
@given(REQUESTS)
def test_received_is_finished_and_open(requests: list[Request]) -> None:
    replay = Replay()
    replay.feed(*stream(requests))
    panes = replay.panes("")
    received_ = sum(pane.received for pane in panes)
    finished_ = sum(getattr(pane, outcome) for pane in panes for outcome in OUTCOMES)
    assert received_ == len(requests)
    if panes:
        last = max(pane.started_at for pane in panes)
        open_ = sum(pane.open for pane in panes if pane.started_at == last)
        state = replay.states[FLEET_KEY + FLEET]
        assert received_ == finished_ + len(state.open)
        assert open_ == len(state.open)
