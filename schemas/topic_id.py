"""Kafka's own id of a topic: another one after the topic was deleted and made again.

aiokafka 0.14 asks for metadata up to version 5; ids come with version 10. This is version 12, which every
broker since Kafka 3.0 answers.
"""

import uuid
from collections.abc import Collection, Mapping
from io import BytesIO

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from schemas.errors import UnavailableError
from schemas.kafka import connection
from schemas.settings import KafkaSettings


class _Uuid(AbstractType[uuid.UUID]):  # type: ignore[misc] # aiokafka is not followed
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        """Return the bytes."""
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        """Read the bytes."""
        return uuid.UUID(bytes=data.read(16))


class MetadataResponse12(Response):  # type: ignore[misc] # likewise
    """Brokers and topics."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition_index", Int32),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("replica_nodes", CompactArray(Int32)),
                        ("isr_nodes", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class MetadataRequest12(RequestStruct):  # type: ignore[misc] # likewise
    """Asks for topics by name."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = MetadataResponse12
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class MetadataRequest(Request[MetadataRequest12]):  # type: ignore[misc] # likewise
    """Builds the one version there is."""

    API_KEY = 3

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[MetadataRequest12]) -> MetadataRequest12:
        """Return the request."""
        topics: list[tuple[uuid.UUID, str, dict[int, bytes]]] = [
            (uuid.UUID(int=0), name, {}) for name in self._names
        ]
        return request_struct_class(topics, False, False, {})


class TopicIds:
    """Asks Kafka for ids, over a connection of its own."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaClient | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def of(self, names: Collection[str]) -> Mapping[str, str]:
        """Return the id of each topic that exists; no ids at all from brokers older than 3.0.

        Raises:
            UnavailableError: Kafka is away.
        """
        try:
            if self._client is None:
                client = AIOKafkaClient(**connection(self._settings))
                await client.bootstrap()
                self._client = client
            answer = await self._client.send(self._client.get_random_node(), MetadataRequest(names))
        except NotImplementedError:
            return {}
        except (KafkaError, OSError, AssertionError) as exc:
            await self.close()
            raise UnavailableError(f"Kafka does not tell the ids of topics: {exc!r}") from exc
        return {name: topic_id.hex for code, name, topic_id, *_ in answer.topics if code == 0}


async def topic_ids(settings: KafkaSettings, names: Collection[str]) -> Mapping[str, str]:
    """Return the ids of topics over a connection for this once; see ``TopicIds.of``.

    Raises:
        UnavailableError: Kafka is away.
    """
    ids = TopicIds(settings)
    try:
        return await ids.of(names)
    finally:
        await ids.close()
