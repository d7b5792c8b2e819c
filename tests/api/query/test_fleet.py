"""The view of the fleet, as JSON and as Prometheus gauges."""

import math
import time
from pathlib import Path

import orjson
import pytest

from api.parts import Parts
from api.query.fleet import FleetView, Node
from api.query.hub import Hub
from api.query.plain import json_schema, plain, rfc3339
from api.query.prometheus import FleetCollector, names
from schemas.events.node_stopped import NodeStopped
from tests.api.running import settings, within
from tests.api.states import T0, registered, state

SECOND = 1_000_000


def test_a_node_is_up_until_it_has_been_silent_for_15_s_or_3_intervals() -> None:
    node = Node("n1", state=state(), seen_at=T0)
    assert node.is_up(T0 + 15 * SECOND)
    assert not node.is_up(T0 + 15 * SECOND + 1)
    slow = Node("n1", state=state(), registered=registered(interval_s=20.0), seen_at=T0)
    assert slow.is_up(T0 + 60 * SECOND)
    assert not slow.is_up(T0 + 60 * SECOND + 1)
    assert not Node("n1", registered=registered()).is_up(T0)


def test_a_node_that_said_goodbye_is_down_until_it_is_back() -> None:
    view = FleetView()
    view.apply(state(), T0)
    view.apply(NodeStopped("n1", "f1", "b", T0 + SECOND, 2, "SIGTERM"), T0 + SECOND)
    node = view.get("n1")
    assert node
    assert not node.is_up(T0 + SECOND)
    view.apply(state(occurred_at=T0 + 2 * SECOND), T0 + 2 * SECOND)
    node = view.get("n1")
    assert node
    assert node.is_up(T0 + 2 * SECOND)


def test_the_view_filters_orders_and_forgets() -> None:
    view = FleetView()
    for node_id, fleet in (("b", "f2"), ("a", "f1"), ("c", "f1")):
        view.apply(state(node_id, fleet=fleet), T0)
    assert [node.node_id for node in view.nodes("f1")] == ["a", "c"]
    assert view.fleets() == {"f1": 2, "f2": 1}
    view.forget("a")
    assert len(view) == 2


def test_events_become_json_with_times_and_nulls() -> None:
    made = plain(state(tokens_per_second=math.nan, power_w=math.inf))
    assert orjson.loads(orjson.dumps(made)) == made
    assert made["tokens_per_second"] is None
    assert made["power_w"] is None
    assert made["occurred_at"] == rfc3339(T0) == "2025-11-21T04:40:00.000000Z"
    assert made["gpus"][0]["gpu_id"] == "GPU-1"
    assert plain(registered())["tags"] == {"rack": "r1"}
    assert plain(state(occurred_at=2**62))["occurred_at"] is None


def test_the_json_schema_has_every_field_and_its_unit() -> None:
    schema = json_schema("node_state")
    assert set(schema["properties"]) == set(plain(state()))
    assert schema["properties"]["occurred_at"]["format"] == "date-time"
    assert schema["properties"]["gpus"]["items"]["properties"]["power_w"]["description"] == "watts"


def test_prometheus_has_no_readings_of_a_silent_node() -> None:
    now = time.time_ns() // 1000
    view = FleetView()
    view.apply(state("alive", wes=math.nan), now)
    view.apply(state("silent"), now - 60 * SECOND)
    samples = [sample for family in FleetCollector(view).collect() for sample in family.samples]
    up = {s.labels["node_id"]: s.value for s in samples if s.name == "penstock_node_up"}
    assert up == {"alive": 1.0, "silent": 0.0}
    assert {s.name for s in samples if s.labels["node_id"] == "silent"} == {"penstock_node_up"}
    found = {(s.name, s.labels.get("state", "")): s.value for s in samples if s.labels["node_id"] == "alive"}
    assert found["penstock_node_power_watts", ""] == 350.0
    assert found["penstock_node_inference_state", "live"] == 1.0
    assert found["penstock_node_inference_state", "idle"] == 0.0
    assert ("penstock_node_wes", "") not in found
    assert {s.name for s in samples} <= set(names())


@pytest.mark.asyncio
async def test_nodes_over_http(tmp_path: Path) -> None:
    now = time.time_ns() // 1000
    async with within(settings(tmp_path)) as (client, app):
        at: Parts = app.state.parts
        at.fleet.apply(registered("n1", interval_s=1.0), now)
        at.fleet.apply(state("n1"), now)
        at.fleet.apply(state("n2", fleet="f2"), now - 3600 * SECOND)
        both = (await client.get("/api/v1/nodes")).json()["nodes"]
        one = (await client.get("/api/v1/nodes", params={"fleet": "f1"})).json()["nodes"]
        detail = (await client.get("/api/v1/nodes/n1")).json()
        metrics = (await client.get("/metrics")).text
    assert [node["node_id"] for node in both] == ["n1", "n2"]
    assert [node["node_id"] for node in one] == ["n1"]
    assert both[0]["up"] is True
    assert both[0]["tokens_per_second"] == 120.5
    assert both[0]["models"] == ["llama"]
    assert both[1]["up"] is False
    assert both[1]["power_w"] is None
    assert both[1]["silent_s"] >= 3600
    assert detail["state"]["power_w"] == 350.0
    assert detail["registered"]["tags"] == {"rack": "r1"}
    assert 'penstock_node_up{fleet="f2",node_id="n2"} 0.0' in metrics
    assert 'penstock_node_power_watts{fleet="f1",node_id="n1"} 350.0' in metrics
    assert 'penstock_node_power_watts{fleet="f2"' not in metrics


def test_an_empty_hub_and_view() -> None:
    assert len(Hub()) == 0
    assert len(FleetView()) == 0
