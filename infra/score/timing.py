"""How long the judgements of each pattern take: the median of a sample, which a busy machine hardly moves."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from processors.patterns.pattern import Judgement, Pattern
from processors.windows.window import Window

# One judgement in so many is measured; a prime, so that no rhythm of the panes decides which.
EVERY = 7


class Stopwatch:
    """Measures patterns: use those that ``measured`` returns in place of the others."""

    def __init__(self) -> None:
        self.judgements: Counter[str] = Counter()
        self._samples_ns: dict[str, list[int]] = defaultdict(list)

    def measured(self, patterns: Sequence[Pattern]) -> Sequence[Pattern]:
        """Return the patterns, each of which notes how long it takes."""
        return tuple(replace(pattern, judge=self._timed(pattern)) for pattern in patterns)

    def _timed(self, pattern: Pattern) -> Any:  # noqa: ANN401 - a judge
        judge, id_, judgements, now = pattern.judge, pattern.id, self.judgements, time.perf_counter_ns
        samples_ns = self._samples_ns[id_]

        def timed(window: Window, limits: Any) -> Judgement:  # noqa: ANN401 - its own thresholds
            judgements[id_] += 1
            if judgements[id_] % EVERY:
                return judge(window, limits)
            began = now()
            judged = judge(window, limits)
            samples_ns.append(now() - began)
            return judged

        return timed

    def add(self, other: "Stopwatch") -> None:
        """Take in what another one has measured."""
        self.judgements.update(other.judgements)
        for id_, samples_ns in other._samples_ns.items():
            self._samples_ns[id_] += samples_ns

    def medians_us(self) -> Mapping[str, float]:
        """Return the median time of a judgement by pattern, µs."""
        return {id_: median(found) / 1000 for id_, found in self._samples_ns.items() if found}
