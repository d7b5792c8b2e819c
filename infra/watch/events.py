"""Server-sent events, from the lines of a response."""

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Empty ``data``: a comment, or an id alone."""

    name: str = ""
    id: str = ""
    data: str = ""


async def events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Yield the events, and an empty one for whatever else shows that the stream is alive."""
    name, id_ = "", ""
    data: list[str] = []
    async for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            yield Event(name, id_, "\n".join(data))
            name, id_, data = "", "", []
        elif field == "event":
            name = value
        elif field == "id":
            id_ = value
        elif field == "data":
            data.append(value)
