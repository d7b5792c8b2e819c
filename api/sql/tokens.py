"""Tokens of the engine's canonical text.

Only what ``formatQuery`` writes is understood: strings and quoted names escape by backslash, there are no
comments and no heredocs. Anything else is an error, so that a text which the engine might read in another
way than we do is refused.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["string", "quoted", "word", "number", "mark"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<quoted>`(?:[^`\\]|\\.)*`)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9][A-Za-z0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
    |(?P<mark>->|::|\|\||<=>|<=|>=|!=|<>|==|[-+*/%=<>()\[\]{},.:;?^|])""",
    re.VERBOSE | re.DOTALL,
)


class UnreadableError(Exception):
    """The text holds something that canonical text never does; the message says where."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``text`` of a quoted name is without its quotes."""

    kind: Kind
    text: str

    @property
    def lower(self) -> str:
        """The text in lower case, as keywords and most names compare."""
        return self.text.lower()

    def is_mark(self, text: str) -> bool:
        """Tell whether this is a mark; a quoted name may look like one."""
        return self.kind == "mark" and self.text == text

    def is_word(self, *words: str) -> bool:
        """Tell whether this is one of ``words``, which are in lower case, and not in quotes."""
        return self.kind == "word" and self.lower in words


def tokenize(text: str) -> tuple[Token, ...]:
    """Return the tokens of canonical ``text``.

    Raises:
        UnreadableError: the text is not canonical, or a quoted name holds what names should not.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or text.startswith(("--", "/*"), at):
            raise UnreadableError(f"unexpected {text[at : at + 10]!r} at position {at}")
        at = found.end()
        kind = found.lastgroup
        if kind != "space":
            tokens.append(_token(kind, found.group()))
    return tuple(tokens)


def _token(kind: str | None, text: str) -> Token:
    if kind == "quoted":
        text = text[1:-1]
        # The listing of the tree prints names as they are: a line break in one would forge a line there.
        if "\\" in text or not text.isprintable():
            raise UnreadableError(f"the name {text!r} holds an escape or a control character")
    return Token(cast(Kind, kind), text)
