"""An alert about several nodes, judged again: the event does not say which group it is about."""

from processors.fleet.stage import FleetStage
from processors.fleet.state import State
from processors.patterns.rules import Rules
from processors.replay.explain.explain import explain
from processors.replay.explain.found import find, what_of
from processors.stage import Arrived, Output, advance
from schemas.codec import EVENT_TYPES, Codec, Event
from schemas.events.alert import Alert
from schemas.log_file import LogRecord
from schemas.topics import ALERTS, SUMMARIES
from tests.processors.fleet.fleets import mark, summary
from tests.processors.replay.recorded import ListSource
from tests.samples import at

CODEC = Codec({name: number for number, name in enumerate(EVENT_TYPES, start=1)})
OLD = {"agent_version": "0.1.0"}


def recorded() -> ListSource:
    """Five nodes of which two run another version, until they are brought up to date."""
    stage, states = FleetStage(Rules()), dict[str, State]()
    log: list[LogRecord] = []

    def put(topic: str, key: str | None, event: Event, second: int) -> None:
        offset = sum(one.topic == topic for one in log)
        log.append(LogRecord(topic, 0, offset, at(second), key, CODEC.encode(event)))

    for second in range(0, 500, 10):
        nodes = {name: OLD if name in "bd" and second < 400 else {} for name in "abcde"}
        events: list[Event] = [summary(second, name, **more) for name, more in nodes.items()]
        for event in [*events, mark(second)]:
            put(SUMMARIES.name, getattr(event, "fleet", None), event, second)
            for output in advance(states, stage, Arrived(event, at(second))):
                if isinstance(output, Output) and isinstance(output.event, Alert):
                    put(ALERTS.name, output.key, output.event, second)
    return ListSource(CODEC, log)


def test_it_is_told_again_as_it_was() -> None:
    source = recorded()
    alert = next(
        event
        for record in source.read([ALERTS], 0, 1 << 60)
        if isinstance(event := CODEC.decode(record.value), Alert)
    )
    assert what_of(alert) == "agent_version_mismatch"
    found = explain(source, find(source, alert.alert_id), Rules(), at(500))
    assert (found.agrees, found.differences, found.missing) == (True, [], [])
    assert found.node_id == ""
    held = [point.at for point in found.points if point.holds]
    assert (held[0], held[-1]) == (at(0), at(390))
    (stretch,) = found.facts
    assert stretch.records == 2 * 31, "of its two members, from the onset until it opened"
    assert [limit.name for limit in found.limits][-3:] == ["enabled", "for_s", "clear_s"]
