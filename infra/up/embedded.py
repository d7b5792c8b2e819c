"""Which of Kafka, store and registry run here: those whose address leads to the embedded part."""

from enum import StrEnum
from urllib.parse import urlsplit

from schemas.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Embedded(StrEnum):
    """What this machine can run in place of a cluster."""

    KAFKA = "kafka"
    STORE = "store"
    REGISTRY = "registry"


def embedded(settings: Settings) -> frozenset[Embedded]:
    """Return the parts that are ours to run; the others are somebody else's, reached by address."""
    own = settings.embedded
    leads_to = {
        Embedded.KAFKA: _leads_to(f"//{settings.kafka.bootstrap_servers}", own.host, own.kafka_port),
        Embedded.STORE: _leads_to(settings.clickhouse.url, own.host, own.clickhouse_port),
        Embedded.REGISTRY: _leads_to(settings.registry.url, own.host, own.registry_port),
    }
    return frozenset(part for part, here in leads_to.items() if here)


def _leads_to(url: str, host: str, port: int) -> bool:
    try:
        found = urlsplit(url)
        return found.hostname in (host, *_LOOPBACK) and found.port == port
    except ValueError:  # a list of several brokers has no port that is a number
        return False
