"""Nodes tried in several processes: each reads its own partitions, and hands on what was told."""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from processors.patterns.rules import Rules
from processors.patterns.state import Life
from processors.replay.backtest.feed import Feed, Part
from processors.replay.backtest.nodes import Nodes, Reached, Tried
from schemas.errors import PenstockError

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Job:
    """What to try. ``open_feed`` is called in the process that reads, so it must be picklable."""

    open_feed: Callable[[], Feed]
    rules: tuple[Rules, ...]
    patterns: tuple[str, ...]
    judge_from: int
    lives: Mapping[str, Sequence[Life]]


class Progress(NamedTuple):
    """How far a process is: log time, µs, and panes judged."""

    share: int
    reached_at: int
    panes: int


class End(NamedTuple):
    """A process is done, or has failed: then ``error`` says why."""

    share: int
    nodes: int
    panes: int
    unreadable: int
    error: PenstockError | None = None


Message = list[Tried] | Progress | End


def here(job: Job, part: Part) -> Iterator[Message]:
    """Try a part in this process."""
    yield from _messages(job, part, 0)


@contextmanager
def beside(job: Job, parts: Sequence[Part]) -> Iterator[Iterator[Message]]:
    """Try each part in a process of its own; they end with the block."""
    with ExitStack() as stack:
        yield _received([stack.enter_context(_process(job, part, at)) for at, part in enumerate(parts)])


def _received(sources: Sequence[Connection]) -> Iterator[Message]:
    """Yield what processes send, as it comes.

    Raises:
        RuntimeError: one has died.
    """
    going = list(sources)
    while going:
        for ready in wait(going):
            assert isinstance(ready, Connection)
            try:
                message: Message = ready.recv()
            except EOFError:
                raise RuntimeError("a process of the backtest has died; its error is above") from None
            if isinstance(message, End):
                going.remove(ready)
            yield message


@contextmanager
def _process(job: Job, part: Part, share: int) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")  # the same on every system
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, job, part, share), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(out: Connection, job: Job, part: Part, share: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that people see
    # Windows refer to each other and are garbage after each pane: collect many at a time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with suppress(BrokenPipeError):  # nobody wants the rest
        for message in _messages(job, part, share):
            out.send(message)


def _messages(job: Job, part: Part, share: int) -> Iterator[Message]:
    nodes = Nodes(job.rules, job.patterns, job.judge_from, job.lives)
    batch: list[Tried] = []
    unreadable, error = 0, None
    try:
        feed = job.open_feed()
        for found in nodes.judged(feed, part):
            if isinstance(found, Tried):
                batch.append(found)
            if isinstance(found, Reached) or len(batch) >= _BATCH:
                yield batch
                batch = []
            if isinstance(found, Reached):
                yield Progress(share, *found)
        unreadable = feed.unreadable
    except PenstockError as exc:
        error = exc
    yield batch
    yield End(share, nodes.count, nodes.panes, unreadable, error)
