"""Reads values of Kafka whose schema may be of another version of Penstock."""

from schemas.codec import Codec, Event
from schemas.errors import UnknownSchemaError
from schemas.registry import Registry


async def decoded(value: bytes, codec: Codec, registry: Registry) -> Event:
    """Return the event of a value; a schema that is not ours is asked for once.

    Raises:
        EventError: it cannot be read.
        UnavailableError: the registry is away.
    """
    try:
        return codec.decode(value)
    except UnknownSchemaError as exc:
        codec.learn(exc.schema_id, await registry.schema(exc.schema_id))
        return codec.decode(value)
