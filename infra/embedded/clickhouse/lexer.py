"""Tokens of ClickHouse's SQL, as far as finding clauses needs: words, strings, brackets, comments.

It works on bytes: an offset is one into the request's body, where data may follow the statement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|\#[\ !][^\n]*)
    | (?P<block>/\*)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<name>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<heredoc>\$\w*\$)
    | (?P<number>\d[\w.]*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(rb"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``word`` is the upper-case text of a bare word and empty for everything else."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int
    word: str


def tokens(sql: bytes) -> Iterator[Token]:
    """Yield the tokens that mean something; spaces and comments are left out.

    ``depth`` counts the open brackets around a token; a bracket has the depth of what stands outside it.
    """
    at, depth = 0, 0
    while at < len(sql) and (found := _TOKEN.match(sql, at)):
        kind = found.lastgroup or "symbol"
        if kind == "block":
            at = _after_block_comment(sql, at)
            continue
        at = found.end() if kind != "heredoc" else _after_heredoc(sql, found[0], found.end())
        if kind in ("space", "comment"):
            continue
        text = sql[found.start() : at]
        depth -= text in (b")", b"]", b"}")
        word = text.decode().upper() if kind == "word" else ""
        yield Token(kind, text, found.start(), at, depth, word)
        depth += text in (b"(", b"[", b"{")


def _after_block_comment(sql: bytes, start: int) -> int:
    # ClickHouse nests block comments.
    level, at = 0, start
    while found := _BLOCK_EDGE.search(sql, at):
        level += 1 if found[0] == b"/*" else -1
        at = found.end()
        if level == 0:
            return at
    return len(sql)


def _after_heredoc(sql: bytes, tag: bytes, start: int) -> int:
    # By hand: a lazy pattern is quadratic over a text of many dollars. Without its end it is no heredoc.
    end = sql.find(tag, start)
    return end + len(tag) if end >= 0 else start
