"""The forms of SHOW that people may use, by a grammar of our own: the engine's tree hides most of them."""

from collections.abc import Sequence

from api.sql.policy import Policy
from api.sql.tokens import Token
from api.sql.verdict import QueryRefusedError

_FORMS = (
    "SHOW TABLES [FROM database], SHOW DATABASES, SHOW COLUMNS FROM table [FROM database], "
    "SHOW CREATE TABLE table, SHOW INDEXES FROM table and SHOW FUNCTIONS are allowed, with LIKE and LIMIT"
)


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = list(tokens)

    def take(self, *words: str) -> bool:
        """Step over the next token if it is one of ``words``."""
        if self._tokens and self._tokens[0].is_word(*words):
            self._tokens.pop(0)
            return True
        return False

    def name(self) -> tuple[str, str]:
        """Step over ``[database.]name``."""
        first = self._name()
        if self._tokens and self._tokens[0].is_mark("."):
            self._tokens.pop(0)
            return first, self._name()
        return "", first

    def kind(self, kind: str) -> None:
        """Step over one token of a kind."""
        if not self._tokens or self._tokens.pop(0).kind != kind:
            raise _refusal()

    def end(self) -> None:
        """Refuse what is left over: WHERE, INTO OUTFILE, FORMAT, SETTINGS and all else."""
        if self._tokens:
            raise _refusal()

    def _name(self) -> str:
        if not self._tokens or self._tokens[0].kind not in {"word", "quoted"}:
            raise _refusal()
        return self._tokens.pop(0).text


def check(tokens: Sequence[Token], policy: Policy) -> None:
    """Judge a SHOW statement.

    Raises:
        QueryRefusedError: it is of another form, or names another database than Penstock's.
    """
    reader = _Reader(tokens)
    reader.take("show")
    if reader.take("create"):
        _create(reader, policy)
        return
    while reader.take("full", "extended"):
        pass
    if reader.take("tables"):
        _from_database(reader, policy)
    elif reader.take("columns", "fields", "indexes", "index", "indices", "keys"):
        _from_table(reader, policy)
    elif not reader.take("databases", "functions"):
        raise _refusal()
    _filter(reader)
    reader.end()


def _create(reader: _Reader, policy: Policy) -> None:
    reader.take("table", "view")
    database, _ = reader.name()
    if database not in {"", policy.database}:
        raise _refusal()
    reader.end()


def _from_database(reader: _Reader, policy: Policy) -> None:
    if reader.take("from", "in"):
        _, database = reader.name()
        if not policy.allows_database(database) and database != "system":
            raise _refusal()


def _from_table(reader: _Reader, policy: Policy) -> None:
    if not reader.take("from", "in"):
        raise _refusal()
    database, table = reader.name()
    if reader.take("from", "in"):
        _, database = reader.name()
    if not policy.allows_table(database, table):
        raise _refusal()


def _filter(reader: _Reader) -> None:
    reader.take("not")
    if reader.take("like", "ilike"):
        reader.kind("string")
    if reader.take("limit"):
        reader.kind("number")


def _refusal() -> QueryRefusedError:
    return QueryRefusedError("this form of SHOW is not allowed", _FORMS)
