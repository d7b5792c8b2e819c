"""The pattern stage: panes of a node in, its observations, its hint to routers and its summary out.

A pane is judged when it comes, over the windows that end with it. A node that falls silent is judged on by
the watermarks of the stage before: time passes for it by the log's clock, its windows run empty, and when it
has been silent for ``GONE_US`` everything that is open ends. Facts are folded in the order of their
partition; requests join a judgement only when they are ``REQUESTS_LAG_US`` old, so that it does not matter
which of two stages was ahead.
"""

from bisect import insort
from collections.abc import Collection, Sequence

from processors.patterns import lifecycle, summary
from processors.patterns.judging import TURNS, Judges
from processors.patterns.lifecycle import Moment
from processors.patterns.operator import act
from processors.patterns.pattern import Pattern
from processors.patterns.rules import Rules
from processors.patterns.state import Life, State
from processors.patterns.taken import Taken, taken_of
from processors.patterns.turning import SECOND_US
from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from processors.windows import requests
from processors.windows.requests import RequestSlot
from processors.windows.slot import Slot
from processors.windows.window import PANE_US, REQUESTS_LAG_US, Window
from schemas.codec import Event
from schemas.events.node_hint import NodeHint
from schemas.events.node_pane import NodePane
from schemas.events.node_tagged import NodeTagged
from schemas.events.operator_action import OperatorAction
from schemas.events.request_pane import RequestPane
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.ids import derived_id
from schemas.topics import OBSERVATIONS, PANES, PATTERN_STAGE_STATES, SUMMARIES, TELEMETRY, Topic

LONGEST_S = 600
KEPT_US = LONGEST_S * SECOND_US + 2 * REQUESTS_LAG_US
# A node whose panes are late by a little is not silent: at 1 Hz a pane comes 13 s after it began.
QUIET_US = 40 * SECOND_US
# As long as the fleet waits before it calls a node offline.
GONE_US = 300 * SECOND_US
STOPPED_US = 20 * SECOND_US
# A node that is silent is told of with every watermark at first, then once a minute.
TOLD_OFTEN_US = 600 * SECOND_US
MINUTE_US = 60 * SECOND_US
FORGET_US = 30 * 24 * 3600 * SECOND_US
# A state holds ten minutes of panes; storing it every five keeps that cheap, and a worker that takes over
# folds five minutes of panes again.
STORED_EVERY = 30
_CODEC = StateCodec(State)


class PatternStage:
    """Folds ``panes`` into ``observations``, ``summaries`` and hints, by the given patterns and rules.

    ``turns`` and ``only``: see ``Judges``.
    """

    name = "pattern-stage"
    source: Topic = PANES
    states: Topic = PATTERN_STAGE_STATES

    def __init__(
        self,
        patterns: Sequence[Pattern],
        rules: Rules | None = None,
        turns: int = TURNS,
        only: Collection[str] = (),
    ) -> None:
        self.judges = Judges(patterns, rules, turns, only)

    def key(self, event: Event) -> str | None:
        """Return the node; a watermark and a rule concern every node of the partition."""
        whole = isinstance(event, Watermark | RuleChanged)
        return None if whole else str(getattr(event, "node_id", ""))

    def initial(self, key: str) -> State:
        """Return the state of a node that has not been seen."""
        return State(key)

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after a pane, a part of requests, a watermark or an operator's action."""
        event = arrived.event
        if isinstance(event, NodePane):
            return self.taken(state, taken_of(event))
        if isinstance(event, RequestPane):
            return _requests(state, event), ()
        if isinstance(event, Watermark):
            return self._passed(state, event)
        if isinstance(event, OperatorAction):
            return self._acted(state, event)
        if isinstance(event, NodeTagged):
            on = Output(OBSERVATIONS, event.node_id, event), Output(SUMMARIES, event.fleet, event)
            return state, on
        if isinstance(event, RuleChanged):
            return state, ()
        return state, (Rejected("unexpected_event", f"{type(event).__name__} is no event of panes"),)

    def forward(self, arrived: Arrived) -> Outputs:
        """Tell the next stages how far the log has been folded, and the rules."""
        event = arrived.event
        if isinstance(event, Watermark):
            event = event._replace(stage=self.name, partition=arrived.partition)
        elif not isinstance(event, RuleChanged):
            return ()
        return (Output(OBSERVATIONS, None, event), Output(SUMMARIES, None, event))

    def settled(self, state: State) -> bool:
        """Return whether it is this node's turn to be stored; nodes take turns."""
        turn = sum(state.node_id.encode()) % STORED_EVERY
        if state.silent_us < QUIET_US:
            return not state.silent_us and (state.ended_at // PANE_US) % STORED_EVERY == turn
        return (state.passed_at // PANE_US) % STORED_EVERY == turn

    def over(self, state: State) -> bool:
        """Return whether the node has been silent for ``FORGET_US``."""
        return state.forgotten

    def encode(self, state: State) -> bytes:
        """Return the state as bytes."""
        return _CODEC.encode(state)

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        return _CODEC.decode(raw)

    def taken(self, state: State, pane: Taken) -> tuple[State, Outputs]:
        """Return the state after a pane of which the slot has been made, and what follows."""
        slot = pane.slot
        stepped_back = slot.started_at < state.ended_at and pane.arrived_at > state.arrived_at
        if slot.started_at < state.ended_at and not stepped_back:
            return _late(state, slot), ()
        slots = tuple(one for one in state.slots if one.started_at < slot.started_at)
        state = state._replace(
            about=pane.about,
            slots=(*_since(slots, pane.ended_at - LONGEST_S * SECOND_US), slot),
            arrived_at=pane.arrived_at,
            ended_at=pane.ended_at,
            silent_us=0,
            stopped=pane.stopped,
            gone=False,
            untold=True,
        )
        return self._judged(state, pane.ended_at)

    def _passed(self, state: State, mark: Watermark) -> tuple[State, Outputs]:
        """Let log time pass for a node of which nothing has come.

        A longer gap between watermarks is an outage of the log, not of the node: it counts as one late one.
        """
        since = max(state.arrived_at, state.passed_at)
        silent_us = state.silent_us + passed_us(since, mark)
        before = state.passed_at
        state = state._replace(passed_at=max(before, mark.passed_at), silent_us=silent_us)
        if not state.arrived_at:
            return self._without_agent(state)
        if silent_us >= FORGET_US:
            return state._replace(forgotten=True), ()
        if silent_us < quiet_us(stopped=state.stopped):
            return self._told(state)
        outputs: Outputs = ()
        if not state.gone:
            at = state.ended_at + silent_us // PANE_US * PANE_US
            gone = silent_us >= GONE_US or state.stopped
            state, outputs = self._gone(state, at) if gone else self._on(state, at)
        if silent_us < TOLD_OFTEN_US or before // MINUTE_US != state.passed_at // MINUTE_US:
            told = Output(SUMMARIES, state.about.fleet, summary.of_silence(state))
            outputs = (*outputs, told)
        return state, outputs

    def _told(self, state: State) -> tuple[State, Outputs]:
        """Tell the fleet of the newest pane: with the watermark, right before it is passed on.

        So whoever has seen a watermark has seen every summary until then, whatever partition was ahead.
        """
        if not state.untold:
            return state, ()
        told = Output(SUMMARIES, state.about.fleet, summary.of_pane(state, state.slots[-1]))
        return state._replace(untold=False), (told,)

    def _without_agent(self, state: State) -> tuple[State, Outputs]:
        """Judge by requests alone: the node is only known to a router."""
        if not state.requests and not state.lives:
            return state._replace(forgotten=True), ()
        return self._on(state, state.passed_at // PANE_US * PANE_US)

    def _on(self, state: State, at: int) -> tuple[State, Outputs]:
        return self._judged(state, at) if at > state.judged_at else (state, ())

    def _gone(self, state: State, at: int) -> tuple[State, Outputs]:
        moment = self._moment(state, at, 0.0)
        lives: list[Life] = []
        outputs: list[Output | Rejected] = []
        for life in state.lives:
            after, told = lifecycle.end(life, moment, "node_gone")
            outputs.extend(Output(OBSERVATIONS, state.node_id, each) for each in told)
            if after.silenced:
                lives.append(after)
        state = state._replace(lives=tuple(lives), slots=(), gone=True, judged_at=at)
        state, hints = _hinted(state, at)
        return state, (*outputs, *hints)

    def _judged(self, state: State, at: int) -> tuple[State, Outputs]:
        """Judge every pattern over the windows that end at ``at``, by the node's clock."""
        state = state._replace(
            slots=_since(state.slots, at - LONGEST_S * SECOND_US),
            requests=tuple(one for one in state.requests if one.started_at >= at - KEPT_US),
            judged_at=at,
        )
        lives = {life.pattern: life for life in state.lives}
        due = self.judges.due(lives, at)
        told: lifecycle.Told = ()
        if due:
            longest = Window(state.slots, state.requests, at, LONGEST_S)
            told = self.judges.judge(state.node_id, state.about, lives, longest, due)
        kept = tuple(lives[name] for name in sorted(lives))
        state, hints = _hinted(state._replace(lives=kept), at)
        return state, (*(Output(OBSERVATIONS, state.node_id, each) for each in told), *hints)

    def _acted(self, state: State, action: OperatorAction) -> tuple[State, Outputs]:
        at = max(state.judged_at, state.ended_at)
        lives, told = act(state.lives, action, self._moment(state, at, 0.0))
        if not told:
            return state, ()
        outputs = tuple(Output(OBSERVATIONS, state.node_id, each) for each in told)
        state, hints = _hinted(state._replace(lives=lives), at)
        return state, (*outputs, *hints)

    def _moment(self, state: State, at: int, coverage: float) -> Moment:
        return Moment(state.node_id, state.about.fleet, at, at, coverage, self.judges.digest)


def _late(state: State, slot: Slot) -> State:
    """Put a pane that comes after a newer one where it belongs; what has been judged stays."""
    if any(one.started_at == slot.started_at for one in state.slots):
        return state
    if slot.started_at < state.ended_at - LONGEST_S * SECOND_US:
        return state
    return state._replace(slots=tuple(sorted((*state.slots, slot), key=lambda one: one.started_at)))


def _requests(state: State, pane: RequestPane) -> State:
    """Keep a part once. A node that only routers know has its fleet from them."""
    if not pane.node_id:
        return state
    parts = with_part(state.requests, pane)
    if parts is state.requests:
        return state
    about = state.about if state.arrived_at else state.about._replace(fleet=pane.fleet)
    return state._replace(requests=parts, about=about)


def with_part(parts: tuple[RequestSlot, ...], pane: RequestPane) -> tuple[RequestSlot, ...]:
    """Return parts of requests with one more, in their order; the same where it is known already."""
    part = requests.slot_of(pane)
    same = (part.started_at, part.model, part.part, part.revision)
    if any((one.started_at, one.model, one.part, one.revision) == same for one in parts):
        return parts
    found = list(parts)
    insort(found, part)
    return tuple(found)


def passed_us(since: int, mark: Watermark) -> int:
    """Return how long the log has run for a node since ``since``, µs: at most two intervals of the clock."""
    return min(max(0, mark.passed_at - since), int(2 * mark.interval_s * SECOND_US))


def quiet_us(*, stopped: bool) -> int:
    """Return how long nothing must have come from a node for it to be silent, µs."""
    return STOPPED_US if stopped else QUIET_US


def _since(slots: tuple[Slot, ...], at: int) -> tuple[Slot, ...]:
    first = next((index for index, slot in enumerate(slots) if slot.started_at >= at), len(slots))
    return slots[first:] if first else slots


def _hinted(state: State, at: int) -> tuple[State, Outputs]:
    """Say what routers should do, when that has changed."""
    hint, source, observation_id = lifecycle.hint_of(state.lives, at)
    if (hint, source) == (state.routing_hint, state.hint_source):
        return state, ()
    event = NodeHint(
        derived_id("node_hint", state.node_id, at, hint, source),
        state.node_id,
        state.about.fleet,
        at,
        hint,
        source,
        observation_id,
    )
    state = state._replace(routing_hint=hint, hint_source=source)
    return state, (Output(TELEMETRY, state.node_id, event),)
