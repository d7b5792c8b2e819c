"""One process of the gate: scenarios through live stages and their logs through a replay; prints digests.

    python -m tests.processors.replay.determinism \
        '{"scenarios": {"gpu_lost": 600}, "seed": 1, "spread": 3, "jobs": 1}'

``scenarios``: seconds of each. ``seed`` decides how far each stage is behind the others. ``spread``: over how
many partitions the log is put anew; ``jobs``: processes of the replay.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path
from random import Random
from typing import Any, Final

from infra.score.schema_ids import schema_ids
from processors.chain import Record
from processors.replay.digest import NAMES, Digest, canonical
from processors.replay.facts import BY_NAME, chosen, derived
from processors.replay.prepare import Asked, prepare
from processors.replay.replay import Replay
from processors.replay.share import Said
from processors.replay.source import Source
from processors.replay.sources.log_file import LogFileSource
from processors.stage import Stage
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.log import log_file
from producers.simulator.scenario.read import read
from producers.simulator.scenario.shipped import find
from schemas.codec import Codec
from schemas.events.node_hint import NodeHint
from schemas.log_file import LogRecord
from schemas.partition import partition_of
from schemas.settings import Settings
from schemas.topics import NODES
from tests.processors.replay.recorded import MS, PARTITIONS, Live

# What does not say in which partition it was said. The parts of requests do, and watermarks.
WHEREVER: Final = frozenset(
    {
        "node_state",
        "node_pane",
        "node_hint",
        "observation_opened",
        "observation_updated",
        "observation_resolved",
        "alert_opened",
        "alert_updated",
        "alert_resolved",
    }
)


def stages() -> tuple[Stage[Any], ...]:
    """The stages that are replayed."""
    return chosen(all_stages(Settings()), ())


def facts(name: str, seconds: float) -> Iterator[Record]:
    """What the agents and the router of a scenario send at first, and the clock."""
    scenario = read(find(name))
    ends = scenario.starts_at + int(seconds * 1e6)
    for fact in takewhile(lambda fact: fact.arrived_at < ends, simulate(scenario)):
        places = range(PARTITIONS) if fact.key is None else (partition_of(fact.key, PARTITIONS),)
        if fact.topic is not NODES:
            for place in places:
                yield Record(fact.topic, place, fact.key, fact.event, fact.arrived_at // MS * MS)


def spread(log: Iterable[LogRecord], partitions: int, codec: Codec) -> Iterator[LogRecord]:
    """Yield the facts of a log, put over another number of partitions. A replay makes hints of its own."""
    offsets: dict[tuple[str, int], int] = {}
    for one in log:
        if one.topic not in ("telemetry", "requests") or (one.key is None and one.partition):
            continue
        if isinstance(codec.decode(one.value), NodeHint):
            continue
        chosen_ = range(partitions) if one.key is None else (partition_of(one.key, partitions),)
        for place in chosen_:
            offset = offsets[one.topic, place] = offsets.get((one.topic, place), -1) + 1
            yield one._replace(partition=place, offset=offset)


def written(records: Iterable[LogRecord], file: Path, partitions: int, codec: Codec) -> Path:
    """Write a log file."""
    with log_file(file, schema_ids(), partitions=partitions, about={}) as writer:
        for one in records:
            writer.put(one._replace(value=one.value[5:]), NAMES[type(codec.decode(one.value))])
    return file


def replayed(file: Path, jobs: int, *, fed_back: bool) -> tuple[Digest, Digest]:
    """Return the digests of all that a replay says, and of what is said wherever it is said."""
    open_source = partial(LogFileSource, file)
    source: Source = open_source()
    plan = prepare(source, stages(), Asked(keep=True)).plan
    wherever = Digest()

    def take(said: Said) -> None:
        record = said.record
        if NAMES[type(record.event)] in WHEREVER:
            wherever.add(canonical(record.topic, record.key, record.event))

    assert plan.fed_back is fed_back
    return Replay(open_source, stages, plan, jobs).run(take=take).digest, wherever


def said_live(log: Sequence[LogRecord], codec: Codec) -> Digest:
    """Return the digest of all that the live stages said."""
    found, by = Digest(), derived(stages())
    for one in log:
        event = codec.decode(one.value)
        if NAMES[type(event)] in by.get(one.topic, ()):
            found.add(canonical(BY_NAME[one.topic], one.key, event))
    return found


def run(name: str, seconds: float, asked: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return the digests of one scenario."""
    live = Live(stages(), _chance=Random(asked["seed"]), _acted=True).run(facts(name, seconds))
    log = sorted(live.log, key=lambda one: one.arrived_at)
    every = said_live(log, live.codec)
    file = written(log, folder / name, PARTITIONS, live.codec)
    again, _ = replayed(file, asked["jobs"], fed_back=False)
    partitions = asked["spread"]
    other = written(spread(log, partitions, live.codec), folder / f"{name}.spread", partitions, live.codec)
    _, elsewhere = replayed(other, 1, fed_back=True)
    return {
        "log": hashlib.sha256(file.read_bytes()).hexdigest(),
        "live": every.total(),
        "replayed": again.total(),
        "spread": elsewhere.total(),
        "said": every.count(),
        "findings": sum(one[2] for one in elsewhere.places() if one[0] in ("observations", "alerts")),
    }


def main(asked: Mapping[str, Any]) -> None:
    """Run all scenarios and print what came of each."""
    found: dict[str, Mapping[str, Any]] = {}
    scenarios: Collection[tuple[str, float]] = asked["scenarios"].items()
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in scenarios:
            found[name] = run(name, seconds, asked, Path(folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
