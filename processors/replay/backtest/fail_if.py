"""``recall < 1 or gained > 3``: a condition over the figures of a backtest, for CI.

    condition  = all {"or" all}            all = one {"and" one}
    one        = "not" one | "(" condition ")" | value compared value
    compared   = "<" | "<=" | ">" | ">=" | "==" | "!="
    value      = a number, or one of the names

Nothing else is understood, so nothing else can happen. A name without a value, such as the recall where
nothing was due, makes a comparison with it false.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import ConfigError

NAMES: Final = ("precision", "recall", "f1", "gained", "lost", "moved", "fired", "lead_time_s")
LABELLED: Final = ("precision", "recall", "f1", "lead_time_s")
COMPARED: Final = ("gained", "lost", "moved")
LONGEST: Final = 500
DEEPEST: Final = 50
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|([A-Za-z_][A-Za-z0-9_]*)|(<=|>=|==|!=|[<>()]))")
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    # Of something without a value nothing is said, not even that it differs.
    "!=": lambda a, b: a == a and b == b and a != b,
}
_Holds = Callable[[Mapping[str, float]], bool]
_Value = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been read; ``names`` are those in it."""

    text: str
    names: frozenset[str]
    _holds: _Holds

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Return whether it holds; NaN where there is no value."""
        return self._holds(figures)


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConfigError: it is none; the text says where it stops being one.
    """
    parser = _Parser(text)
    holds = parser.condition()
    parser.end()
    return Condition(text, frozenset(parser.names), holds)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = self._depth = 0
        self.names: set[str] = set()

    def condition(self) -> _Holds:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda figures: any(part(figures) for part in parts)

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise self._wrong("and, or, or the end")

    def _all(self) -> _Holds:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda figures: all(part(figures) for part in parts)

    def _one(self) -> _Holds:
        if self._peek() in ("not", "("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise ConfigError(f"--fail-if is nested more than {DEEPEST} deep")
        if self._take("not"):
            inner = self._one()
            return lambda figures: not inner(figures)
        if self._take("("):
            inner = self.condition()
            if not self._take(")"):
                raise self._wrong(")")
            return inner
        left = self._value()
        compared = _HOLDS.get(self._peek())
        if compared is None:
            raise self._wrong("<, <=, >, >=, == or !=")
        self._next += 1
        right = self._value()
        return lambda figures: compared(left(figures), right(figures))

    def _value(self) -> _Value:
        token = self._peek()
        if token in NAMES:
            self._next += 1
            self.names.add(token)
            return lambda figures: figures[token]
        if token and (token[0].isdigit() or token[0] == "."):
            self._next += 1
            number = float(token)
            return lambda _figures: number
        raise self._wrong(f"a number or one of {', '.join(NAMES)}")

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        found = self._peek() == token
        self._next += found
        return found

    def _wrong(self, due: str) -> ConfigError:
        got = self._peek()
        where = f"before {got!r}" if got else "at the end"
        return ConfigError(f"--fail-if {self._text!r}: {where} there must be {due}")


def _tokens(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise ConfigError(f"--fail-if has {len(text)} characters; {LONGEST} are enough")
    found: list[str] = []
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None:
            raise ConfigError(f"--fail-if {text!r}: {text[at:].strip()[:10]!r} is not understood")
        found.append(token[0].strip())
        at = token.end()
    return found
