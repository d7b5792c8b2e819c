"""What the serving path needs of the parts beside it.

Each part is named by what it does for a request: the gate says who asks, the chooser where it goes, the
admission when, the recorder what became of it. None of them does I/O in these calls, and none waits, but
``Ticket.wait``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from api.router.ask import Ask, Caller, Dialect, plain_name
from api.router.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server that models are asked of; ``id`` is unique among the router's upstreams.

    ``slots`` is how many requests it serves at once; None where that is unknown. ``kind`` is the runtime:
    ollama, vllm, llamacpp, sglang, openai. ``runtime_id`` is what node agents call it, where one tells of it.
    """

    id: str
    node_id: str
    base_url: str
    kind: str
    slots: int | None = None
    key: str = field(default="", repr=False)
    runtime_id: str = ""

    def __hash__(self) -> int:
        """Hash the id alone: what is kept by upstream is looked up several times for each request."""
        return hash(self.id)

    @property
    def shown_url(self) -> str:
        """Its address without a user and password in it."""
        scheme, separator, rest = self.base_url.partition("://")
        place, slash, path = rest.partition("/")
        return scheme + separator + place.rpartition("@")[2] + slash + path

    @property
    def dialect(self) -> Dialect:
        """What it speaks natively."""
        return Dialect.OLLAMA if self.kind == "ollama" else Dialect.OPENAI


class Usage(NamedTuple):
    """Tokens as the upstream reported them; None is not reported, never 0 in its place."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


NO_USAGE = Usage()


class Choice(NamedTuple):
    """Where one attempt of a request goes.

    ``model`` is the name to ask the upstream for; ``served`` the one that the client would know it by.
    ``context_length`` is the context that the model is loaded with there, tokens; None where it is not
    loaded or that is unknown. ``decision`` is all of the reasoning, for the facts. ``fallback`` says why
    it is another model than was asked for: ``listed`` by the caller, or ``resident`` in memory, where the
    other one is not. ``loads``: the model has to be loaded there first. ``thinks``: whether it thinks before
    it answers, as its runtime says; None where that is not told.
    """

    upstream: Upstream
    model: str
    served: str
    score: float = 0.0
    reason: str = ""
    context_length: int | None = None
    decision: object | None = None
    fallback: str = ""
    loads: bool = False
    thinks: bool | None = None

    def contradicted(self, told: str) -> str:
        """Return the model that an upstream says it served, where it is another one than was asked of it."""
        asked = self.model
        if not told or told == asked or plain_name(told) == plain_name(asked):
            return ""
        return "" if told.startswith(asked) or told == self.served else told


class Absence(StrEnum):
    """Why there is nowhere to send a request."""

    UNKNOWN = "unknown"
    """No upstream, not even one that is away, is known to have the model."""
    AWAY = "away"
    """What has the model is away, drained, unwell or excluded; it may come back."""
    UNFIT = "unfit"
    """What has the model can never serve this: its context is too small, it cannot see images."""


@dataclass(frozen=True, slots=True)
class NoChoice:
    """Why nothing was chosen.

    ``near`` are names of models like the one that is unknown; ``param`` is the field of the request that asks
    for what nothing can do.
    """

    absence: Absence
    reason: str
    near: tuple[str, ...] = ()
    decision: object | None = None
    param: str | None = None


class Chooser(Protocol):
    """Knows the upstreams, and chooses among them."""

    def choose(self, ask: Ask, model: str, excluded: frozenset[str]) -> Choice | NoChoice:
        """Choose an upstream for ``model``, which is the ask's own or one of its fallbacks.

        Args:
            ask: the request.
            model: the model to serve it by.
            excluded: ids of upstreams that failed this request, or whose breaker is open.
        """

    def began(self, ask: Ask, choice: Choice) -> None:
        """Hear that an attempt goes out."""

    def first_token(self, ask: Ask, choice: Choice) -> None:
        """Hear that the first token of an answer has come."""

    def ended(self, ask: Ask, choice: Choice, *, ok: bool, usage: Usage) -> None:
        """Hear that an attempt is over; called once for each ``began``."""

    def knows(self, model: str) -> bool:
        """Tell whether any upstream, be it away, is known to have ``model``."""

    def upstreams(self) -> Sequence[Upstream]:
        """Return those known now."""

    def models(self) -> Mapping[str, Sequence[Upstream]]:
        """Return the upstreams of each model known now."""

    def slots(self, model: str) -> int | None:
        """Return how many requests for ``model`` the upstreams serve at once together; None: unknown."""


class Admitted(NamedTuple):
    """What a request waited, seconds, and for what: ``none`` where it did not.

    ``pool`` is what it counts for; ``depth`` is how many requests waited when it came; empty and NaN where
    that is not known.
    """

    waited_s: float
    reason: str
    pool: str = ""
    depth: float = math.nan


class Refused(Exception):
    """The admission will not have a request; ``outcome`` says why, ``status`` is HTTP's."""

    def __init__(
        self, outcome: Outcome, status: int, message: str, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


class Ticket(Protocol):
    """A request's place, first in the queue, then in flight."""

    @property
    def admitted(self) -> Admitted | None:
        """What it waited, once it is admitted."""

    async def wait(self) -> Admitted:
        """Wait until it is admitted. Cancelled, it leaves the queue at once.

        Raises:
            Refused: its patience ended, or somebody took it out.
        """

    def placed(self, choice: Choice) -> None:
        """Hear where it goes; again for each attempt."""

    def release(self, outcome: Outcome, usage: Usage) -> None:
        """Give the place back; further calls do nothing."""


class Admission(Protocol):
    """Decides when requests may go."""

    def enter(self, ask: Ask) -> Ticket:
        """Return a ticket, which is admitted already where nothing has to be waited for.

        Raises:
            Refused: it can never be admitted.
        """


class Finish(NamedTuple):
    """The end of a request.

    ``status`` is what the client was told, 499 where it had left. ``attempts`` counts the upstreams asked;
    ``choice`` is the last of them. ``reported_model`` is the model that the upstream says it served.
    ``last_chunk_s`` is when its last bytes came, by the monotonic clock; None where none did.
    ``error`` is one sentence, and never holds any of the prompt or answer.
    """

    outcome: Outcome
    status: int
    attempts: int = 0
    choice: Choice | None = None
    usage: Usage = NO_USAGE
    finish_reason: str = ""
    reported_model: str = ""
    last_chunk_s: float | None = None
    error: str = ""


class Recorder(Protocol):
    """Writes down what happens to requests. It never waits and never raises; it reads the clock itself.

    For each ``received`` there is one ``finished``.
    """

    def received(self, ask: Ask) -> None:
        """A request has been read; one that cannot be understood has an empty model."""

    def admitted(self, ask: Ask, admitted: Admitted) -> None:
        """It may go."""

    def routed(self, ask: Ask, attempt: int, choice: Choice | NoChoice) -> None:
        """An attempt goes out, the first one being 1; or there was nowhere to go."""

    def attempt_failed(self, ask: Ask, attempt: int, choice: Choice, error: str) -> None:
        """An attempt came to nothing; another may follow."""

    def first_token(self, ask: Ask, kind: str) -> None:
        """The first token has come: ``content``, ``reasoning`` or ``tool``."""

    def finished(self, ask: Ask, finish: Finish) -> None:
        """It is over."""


class Gate(Protocol):
    """Knows the callers."""

    def identify(self, headers: Mapping[bytes, bytes]) -> Caller | None:
        """Return who sends these headers, names in lower case; None where a key is needed and none works."""
