"""One node tried: its records through the pattern stage, once for each set of rules, windows built for all.

What is regular goes through ``Run``; everything else through ``advance``'s own step of one key. So a trial
says what the stages say, to the byte.
"""

from collections.abc import Iterator, Sequence

from processors.patterns.stage import PatternStage
from processors.patterns.state import Life, State
from processors.patterns.taken import Taken
from processors.replay.backtest.run_of_panes import Run, Said, alike
from processors.stage import Arrived, Output, Outputs, advance_key
from schemas.events.observation import ObservationOpened, ObservationResolved, ObservationUpdated
from schemas.events.request_pane import RequestPane
from schemas.events.watermark import Watermark

_TOLD = (ObservationOpened, ObservationUpdated, ObservationResolved)


class NodeTrial:
    """A node under several stages, which differ in their rules."""

    def __init__(self, node_id: str, stages: Sequence[PatternStage]) -> None:
        self._node_id = node_id
        self._stages = stages
        self._memories: list[dict[str, State]] = [{} for _ in stages]
        self._run: Run | None = None

    def pane(self, pane: Taken) -> list[Said]:
        """Take a pane and return what is told."""
        if self._run is not None:
            said = self._run.pane(pane)
            if said is not None:
                return said
            self._settle()
        found: list[Said] = []
        for side, (stage, memory) in enumerate(zip(self._stages, self._memories, strict=True)):
            before = memory.get(self._node_id) or stage.initial(self._node_id)
            memory[self._node_id], outputs = stage.taken(before, pane)
            found.extend(_said(side, outputs))
        self._begin()
        return found

    def event(self, arrived: Arrived) -> list[Said]:
        """Take anything else that the topic of panes has for the node, and return what is told."""
        event, run = arrived.event, self._run
        if run is not None:
            if isinstance(event, Watermark) and run.watermark(event):
                return []
            if isinstance(event, RequestPane):
                run.requests(event)
                return []
            self._settle()
        found: list[Said] = []
        for side, (stage, memory) in enumerate(zip(self._stages, self._memories, strict=True)):
            if self._node_id in memory or not isinstance(event, Watermark):
                found.extend(_said(side, advance_key(memory, stage, self._node_id, arrived)))
        return found

    def states(self) -> Sequence[State | None]:
        """Return the state of each stage; None where it knows nothing of the node."""
        self._settle()
        return [memory.get(self._node_id) for memory in self._memories]

    def reopen(self, lives: Sequence[Life]) -> None:
        """Let what was open, or silenced, be so by all rules, and nothing else be."""
        self._settle()
        kept = tuple(sorted(lives))
        for stage, memory in zip(self._stages, self._memories, strict=True):
            known = memory.get(self._node_id)
            if known is not None or kept:
                memory[self._node_id] = (known or stage.initial(self._node_id))._replace(lives=kept)
        self._begin()

    def _begin(self) -> None:
        states = [memory.get(self._node_id) for memory in self._memories]
        known = [state for state in states if state is not None and state.slots]
        if len(known) == len(states) and alike(known):
            self._run = Run(self._stages, known)

    def _settle(self) -> None:
        if self._run is not None:
            for memory, state in zip(self._memories, self._run.states(), strict=True):
                memory[self._node_id] = state
            self._run = None


def _said(side: int, outputs: Outputs) -> Iterator[Said]:
    told = tuple(
        output.event for output in outputs if isinstance(output, Output) and isinstance(output.event, _TOLD)
    )
    if told:
        yield Said(side, told)
