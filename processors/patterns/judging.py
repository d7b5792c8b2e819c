"""A node judged by patterns: which are due at a pane, and what becomes of the life of each.

The pattern stage does this with each pane of a node, a backtest for several sets of rules over the same
windows. ``lives`` holds only patterns of which something is remembered, by their ids.
"""

from collections.abc import Collection, MutableMapping, Sequence
from functools import lru_cache

from processors.patterns import lifecycle
from processors.patterns.lifecycle import Moment
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern
from processors.patterns.rules import Rules
from processors.patterns.state import About, Life
from processors.patterns.thresholds import Thresholds
from processors.patterns.turning import SECOND_US, Timing
from processors.windows.window import PANE_US, Window

# Windows are minutes long, and most patterns have nothing to say. Those of which nothing is pending take
# turns: a third of them is judged with each pane. What is pending or open is judged with every one.
TURNS = 3

Lives = MutableMapping[str, Life]
_Due = tuple[int, Pattern]


class Judges:
    """Patterns with the rules they are judged by.

    ``turns``: how many panes it takes to judge all patterns of which nothing is pending. ``only``: ids of
    those that are judged at all; empty: every one. Their turns are the same as among all.
    """

    def __init__(
        self,
        patterns: Sequence[Pattern],
        rules: Rules | None = None,
        turns: int = TURNS,
        only: Collection[str] = (),
    ) -> None:
        self._rules = rules or Rules()
        self._patterns = tuple(patterns)
        self._turns = turns
        self._all: Sequence[_Due] = [
            (place, pattern) for place, pattern in enumerate(patterns) if not only or pattern.id in only
        ]
        self._at_turn = [[due for due in self._all if (turn + due[0]) % turns == 0] for turn in range(turns)]
        self._limits = lru_cache(4096)(self._limits_of)

    @property
    def digest(self) -> str:
        """Digest of the rules."""
        return self._rules.digest

    def due(self, lives: Lives, at: int) -> Sequence[_Due]:
        """Return the patterns to judge over the windows that end at ``at``, in order, with their places."""
        turn = at // PANE_US % self._turns
        if not lives:
            return self._at_turn[turn]
        return [due for due in self._all if due[1].id in lives or (turn + due[0]) % self._turns == 0]

    def judge(
        self, node_id: str, about: About, lives: Lives, longest: Window, due: Sequence[_Due]
    ) -> lifecycle.Told:
        """Judge patterns that are due, change ``lives``, and return what is to be told.

        ``longest`` is at least as long as the longest window of those that are due.
        """
        told: list[lifecycle.Told] = []
        limits = self._limits(about.fleet, node_id, about.chips)
        for place, pattern in due:
            window = longest.last(pattern.window_s)
            judgement = _judgement(pattern, limits[place], window)
            if not judgement.holds and pattern.id not in lives:
                continue
            before = lives.get(pattern.id) or Life(pattern.id)
            moment = Moment(
                node_id, about.fleet, window.ended_at, window.started_at, window.coverage, self.digest
            )
            life, said = _lived(before, pattern, judgement, limits[place], moment)
            if life == Life(pattern.id):
                lives.pop(pattern.id, None)
            else:
                lives[pattern.id] = life
            if said:
                told.append(said)
        return tuple(event for said in told for event in said)

    def _limits_of(self, fleet: str, node_id: str, chips: tuple[str, ...]) -> tuple[Thresholds, ...]:
        return tuple(
            self._rules.of_node(each.id, each.thresholds, fleet=fleet, node_id=node_id, chips=chips)
            for each in self._patterns
        )


def _judgement(pattern: Pattern, limits: Thresholds, window: Window) -> Judgement:
    enough = limits.enabled and window.coverage >= pattern.min_coverage
    return pattern.judge(window, limits) if enough else UNKNOWN


def _lived(
    life: Life, pattern: Pattern, judgement: Judgement, limits: Thresholds, moment: Moment
) -> tuple[Life, lifecycle.Told]:
    if not limits.enabled:
        return lifecycle.end(life, moment, "disabled") if life.open else (Life(pattern.id), ())
    for_s = limits.for_s if limits.for_s >= 0 else pattern.for_s
    clear_s = limits.clear_s if limits.clear_s >= 0 else pattern.clear_s
    timing = Timing(int(for_s * SECOND_US), int(clear_s * SECOND_US))
    return lifecycle.follow(life, pattern, judgement, moment, timing)
