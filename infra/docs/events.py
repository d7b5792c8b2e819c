"""``docs/events.md``: every event, its topic, and every field with type, unit and source."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.docs.markdown import table
from schemas.codec.catalog import EVENT_TYPES, Packaged, packaged
from schemas.topics import TOPICS

HEAD = """# Events

Generated from `schemas/avro/*.avsc` by `python -m infra.docs`; do not edit.

Every record in Kafka is one event: a zero byte, four bytes of schema id (big-endian), and the event in Avro
binary. Ids come from the schema registry, under the subject named with each event. Times are microseconds
since the epoch. In a `double`, NaN means that there was no reading; in ClickHouse it is `NULL`.
A new version adds fields with defaults, so that every older record stays readable.
"""


def render() -> str:
    """Return the document."""
    return HEAD + "".join(_event(packaged()[name][-1]) for name in EVENT_TYPES)


def _event(release: Packaged) -> str:
    schema = release.schema
    head = (
        f"\n## {release.event}\n\n{schema['doc']}\n\n"
        f"Version {release.version}, subject `{release.subject}`, in {_topics(release.event)}.\n\n"
    )
    return head + "\n".join(_record(record) for record in _records(schema))


def _topics(event: str) -> str:
    found = [f"`penstock.{topic.name}`" for topic in TOPICS if event in topic.events]
    return " and ".join(found)


def _record(record: Mapping[str, Any]) -> str:
    heading = "" if "namespace" in record else f"### {record['name']}\n\n{record.get('doc', '')}\n\n"
    rows = [(f"`{each['name']}`", _type(each["type"]), each.get("doc", "")) for each in record["fields"]]
    return heading + table(("field", "type", "meaning"), rows)


def _records(kind: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - any Avro type
    """Yield a record and, after it, those defined within it."""
    if isinstance(kind, list):
        for each in kind:
            yield from _records(each)
    elif isinstance(kind, dict) and kind["type"] == "record":
        yield kind
        for each in kind["fields"]:
            yield from _records(each["type"])
    elif isinstance(kind, dict):
        for inner in ("items", "values"):
            if inner in kind:
                yield from _records(kind[inner])


def _type(kind: Any) -> str:  # noqa: ANN401 - any Avro type
    if isinstance(kind, list):
        return " or ".join(map(_type, kind))
    if not isinstance(kind, dict):
        return str(kind)
    match kind["type"]:
        case "array":
            return f"array of {_type(kind['items'])}"
        case "map":
            return f"map of {_type(kind['values'])}"
        case "enum":
            return " / ".join(kind["symbols"])
        case "record":
            return str(kind["name"])
        case _:
            return str(kind.get("logicalType", kind["type"]))
