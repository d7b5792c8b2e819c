"""Every port that ``penstock up`` listens on, and the setting that moves it."""

from infra.embedded.ports import Port
from infra.up.embedded import Embedded, embedded
from schemas.settings import Settings

LOOPBACK = "127.0.0.1"


def ports(settings: Settings) -> dict[str, tuple[Port, ...]]:
    """Return what each part that is ours listens on, by the part's name."""
    own = settings.embedded
    ours: dict[str, tuple[Port, ...]] = {
        "kafka": (
            Port(own.host, own.kafka_port, "embedded.kafka_port"),
            Port(LOOPBACK, own.kafka_controller_port, "embedded.kafka_controller_port"),
        ),
        "store": (Port(own.host, own.clickhouse_port, "embedded.clickhouse_port"),),
        "registry": (Port(own.host, own.registry_port, "embedded.registry_port"),),
        "worker": (Port(LOOPBACK, settings.worker.metrics_port, "worker.metrics_port"),),
        "sink": (Port(LOOPBACK, settings.sink.metrics_port, "sink.metrics_port"),),
        "api": (Port(settings.api.host, settings.api.port, "api.port"),),
        "node": (Port(LOOPBACK, settings.node.metrics_port, "node.metrics_port"),),
        "notifier": (Port(LOOPBACK, settings.notifier.metrics_port, "notifier.metrics_port"),),
        "router": (Port(settings.router.host, settings.router.port, "router.port"),),
    }
    here = embedded(settings)
    external = {part.value for part in Embedded if part not in here}
    return {part: listens for part, listens in ours.items() if part not in external}
