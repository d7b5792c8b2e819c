"""Events to bytes and back: Confluent framing around Avro binary."""

from schemas.codec.catalog import EVENT_TYPES, Event, packaged
from schemas.codec.framing import frame, schema_id_of
from schemas.codec.serde import Codec

__all__ = ["EVENT_TYPES", "Codec", "Event", "frame", "packaged", "schema_id_of"]
