"""The table of topics in ``docs/architecture.md``."""

from infra.cli.topics import kept
from infra.docs.markdown import table
from schemas.settings import KafkaSettings
from schemas.topics import TOPICS, Topic


def render() -> str:
    """Return the table, with the prefix and the partitions of the default settings."""
    columns = ("topic", "events", "key", "written by", "partitions", "kept", "in ClickHouse")
    return table(columns, map(_row, TOPICS))


def _row(topic: Topic) -> tuple[object, ...]:
    defaults = KafkaSettings()
    return (
        f"`{topic.full_name(defaults)}`",
        ", ".join(topic.events) or "states of the stage",
        topic.key,
        topic.written_by,
        topic.partitions(defaults),
        kept(topic.cleanup, topic.retention_ms),
        "yes" if topic.stored else "no",
    )
