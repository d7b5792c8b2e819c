"""How long one model at one upstream takes, by what this router saw: means; the latest weighs most."""

import math
from dataclasses import dataclass, field

from api.router.scoring.place import Speed
from schemas.events.reading import NAN

HALF = 16.0
"""So many later samples halve the weight of one."""
_KEEP = 0.5 ** (1.0 / HALF)
_LEAST_TOKENS = 4
"""Answers of fewer tokens tell little of the time that each takes."""


@dataclass(slots=True)
class Mean:
    """A decayed mean; ``weight`` grows to about 23."""

    weight: float = 0.0
    total: float = 0.0

    def add(self, value: float) -> None:
        """Take a sample in."""
        self.weight = self.weight * _KEEP + 1.0
        self.total = self.total * _KEEP + value

    @property
    def value(self) -> float:
        """The mean; NaN before the first sample."""
        return self.total / self.weight if self.weight else NAN


@dataclass(slots=True)
class Line:
    """A decayed straight line through samples, which never falls: ``base`` + ``slope`` x."""

    n: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def add(self, x: float, y: float) -> None:
        """Take a sample in."""
        self.n = self.n * _KEEP + 1.0
        self.x = self.x * _KEEP + x
        self.y = self.y * _KEEP + y
        self.xx = self.xx * _KEEP + x * x
        self.xy = self.xy * _KEEP + x * y

    def solve(self, slope: float) -> tuple[float, float]:
        """Return base and slope; ``slope`` is what it is taken for where the samples do not tell."""
        if not self.n:
            return NAN, NAN
        mean_x, mean_y = self.x / self.n, self.y / self.n
        spread = self.xx / self.n - mean_x * mean_x
        if spread > 0.01 * mean_x * mean_x + 1.0:
            slope = (self.xy / self.n - mean_x * mean_y) / spread
        slope = min(max(0.0, slope), mean_y / mean_x if mean_x else math.inf)
        return max(0.0, mean_y - slope * mean_x), slope


@dataclass(slots=True)
class ServiceTimes:
    """What was learned of one place. ``seen_s``: when, monotonic seconds.

    Attributes:
        prefill: time to the first token by tokens of the prompt.
        decode: seconds for each token of the answer.
        service: seconds of one request.
        load: seconds that a first token took longer because the model was not loaded.
    """

    prefill: Line = field(default_factory=Line)
    decode: Mean = field(default_factory=Mean)
    service: Mean = field(default_factory=Mean)
    load: Mean = field(default_factory=Mean)
    seen_s: float = NAN

    def first_token(self, ttft_s: float, prompt_tokens: int, *, was_loaded: bool, prefill_s: float) -> None:
        """Take a time to a first token in; ``prefill_s`` is the usual one for each token of a prompt."""
        if was_loaded:
            self.prefill.add(prompt_tokens, ttft_s)
            return
        base, slope = self.prefill.solve(prefill_s)
        usual = prefill_s * prompt_tokens if math.isnan(base) else base + slope * prompt_tokens
        self.load.add(max(0.0, ttft_s - usual))

    def answered(self, seconds: float, decode_s: float, tokens: int | None) -> None:
        """Take a whole request in, ``decode_s`` of it from the first token to the last; NaN: unknown."""
        self.service.add(seconds)
        if tokens is not None and tokens >= _LEAST_TOKENS and decode_s == decode_s:
            self.decode.add(decode_s / (tokens - 1))

    def speed(self, prefill_s: float) -> Speed:
        """Return what is known; ``prefill_s`` is what a token of a prompt is taken for where that is not."""
        first_s, slope = self.prefill.solve(prefill_s)
        return Speed(first_s, slope, self.decode.value, self.service.value, self.load.value, self.seen_s)
