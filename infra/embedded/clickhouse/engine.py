"""chDB: one engine per process and data directory, and the handles that run statements.

A handle costs 0.2 ms to open, so a request gets a fresh one and whatever it set dies with it; only a session
keeps its handle. Statements of one handle run one after another, those of several at once; all calls block
and release the interpreter's lock.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import chdb
import orjson

from infra.embedded.clickhouse.failure import SYNTAX_ERROR, UNKNOWN_SETTING, from_engine, refusal

# What the library sets for its shell and a server does not: bare expressions as statements, stack readers.
_LIKE_A_SERVER = {"implicit_select": "0", "allow_introspection_functions": "0"}
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class Effect(Enum):
    """What a statement does, in the words of the engine's own parser."""

    READ_ONLY = 0
    MUTATING = 1
    MUTATING_GLOBAL = 2
    CONTROL = 3
    UNKNOWN = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement returned and what it cost; materialized views count as written rows."""

    data: bytes = b""
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_s: float = 0.0


class Insertion:
    """An open insertion, fed in pieces; a block of up to 1,048,449 rows goes in whole or not at all."""

    def __init__(self, inserter: Any) -> None:  # noqa: ANN401 - chdb publishes no types
        self._inserter = inserter

    def append(self, data: bytes) -> None:
        """Hand over the next bytes, cut anywhere."""
        try:
            self._inserter.append(data)
        except RuntimeError as exc:
            raise from_engine(str(exc)) from exc

    def finish(self) -> Outcome:
        """Write what is left; the rows are then in the table."""
        try:
            result = self._inserter.finish()
        except RuntimeError as exc:
            raise from_engine(str(exc)) from exc
        return Outcome(
            written_rows=result.rows_written, written_bytes=result.bytes_written, elapsed_s=result.elapsed
        )


class Handle:
    """One connection: its settings, temporary tables and current database are its own."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - chdb publishes no types
        self._connection = connection

    def query(self, sql: bytes, fmt: str, parameters: Mapping[str, str] | None = None) -> Outcome:
        """Run one statement to its end; ``fmt`` counts where the text names no format.

        Raises:
            ClickHouseError: the engine refused it, it failed or it was killed.
        """
        try:
            result = self._connection.query(_text(sql), fmt, params=dict(parameters or {}))
        except RuntimeError as exc:
            raise from_engine(str(exc)) from exc
        return Outcome(
            data=result.bytes() or b"",
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_read(),
            result_bytes=result.bytes_read(),
            elapsed_s=result.elapsed(),
        )

    def insert(self, head: bytes, fmt: str, parameters: Mapping[str, str]) -> Insertion:
        """Begin an insertion; ``head`` ends before its FORMAT clause."""
        self.set({f"param_{name}": value for name, value in parameters.items()})
        try:
            return Insertion(self._connection.send_insert(_text(head), fmt))
        except RuntimeError as exc:
            raise from_engine(str(exc)) from exc

    def effect(self, sql: bytes) -> tuple[Effect, int]:
        """Return what the text does, the worst of its statements, and how many there are."""
        # The public Connection does not pass this on.
        found = self._connection._conn.classify_query(_text(sql))
        return Effect[found["query_class"].name], found["statement_count"]

    def set(self, settings: Mapping[str, str]) -> None:
        """Set them all, or fail with the engine's error about the first bad one."""
        if settings:
            pairs = ", ".join(f"{_name(key)} = {quoted(value)}" for key, value in settings.items())
            self.query(f"SET {pairs}".encode(), "TSV")

    def current(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values of settings, to be put back later."""
        if not names:
            return {}
        columns = ", ".join(f"toString(getSetting({quoted(_name(name))}))" for name in names)
        row = self.query(f"SELECT {columns} FORMAT JSONCompactEachRow".encode(), "TSV").data
        return dict(zip(names, _json_row(row), strict=True))

    def use(self, database: str) -> None:
        """Make ``database`` the current one."""
        self.query(f"USE {quoted_name(database)}".encode(), "TSV")

    def database(self) -> str:
        """Return the current database."""
        return str(_json_row(self.query(b"SELECT currentDatabase()", "JSONCompactEachRow").data)[0])

    def close(self) -> None:
        """Give the connection back to the engine."""
        self._connection.close()


class Engine:
    """The engine of this process, from ``open`` to ``close``."""

    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        self.directory = directory
        self._root = Handle(_connect(directory, {**options, **_LIKE_A_SERVER}))
        self._give_default_database()

    def handle(self) -> Handle:
        """Open a handle with default settings."""
        return Handle(_connect(self.directory, _LIKE_A_SERVER))

    def kill(self, comment: str) -> None:
        """Ask the running queries whose ``log_comment`` this is to stop; it does not wait for them."""
        handle = self.handle()
        try:
            where = f"Settings['log_comment'] = {quoted(comment)}"
            handle.query(f"KILL QUERY WHERE {where} ASYNC".encode(), "Null")
        finally:
            handle.close()

    def row(self, sql: str) -> list[Any]:
        """Return the first row of a small query."""
        return _json_row(self._root.query(sql.encode(), "JSONCompactEachRow").data)

    def close(self) -> None:
        """Shut the engine down; it ends with its last handle."""
        self._root.close()

    def _give_default_database(self) -> None:
        """Replace the library's ``default`` database, where any file is a table, by a plain one."""
        metadata = self.directory / "metadata"
        # The engine makes the folder with the first table. chDB 26.9 does not attach a database without one
        # ("Cannot find UUID mapping"); such a database has never held anything.
        known = (metadata / "default").exists()
        self._root.query(b"DETACH DATABASE default", "Null")
        if not known:
            (metadata / "default.sql").unlink(missing_ok=True)
        again = b"ATTACH DATABASE default" if known else b"CREATE DATABASE default ENGINE = Atomic"
        self._root.query(again, "Null")
        self._root.use("default")


def quoted(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """Return an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _connect(directory: Path, options: Mapping[str, str]) -> Any:  # noqa: ANN401 - chdb publishes no types
    arguments = "&".join(f"{name}={value}" for name, value in options.items())
    try:
        return chdb.connect(f"{directory}?{arguments}")
    except RuntimeError as exc:
        raise from_engine(str(exc)) from exc


def _text(sql: bytes) -> str:
    try:
        return sql.decode()
    except UnicodeDecodeError as exc:
        raise refusal(SYNTAX_ERROR, "SYNTAX_ERROR", f"Syntax error: the query is not UTF-8: {exc}") from exc


def _name(name: str) -> str:
    if not _SETTING_NAME.fullmatch(name):
        raise refusal(UNKNOWN_SETTING, "UNKNOWN_SETTING", f"Unknown setting {quoted(name)}")
    return name


def _json_row(data: bytes) -> list[Any]:
    row: list[Any] = orjson.loads(data.split(b"\n", 1)[0])
    return row
