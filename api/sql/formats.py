"""Formats in which people get rows, and how they ask for one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the name people use, the engine's, the media type, and whether it is one JSON object."""

    name: str
    engine: str
    media_type: str
    is_object: bool = False


FORMATS: tuple[Format, ...] = (
    Format("JSON", "JSON", "application/json", is_object=True),
    Format("JSONCompact", "JSONCompact", "application/json", is_object=True),
    Format("JSONEachRow", "JSONEachRow", "application/x-ndjson"),
    Format("CSV", "CSVWithNames", "text/csv; charset=utf-8; header=present"),
    Format("TSV", "TabSeparatedWithNames", "text/tab-separated-values; charset=utf-8"),
    Format("Pretty", "PrettyCompactMonoBlock", "text/plain; charset=utf-8"),
    Format("Parquet", "Parquet", "application/vnd.apache.parquet"),
    Format("Arrow", "Arrow", "application/vnd.apache.arrow.file"),
    Format("ArrowStream", "ArrowStream", "application/vnd.apache.arrow.stream"),
)

_BY_NAME = {one.name.lower(): one for one in FORMATS} | {"ndjson": FORMATS[2], "jsonl": FORMATS[2]}


def by_name(name: str) -> Format | None:
    """Return the format of a name, written in any case."""
    return _BY_NAME.get(name.lower())


def by_accept(accept: str) -> Format | None:
    """Return the first format that an ``Accept`` header names exactly; wildcards choose nothing."""
    wanted = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    media_types = {one.media_type.split(";")[0]: one for one in reversed(FORMATS)}
    return next((media_types[one] for one in wanted if one in media_types), None)


async def with_last_field(chunks: AsyncIterator[bytes], field: bytes) -> AsyncIterator[bytes]:
    """Pass a JSON object on, with one more field at its end; holds back nothing but the end of a chunk."""
    held = b""
    async for chunk in chunks:
        text = held + chunk
        end = text.rstrip()
        # What is held is the last bracket and the space around it, the only place the object can end.
        keep = len(end.removesuffix(b"}").rstrip()) if end.endswith(b"}") else len(end)
        held = text[keep:]
        if keep:
            yield text[:keep]
    yield b"," + field + held if held.strip() == b"}" else held
