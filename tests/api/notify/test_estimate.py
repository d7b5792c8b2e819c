"""Estimates on real tables: every field of every source has one, or is known not to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from api.notify.estimate import estimate
from api.store import Store
from schemas.rule_document import RuleDocument, parse_rule
from schemas.rule_fields import fields_of
from schemas.settings import ClickHouseSettings, Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store as Writable

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


def rule(source: str, **more: Any) -> RuleDocument:
    return parse_rule({"id": "r", "source": source, **more})


@pytest_asyncio.fixture
async def store(clickhouse_url: str, clickhouse_database: str) -> AsyncIterator[Store]:
    wanted = ClickHouseSettings(url=clickhouse_url, database=clickhouse_database)
    writable = Writable(Settings(clickhouse=wanted))
    await migrate(writable, wanted)
    state = (
        "fleet, node_id, occurred_at, arrived_at, inference_state, memory_available_bytes, memory_total_bytes"
    )
    opened = "kind, fleet, node_id, occurred_at, arrived_at, severity"
    for sql in (
        f"node_states ({state}) VALUES ('f', 'gpu-1', now(), now(), 'live', 10, 100)",
        f"node_states ({state}) VALUES ('f', 'cpu-1', now(), now(), 'idle', 90, 100)",
        f"observation_events ({opened}, pattern) SELECT 'opened', 'f', 'gpu-1', now(), now(), 'info', 'p'"
        " FROM numbers(11)",
        f"alert_events ({opened}, alert) VALUES ('opened', 'f', 'gpu-1', now(), now(), 'critical', 'oom')",
        "request_panes (fleet, node_id, model, started_at, arrived_at)"
        " VALUES ('f', 'gpu-1', 'm', now(), now())",
    ):
        await writable.command(f"INSERT INTO {wanted.database}.{sql}")
    await writable.close()
    found = Store(wanted)
    yield found
    await found.close()


async def test_every_field_has_an_estimate(store: Store) -> None:
    for source in ("node-states", "requests"):
        for name, field in fields_of(source).items():
            value: object = field.symbols[0] if field.kind == "text" else 1
            found = await estimate(
                store,
                rule(
                    source, when={"field": name, "op": "==" if field.kind == "text" else "<", "value": value}
                ),
            )
            assert found.of is not None, name


async def test_what_holds_nearly_always_is_warned_of(store: Store) -> None:
    full = rule("node-states", when={"field": "memory_used_ratio", "op": ">", "value": 0.05})
    found = await estimate(store, full)
    assert (found.subjects, found.of, found.held_share) == (2, 2, 1.0)
    assert "100% of the last day at the 2 of 2 nodes" in found.warnings[0]
    some = rule(
        "node-states",
        when={"field": "memory_used_ratio", "op": ">", "value": 0.5},
        select={"nodes": ["gpu-*"]},
    )
    assert (await estimate(store, some)).held_share == 1.0
    none = rule("node-states", when={"field": "wes", "op": "<", "value": 5}, select={"fleets": ["other"]})
    assert (await estimate(store, none)).warnings == (
        "it is about no node that told anything in the last day",
    )
    state = rule("node-states", when={"field": "inference_state", "op": "==", "value": "live"})
    assert (await estimate(store, state)).held_share == 0.5
    change = rule("node-states", when={"field": "inference_state", "op": "changed"})
    assert (await estimate(store, change)).held_share is None


async def test_observations_alerts_and_requests(store: Store) -> None:
    everything = await estimate(store, rule("observations"))
    assert (everything.opened, everything.warnings) == (
        11,
        ("it is about every one of the 11 observations of the last day",),
    )
    assert (await estimate(store, rule("observations", select={"severities": ["critical"]}))).opened == 0
    assert (await estimate(store, rule("alerts", select={"alerts": ["oom"]}))).opened == 1
    late = {"when": {"field": "ttft_p95_ms", "op": ">", "value": 500}}
    assert (await estimate(store, rule("requests", **late))).subjects == 1
    other = await estimate(store, rule("requests", select={"models": ["x*"]}, **late))
    assert other.warnings == ("it is about no model of any node that had requests in the last day",)


async def test_without_tables_a_rule_is_right_or_wrong_all_the_same(clickhouse_url: str) -> None:
    away = Store(ClickHouseSettings(url=clickhouse_url, database="nothing_there"))
    try:
        assert (await estimate(away, rule("alerts"))).of is None
    finally:
        await away.close()
