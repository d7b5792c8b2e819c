"""From what a person asks for to a plan: what there is, where reading begins, and what has to be said."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from processors.replay.compare import LAG_US
from processors.replay.facts import Intake
from processors.replay.plan import Plan, partitions_of, recorded, sources
from processors.replay.resume import BEHIND_US, NO_CUTS, Cuts, find_cuts
from processors.replay.snapshot import load
from processors.replay.source import FOREVER, Source, Span
from processors.replay.warmup import WarmUp, choose
from processors.stage import Stage
from schemas.errors import RefusedError
from schemas.events.watermark import Watermark
from schemas.topics import NODE_STATES, PANES, SNAPSHOTS, SUMMARIES, TOPICS, Topic

# Records come every second; a range that begins a little before the first of them is not cut short.
SLACK_US: Final = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. Times: µs since the epoch by the log; None: from the first, to the last record.

    ``warm_up_us``: so long before the range, instead of what the stages need. ``partitions``: of nodes, where
    the source does not tell.
    """

    begins: int | None = None
    ends: int | None = None
    nodes: frozenset[str] = frozenset()
    fleet: str = ""
    as_of: int = FOREVER
    compare: bool = False
    lag_us: int = LAG_US
    keep: bool = False
    warm_up_us: int | None = None
    partitions: int = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """``notes`` are sentences for people: what is not there, and what is not exact."""

    plan: Plan
    warm_up: WarmUp
    notes: tuple[str, ...]


def prepare(source: Source, stages: Sequence[Stage[Any]], asked: Asked) -> Prepared:
    """Return the plan of a replay.

    Raises:
        RefusedError: the source has nothing in the range.
        UnavailableError: it cannot be reached.
    """
    held = source.holds([topic for topic in TOPICS if topic.stored])
    read = [topic for topic in sources(stages) if topic.name in held]
    begins, ends, notes = _range(source, sources(stages), [held[topic.name] for topic in read], asked)
    live = recorded(held)
    if asked.compare and not live:
        raise RefusedError(f"{source.name} has nothing that was said live to compare with")
    warm_up = choose(source, stages, begins, held=held, given_us=asked.warm_up_us)
    cuts = NO_CUTS
    partitions = partitions_of(held, stages, asked.partitions)
    if warm_up.method == "windows" and live and SNAPSHOTS.name in held:
        cuts = _cuts(source, stages, begins, partitions) or NO_CUTS
        if cuts.ticks:
            warm_up = WarmUp(cuts.since, "snapshots", exact=True)
    notes += warm_up.notes
    if asked.nodes and any(not stage.source.spread for stage in stages):
        notes.append("alerts compare nodes with each other, and here some are left out")
    plan = Plan(
        begins,
        ends,
        warm_up.since,
        partitions,
        nodes=asked.nodes,
        fleet=asked.fleet,
        as_of=asked.as_of,
        compare=asked.compare,
        compacted=_compacted(source),
        lag_us=asked.lag_us,
        keep=asked.keep,
        held=frozenset(held),
        fed_back=not live,
        cuts=cuts,
    )
    return Prepared(plan, warm_up, tuple(notes))


def _range(
    source: Source, topics: Sequence[Topic], spans: Collection[Span], asked: Asked
) -> tuple[int, int, list[str]]:
    """Return the range and what of it is not there."""
    names = ", ".join(topic.name for topic in topics)
    if not spans:
        raise RefusedError(f"{source.name} has no records of {names}")
    first_at, last_at = min(span.first_at for span in spans), max(span.last_at for span in spans)
    begins = first_at if asked.begins is None else asked.begins
    ends = last_at + 1 if asked.ends is None else asked.ends
    whole = f"it has {names} from {moment(first_at)} to {moment(last_at)}"
    if ends <= first_at:
        raise RefusedError(f"{source.name} has nothing so early: {whole}")
    if begins > last_at:
        raise RefusedError(f"{source.name} has nothing so late: {whole}")
    if next(source.read(topics, begins, ends), None) is None:
        raise RefusedError(f"{source.name} has nothing from {moment(begins)} to {moment(ends)}: {whole}")
    notes: list[str] = []
    if begins < first_at - SLACK_US:
        notes.append(f"{moment(begins)} to {moment(first_at)} is not there: {source.name} begins later")
    if ends > last_at + SLACK_US:
        notes.append(f"{moment(last_at)} to {moment(ends)} is not there: {source.name} ends earlier")
    return max(begins, first_at), ends, notes


def _cuts(source: Source, stages: Sequence[Stage[Any]], begins: int, partitions: int) -> Cuts | None:
    """Return where states from snapshots would stand, if there are any and the log has what lies between."""
    names = {stage.name for stage in stages}
    if "node-stage" not in names:
        return None
    cuts = find_cuts(source, begins, partitions)
    if cuts is None or not load(source, stages, cuts.loaded_before, say=lambda _text: None):
        return None
    for topic, stage in ((PANES, "pattern-stage"), (SUMMARIES, "fleet-stage")):
        if stage in names and not _marked(source, topic, cuts):
            return None
    return cuts


def _marked(source: Source, topic: Topic, cuts: Cuts) -> bool:
    """Return whether the watermarks of the cut are in a topic."""
    first = min(cut.at for cut in cuts.ticks.values())
    intake, left = Intake(source.codec(), {}), dict(cuts.ticks)
    for record in source.read([topic], first, first + BEHIND_US):
        event = intake.read(record) if record.key is None else None
        if isinstance(event, Watermark) and event.partition in left:
            if event.passed_at >= left[event.partition].at:
                del left[event.partition]
            if not left:
                return True
    return False


def _compacted(source: Source) -> frozenset[str]:
    """Return the topics of which old records may be gone: Kafka compacts states, the others keep all."""
    return frozenset({NODE_STATES.name}) if source.name.startswith("Kafka") else frozenset()


def moment(at: int) -> str:
    """Return a time as people read it: UTC, to the second."""
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}"
