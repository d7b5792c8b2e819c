"""Apache Kafka as a child process in the foreground: ``penstock kafka``."""

import logging
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from infra.embedded.kafka import jars, storage
from infra.embedded.kafka.java import find_java
from infra.embedded.kafka.properties import CONTROLLER_HOST
from infra.embedded.orphans import bound
from infra.embedded.ports import Port, is_loopback, require_free
from schemas.settings import Settings

logger = logging.getLogger(__name__)

_LEVELS = {"WARN": logging.WARNING, "ERROR": logging.ERROR, "FATAL": logging.CRITICAL}


def ports(settings: Settings) -> tuple[Port, Port]:
    """Return what the broker listens on."""
    embedded = settings.embedded
    return (
        Port(embedded.host, embedded.kafka_port, "embedded.kafka_port"),
        Port(CONTROLLER_HOST, embedded.kafka_controller_port, "embedded.kafka_controller_port"),
    )


def serve(settings: Settings) -> int:
    """Run the broker until SIGTERM or SIGINT; return 0 then, and 1 if it ended by itself.

    Kafka's warnings go to our log, everything it says to ``data_dir/kafka/logs``. The broker ends with this
    process, however that ends. Call it from the main thread.

    Raises:
        ConfigError: no Java, a port in use, or a folder that cannot be written.
        UnavailableError: Kafka's jars cannot be downloaded.
    """
    if not is_loopback(settings.embedded.host):
        logger.warning("Kafka listens on %s without authentication", settings.embedded.host)
    require_free(*ports(settings))
    layout = storage.prepare(settings)
    java = find_java()
    class_path = os.pathsep.join(map(str, jars.fetch()))
    launcher = [
        str(java.launcher),
        "-cp",
        class_path,
        f"-Dlog4j2.configurationFile={layout.log4j2_properties}",
    ]
    storage.format_once(layout, [*launcher, *_SHORT_LIVED])
    heap = f"-Xmx{settings.embedded.kafka_heap_mb}m"
    return _run(
        [*launcher, heap, *_BROKER, *_allowed(java.version), "kafka.Kafka", str(layout.server_properties)],
        layout.root,
    )


# Resident after the same 240,000 records, -Xmx512m: 250 MB with G1, 320 MB with the serial collector.
_BROKER = ("-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
_SHORT_LIVED = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def _allowed(version: int) -> tuple[str, ...]:
    """Return the options that let newer Javas do without a warning what Kafka 4.1 and its codecs need."""
    native = ("--enable-native-access=ALL-UNNAMED",) if version >= 22 else ()
    unsafe = ("--sun-misc-unsafe-memory-access=allow",) if version >= 23 else ()
    return native + unsafe


def _run(command: Sequence[str], folder: Path) -> int:
    with (
        subprocess.Popen(
            bound(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as broker,
        _forwarded(broker) as asked,
    ):
        _relay(broker.stdout or ())
        code = broker.wait()
    if asked:
        return 0
    logger.error("Kafka ended by itself with exit code %s; its log is in %s", code, folder / "logs")
    return 1


@contextmanager
def _forwarded(broker: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Pass SIGTERM and SIGINT on as SIGTERM, which Kafka takes as 'shut down cleanly'."""
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        broker.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _relay(lines: Iterable[str]) -> None:
    for line in lines:
        level, _, text = line.strip().partition(" ")
        if level in _LEVELS:
            logger.log(_LEVELS[level], "kafka: %s", text)
        elif line.strip():
            logger.warning("kafka: %s", line.strip())
