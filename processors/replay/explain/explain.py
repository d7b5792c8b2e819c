"""An observation or an alert explained: judged again, and what is missing for it said."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from processors.patterns.rules import Rules
from processors.patterns.thresholds import Thresholds, described
from processors.replay.explain import alert as of_alert
from processors.replay.explain import observation as of_observation
from processors.replay.explain.compared import compared
from processors.replay.explain.explanation import Explanation, Judged, Limit, Said, Stretch
from processors.replay.explain.found import id_of, what_of
from processors.replay.source import Source
from schemas.events.alert import Alert
from schemas.events.observation import Observation

MINUTE_US = 60_000_000
# What arrived so short a time ago may not have been written to the source.
FRESH_US = 2 * MINUTE_US
_TIMES = ("for_s", "clear_s")
_NOTHING = Judged((), (), ())


class _Again(NamedTuple):
    """What judging again gave. ``of``: the pattern or alert; None: this version has none of that name."""

    of: Any
    judged: Judged = _NOTHING
    limits: Sequence[Limit] = ()
    facts: Sequence[Stretch] = ()
    needed: Sequence[str] = ()


def explain(
    source: Source, said: Sequence[Said], rules: Rules, now: int, *, recorded: bool = True
) -> Explanation:
    """Explain what ``said`` tells of: the events of one observation or alert, oldest first.

    ``now``: until when the log reaches, for what is not over, µs. ``recorded``: the source holds what was
    written live; otherwise it follows from the facts, and offsets of it are those of a replay.

    Raises:
        DecodeError: the source is damaged.
        UnavailableError: it cannot be reached.
    """
    first, opened, newest = said[0], said[0].event, said[-1].event
    until, whole = of_observation.shown_until(said, now)
    if isinstance(opened, Observation):
        again = _observation(source, first, opened, rules, until)
        asked = ["--node", opened.node_id, "--stages", "node,request,pattern"]
    else:
        again = _alert(source, first, opened, rules, until)
        asked = ["--fleet", opened.fleet]
    agrees, differences = compared(said, again.judged, until)
    of = again.of
    return Explanation(
        kind="observation" if isinstance(opened, Observation) else "alert",
        id=id_of(opened),
        what=what_of(opened),
        title=of.title if of else what_of(opened),
        about=of.about if of else "",
        node_id=opened.node_id,
        fleet=opened.fleet,
        window_s=getattr(of, "window_s", 0),
        for_s=_seconds(again.limits, "for_s"),
        clear_s=_seconds(again.limits, "clear_s"),
        source=source.name,
        recorded=recorded,
        said=said,
        points=again.judged.points,
        limits=again.limits,
        rules_then=newest.thresholds if isinstance(newest, Observation) else "",
        rules_now=rules.digest,
        facts=again.facts,
        agrees=agrees,
        differences=differences,
        missing=_missing(said, again, _without(source.name, said, now), None if whole else until),
        replay=_command(first, until, asked),
    )


def _observation(source: Source, first: Said, opened: Observation, rules: Rules, until: int) -> _Again:
    pattern = of_observation.pattern_of(opened.pattern)
    if pattern is None:
        return _Again(None)
    case = of_observation.Case(pattern, opened, first.partition, first.arrived_at, until)
    judged = of_observation.judge_again(source, rules, case)
    facts = [*judged.stretches, *of_observation.samples_of(source, case)]
    if any(stretch.what == of_observation.REQUEST_PANES for stretch in judged.stretches):
        facts += of_observation.requests_of(source, case)
    fleet, node_id, chips = opened.fleet, opened.node_id, judged.chips
    limits = rules.of_node(pattern.id, pattern.thresholds, fleet=fleet, node_id=node_id, chips=chips)
    places = rules.places_of_node(pattern.id, fleet=fleet, node_id=node_id, chips=chips)
    needed = (of_observation.NODE_PANES, of_observation.SAMPLES)
    return _Again(pattern, judged, _limits(limits, places, pattern), facts, needed)


def _alert(source: Source, first: Said, opened: Alert, rules: Rules, until: int) -> _Again:
    alert = of_alert.alert_of(opened.alert)
    if alert is None:
        return _Again(None)
    case = of_alert.AlertCase(alert, opened, first.arrived_at, until)
    judged = of_alert.judge_alert_again(source, rules, case)
    limits = rules.of_fleet(alert.id, alert.thresholds, fleet=opened.fleet)
    places = rules.places_of_fleet(alert.id, fleet=opened.fleet)
    needed = (of_alert.SUMMARIES_UNTIL,)
    return _Again(alert, judged, _limits(limits, places, alert), judged.stretches, needed)


def _limits(in_force: Thresholds, places: Mapping[str, str], of: Any) -> list[Limit]:  # noqa: ANN401 - of either kind
    """Return thresholds with what sets them; times that are the pattern's own are given as they are."""
    found = []
    for name, about in described(of.thresholds).items():
        value = getattr(in_force, name)
        if name in _TIMES and value < 0:
            value = float(getattr(of, name))
        doc = about["doc"].partition("; -1")[0]
        found.append(Limit(name, value, about.get("unit", ""), doc, places.get(name, "")))
    return sorted(found, key=lambda limit: limit.name in ("enabled", *_TIMES))


def _seconds(limits: Sequence[Limit], name: str) -> float:
    return next((float(limit.value) for limit in limits if limit.name == name), 0.0)


def _without(source: str, said: Sequence[Said], now: int) -> str:
    yet = " yet: ask again in a moment" if now - said[-1].arrived_at < FRESH_US else ""
    return f"{source} has none of them{yet}"


def _missing(said: Sequence[Said], again: _Again, without: str, cut: int | None) -> Sequence[str]:
    opened, found = said[0].event, list[str]()
    if opened.revision:
        found.append(f"how it opened: the oldest event there is has revision {opened.revision}")
    if again.of is None:
        found.append(f"its judgement: this version knows no {what_of(opened)}")
    there = {stretch.what for stretch in again.facts}
    found += [f"{what}: {without}" for what in again.needed if what not in there]
    if not again.judged.points and again.of is not None:
        found.append("its judgement: nothing of what it was judged from is there")
    if cut is not None and again.judged.points:
        found.append(f"judgements after {_time(cut)}: six hours are shown")
    return found


def _command(first: Said, until: int, asked: Sequence[str]) -> list[str]:
    began = min(first.event.onset_at, first.arrived_at) - MINUTE_US
    return ["--from", _time(began), "--to", _time(until + MINUTE_US), *asked]


def _time(micros: int) -> str:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
