"""The identity of a topic: a topic that was deleted and made again starts at offset 0 under the same name.

Kafka tells the id since 2.8, in version 10 of its Metadata API, which aiokafka 0.14 does not speak yet.
"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any
from uuid import UUID

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from schemas.errors import UnavailableError
from schemas.kafka import connection
from schemas.settings import KafkaSettings

_METADATA = 3
_VERSION = 10


class _Uuid(AbstractType[UUID]):  # type: ignore[misc] # aiokafka publishes no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _MetadataAnswer(Response):  # type: ignore[misc] # aiokafka publishes no types
    API_KEY = _METADATA
    API_VERSION = _VERSION
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
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc] # aiokafka publishes no types
    API_KEY = _METADATA
    API_VERSION = _VERSION
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc] # aiokafka publishes no types
    API_KEY = _METADATA

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        topics: list[tuple[UUID, str, dict[int, bytes]]] = [(UUID(int=0), name, {}) for name in self._names]
        return request_struct_class(topics, False, False, False, {})


async def topic_ids(settings: KafkaSettings, names: Iterable[str]) -> Mapping[str, str]:
    """Return the id of each topic that exists, by its full name.

    Raises:
        UnavailableError: Kafka cannot be reached.
    """
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        answer: Any = await admin._send_request(_MetadataRequest(names))
    except (KafkaError, OSError) as exc:
        raise UnavailableError(f"Kafka at {settings.bootstrap_servers}: {exc}") from exc
    finally:
        await admin.close()
    described = (dict(zip(("error", "name", "id"), topic, strict=False)) for topic in answer.topics)
    return {topic["name"]: str(topic["id"]) for topic in described if topic["error"] == 0}
