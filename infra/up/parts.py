"""The parts of one machine: what each is started with, what it comes after, when it is ready."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from infra.embedded.supervisor import Part, answering, listening
from infra.up.ports import ports
from schemas.settings import Settings

Ready = Callable[[], Awaitable[bool]]

# What each part comes after, and is stopped before. Every part waits for what it needs by itself too; this
# keeps that out of the logs, and lets worker and sink finish what they have in hand. The worker makes the
# topics.
AFTER: Mapping[str, tuple[str, ...]] = {
    "kafka": (),
    "store": (),
    "registry": (),
    "worker": ("kafka", "registry"),
    "sink": ("kafka", "store", "registry"),
    "api": ("store", "worker"),
    "clock": ("worker",),
    "baselines": ("store", "worker"),
    "node": ("worker",),
    "router": ("worker",),
    "notifier": ("worker",),
    "demo": ("worker",),
}
# The first start downloads 44 MB, and some lines are slow.
KAFKA_WITHIN_S = 1800.0
WITHIN_S = 120.0
STOP_WITHIN_S = 15.0
# What a part prints is read by a program, whatever the settings say of people's terminals.
ENVIRONMENT = {"PENSTOCK_LOG__FORMAT": "json"}


def parts(settings: Settings, *, config: Path | None = None, demo: bool = False) -> tuple[Part, ...]:
    """Return the parts that are ours to run; those that the settings place elsewhere are left out."""
    listens = ports(settings)
    elsewhere = {"kafka", "store", "registry"} - listens.keys()
    wanted = {
        "demo": demo, "baselines": settings.baselines.enabled, "router": settings.router.enabled
    }  # fmt: skip
    names = [name for name in AFTER if name not in elsewhere and wanted.get(name, True)]
    ready = _readiness(settings)
    return tuple(
        Part(
            name,
            _command(name, config),
            env=ENVIRONMENT,
            ready=ready.get(name),
            after=tuple(other for other in AFTER[name] if other not in elsewhere),
            ports=listens.get(name, ()),
            ready_within_s=KAFKA_WITHIN_S if name == "kafka" else WITHIN_S,
            # Requests under way may end; then their facts are sent.
            stop_within_s=STOP_WITHIN_S + (settings.router.drain_s if name == "router" else 0.0),
        )
        for name in names
    )


def _command(name: str, config: Path | None) -> tuple[str, ...]:
    options = ("--config", str(config.absolute())) if config else ()
    return (sys.executable, "-m", "infra.cli.main", *options, name)


def _readiness(settings: Settings) -> dict[str, Ready]:
    listens = ports(settings)

    async def kafka() -> bool:
        # Imported once Kafka is starting: the parts should not wait for half a second of imports.
        from infra.embedded.kafka.readiness import is_ready

        return await is_ready(settings.kafka)

    def health(name: str, path: str) -> Ready:
        (port,) = listens[name]
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(port.host, port.host)
        return answering(f"http://{host}:{port.number}{path}")

    ready: dict[str, Ready] = {
        "worker": health("worker", "/healthz"),
        "sink": health("sink", "/healthz"),
        "api": health("api", "/healthz"),
        "node": health("node", "/healthz"),
        "router": health("router", "/healthz"),
        "notifier": health("notifier", "/healthz"),
    }
    if "kafka" in listens:
        ready["kafka"] = kafka
    if "store" in listens:
        ready["store"] = health("store", "/ping")
    if "registry" in listens:
        ready["registry"] = listening(*listens["registry"])
    return ready
