"""Many scenarios scored: large ones one by one with all processes, small ones side by side."""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from infra.score.match import judge
from infra.score.run import run
from infra.score.timing import Stopwatch
from processors.labels.match import Verdict
from producers.simulator.scenario.model import Scenario

# Node hours from which a scenario is worth several processes of its own; to start one takes a second.
LARGE_H = 12.0


@dataclass(frozen=True, slots=True)
class Scored:
    """A scenario's verdict, what its judgements took, and how long all of it took, seconds."""

    verdict: Verdict
    stopwatch: Stopwatch
    took_s: float


Done = Callable[[Scored], None]


def score(scenarios: Sequence[Scenario], *, jobs: int, done: Done = lambda _scored: None) -> list[Scored]:
    """Return what came of each scenario, in the order of their names; ``done`` is told as they end."""
    found: list[Scored] = []
    for one in _scored(scenarios, jobs):
        done(one)
        found.append(one)
    return sorted(found, key=lambda one: one.verdict.scenario)


def _scored(scenarios: Sequence[Scenario], jobs: int) -> Iterator[Scored]:
    ordered = sorted(scenarios, key=_size, reverse=True)
    large = [one for one in ordered if _size(one) >= LARGE_H or len(ordered) == 1]
    small = [one for one in ordered if one not in large]
    for scenario in large:
        yield _one(scenario, jobs)
    if jobs == 1 or len(small) < 2:
        yield from map(_one, small)
        return
    # Spawned, so that it is the same on every system; whoever leaves ends what still runs.
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(small)), _ignore_interrupts) as pool:
        yield from pool.imap_unordered(_one, small)


def _size(scenario: Scenario) -> float:
    return len(scenario.nodes) * scenario.duration_s / 3600


def _one(scenario: Scenario, jobs: int = 1) -> Scored:
    """Score a scenario; an error in a stage is a line of the verdict, and the other scenarios go on."""
    try:
        found = run(scenario, jobs=jobs)
    except Exception as exc:  # noqa: BLE001 - whatever a stage or the simulation raises
        last = traceback.extract_tb(exc.__traceback__)[-1]
        verdict = Verdict(scenario.name)
        verdict.lines.append(f"{scenario.name}: {type(exc).__name__}: {exc} ({last.filename}:{last.lineno})")
        return Scored(verdict, Stopwatch(), 0.0)
    verdict = judge(scenario, found.seen)
    verdict.lines += [f"{scenario.name}: {line}" for line in found.refused[:3]]
    return Scored(verdict, found.stopwatch, found.took_s)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that people see."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
