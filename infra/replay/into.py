"""Where what a replay says can go: a log file, topics, or tables; one of each kind of writer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from infra.replay.into_tables import tables
from infra.replay.into_topics import topics
from infra.score.schema_ids import schema_ids
from processors.replay.digest import NAMES
from processors.replay.plan import Plan
from processors.replay.share import Said
from producers.simulator.log import LogWriter, log_file
from schemas.errors import ConfigError
from schemas.log_file import LogRecord
from schemas.settings import Settings

TABLE, TOPICS = "table:", "topics:"
NAME: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


class Into(Protocol):
    """A writer."""

    def take(self, said: Said) -> None:
        """Write one event; they come in the order of the replay."""
        ...


@contextmanager
def into(text: str, plan: Plan, settings: Settings) -> Iterator[Into]:
    """Open ``table:PREFIX``, ``topics:PREFIX`` or a file, which has its name when it is complete.

    Raises:
        ConfigError: the prefix cannot be one.
        RefusedError: the disk, ClickHouse or Kafka does not take it.
        UnavailableError: ClickHouse or Kafka is away.
    """
    if text.startswith(TABLE):
        with tables(_prefix(text.removeprefix(TABLE)), settings) as found:
            yield found
    elif text.startswith(TOPICS):
        prefix = text.removeprefix(TOPICS)
        if prefix == settings.kafka.topic_prefix or not prefix:
            raise ConfigError(f"--into {text}: the live topics have that prefix; take another one")
        with topics(prefix, plan.partitions, settings) as other:
            yield other
    else:
        about = {"replay": "penstock replay", "begins": str(plan.begins), "ends": str(plan.ends)}
        with log_file(Path(text), schema_ids(), partitions=plan.partitions, about=about) as writer:
            yield _File(writer)


class _File:
    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def take(self, said: Said) -> None:
        """Write one event, as arrived when its cause did."""
        topic, partition, key, event, _ = said.record
        record = LogRecord(topic.name, partition, 0, said.order.at, key, said.body)
        self._writer.put(record, NAMES[type(event)])


def _prefix(text: str) -> str:
    if not text or set(text) - set(NAME) or text[0].isdigit():
        raise ConfigError(f"--into {TABLE}{text}: a prefix of tables has letters, digits and _ alone")
    return text
