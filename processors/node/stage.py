"""The node stage: samples of a node in, its state after each and a pane every ten seconds out.

Event time is the node's own clock. A pane closes when a newer sample shows that its end is ``GRACE_US`` past,
or when the log has been running for ``SILENCE_US`` without a sample of the node; what comes later is late.
"""

from processors.node import sequence
from processors.node.judge import judge, node_state
from processors.node.pane import fold_pane
from processors.node.profile import profile_of
from processors.node.sequence import Verdict
from processors.node.state import PANE_US, Clock, Counts, Hint, Measured, OpenPane, State, initial, skew_s
from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from schemas.codec import Event
from schemas.events.clock_tick import ClockTick
from schemas.events.node_hint import NodeHint
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.node_stopped import NodeStopped
from schemas.events.node_tagged import NodeTagged
from schemas.events.reading import NAN
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.ids import derived_id
from schemas.topics import NODE_STAGE_STATES, NODE_STATES, PANES, TELEMETRY, Topic

SECOND_US = 1_000_000
GRACE_US = 2 * SECOND_US
SILENCE_US = 30 * SECOND_US
# A pane is closed by the first sample at or after its end and grace; at 1 Hz that sample is within this.
SETTLED_US = GRACE_US + SECOND_US
# A sample from further ahead than this would drag the node's event time with it.
FUTURE_US = 300 * SECOND_US
# The log keeps telemetry for seven days; a sample that is older is no reading of a node that waited.
PAST_US = 8 * 24 * 3600 * SECOND_US
# Within a boot, seq orders samples: an earlier time by more than this means that the clock went back.
STEP_BACK_US = 5 * SECOND_US
# A node that has been silent this long is forgotten; its learned idle power with it.
FORGET_US = 30 * 24 * 3600 * SECOND_US

_CODEC = StateCodec(State)


class NodeStage:
    """Folds ``telemetry`` into ``node-states`` and ``panes``. ``pue`` is applied to WES, once, here."""

    name = "node-stage"
    source: Topic = TELEMETRY
    states: Topic = NODE_STAGE_STATES

    def __init__(self, pue: float = 1.0) -> None:
        self._pue = pue

    def key(self, event: Event) -> str | None:
        """Return the node; a tick and a rule concern every node of the partition."""
        whole = isinstance(event, ClockTick | RuleChanged)
        return None if whole else str(getattr(event, "node_id", ""))

    def initial(self, key: str) -> State:
        """Return the state of a node that has not been seen."""
        return initial(key)

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after a sample or a tick, and the panes and the node_state that follow."""
        event, arrived_at, _ = arrived
        if isinstance(event, NodeSample):
            return self._sample(state, event, arrived_at)
        if isinstance(event, ClockTick):
            return _tick(state, event, arrived_at)
        if isinstance(event, NodeHint):
            return state._replace(hint=Hint(event.routing_hint, event.source)), ()
        if isinstance(event, NodeRegistered):
            return state._replace(profile=profile_of(event)), _tagged(event)
        if isinstance(event, NodeStopped):
            return _stopped(state, event)
        if isinstance(event, RuleChanged):
            return state, ()
        return state, (Rejected("unexpected_event", f"{type(event).__name__} is no event of telemetry"),)

    def forward(self, arrived: Arrived) -> Outputs:
        """Tell the next stages how far the log has been folded: what is silent there was silent here.

        Rules go the same way, so each of them is judged from one place of the log on. ``node-states`` is
        compacted, where a record needs a key.
        """
        event = arrived.event
        if isinstance(event, RuleChanged):
            return (Output(NODE_STATES, f"~rule/{event.rule_id}", event), Output(PANES, None, event))
        if not isinstance(event, ClockTick):
            return ()
        mark = Watermark(
            event.occurred_at, self.name, arrived.partition, arrived.arrived_at, event.interval_s
        )
        return (Output(NODE_STATES, "~watermark", mark), Output(PANES, None, mark))

    def settled(self, state: State) -> bool:
        """Return whether a pane has just been closed, so that few samples are open."""
        if len(state.panes) > 1:
            return False
        return not state.panes or state.clock.watermark_at - state.panes[0].started_at < SETTLED_US

    def over(self, state: State) -> bool:
        """Return whether the node has been silent for ``FORGET_US``."""
        return state.gone

    def encode(self, state: State) -> bytes:
        """Return the state as bytes."""
        return _CODEC.encode(state)

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        return _CODEC.decode(raw)

    def _sample(self, state: State, sample: NodeSample, arrived_at: int) -> tuple[State, Outputs]:
        implausible = _implausible(sample, arrived_at)
        if implausible is not None:
            return state, (implausible,)
        verdict, boots, missing = sequence.judge(state.boots, sample.boot_id, sample.seq, sample.occurred_at)
        totals = state.totals
        if verdict is Verdict.DUPLICATE:
            return state._replace(totals=totals._replace(duplicates=totals.duplicates + 1)), ()
        if verdict is Verdict.CONFLICT:
            return state._replace(totals=totals._replace(conflicts=totals.conflicts + 1)), ()
        if missing:
            totals = totals._replace(missing=totals.missing + missing)
        newest = boots[-1].boot_id == sample.boot_id and boots[-1].last_seq == sample.seq
        return self._fresh(state._replace(boots=boots, totals=totals), sample, arrived_at, newest)

    def _fresh(
        self, state: State, sample: NodeSample, arrived_at: int, newest: bool
    ) -> tuple[State, Outputs]:
        panes: Outputs = ()
        if newest and sample.occurred_at + STEP_BACK_US < state.clock.watermark_at:
            state, panes = _close(state, everything=True)
            state = state._replace(clock=_stepped_back(state.clock, sample.occurred_at))
        totals = state.totals
        if sample.occurred_at < state.clock.closed_until:
            return state._replace(totals=totals._replace(late=totals.late + 1)), panes
        totals = _one_more(totals)
        judged = judge(state, sample, arrived_at, self._pue)
        clock = _advanced(state.clock, sample, arrived_at)
        open_panes = _added(state.panes, judged.measured)
        if not newest:
            # It fills a gap: the pane gains a sample, and what is known of the node now stays.
            state = state._replace(totals=totals, panes=open_panes, clock=clock)
            return state, panes
        state = State(
            state.node_id,
            state.boots,
            totals,
            state.reported,
            judged.idle,
            judged.points,
            judged.models,
            judged.inference,
            judged.thermal,
            open_panes,
            clock,
            False,
            state.profile,
            state.hint,
            judged.speeds,
        )
        now = node_state(judged, totals, skew_s(clock), self._pue, state.hint)
        state, closed = _close(state)
        return state, (*panes, *closed, Output(NODE_STATES, sample.node_id, now))


def _one_more(totals: Counts) -> Counts:
    return Counts(totals.samples + 1, totals.duplicates, totals.missing, totals.late, totals.conflicts)


def _tagged(event: NodeRegistered) -> Outputs:
    """Tell the next stages of the tags of a node: rules select by them."""
    node_id, at = event.node_id, event.occurred_at
    tagged = NodeTagged(derived_id("node_tagged", node_id, at), node_id, event.fleet, at, event.tags)
    return (Output(NODE_STATES, f"~tags/{node_id}", tagged), Output(PANES, node_id, tagged))


def _implausible(sample: NodeSample, arrived_at: int) -> Rejected | None:
    ahead_us = sample.occurred_at - arrived_at
    if ahead_us > FUTURE_US:
        return Rejected("implausible_time", f"{ahead_us / 1e6:.0f} s in the future")
    if ahead_us < -PAST_US:
        return Rejected("implausible_time", f"{-ahead_us / 86_400e6:.1f} days old")
    return None


def _tick(state: State, tick: ClockTick, arrived_at: int) -> tuple[State, Outputs]:
    """Let time pass. Ticks come only while the log runs, so an outage of Kafka is no silence of the node."""
    clock = state.clock
    if arrived_at - clock.last_arrived_at > FORGET_US:
        return state._replace(gone=True), ()
    if not state.panes:
        return state, ()
    since = max(clock.last_arrived_at, clock.last_tick_at)
    # A longer gap between ticks is an outage of the log; it counts as one late tick.
    passed_us = min(max(0, arrived_at - since), int(2 * tick.interval_s * SECOND_US))
    silent_us = clock.silent_us + passed_us
    state = state._replace(clock=clock._replace(silent_us=silent_us, last_tick_at=arrived_at))
    return _close(state, everything=True) if silent_us >= SILENCE_US else (state, ())


def _added(panes: tuple[OpenPane, ...], measured: Measured) -> tuple[OpenPane, ...]:
    started_at = measured.sample.occurred_at - measured.sample.occurred_at % PANE_US
    last = panes[-1] if panes else None
    if last is not None and last.started_at == started_at:
        return (*panes[:-1], OpenPane(started_at, (*last.samples, measured)))
    others = {pane.started_at: pane for pane in panes}
    samples = others[started_at].samples if started_at in others else ()
    others[started_at] = OpenPane(started_at, (*samples, measured))
    return tuple(others[start] for start in sorted(others))


def _stopped(state: State, event: NodeStopped) -> tuple[State, Outputs]:
    """Close what is open: the agent says that nothing more comes."""
    if not state.boots or state.boots[-1].boot_id != event.boot_id:
        return state, ()
    return _close(state, everything=True, stopped=True)


def _close(state: State, *, everything: bool = False, stopped: bool = False) -> tuple[State, Outputs]:
    """Fold the panes whose time is over, oldest first."""
    limit = state.clock.watermark_at - GRACE_US
    outputs: list[Output] = []
    while state.panes and (everything or state.panes[0].started_at + PANE_US <= limit):
        pane = state.panes[0]
        last = stopped and len(state.panes) == 1
        outputs.append(Output(PANES, state.node_id, fold_pane(state, pane, stopped=last)))
        clock = state.clock._replace(
            closed_until=max(state.clock.closed_until, pane.started_at + PANE_US),
            skew_s=NAN,
            skew_before_s=state.clock.skew_s,
        )
        state = state._replace(panes=state.panes[1:], reported=state.totals, clock=clock)
    return state, tuple(outputs)


def _advanced(clock: Clock, sample: NodeSample, arrived_at: int) -> Clock:
    ahead_s = (sample.occurred_at - arrived_at) / 1e6
    largest = not sample.spooled and not clock.skew_s >= ahead_s
    return Clock(
        max(clock.watermark_at, sample.occurred_at),
        clock.closed_until,
        0,
        max(clock.last_arrived_at, arrived_at),
        clock.last_tick_at,
        clock.epoch,
        ahead_s if largest else clock.skew_s,
        clock.skew_before_s,
    )


def _stepped_back(clock: Clock, occurred_at: int) -> Clock:
    started_at = occurred_at - occurred_at % PANE_US
    return clock._replace(watermark_at=occurred_at, closed_until=started_at, epoch=clock.epoch + 1)
