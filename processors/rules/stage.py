"""The rule stages: one source each in, conditions that begin and end out.

A stage folds one topic in its order, which is what makes live equal to a replay; a rule has one source, so no
rule's state crosses topics. The state of a partition is one object, because every event is judged by all
rules. Rules, tags and time come in the topic itself, behind what was written before them.
"""

from typing import Any, NamedTuple

import immutables
import zstandard

from processors.rules.findings import FindingJudge
from processors.rules.judge import Judge, Told
from processors.rules.life import Moment
from processors.rules.nodes import NodeJudge
from processors.rules.requests import RequestJudge
from processors.rules.rules import LEVEL, Rules, StoredRule, restored
from processors.rules.state import MOST_LIVES, SECOND_US, Clock, State, Window
from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from schemas.codec import Event
from schemas.errors import DecodeError
from schemas.events.condition_changed import Label
from schemas.events.node_tagged import NodeTagged
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.topics import (
    ALERTS,
    FIRINGS,
    NODE_STATES,
    OBSERVATIONS,
    PANES,
    RULE_ALERTS_STATES,
    RULE_NODE_STATES_STATES,
    RULE_OBSERVATIONS_STATES,
    RULE_PANES_STATES,
    Topic,
)

KEY = "rules"
# What has been told must be stored soon: the topics of some sources are compacted. All else can be folded
# again for some minutes.
TOLD_US = 10 * SECOND_US
STORED_EVERY_US = 300 * SECOND_US
_STATES: dict[str, Topic] = {
    NODE_STATES.name: RULE_NODE_STATES_STATES,
    PANES.name: RULE_PANES_STATES,
    OBSERVATIONS.name: RULE_OBSERVATIONS_STATES,
    ALERTS.name: RULE_ALERTS_STATES,
}


class _Tags(NamedTuple):
    node_id: str
    tags: tuple[Label, ...]


class _Stored(NamedTuple):
    """A state as bytes, but for its subjects: those are of the source."""

    rules: tuple[StoredRule, ...]
    tags: tuple[_Tags, ...]
    clock: Clock
    told_at: int
    window: Window
    full: bool
    subjects: tuple[bytes, ...]


_CODEC = StateCodec(_Stored)


class RuleStage:
    """Judges the events of one topic by the rules about it."""

    def __init__(self, source: Topic) -> None:
        self.name = f"rule-{source.name}"
        self.source = source
        self.states = _STATES[source.name]
        self._judge = _judge_of(source)
        self._codec: StateCodec[Any] = StateCodec(self._judge.stored)

    def key(self, event: Event) -> str:
        """Return the one key there is: all events are judged by all rules."""
        del event
        return KEY

    def initial(self, key: str) -> State:
        """Return the state of a partition that knows no rules."""
        del key
        return State(Rules())

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after an event of the source, a rule, tags or a watermark, and what follows."""
        event = arrived.event
        taken = self._judge.take(state, event)
        if taken is not None:
            return taken[0], (*_outputs(taken[1]), *_overfull(state, taken[0]))
        if isinstance(event, Watermark):
            return self._passed(state, event, arrived)
        if isinstance(event, RuleChanged):
            return self._changed(state, event)
        if isinstance(event, NodeTagged):
            tags = tuple(Label(*each) for each in sorted(event.tags.items()))
            if state.tags.get(event.node_id, ()) == tags:
                return state, ()
            state = state._replace(tags=state.tags.set(event.node_id, tags))
            return self._judge.tagged(state, event.node_id), ()
        if type(event).__name__ in self._judge.passed_over:
            return state, ()
        text = f"{type(event).__name__} is no event of {self.source.name}"
        return state, (Rejected("unexpected_event", text),)

    def forward(self, arrived: Arrived) -> Outputs:
        """Nothing: every event has the one key."""
        del arrived
        return ()

    def settled(self, state: State) -> bool:
        """Return whether something was told just now, or it is time to store how far the readings are."""
        ran = state.clock.ran
        return ran - state.told_at <= TOLD_US or ran % STORED_EVERY_US < 2 * state.clock.interval

    def over(self, state: State) -> bool:
        """Return whether the state can be forgotten: never, it has the rules."""
        del state
        return False

    def encode(self, state: State) -> bytes:
        """Return the state as bytes, packed."""
        subjects = tuple(
            self._codec.encode(self._judge.encoded(memory)) for _, memory in sorted(state.subjects.items())
        )
        tags = tuple(_Tags(*each) for each in sorted(state.tags.items()))
        stored = _Stored(
            state.rules.stored(), tags, state.clock, state.told_at, state.window, state.full, subjects
        )
        return zstandard.ZstdCompressor(level=LEVEL).compress(_CODEC.encode(stored))

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        try:
            stored = _CODEC.decode(zstandard.ZstdDecompressor().decompress(raw))
        except zstandard.ZstdError as exc:
            raise DecodeError(f"the stored state is damaged: {exc}") from exc
        subjects = dict(self._judge.decoded(self._codec.decode(each)) for each in stored.subjects)
        return State(
            restored(stored.rules),
            immutables.Map(subjects),
            immutables.Map({one.node_id: one.tags for one in stored.tags}),
            stored.clock,
            stored.told_at,
            stored.window,
            sum(memory.living for memory in subjects.values()),
            stored.full,
        )

    def _passed(self, state: State, mark: Watermark, arrived: Arrived) -> tuple[State, Outputs]:
        clock = state.clock.after(mark.passed_at, mark.interval_s)
        moment = Moment(clock.ran, mark.occurred_at, mark.passed_at, "")
        before = state
        state, told = self._judge.passed(state._replace(clock=clock), moment)
        state = _counted(before, state)
        partition = mark.partition if self.source is ALERTS else arrived.partition
        on = Output(FIRINGS, None, mark._replace(stage=self.name, partition=partition))
        return state, (*_outputs(told), *_overfull(before, state), on)

    def _changed(self, state: State, event: RuleChanged) -> tuple[State, Outputs]:
        """Take in a rule. Whatever its source, it goes on to those who tell of it, before what follows."""
        changed = state.rules.changed(event, self._judge.source)
        if changed is None:
            return state, ()
        on = Output(FIRINGS, None, event)
        rules, turnover = changed
        logged_at = state.clock.log_time(event.occurred_at)
        moment = Moment(state.clock.ran, event.occurred_at, logged_at, event.id)
        before = state
        state, told = self._judge.turned(state._replace(rules=rules), turnover, moment)
        return _counted(before, state), (on, *_outputs(told))


def rule_stages() -> tuple[RuleStage, ...]:
    """Return the stage of each source."""
    return tuple(RuleStage(source) for source in (NODE_STATES, PANES, OBSERVATIONS, ALERTS))


def _judge_of(source: Topic) -> Judge:
    if source is NODE_STATES:
        return NodeJudge()
    if source is PANES:
        return RequestJudge()
    return FindingJudge("observations" if source is OBSERVATIONS else "alerts")


def _counted(before: State, state: State) -> State:
    """Return the state with its lives counted anew, where more than one subject may have changed."""
    if state.subjects is before.subjects:
        return state
    living = sum(memory.living for memory in state.subjects.values())
    return state._replace(living=living, full=state.full and living >= before.living)


def _overfull(before: State, state: State) -> Outputs:
    """Say, once, that there is no room for what would begin: a rule matches more than it should."""
    if before.full or not state.full:
        return ()
    text = f"{MOST_LIVES} conditions are followed in this partition already; others begin when some end"
    return (Rejected("rejected", text),)


def _outputs(told: Told) -> Outputs:
    return tuple(Output(FIRINGS, condition.fleet, condition) for condition in told)
