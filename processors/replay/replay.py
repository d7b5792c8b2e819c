"""A replay: a range of a log through stages once more, in as many processes as there are lanes to share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from typing import Any

from processors.replay.hub import Hub
from processors.replay.merge import Order
from processors.replay.outcome import Outcome
from processors.replay.plan import Builder, Opener, Plan, split
from processors.replay.remote import Readable, remotes
from processors.replay.resume import states_at
from processors.replay.share import Pace, Report, Said, Share
from processors.replay.source import Source
from processors.stage import Stage
from schemas.errors import RefusedError

Take = Callable[[Said], None]


@dataclass(frozen=True, slots=True)
class Replay:
    """``open_source`` and ``build`` make a source and the stages in each process; both can be pickled.

    ``jobs``: processes that share the lanes, beside this one; 1: this one does all. What is said does not
    depend on it. ``pace``, with one job: waits so that it goes no faster than it should.
    """

    open_source: Opener
    build: Builder
    plan: Plan
    jobs: int = 1
    pace: Pace | None = None

    def run(self, *, take: Take = lambda _said: None, report: Report = lambda _at, _count: None) -> Outcome:
        """Run it. ``take`` is given what is kept, in order; ``report`` is told how far it is.

        Raises:
            DecodeError: the source is damaged.
            UnavailableError: it cannot be reached.
        """
        source, stages = self.open_source(), self.build()
        # Other processes come up while this one gets ready.
        with self._shares(source, stages, report) as shares:
            hub = Hub(source, stages, self.plan)
            if self.plan.cuts.ticks:
                self._resume(hub, source, stages)
            for said in hub.run(merge(*shares, key=_place)):
                take(said)
        outcome = hub.outcome
        for share in shares:
            outcome.add(share.outcome)
        outcome.gaps = sorted({*outcome.gaps, *source.gaps()})
        return outcome

    def _resume(self, hub: Hub, source: Source, stages: Sequence[Stage[Any]]) -> None:
        behind = split(stages)[1]
        found = states_at(source, behind, self.plan.cuts) if behind else {}
        if found is None:
            raise RefusedError("the snapshots of the fleet stage do not fit what is in the log")
        hub.resume(found)

    @contextmanager
    def _shares(
        self, source: Source, stages: Sequence[Stage[Any]], report: Report
    ) -> Iterator[Sequence[Readable]]:
        lanes = split(stages)[0]
        if not lanes:
            yield []
            return
        shares = divided(self.plan.partitions, self.jobs)
        if len(shares) == 1:
            yield [Share(source, lanes, self.plan, shares[0], report, self.pace)]
            return
        progress = _Slowest(len(shares), report)
        reports = [progress.of(number) for number in range(len(shares))]
        with remotes(self.open_source, self._build_lanes, self.plan, shares, reports) as found:
            yield found

    def _build_lanes(self) -> Sequence[Stage[Any]]:
        return split(self.build())[0]


def divided(partitions: int, jobs: int) -> list[tuple[int, ...]]:
    """Return the lanes of each of at most ``jobs`` processes."""
    count = max(1, min(jobs, partitions))
    return [tuple(range(first, partitions, count)) for first in range(count)]


class _Slowest:
    """Tells how far the slowest share is, and how much all have read."""

    def __init__(self, shares: int, report: Report) -> None:
        self._at = [0] * shares
        self._read = [0] * shares
        self._report = report

    def of(self, share: int) -> Report:
        """Return where one share reports."""

        def take(at: int, read: int) -> None:
            self._at[share], self._read[share] = at, read
            if min(self._at):
                self._report(min(self._at), sum(self._read))

        return take


def _place(said: Said) -> tuple[Order, int, int]:
    return said.order, said.lane, said.number
