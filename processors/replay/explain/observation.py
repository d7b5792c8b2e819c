"""An observation once more: the panes of its node through the pattern stage, each judgement kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from processors.patterns.catalog import PATTERNS
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern
from processors.patterns.rules import Rules
from processors.patterns.stage import KEPT_US, LONGEST_S, PatternStage
from processors.patterns.state import State
from processors.replay.explain.explanation import Judged, Point, Said, Stretch
from processors.replay.explain.found import change_of
from processors.replay.explain.stretches import Stretches
from processors.replay.facts import Intake
from processors.replay.source import Source
from processors.stage import Arrived, Output, advance
from processors.windows.window import Window
from schemas.events.node_pane import NodePane
from schemas.events.node_sample import NodeSample
from schemas.events.observation import Observation
from schemas.events.request_pane import RequestPane
from schemas.log_file import LogRecord
from schemas.topics import PANES, REQUESTS, TELEMETRY, Topic

MINUTE_US: Final = 60_000_000
# So much is shown of what stood longer.
SHOWN_US: Final = 6 * 60 * MINUTE_US
# What is shown before the onset, and after the end.
AROUND_US: Final = 5 * MINUTE_US
# A pane is written some seconds after its last sample arrived, and a late one later.
PANE_ARRIVES_US: Final = MINUTE_US
# What records are called that a judgement stands on.
NODE_PANES: Final = "panes of the window that opened it"
REQUEST_PANES: Final = "parts of requests in that window"
SAMPLES: Final = "samples of these panes"
REQUEST_FACTS: Final = "facts of these requests"


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged again: a pattern at a node, ``opened`` by an event of a partition, and when it arrived.

    ``until``: log time up to which judgements are shown.
    """

    pattern: Pattern
    opened: Observation
    partition: int
    arrived_at: int
    until: int

    @property
    def lag_us(self) -> int:
        """How much later the log took the opening than the node's clock says."""
        return self.arrived_at - self.opened.occurred_at

    @property
    def shown_from(self) -> int:
        """From when judgements are shown, by the node's clock."""
        return self.opened.onset_at - AROUND_US

    @property
    def since(self) -> int:
        """From when panes are read, log time: what is shown first must have a full window behind it."""
        return self.shown_from - KEPT_US - MINUTE_US + min(0, self.lag_us)


def pattern_of(name: str) -> Pattern | None:
    """Return a pattern by its id; None: this version has none of that name."""
    return next((each for each in PATTERNS if each.id == name), None)


def judge_again(source: Source, rules: Rules, case: Case) -> Judged:
    """Fold the panes of the node and return every judgement of the pattern, and what it told.

    All patterns take their turns as live, so that it is judged when it was; the others are not asked.
    """
    patterns = [each if each.id == case.pattern.id else replace(each, judge=_unasked) for each in PATTERNS]
    stage = PatternStage(patterns, rules)
    node_id, states = case.opened.node_id, dict[str, State]()
    found = _Found(case, rules)
    for record, event in _panes(source, case):
        before = states.get(node_id)
        for output in advance(states, stage, Arrived(event, record.arrived_at, record.partition)):
            if isinstance(output, Output) and isinstance(output.event, Observation):
                found.say(output.event)
        after = states.get(node_id)
        found.see(record, event)
        if after is not None and (before is None or after.judged_at != before.judged_at):
            found.judge(after)
    return found.judged()


class _Found:
    """What comes together while the panes are folded."""

    def __init__(self, case: Case, rules: Rules) -> None:
        self._case = case
        self._rules = rules
        self._points: list[Point] = []
        self._said: list[Observation] = []
        self._stretches = Stretches()
        self._chips: tuple[str, ...] = ()

    def say(self, event: Observation) -> None:
        """Take what the pattern told."""
        if (
            event.pattern == self._case.pattern.id
            and event.observation_id == self._case.opened.observation_id
        ):
            self._said.append(event)

    def see(self, record: LogRecord, event: Any) -> None:  # noqa: ANN401 - any event of panes
        """Take a record, where the judgement that opened it stands on it."""
        opened = self._case.opened
        if isinstance(event, NodePane):
            started_at, name = event.started_at, NODE_PANES
        elif isinstance(event, RequestPane):
            started_at, name = event.started_at, REQUEST_PANES
        else:
            return
        if opened.window_started_at <= started_at < opened.occurred_at:
            self._stretches.add(name, record)

    def judge(self, state: State) -> None:
        """Judge the windows that end now, as the stage does."""
        at = state.judged_at
        if at < self._case.shown_from:
            return
        pattern, self._chips = self._case.pattern, state.about.chips
        about = state.about
        limits = self._rules.of_node(
            pattern.id, pattern.thresholds, fleet=about.fleet, node_id=state.node_id, chips=about.chips
        )
        window = Window(state.slots, state.requests, at, LONGEST_S).last(pattern.window_s)
        enough = limits.enabled and window.coverage >= pattern.min_coverage
        judgement = pattern.judge(window, limits) if enough else UNKNOWN
        is_open = any(life.open for life in state.lives if life.pattern == pattern.id)
        self._points.append(Point(at, judgement.holds, is_open, window.coverage, judgement.evidence))

    def judged(self) -> Judged:
        """Return all of it."""
        return Judged(self._points, self._said, self._stretches.all(), self._chips)


def samples_of(source: Source, case: Case) -> Sequence[Stretch]:
    """Return where the samples stand that the panes of the opening's window were made of."""
    stretches, opened = Stretches(), case.opened
    for record, event in _facts(source, case, TELEMETRY):
        within = isinstance(event, NodeSample) and event.node_id == opened.node_id
        if within and opened.window_started_at <= event.occurred_at < opened.occurred_at:
            stretches.add(SAMPLES, record)
    return stretches.all()


def requests_of(source: Source, case: Case) -> Sequence[Stretch]:
    """Return where the facts stand of the requests that the node had in the opening's window."""
    stretches = Stretches()
    for record, event in _facts(source, case, REQUESTS):
        if getattr(event, "node_id", None) == case.opened.node_id:
            stretches.add(REQUEST_FACTS, record)
    return stretches.all()


def _facts(source: Source, case: Case, topic: Topic) -> Iterator[tuple[LogRecord, Any]]:
    """Yield the facts that arrived while the window that opened it was told, ticks left out."""
    intake = Intake(source.codec(), {})
    since = case.opened.window_started_at - PANE_ARRIVES_US + min(0, case.lag_us)
    of_node = topic is TELEMETRY
    keys, partitions = ([case.opened.node_id], [case.partition]) if of_node else ([], [])
    for record in source.read([topic], since, case.arrived_at, keys, partitions):
        if record.key is not None:
            yield record, intake.read(record)


def _panes(source: Source, case: Case) -> Iterator[tuple[LogRecord, Any]]:
    intake = Intake(source.codec(), {})
    node_id = case.opened.node_id
    for record in source.read([PANES], case.since, case.until, [node_id], [case.partition]):
        # Ticks of other partitions come along with those without a key.
        if record.partition != case.partition or record.key not in (None, node_id):
            continue
        event = intake.read(record)
        if event is not None:
            yield record, event


def _unasked(window: Window, limits: Any) -> Judgement:  # noqa: ANN401 - each pattern has its own limits
    return UNKNOWN


def shown_until(said: Sequence[Said], now: int) -> tuple[int, bool]:
    """Return until when judgements are shown, log time, and whether that is all of them."""
    first, last = said[0], said[-1]
    over = change_of(last.event) == "resolved"
    end = (last.arrived_at if over else now) + (AROUND_US if over else 0)
    longest = first.arrived_at + SHOWN_US
    return (end, True) if end <= longest else (longest, False)
