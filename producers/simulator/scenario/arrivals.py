"""What is asked of the fleet: how often, how long, and by whom. Times count from the scenario's start."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Constant:
    """Always this many tokens."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any number of tokens from ``low`` to ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Lognormal:
    """``median`` × e^(``sigma`` × a standard normal number), at least 1 and at most ``high`` tokens."""

    median: float
    sigma: float
    high: int


TokenLengths = Constant | Uniform | Lognormal


@dataclass(frozen=True, slots=True)
class Poisson:
    """Requests independent of each other."""

    rate_per_s: float


@dataclass(frozen=True, slots=True)
class Diurnal:
    """A Poisson process whose rate follows a cosine of 24 h between ``low_per_s`` and ``high_per_s``.

    ``peak_s`` is the second of the day (UTC) at which it is highest.
    """

    low_per_s: float
    high_per_s: float
    peak_s: float


@dataclass(frozen=True, slots=True)
class Bursts:
    """``size`` requests at random moments of ``within_s`` seconds, every ``every_s`` seconds."""

    every_s: float
    size: int
    within_s: float


@dataclass(frozen=True, slots=True)
class Closed:
    """``clients`` that wait for an answer, think for ``think_s`` (mean, exponential), and ask again.

    Each client stays with one node.
    """

    clients: int
    think_s: float


Process = Poisson | Diurnal | Bursts | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """A stream of requests for one model to those of ``nodes`` that have it.

    ``through`` the router there are facts of requests; ``direct`` ones are known to the runtime alone. A
    client leaves after ``patience_s`` without a token, the first or the next.
    ``cached_ratio``: this share of each prompt is a prefix that the runtime has cached.
    ``attempts``: so many nodes the router asks at most, where one that it believes to be well is dead.
    ``queue_patience_s``: the router keeps a request that no node can be given no longer.
    """

    name: str
    model: str
    nodes: tuple[str, ...]
    process: Process
    prompt_tokens: TokenLengths
    output_tokens: TokenLengths
    begin_s: float = 0.0
    end_s: float = math.inf
    patience_s: float = math.inf
    key: str = ""
    through: Literal["router", "direct"] = "router"
    cached_ratio: float = 0.0
    attempts: int = 1
    queue_patience_s: float = math.inf
