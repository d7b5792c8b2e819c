"""``event_log`` and then Kafka: each record once, wherever the sink is."""

from processors.replay.source import FOREVER
from processors.replay.sources.followed import BEHIND_US, Followed
from schemas.codec import Codec
from schemas.log_file import LogRecord
from schemas.topics import ALERTS, TELEMETRY
from tests.processors.replay.recorded import ListSource

SECOND = 1_000_000
CODEC = Codec({})
TOPICS = (TELEMETRY, ALERTS)


def records(first: int, last: int) -> list[LogRecord]:
    """Telemetry each second in two partitions, an alert each minute."""
    found = []
    for second in range(first, last):
        at = 1_000 * SECOND + second * SECOND
        found += [LogRecord("telemetry", place, second, at, "n", b"%d" % second) for place in range(2)]
        if second % 60 == 0:
            found.append(LogRecord("alerts", 0, second // 60, at, "f", b"a"))
    return found


def test_each_record_comes_once_and_in_order() -> None:
    whole = ListSource(CODEC, records(0, 400))
    older, newer = ListSource(CODEC, records(0, 250)), ListSource(CODEC, records(100, 400))
    source = Followed(older, newer)
    assert list(source.read(TOPICS, 0, FOREVER)) == list(whole.read(TOPICS, 0, FOREVER))
    since, until = 1_050 * SECOND, 1_300 * SECOND
    assert list(source.read(TOPICS, since, until)) == list(whole.read(TOPICS, since, until))
    held = source.holds(TOPICS)["telemetry"]
    assert (held.first_at, held.last_at) == (1_000 * SECOND, 1_399 * SECOND)


def test_what_the_sink_has_not_written_yet_comes_from_kafka() -> None:
    """It writes partitions one after the other: the last seconds of one may be missing."""
    behind = [one for one in records(0, 250) if one.partition == 0 or one.arrived_at < 1_245 * SECOND]
    source = Followed(ListSource(CODEC, behind), ListSource(CODEC, records(100, 400)))
    assert len(list(source.read([TELEMETRY], 0, FOREVER))) == 800
    assert BEHIND_US >= 5 * SECOND


def test_an_empty_event_log() -> None:
    source = Followed(ListSource(CODEC, []), ListSource(CODEC, records(0, 10)))
    assert len(list(source.read([TELEMETRY], 0, FOREVER))) == 20
