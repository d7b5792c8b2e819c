"""Which table holds which part of which event, and what each column means.

The tables themselves are in ``migrations/``. This is the map between their columns and the fields of the
``.avsc`` files: migrations comment every column from it, and a test walks every field through it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.codec.catalog import latest

# Set by the broker and by the sink: on every row, whatever the event.
COORDINATES: Mapping[str, str] = {
    "topic": "Kafka topic of the event",
    "partition": "Kafka partition of the event",
    "offset": "Kafka offset of the event",
    "arrived_at": "when the broker took the event, UTC",
}
# Of the event itself: on every row that an array of the event gives.
IDENTITY = ("fleet", "node_id", "boot_id", "seq", "occurred_at", "started_at")


@dataclass(frozen=True, slots=True)
class Table:
    """One table, the event it comes from, and where in the event its rows are.

    ``path`` names the arrays that give the rows; empty: one row an event. ``flattened`` records have their
    fields in the row itself, behind a prefix. ``renamed`` and ``elsewhere`` are dotted fields below ``path``;
    those ``elsewhere`` have rows of their own in another table. ``inherited``: fields of the event that rows
    of its arrays keep, and their columns. ``kind``: what the column of that name says where several events
    share the table; empty: it has none.
    """

    name: str
    event: str
    path: tuple[str, ...] = ()
    flattened: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    inherited: Mapping[str, str] = field(default_factory=lambda: {name: name for name in IDENTITY})
    kind: str = ""


def _kinds(name: str, event: str) -> tuple[Table, ...]:
    """One table for what is said of a thing when it opens, changes and is over."""
    return tuple(Table(name, f"{event}_{kind}", kind=kind) for kind in ("opened", "updated", "resolved"))


TABLES = (
    Table(
        "node_samples",
        "node_sample",
        flattened={"agent": "agent_", "host": ""},
        renamed={"host.age_s": "host_age_s"},
        elsewhere=frozenset({"gpus", "runtimes", "gpu_health", "collectors", "suspects"}),
    ),
    Table("gpu_samples", "node_sample", ("gpus",)),
    Table("runtime_samples", "node_sample", ("runtimes",), elsewhere=frozenset({"models"})),
    Table("loaded_models", "node_sample", ("runtimes", "models")),
    Table("gpu_health", "node_sample", ("gpu_health",)),
    Table("collector_reports", "node_sample", ("collectors",)),
    Table("suspect_readings", "node_sample", ("suspects",)),
    Table("node_registrations", "node_registered"),
    Table("node_stops", "node_stopped"),
    Table(
        "node_states",
        "node_state",
        renamed={"arrived_at": "sample_arrived_at"},
        elsewhere=frozenset({"gpus", "runtimes", "models"}),
    ),
    Table("gpu_states", "node_state", ("gpus",)),
    Table("runtime_states", "node_state", ("runtimes",)),
    Table("model_states", "node_state", ("models",)),
    Table(
        "node_panes",
        "node_pane",
        flattened={"host": ""},
        elsewhere=frozenset({"gpus", "runtimes", "models", "gpu_health", "suspects"}),
    ),
    Table("gpu_panes", "node_pane", ("gpus",)),
    Table("runtime_panes", "node_pane", ("runtimes",)),
    Table("model_panes", "node_pane", ("models",)),
    Table("gpu_health_panes", "node_pane", ("gpu_health",)),
    Table("suspect_panes", "node_pane", ("suspects",)),
    Table("requests_received", "request_received"),
    Table("requests_admitted", "request_admitted"),
    Table("requests_routed", "request_routed", elsewhere=frozenset({"candidates"})),
    Table(
        "request_candidates",
        "request_routed",
        ("candidates",),
        inherited={name: name for name in ("fleet", "request_id", "occurred_at", "attempt")}
        | {"node_id": "chosen_node_id", "runtime_id": "chosen_runtime_id"},
    ),
    Table("request_first_tokens", "request_first_token"),
    Table("requests_finished", "request_finished"),
    Table("request_panes", "request_pane"),
    *_kinds("observation_events", "observation"),
    *_kinds("alert_events", "alert"),
    Table("node_summaries", "node_summary"),
    Table("node_hints", "node_hint"),
    Table("operator_actions", "operator_action"),
    Table("wes_baselines", "wes_baseline"),
    Table("watermarks", "watermark", renamed={"partition": "source_partition"}),
    Table("rule_changes", "rule_changed"),
    Table("node_tags", "node_tagged"),
    Table("condition_events", "condition_changed", renamed={"arrived_at": "cause_arrived_at"}),
    Table("notifications_due", "notification_due"),
    Table("delivery_attempts", "delivery_attempted"),
    Table("clock_ticks", "clock_tick"),
    Table(
        "dead_letters",
        "dead_letter",
        renamed={name: f"source_{name}" for name in ("topic", "partition", "offset", "key", "value")},
    ),
    Table("stage_snapshots", "stage_snapshot", elsewhere=frozenset({"state"})),
)
# Fields that give no column, each with its reason.
LEFT_OUT: Mapping[str, str] = {
    "stage_snapshot.state": "only its stage can read it; the bytes are in event_log",
}


def intake(event: str) -> str:
    """Return the table that the bytes of an event are inserted into; views fan out from it."""
    return f"intake_{event}"


def trial(event: str) -> str:
    """Return the table that is like ``intake`` and leads nowhere: for finding out what can be read."""
    return f"trial_{event}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column, the dotted field it comes from, and that field's Avro type and ``doc``.

    The field is of the record at the table's ``path``, or of the event itself where it is ``inherited``.
    """

    name: str
    source: str
    kind: Any
    doc: str
    inherited: bool = False


def columns(table: Table) -> Iterator[Column]:
    """Yield the columns that come from the event: its identity first, then the record at ``path``."""
    root = latest(table.event).schema
    if table.path:
        yield from (
            Column(
                table.inherited[each["name"]], each["name"], each["type"], each.get("doc", ""), inherited=True
            )
            for each in root["fields"]
            if each["name"] in table.inherited
        )
    yield from _columns(table, _record_at(root, table.path), "")


def parents(table: Table) -> Iterator[Column]:
    """Yield what rows of a nested array keep of the arrays above: the names that tell them apart."""
    for depth in range(1, len(table.path)):
        record = _record_at(latest(table.event).schema, table.path[:depth])
        first = record["fields"][0]
        yield Column(
            first["name"], ".".join((*table.path[:depth], first["name"])), first["type"], first.get("doc", "")
        )


def comments(table: Table) -> dict[str, str]:
    """Return what to say of each column: the event's own words and units."""
    said = {column.name: column.doc for column in (*columns(table), *parents(table)) if column.doc}
    if table.kind:
        said["kind"] = "what was said: opened, updated or resolved"
    return said | {name: text for name, text in COORDINATES.items() if name not in said}


def _columns(table: Table, record: Mapping[str, Any], prefix: str) -> Iterator[Column]:
    for each in record["fields"]:
        source = prefix + each["name"]
        if source in table.elsewhere:
            continue
        if source in table.flattened:
            yield from _columns(table, each["type"], f"{source}.")
            continue
        parent = prefix.removesuffix(".")
        name = table.renamed.get(source) or table.flattened.get(parent, "") + each["name"]
        yield Column(name, source, each["type"], each.get("doc", ""))


def _record_at(record: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for name in path:
        kind = next(each["type"] for each in record["fields"] if each["name"] == name)
        record = kind["items"]
    return record
