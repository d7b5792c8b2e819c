"""``penstock topics``: what is in Kafka, against the table of topics."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table

if TYPE_CHECKING:
    from schemas.settings import KafkaSettings

app = typer.Typer(help="List the topics in Kafka, or create them.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(ctx: typer.Context, *, json: Json = False) -> None:
    """List the topics: events, key, partitions, how long they are kept, and whether Kafka has them."""
    found = asyncio.run(_rows(context.settings(ctx).kafka))
    if json:
        print_json(found)
        return
    columns = ("topic", "events", "key", "partitions", "kept", "in Kafka")
    print_table(columns, [[_shown(row[column.replace(" ", "_")]) for column in columns] for row in found])


@app.command()
def create(ctx: typer.Context, *, json: Json = False) -> None:
    """Create the topics that Kafka does not have; those it has are left as they are."""
    from schemas.kafka import ensure_topics

    made = asyncio.run(ensure_topics(context.settings(ctx).kafka))
    if json:
        print_json({"created": made})
    else:
        typer.echo("\n".join(f"created {name}" for name in made) or "all topics are there")


async def _rows(settings: "KafkaSettings") -> list[dict[str, Any]]:
    from schemas.topics import TOPICS

    there = await _partitions(settings)
    return [
        {
            "topic": topic.full_name(settings),
            "events": list(topic.events),
            "key": topic.key,
            "written_by": topic.written_by,
            "partitions": there.get(topic.full_name(settings), topic.partitions(settings)),
            "kept": kept(topic.cleanup, topic.retention_ms),
            "in_Kafka": topic.full_name(settings) in there,
        }
        for topic in TOPICS
    ]


async def _partitions(settings: "KafkaSettings") -> Mapping[str, int]:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    from schemas.errors import UnavailableError
    from schemas.kafka import connection

    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    except (KafkaError, OSError) as exc:
        address = settings.bootstrap_servers
        raise UnavailableError(f"Kafka at {address} (setting kafka.bootstrap_servers): {exc}") from exc
    finally:
        await admin.close()


def kept(cleanup: str, retention_ms: int) -> str:
    """Say how long a topic keeps its records."""
    from schemas.topics import DAY_MS

    return "compacted" if cleanup == "compact" else f"{retention_ms // DAY_MS} d"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
