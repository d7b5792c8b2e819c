"""Invented events on their topics."""

from typing import Any

from schemas.topics import topic_of
from tests.sinks.clickhouse.inventing import body
from tests.sinks.clickhouse.world import World


async def send(world: World, event: str, *values: dict[str, Any], topic: str = "", key: str = "key") -> None:
    """Send events of one kind, in order, to one partition of their first topic unless another is named."""
    codec = await world.codec()
    name = topic or topic_of(event).name
    await world.send_raw(
        [(name, key.encode(), codec.frame(event, body(event, value))) for value in values], partition=0
    )
