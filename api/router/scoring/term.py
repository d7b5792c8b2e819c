"""What one signal says of one place."""

from enum import IntEnum
from typing import NamedTuple

from schemas.events.reading import NAN

RANK_S = 1e9
"""A rank weighs more than any number of seconds."""


class Rank(IntEnum):
    """Whether a place is used like others, or only where nothing of a lower rank is there."""

    GOOD = 0
    DOUBTFUL = 1
    """Too hot, steered away from, or not heard of for long."""
    SILENT = 2
    """It does not answer questions."""
    UNFIT = 3
    """It could hardly serve this."""


class Term(NamedTuple):
    """Seconds that a signal adds to a request: ``fixed``, and more for each token.

    Attributes:
        name: of the signal.
        value: what was read, in the unit of the signal; NaN where nothing was.
        fixed: seconds.
        prompt: seconds for each token of the prompt.
        output: seconds for each token of the answer.
        seen_s: when it was read, monotonic seconds; NaN where it is no reading.
        rank: how it ranks the place.
    """

    name: str
    value: float = NAN
    fixed: float = 0.0
    prompt: float = 0.0
    output: float = 0.0
    seen_s: float = NAN
    rank: Rank = Rank.GOOD

    def seconds(self, prompt_tokens: float, output_tokens: float) -> float:
        """Return what it adds to a request of so many tokens."""
        return self.fixed + self.prompt * prompt_tokens + self.output * output_tokens
