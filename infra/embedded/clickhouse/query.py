"""What one HTTP request asks for, read from its URL and headers as ClickHouse's server reads them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import parse_qsl
from uuid import uuid4

from infra.embedded.clickhouse.failure import (
    BAD_ARGUMENTS,
    INVALID_SESSION_TIMEOUT,
    NOT_IMPLEMENTED,
    UNKNOWN_ROLE,
    refusal,
)

READ_ONLY_HEADER = "X-Penstock-Readonly"
DEFAULT_FORMAT = "TabSeparated"
DEFAULT_SESSION_S = 60
MAX_SESSION_S = 3600
# From this revision on a column in Native begins with a byte about its serialization.
# Source: DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION of ClickHouse's protocol.
CUSTOM_SERIALIZATION_REVISION = 54454

# Parameters about the exchange; every other one is a setting of the engine.
_OF_THE_EXCHANGE = frozenset(
    {
        "query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check",
        "close_session", "user", "password", "quota_key", "stacktrace", "role", "compress", "decompress",
        "client_protocol_version", "wait_end_of_query", "buffer_size", "readonly", "log_comment",
    }
)  # fmt: skip


class Access(IntEnum):
    """How far a request may go; a higher one may do less."""

    WRITE = 0
    READ = 1
    """GET, or the setting ``readonly``: bounded in time and memory."""
    PEOPLE = 2
    """The header ``X-Penstock-Readonly``: bounded in rows too, and no setting can be changed any more."""


@dataclass(frozen=True, slots=True)
class SessionWish:
    """The session a request wants to run in; ``timeout_s`` counts from the end of its last request."""

    id: str
    timeout_s: int
    must_exist: bool


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """Rows that a client sends along with its query; ``structure`` is the list of columns."""

    name: str
    structure: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Query:
    """One request without its body."""

    text: bytes
    query_id: str
    database: str
    default_format: str
    access: Access
    readonly: str
    session: SessionWish | None
    close_session: bool
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    wait_end: bool
    compress: bool
    decompress: bool
    http_compression: bool
    accept_encoding: str
    protocol_revision: int
    tables: tuple[ExternalTable, ...] = ()

    def refuse_native_of(self, fmt: str) -> None:
        """Refuse a Native dialect that the engine does not write or read.

        Raises:
            ClickHouseError: the client asked for a revision whose blocks differ from the engine's.
        """
        if fmt.upper() == "NATIVE" and self.protocol_revision >= CUSTOM_SERIALIZATION_REVISION:
            raise refusal(
                NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                f"The embedded store has no Native format of protocol revision {self.protocol_revision} "
                "(client_protocol_version); use a client that reads RowBinary, JSON or plain Native, "
                "or set clickhouse.url to a ClickHouse server",
            )


def read(method: str, raw_path: str, headers: Mapping[str, str]) -> Query:
    """Read a request's line and headers.

    Raises:
        ClickHouseError: a parameter has no sense.
    """
    _, _, query_string = raw_path.partition("?")
    pairs = parse_qsl(query_string, keep_blank_values=True)
    named = dict(pairs)
    settings = {k: v for k, v in pairs if k not in _OF_THE_EXCHANGE and not k.startswith("param_")}
    _refuse_role(named.get("role", ""))
    return Query(
        text="".join(value for key, value in pairs if key == "query").encode(),
        query_id=named.get("query_id") or headers.get("X-ClickHouse-Query-Id") or str(uuid4()),
        database=named.get("database") or headers.get("X-ClickHouse-Database", ""),
        default_format=named.get("default_format") or headers.get("X-ClickHouse-Format") or DEFAULT_FORMAT,
        access=_access(method, headers, named.get("readonly", "")),
        readonly="1" if named.get("readonly") == "1" else "2",
        session=_session(named),
        close_session=_flag(named, "close_session"),
        settings=settings,
        parameters={k.removeprefix("param_"): v for k, v in pairs if k.startswith("param_")},
        wait_end=_flag(named, "wait_end_of_query"),
        compress=_flag(named, "compress"),
        decompress=_flag(named, "decompress"),
        http_compression=_flag(named, "enable_http_compression"),
        accept_encoding=headers.get("Accept-Encoding", ""),
        protocol_revision=_number(named, "client_protocol_version"),
    )


def exception_tag() -> str:
    """Return the mark that a client looks for around an error in the middle of a stream."""
    return secrets.token_hex(8)


def _access(method: str, headers: Mapping[str, str], readonly: str) -> Access:
    if headers.get(READ_ONLY_HEADER, "0").strip().lower() not in ("", "0", "false"):
        return Access.PEOPLE
    return Access.READ if method in ("GET", "HEAD") or readonly in ("1", "2") else Access.WRITE


def _session(named: Mapping[str, str]) -> SessionWish | None:
    if not named.get("session_id"):
        return None
    text = named.get("session_timeout", str(DEFAULT_SESSION_S))
    if not text.isdigit() or int(text) > MAX_SESSION_S:
        raise refusal(
            INVALID_SESSION_TIMEOUT,
            "INVALID_SESSION_TIMEOUT",
            f"Invalid session timeout '{text}': it is in seconds, at most {MAX_SESSION_S}",
        )
    return SessionWish(named["session_id"], int(text), _flag(named, "session_check"))


def _flag(named: Mapping[str, str], key: str) -> bool:
    return named.get(key, "0").lower() in ("1", "true")


def _number(named: Mapping[str, str], key: str) -> int:
    text = named.get(key, "0")
    if not text.isdigit():
        raise refusal(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"{key} is not a number: '{text}'")
    return int(text)


def _refuse_role(role: str) -> None:
    if role:
        raise refusal(
            UNKNOWN_ROLE, "UNKNOWN_ROLE", f"There is no role `{role}`: the embedded store has no roles"
        )
