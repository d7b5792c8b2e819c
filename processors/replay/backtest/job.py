"""A backtest in a process of its own, for a program that must go on answering."""

import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from processors.replay.backtest.answer import Question
from processors.replay.backtest.as_json import as_json
from processors.replay.backtest.run import Sources, run
from schemas.errors import ConfigError, PenstockError

# The longest lists of an answer that is kept in memory.
MOST_LISTED = 2_000


class Step(NamedTuple):
    """What is being done, how far it is (0 to 1), and panes judged."""

    what: str
    share: float
    panes: int


class Failed(NamedTuple):
    """Why there is no answer. ``asked_wrong``: the question cannot be answered, as it is."""

    message: str
    asked_wrong: bool


class Done(NamedTuple):
    """The answer, as JSON."""

    body: bytes


Message = Step | Failed | Done


class Running:
    """A process that answers one question. ``receive`` waits for what it says next."""

    def __init__(self, process: BaseProcess, messages: Connection) -> None:
        self._process = process
        self._messages = messages

    def receive(self) -> Message:
        """Return the next message; the last one is ``Failed`` or ``Done``."""
        try:
            message: Message = self._messages.recv()
        except (EOFError, OSError):
            return Failed("the process of the backtest has died", asked_wrong=False)
        return message

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.terminate()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._messages.close()


def start(question: Question, sources: Sources) -> Running:
    """Start a process for a question."""
    context = multiprocessing.get_context("spawn")  # the same on every system
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, question, sources), daemon=True)
    process.start()
    theirs.close()
    return Running(process, ours)


def _serve(out: Connection, question: Question, sources: Sources) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that people see
    with suppress(BrokenPipeError), _told(out.send):  # it is closed when nobody wants the answer
        answer = run(question, sources, report=lambda *step: out.send(Step(*step)))
        out.send(Done(json.dumps(as_json(answer, most=MOST_LISTED)).encode()))


@contextmanager
def _told(send: Callable[[Message], None]) -> Iterator[None]:
    try:
        yield
    except PenstockError as exc:
        send(Failed(str(exc), isinstance(exc, ConfigError)))
