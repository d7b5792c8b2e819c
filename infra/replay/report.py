"""What a replay says of itself when it is over: for people, and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from processors.replay.compare import Difference, Side
from processors.replay.outcome import Outcome
from processors.replay.prepare import Prepared, moment
from processors.replay.source import missing

_HOW: Mapping[str, str] = {
    "beginning": "from the beginning of the log: exact",
    "snapshots": "from snapshots of the states: exact",
    "windows": "as far as windows reach: what is learned over longer begins anew",
    "given": "as far as asked for",
    "none": "none: every state begins anew",
}
COLUMNS = ("topic", "event", "said")
COMPARED = ("equal", "differ", "only live", "only replayed")
# Of a value that differs, so much is shown.
_WIDTH = 100


def table(outcome: Outcome, *, compared: bool) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return columns and rows: what was said by topic and event, and how it compares."""
    kinds = sorted({*outcome.counts, *(outcome.verdict.kinds if compared else ())})
    rows: list[Sequence[object]] = []
    for topic, name in kinds:
        row: list[object] = [topic, name, f"{outcome.counts[topic, name]:,}"]
        if compared:
            counts = outcome.verdict.count(topic, name)
            four = (counts.equal, counts.differ, counts.only_live, counts.only_replayed)
            row += [f"{each:,}" for each in four]
        rows.append(row)
    return ((*COLUMNS, *COMPARED) if compared else COLUMNS), rows


def head(source: str, prepared: Prepared) -> Iterator[str]:
    """Yield what is known before it begins."""
    plan, warm_up = prepared.plan, prepared.warm_up
    yield f"{source}: {moment(plan.begins)} to {moment(plan.ends)}"
    yield f"warm-up since {moment(plan.since)}, {_HOW[warm_up.method]}"
    for note in prepared.notes:
        yield f"note: {note}"


def end(prepared: Prepared, outcome: Outcome, took_s: float) -> Iterator[str]:
    """Yield the lines behind the table: speed, what was missing, what came late, digest, verdict."""
    plan = prepared.plan
    seconds = (plan.ends - plan.since) / 1e6
    yield f"{outcome.facts:,} facts of {outcome.read:,} records in {took_s:.1f} s, {seconds / took_s:,.0f} x"
    yield from _wrong(outcome)
    yield from _late(prepared, outcome)
    yield f"digest {outcome.digest.total()}"
    if plan.compare:
        yield from verdict(prepared, outcome)


def _wrong(outcome: Outcome) -> Iterator[str]:
    if outcome.unreadable:
        yield f"note: {outcome.unreadable:,} records could not be read; live, each is a dead letter"
    for line in outcome.refused[:3]:
        yield f"note: {line}"
    for line in missing(outcome.gaps):
        yield f"note: {line}"


def _late(prepared: Prepared, outcome: Outcome) -> Iterator[str]:
    if prepared.plan.until == prepared.plan.ends or not outcome.late.facts:
        return
    late = outcome.late
    said = ", ".join(f"{count:,} {name}" for (_, name), count in sorted(late.counts.items()))
    yield f"{late.facts:,} facts arrived later; with them, there would also be: {said or 'nothing'}"
    for at, topic, event in late.first[:5]:
        yield f"  {moment(at)} {topic}: {_short(event)}"


def verdict(prepared: Prepared, outcome: Outcome) -> Iterator[str]:
    """Yield whether live and replay are equal, or the first difference."""
    found = outcome.verdict
    if found.equal:
        yield "verdict: equal"
        return
    counts = found.kinds.values()
    differ = sum(one.differ + one.only_live + one.only_replayed for one in counts)
    yield f"verdict: {differ:,} events differ; the first:"
    yield from difference(found.differences[0])
    if not prepared.warm_up.exact:
        yield "the warm-up is not exact: what is learned over longer than it may be why"


def difference(one: Difference) -> Iterator[str]:
    """Yield an event that differs: the stage, both sides, what they follow from, and which fields differ."""
    about = f"{one.topic}, key {one.key!r}, {one.name}" if one.key else f"{one.topic}, {one.name}"
    yield f"  {moment(one.at)} {about}, said by the {one.stage}"
    yield from _side("live", one.live, "not said", "stands at")
    yield from _side("replayed", one.replayed, "not said", "follows from")
    for name in one.fields():
        live, replayed = (_short(getattr(side.event, name)) for side in (one.live, one.replayed) if side)
        yield f"    {name}: live {live}"
        yield f"    {' ' * len(name)}  replayed {replayed}"


def _side(label: str, side: Side | None, nothing: str, verb: str) -> Iterator[str]:
    if side is None:
        yield f"    {label}: {nothing}"
        return
    at, topic, partition, offset = side.place
    yield f"    {label}: {verb} {topic}[{partition}] offset {offset}, {moment(at)}: {_short(side.event)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def as_json(source: str, prepared: Prepared, outcome: Outcome, took_s: float) -> Mapping[str, Any]:
    """Return all of it as JSON can hold it."""
    plan, found, warm_up = prepared.plan, outcome.verdict, prepared.warm_up
    return {
        "source": source,
        "from": moment(plan.begins),
        "to": moment(plan.ends),
        "warm_up": {"since": moment(plan.since), "how": warm_up.method, "exact": warm_up.exact},
        "notes": [*prepared.notes, *_wrong(outcome)],
        "took_s": round(took_s, 3),
        "facts": outcome.facts,
        "said": _counts(outcome.counts),
        "digest": outcome.digest.total(),
        "topics": dict(outcome.digest.topics()),
        "late": {"facts": outcome.late.facts, "said": _counts(outcome.late.counts)},
        "verdict": _verdict(found) if plan.compare else None,
    }


def _counts(counts: Mapping[tuple[str, str], int]) -> Mapping[str, int]:
    return {f"{topic}/{name}": count for (topic, name), count in sorted(counts.items())}


def _verdict(found: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a Verdict; what it becomes is plain
    return {
        "equal": found.equal,
        "kinds": {
            f"{topic}/{name}": [one.equal, one.differ, one.only_live, one.only_replayed]
            for (topic, name), one in sorted(found.kinds.items())
        },
        "first": list(difference(found.differences[0])) if found.differences else [],
    }
