"""Panes of one node that come one after the other, as nearly all do, judged by several sets of rules at once.

The pattern stage keeps plain values and makes a new state for each pane. For a node that neither falls
silent nor has its clock set back, the same comes of adding to one list of panes and judging when something
is due: ``Run`` does that, and gives the states back when anything else happens. Judges, lives and windows
are the stage's own; a test holds both to equal states and equal observations.
"""

from collections.abc import Sequence
from typing import NamedTuple

from processors.patterns.lifecycle import Told
from processors.patterns.stage import KEPT_US, LONGEST_S, PatternStage, passed_us, quiet_us, with_part
from processors.patterns.state import State
from processors.patterns.taken import Taken
from processors.patterns.turning import SECOND_US
from processors.windows.window import Window
from schemas.events.request_pane import RequestPane
from schemas.events.watermark import Watermark

LONGEST_US = LONGEST_S * SECOND_US
# Panes that no window reaches any more are taken out so many at a time.
_SPARE = 512


class Said(NamedTuple):
    """What was told of an observation, by the rules of which side."""

    side: int
    told: Told


class Run:
    """A node while nothing out of the ordinary happens. ``states``: one for each stage, folded alike."""

    def __init__(self, stages: Sequence[PatternStage], states: Sequence[State]) -> None:
        self._judges = [stage.judges for stage in stages]
        self._states = states
        first = states[0]
        self._node_id = first.node_id
        self._slots = list(first.slots)
        self._first = 0
        self._requests = first.requests
        self._lives = [{life.pattern: life for life in state.lives} for state in states]
        self._about = first.about
        self._arrived_at, self._ended_at, self._passed_at = first.arrived_at, first.ended_at, first.passed_at
        self._judged_at, self._silent_us = first.judged_at, first.silent_us
        self._stopped, self._untold = first.stopped, first.untold

    def pane(self, pane: Taken) -> list[Said] | None:
        """Judge a pane; None: it does not come after the last one, and nothing has been done."""
        slot, at = pane.slot, pane.ended_at
        if slot.started_at < self._ended_at:
            return None
        self._slots.append(slot)
        self._about, self._arrived_at, self._ended_at = pane.about, pane.arrived_at, at
        self._judged_at, self._silent_us, self._stopped, self._untold = at, 0, pane.stopped, True
        if self._requests and self._requests[0].started_at < at - KEPT_US:
            self._requests = tuple(one for one in self._requests if one.started_at >= at - KEPT_US)
        dues = [judges.due(lives, at) for judges, lives in zip(self._judges, self._lives, strict=True)]
        # No window is longer than what is due asks for: most of a window's cost is in its length.
        longest_s = max((pattern.window_s for due in dues for _, pattern in due), default=0)
        if not longest_s:
            return []
        window = self._window(at, longest_s)
        said: list[Said] = []
        for side, due in enumerate(dues):
            if due:
                told = self._judges[side].judge(self._node_id, self._about, self._lives[side], window, due)
                if told:
                    said.append(Said(side, told))
        return said

    def watermark(self, mark: Watermark) -> bool:
        """Let time pass; False: the node has fallen silent, and nothing has been done."""
        silent_us = self._silent_us + passed_us(max(self._arrived_at, self._passed_at), mark)
        if silent_us >= quiet_us(stopped=self._stopped):
            return False
        self._silent_us, self._passed_at = silent_us, max(self._passed_at, mark.passed_at)
        self._untold = False
        return True

    def requests(self, pane: RequestPane) -> None:
        """Keep a part of requests."""
        if pane.node_id:
            self._requests = with_part(self._requests, pane)

    def states(self) -> list[State]:
        """Return the states, as the stage would have them."""
        since = self._ended_at - LONGEST_US
        common = self._states[0]._replace(
            about=self._about,
            slots=tuple(slot for slot in self._slots[self._first :] if slot.started_at >= since),
            requests=self._requests,
            arrived_at=self._arrived_at,
            ended_at=self._ended_at,
            judged_at=self._judged_at,
            passed_at=self._passed_at,
            silent_us=self._silent_us,
            stopped=self._stopped,
            untold=self._untold,
        )
        return [
            with_rules_of(common, state)._replace(lives=tuple(lives[name] for name in sorted(lives)))
            for state, lives in zip(self._states, self._lives, strict=True)
        ]

    def _window(self, at: int, seconds: int) -> Window:
        slots, since = self._slots, at - LONGEST_US
        first = self._first
        while slots[first].started_at < since:
            first += 1
        if first > _SPARE:
            del slots[:first]
            first = 0
        self._first = first
        return Window(slots[first:] if first else slots, self._requests, at, seconds)


def alike(states: Sequence[State]) -> bool:
    """Return whether states differ in nothing but what their rules made of the node."""
    first = states[0]
    return all(state is first or with_rules_of(state, first) == first for state in states[1:])


def with_rules_of(state: State, other: State) -> State:
    """Return a state with what the rules of another made of the node."""
    return state._replace(lives=other.lives, routing_hint=other.routing_hint, hint_source=other.hint_source)
