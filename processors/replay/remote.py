"""A share of a replay in a process of its own."""

import gc
import multiprocessing
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

from processors.replay.outcome import Outcome
from processors.replay.plan import Builder, Opener, Plan
from processors.replay.share import Report, Said, Share
from schemas.errors import PenstockError

# Records that are handed on together. More are a larger delay and no faster.
BATCH = 200


class Readable(Protocol):
    """A share, here or elsewhere."""

    @property
    def outcome(self) -> Outcome:
        """What came of it, when it is over."""
        ...

    def __iter__(self) -> Iterator[Said]: ...


@dataclass(frozen=True, slots=True)
class _Progress:
    at: int
    read: int


class Remote:
    """A share elsewhere; it waits while nobody reads what it has sent."""

    def __init__(self, source: Connection, report: Report) -> None:
        self._source = source
        self._report = report
        self.outcome = Outcome()

    def __iter__(self) -> Iterator[Said]:
        """Yield what the process sends.

        Raises:
            PenstockError: what went wrong there.
            RuntimeError: it has died.
        """
        while True:
            try:
                got = self._source.recv()
            except EOFError:
                raise RuntimeError("a process of the replay has died") from None
            if isinstance(got, _Progress):
                self._report(got.at, got.read)
            elif isinstance(got, Outcome):
                self.outcome = got
                return
            elif isinstance(got, BaseException):
                raise got
            else:
                yield from got


@contextmanager
def remotes(
    open_source: Opener,
    build: Builder,
    plan: Plan,
    shares: Sequence[Sequence[int]],
    reports: Sequence[Report],
) -> Iterator[list[Readable]]:
    """Run each share of lanes in a process; whoever leaves ends what still runs."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(_remote(open_source, build, plan, lanes, report))
            for lanes, report in zip(shares, reports, strict=True)
        ]


@contextmanager
def _remote(
    open_source: Opener, build: Builder, plan: Plan, lanes: Sequence[int], report: Report
) -> Iterator[Readable]:
    context = multiprocessing.get_context("spawn")  # the same on every system
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, open_source, build, plan, lanes), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Remote(ours, report)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(out: Connection, open_source: Opener, build: Builder, plan: Plan, lanes: Sequence[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that people see
    # States and events are tuples within tuples, which the collector walks in vain.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with suppress(BrokenPipeError):  # nobody wants the rest
        try:
            _send_all(out, open_source, build, plan, lanes)
        except PenstockError as exc:
            out.send(type(exc)(str(exc)) if _plain(exc) else RuntimeError(str(exc)))
        except Exception as exc:  # noqa: BLE001 - whatever a stage raises is told where people see it
            last = traceback.extract_tb(exc.__traceback__)[-1]
            out.send(RuntimeError(f"{type(exc).__name__}: {exc} ({last.filename}:{last.lineno})"))


def _plain(exc: PenstockError) -> bool:
    """Return whether an error is made from its text alone, so that it can be made again elsewhere."""
    return exc.args == (str(exc),)


def _send_all(out: Connection, open_source: Opener, build: Builder, plan: Plan, lanes: Sequence[int]) -> None:
    batch: list[Said] = []

    def flush(at: int, read: int) -> None:
        if batch:
            out.send(batch)
            batch.clear()
        out.send(_Progress(at, read))

    share = Share(open_source(), build(), plan, lanes, flush)
    for said in share:
        batch.append(said)
        if len(batch) >= BATCH:
            out.send(batch)
            batch.clear()
    if batch:
        out.send(batch)
    out.send(share.outcome)
