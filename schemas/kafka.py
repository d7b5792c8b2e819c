"""How any part connects to Kafka, and makes the topics that it needs."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.errors import ConfigError, RefusedError, UnavailableError
from schemas.settings import KafkaSettings
from schemas.topics import TOPICS, Topic

COMPACTED_SEGMENT_BYTES = 8 << 20


# For consumers. A broker that has just started may answer that it knows no such topic. A group that meets
# then is given no partitions, and meets again only when its leader has asked anew: by default in 5 min.
METADATA_MAX_AGE_MS = 5_000


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments that every aiokafka client takes to connect.

    Raises:
        ConfigError: a certificate or key file cannot be used.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
    }
    if "SSL" in settings.security_protocol:
        arguments["ssl_context"] = _tls(settings)
    if "SASL" in settings.security_protocol:
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return arguments


def compression(settings: KafkaSettings) -> str | None:
    """Return aiokafka's ``compression_type``."""
    return None if settings.compression == "none" else settings.compression


async def ensure_topics(settings: KafkaSettings, topics: Iterable[Topic] = TOPICS) -> tuple[str, ...]:
    """Create the topics that are not there and return their names.

    Raises:
        UnavailableError: Kafka cannot be reached.
        RefusedError: Kafka will not create one.
    """
    wanted = {topic.full_name(settings): topic for topic in topics}
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        missing = wanted.keys() - set(await admin.list_topics())
        made = await admin.create_topics([_new_topic(wanted[name], settings) for name in sorted(missing)])
    except (KafkaError, OSError) as exc:
        address = settings.bootstrap_servers
        raise UnavailableError(f"Kafka at {address} (setting kafka.bootstrap_servers): {exc}") from exc
    finally:
        await admin.close()
    for name, code, *message in made.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise RefusedError(f"Kafka does not create the topic {name}: {error.__name__} {message}")
    return tuple(sorted(missing))


def _new_topic(topic: Topic, settings: KafkaSettings) -> NewTopic:
    configs = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": topic.cleanup}
    if topic.cleanup == "delete":
        configs["retention.ms"] = str(topic.retention_ms)
    else:
        # Only closed segments are compacted, and who reads from the start reads the open one too.
        configs["segment.bytes"] = str(COMPACTED_SEGMENT_BYTES)
        configs["min.compaction.lag.ms"] = str(topic.compaction_lag_ms)
    return NewTopic(
        name=topic.full_name(settings),
        num_partitions=topic.partitions(settings),
        replication_factor=settings.replication_factor,
        topic_configs=configs,
    )


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    for file in (settings.ssl_ca_file, settings.ssl_cert_file, settings.ssl_key_file):
        if file is not None and not Path(file).is_file():
            raise ConfigError(f"the file {file} of the settings kafka.ssl_* does not exist")
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        if settings.ssl_cert_file:
            password = settings.ssl_key_password.get_secret_value() or None
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file, password)
    except (ssl.SSLError, OSError) as exc:
        raise ConfigError(f"the settings kafka.ssl_* cannot be used: {exc}") from exc
    return context
