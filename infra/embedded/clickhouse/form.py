"""A multipart form as a request's body: its query and parameters, and files that become temporary tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import BodyPartReader, web

from infra.embedded.clickhouse.engine import Handle, quoted_name
from infra.embedded.clickhouse.failure import BAD_ARGUMENTS, QUERY_IS_TOO_LARGE, refusal
from infra.embedded.clickhouse.lexer import tokens
from infra.embedded.clickhouse.query import DEFAULT_FORMAT, Access, ExternalTable, Query

# External tables are for lists to join with; they are held in memory, here and in the engine.
MOST_FORM_BYTES = 256 << 20
_SUFFIXES = ("_structure", "_types", "_format")


@dataclass(slots=True)
class _Fields:
    text: bytes = b""
    parameters: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    size: int = 0


async def read_form(request: web.Request, query: Query) -> Query:
    """Return the query with what its form adds.

    Raises:
        ClickHouseError: the form is too large, or says nothing about the columns of a table.
    """
    fields = _Fields()
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader):
            await _take(part, fields)
    if fields.files and query.access is Access.PEOPLE:
        raise refusal(BAD_ARGUMENTS, "BAD_ARGUMENTS", "A guarded reader cannot send tables")
    tables = tuple(_table(name, data, query.settings) for name, data in fields.files.items())
    described = {name + suffix for name in fields.files for suffix in _SUFFIXES}
    return replace(
        query,
        text=query.text + fields.text,
        parameters={**query.parameters, **fields.parameters},
        settings={key: value for key, value in query.settings.items() if key not in described},
        tables=tables,
    )


async def _take(part: BodyPartReader, fields: _Fields) -> None:
    name, data = part.name or "", bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        fields.size += len(chunk)
        if fields.size > MOST_FORM_BYTES:
            raise refusal(
                QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE", f"The form has over {MOST_FORM_BYTES} bytes"
            )
    if part.filename is not None:
        fields.files[name] = bytes(data)
    elif name == "query":
        fields.text += data
    elif name.startswith("param_"):
        fields.parameters[name.removeprefix("param_")] = data.decode("utf-8", "replace")


def _table(name: str, data: bytes, settings: Mapping[str, str]) -> ExternalTable:
    structure = settings.get(f"{name}_structure")
    if structure is None:
        types = settings.get(f"{name}_types", "")
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(_types(types), 1))
    if not structure or any(token.depth < 0 for token in tokens(structure.encode())):
        raise refusal(
            BAD_ARGUMENTS,
            "BAD_ARGUMENTS",
            f"The columns of table {name} come in {name}_structure or {name}_types",
        )
    return ExternalTable(name, structure, settings.get(f"{name}_format", DEFAULT_FORMAT), data)


def _types(text: str) -> list[str]:
    """Split at the commas outside of brackets."""
    raw, start, found = text.encode(), 0, []
    for token in tokens(raw):
        if token.text == b"," and token.depth == 0:
            found.append(raw[start : token.start].decode().strip())
            start = token.end
    return [*found, raw[start:].decode().strip()] if raw else []


def create(handle: Handle, tables: tuple[ExternalTable, ...]) -> None:
    """Make the tables on a handle."""
    for table in tables:
        name = quoted_name(table.name)
        handle.query(f"CREATE TEMPORARY TABLE {name} ({table.structure}) ENGINE = Memory".encode(), "Null")
        insertion = handle.insert(f"INSERT INTO {name}".encode(), table.format, {})
        insertion.append(table.data)
        insertion.finish()


def drop(handle: Handle, tables: tuple[ExternalTable, ...]) -> None:
    """Remove them from a session's handle."""
    for table in tables:
        handle.query(f"DROP TEMPORARY TABLE IF EXISTS {quoted_name(table.name)}".encode(), "Null")
