"""One statement of a request: its verb, the format it names, and where the data behind it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from infra.embedded.clickhouse.failure import (
    INTO_OUTFILE_NOT_ALLOWED,
    SYNTAX_ERROR,
    UNKNOWN_FUNCTION,
    refusal,
)
from infra.embedded.clickhouse.lexer import Token, tokens

SELECTS = frozenset({"SELECT", "WITH", "FROM", "("})
_INSERT_SOURCES = frozenset({"FORMAT", "VALUES", "SELECT", "WITH", "FROM", "WATCH"})
# A word after which FORMAT is a column or an alias, not the clause.
_BEFORE_A_COLUMN = frozenset({"SELECT", "DISTINCT", "AS", "BY", "WHERE", "HAVING", "AND", "OR", "NOT", "ON"})


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows follow it: what to run, their format, and the offset of the first byte of them."""

    head: bytes
    format: str
    data_at: int
    selects: bool
    """Whether the rows pass through ``SELECT ... FROM input(...)`` on their way in."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Any other statement.

    ``output_at`` is where ``INTO OUTFILE`` may be written, ``format`` is the format the text names.
    """

    text: bytes
    verb: str
    format: str | None
    output_at: int

    def into(self, path: str, default_format: str) -> bytes:
        """Return the text with its rows going to ``path``; only for a verb in ``SELECTS``."""
        clause = f"\nINTO OUTFILE '{path}' APPEND\n".encode()
        if self.format is None:
            clause += f"FORMAT {default_format}\n".encode()
        return self.text[: self.output_at] + clause + self.text[self.output_at :]


def parse(text: bytes) -> Insert | Statement:
    """Find out what a request's text is; ``text`` may end in the middle of an insertion's data.

    Raises:
        ClickHouseError: the text is empty or asks for what no server allows over HTTP.
    """
    found: list[Token] = []
    for token in tokens(text):
        found.append(token)
        if len(found) == 1 and token.word == "INSERT":
            insert = _insert(text)
            if insert is not None:
                return insert
    if not found:
        raise refusal(SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: the query is empty")
    _refuse_files(found)
    return _statement(text, found)


def _insert(text: bytes) -> Insert | None:
    """Return the insertion, or None where its rows are not in the request."""
    head: list[Token] = []
    target_seen = False
    source: Token | None = None
    for token in tokens(text):
        if source is not None and source.word == "FORMAT":
            _refuse_files(head)
            return Insert(text[: source.start], _unquoted(token), _data_after(text, token.end), selects=False)
        part_of_name = bool(head) and head[-1].text == b"."
        if token.depth == 0 and token.word in _INSERT_SOURCES and target_seen and not part_of_name:
            source = token
            if token.word == "VALUES":
                _refuse_files(head)
                return Insert(text[: token.start], "Values", token.end, selects=False)
            if token.word != "FORMAT":
                return _insert_through_input(text)
        target_seen = target_seen or (len(head) > 0 and token.word not in ("INTO", "TABLE", "FUNCTION"))
        head.append(token)
    return Insert(text, "", len(text), selects=False) if source is None and head else None


def _insert_through_input(text: bytes) -> Insert | None:
    """``INSERT ... SELECT ... FROM input('structure') FORMAT X`` and the rows after it."""
    last: Token | None = None
    uses_input = False
    for token in tokens(text):
        uses_input = uses_input or (last is not None and last.word == "INPUT" and token.text == b"(")
        if (
            uses_input
            and last is not None
            and last.word == "FORMAT"
            and last.depth == 0
            and token.kind == "word"
        ):
            return Insert(text[: last.start], _unquoted(token), _data_after(text, token.end), selects=True)
        last = token
    return None


def reading_input_from(head: bytes, path: str, fmt: str) -> bytes:
    """Return the head of such an insertion with ``input(structure)`` reading a file."""
    for token, after in pairwise(tokens(head)):
        if token.word == "INPUT" and after.text == b"(":
            return head[: token.start] + f"file('{path}', '{fmt}', ".encode() + head[after.end :]
    return head


def from_file(head: bytes, path: str, fmt: str) -> bytes:
    """Return the head of an insertion with its rows in a file; settings stand behind the file."""
    settings = (token.start for token in tokens(head) if token.word == "SETTINGS" and token.depth == 0)
    at = next(settings, len(head))
    return head[:at] + f" FROM INFILE '{path}' ".encode() + head[at:] + f" FORMAT {fmt}".encode()


def _data_after(text: bytes, at: int) -> int:
    """Skip what may stand between the format's name and the first byte of data: blanks and one line end."""
    while at < len(text) and text[at] in b" \t\f":
        at += 1
    if text[at : at + 2] == b"\r\n":
        return at + 2
    return at + 1 if text[at : at + 1] == b"\n" else at


def _statement(text: bytes, found: list[Token]) -> Statement:
    while len(found) > 1 and found[-1].text == b";":
        found.pop()
    verb = found[0].word or found[0].text.decode("latin-1")
    if verb == "KILL":
        text = _kill_by_our_id(text, found)
    clause = _format_clause(found)
    if clause is None:
        return Statement(text[: found[-1].end] if verb in SELECTS else text, verb, None, found[-1].end)
    return Statement(text, verb, _unquoted(found[clause + 1]), found[clause].start)


def _format_clause(found: Sequence[Token]) -> int | None:
    for at in range(len(found) - 2, 0, -1):
        if found[at].word != "FORMAT" or found[at].depth != 0:
            continue
        before, name, rest = found[at - 1], found[at + 1], found[at + 2 : at + 3]
        if name.kind not in ("word", "name") or (rest and rest[0].word != "SETTINGS"):
            return None
        if before.word in _BEFORE_A_COLUMN or before.text in (b",", b".", b"="):
            return None
        return at
    return None


def _refuse_files(found: Sequence[Token]) -> None:
    """No server writes or reads its own files for a query over HTTP, or has Python's objects."""
    if [token.word for token in found[:2]] == ["EXPLAIN", "AST"]:
        return
    for token, after in pairwise(found):
        if (token.word, after.word) in (("INTO", "OUTFILE"), ("FROM", "INFILE")):
            raise refusal(
                INTO_OUTFILE_NOT_ALLOWED,
                "INTO_OUTFILE_NOT_ALLOWED",
                f"{token.word} {after.word} is not allowed over HTTP",
            )
        if _unquoted(token).upper() == "PYTHON" and after.text == b"(":
            raise refusal(UNKNOWN_FUNCTION, "UNKNOWN_FUNCTION", "Unknown table function Python")


def _kill_by_our_id(text: bytes, found: Sequence[Token]) -> bytes:
    # The engine numbers queries itself; the id that a client chose stands in log_comment (see Store.lease).
    for token in reversed(found):
        if token.word == "QUERY_ID":
            text = text[: token.start] + b"Settings['log_comment']" + text[token.end :]
    return text


def _unquoted(token: Token) -> str:
    text = token.text.decode("utf-8", "replace")
    return text[1:-1] if token.kind == "name" else text
