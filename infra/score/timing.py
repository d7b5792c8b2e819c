"""How long the judgements of each pattern take, in processor time: a busy machine makes none slower."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from processors.patterns.pattern import Judgement, Pattern
from processors.windows.window import Window


class Stopwatch:
    """Measures patterns: use those that ``measured`` returns in place of the others."""

    def __init__(self) -> None:
        self.total_ns: Counter[str] = Counter()
        self.judgements: Counter[str] = Counter()

    def measured(self, patterns: Sequence[Pattern]) -> Sequence[Pattern]:
        """Return the patterns, each of which notes how long it takes."""
        return tuple(replace(pattern, judge=self._timed(pattern)) for pattern in patterns)

    def _timed(self, pattern: Pattern) -> Any:  # noqa: ANN401 - a judge
        judge, id_ = pattern.judge, pattern.id
        total_ns, judgements, now = self.total_ns, self.judgements, time.thread_time_ns

        def timed(window: Window, limits: Any) -> Judgement:  # noqa: ANN401 - its own thresholds
            began = now()
            judged = judge(window, limits)
            total_ns[id_] += now() - began
            judgements[id_] += 1
            return judged

        return timed

    def add(self, other: "Stopwatch") -> None:
        """Take in what another one has measured."""
        self.total_ns.update(other.total_ns)
        self.judgements.update(other.judgements)

    def means_us(self) -> Mapping[str, float]:
        """Return the mean time of a judgement by pattern, µs."""
        return {id_: self.total_ns[id_] / 1000 / count for id_, count in self.judgements.items() if count}
