"""``penstock rules``, ``channels`` and ``notify`` against the API on the real broker and a real store."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from schemas.settings import ApiSettings, ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from tests.api.running import settings
from tests.fixtures.ports import free_port
from tests.infra.api_beside import Beside, beside
from tests.infra.cli.conftest import Run

pytestmark = pytest.mark.integration

RULES = """
[[rules]]
id = "hot"
source = "node-states"
when = { field = "gpu.temperature_c", op = ">", value = 80, clear_value = 75 }
for_s = 60
notify = { channels = ["out"] }

[[rules]]
id = "busy"
source = "node-states"
when = { field = "cpu_ratio", op = ">=", value = 0.1 }

[[rules]]
id = "offline"
source = "alerts"
select = { alerts = ["node_offline"] }
"""
CHANNELS = """
[[channels]]
id = "out"
kind = "stdout"

[[channels]]
id = "hook"
kind = "webhook"
settings = { url = "https://hooks.example.com/x" }
"""
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, registry_url: str, clickhouse_url: str
) -> Iterator[Beside]:
    wanted = settings(
        tmp_path_factory.mktemp("rules"),
        kafka=KafkaSettings(bootstrap_servers=kafka_servers, topic_prefix=f"rules{free_port()}."),
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=f"rules_{uuid4().hex[:12]}"),
        api=ApiSettings(port=free_port()),
    )
    asyncio.run(filled(wanted))
    with beside(wanted) as found:
        yield found


async def filled(wanted: Settings) -> None:
    """Make the tables, and a day in which two of three nodes were always busy."""
    store = Store(wanted)
    try:
        await migrate(store, wanted.clickhouse)
    finally:
        await store.close()
    for minutes in range(10):
        at = f"{NOW - timedelta(minutes=minutes + 1):%Y-%m-%d %H:%M:%S}"
        for node, cpu in (("a", 0.5), ("b", 0.6), ("c", 0.0)):
            put(wanted, "node_states", fleet="f", node_id=node, occurred_at=at, arrived_at=at, cpu_ratio=cpu)
            put(
                wanted, "gpu_states", fleet="f", node_id=node, occurred_at=at, arrived_at=at,
                gpu_id="g", temperature_c=60,
            )  # fmt: skip
    at = f"{NOW - timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
    due = {"id": str(uuid4()), "rule_id": "hot", "occurred_at": at, "arrived_at": at}
    put(wanted, "notifications_due", kind="opened", title="It is hot", channels=["out", "hook"], **due)
    tried = {"rule_id": "hot", "occurred_at": at, "arrived_at": at, "notification_id": due["id"]}
    put(wanted, "delivery_attempts", channel_id="out", attempt=1, outcome="delivered", took_ms=1.5, **tried)
    put(wanted, "delivery_attempts", channel_id="hook", attempt=1, outcome="retrying", error="503", **tried)


def put(at: Settings, table: str, **row: object) -> None:
    parameters = {"database": at.clickhouse.database, "query": f"INSERT INTO {table} FORMAT JSONEachRow"}
    body = json.dumps({"id": str(uuid4()), **row} if table != "gpu_states" else row)
    answer = httpx.post(at.clickhouse.url, params=parameters, content=body, trust_env=False)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def cli(penstock: Run, api: Beside, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("PENSTOCK_API__PORT", str(api.settings.api.port))
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "channels.toml").write_text(CHANNELS)
    return penstock


def test_rules_of_a_file_hold_after_they_were_looked_at(cli: Run, tmp_path: Path) -> None:
    dry = cli("rules", "apply", "rules.toml", "--dry-run")
    assert (dry.status, dry.err) == (0, "")
    assert dry.out.splitlines() == [
        "+ busy created", "+ hot created", "+ offline created", "3 would change, 0 unchanged",
    ]  # fmt: skip
    assert json.loads(cli("rules", "list", "--json").out) == {"rules": []}
    assert cli("rules", "apply", "rules.toml").out.endswith("3 changed, 0 unchanged\n")
    (tmp_path / "rules.toml").write_text(
        RULES.replace("value = 80", "value = 90").split('[[rules]]\nid = "off')[0]
    )
    changed = cli("rules", "apply", "rules.toml", "--prune")
    assert changed.out.splitlines() == [
        "~ hot changed", "    when.value: 80 -> 90", "- offline deleted", "2 changed, 1 unchanged",
    ]  # fmt: skip
    listed = cli("rules", "list").out
    assert [line.split()[:2] for line in listed.splitlines()[2:]] == [
        ["busy", "node-states"],
        ["hot", "node-states"],
    ]
    assert "gpu.temperature_c > 90" in listed
    assert cli("rules", "disable", "hot").out == "hot is disabled\n"
    assert json.loads(cli("rules", "show", "hot").out)["rule"]["enabled"] is False
    assert cli("rules", "enable", "hot").out == "hot is enabled\n"
    assert cli("rules", "delete", "hot").out == "hot is deleted\n"
    gone = cli("rules", "delete", "hot")
    assert gone.status == 1
    assert "there is no rule hot" in gone.err


def test_a_rule_that_would_fire_always_is_told_of(cli: Run) -> None:
    found = {
        each["rule"]["id"]: each
        for each in json.loads(cli("rules", "check", "rules.toml", "--json").out)["rules"]
    }
    assert found["busy"]["estimate"] == {
        "subjects": 3,
        "of": 3,
        "held_share": pytest.approx(2 / 3),
        "opened": None,
    }
    assert any("67% of the last day at the 3 of 3 nodes" in each for each in found["busy"]["warnings"])
    assert found["hot"]["estimate"]["held_share"] == 0
    assert found["offline"]["estimate"]["opened"] == 0
    assert "notify.channels is empty: it fires, and nobody is told" in found["offline"]["warnings"]
    table = cli("rules", "check", "rules.toml").out
    assert "3 of 3" in table
    assert "66.7% of the time" in table


def test_every_wrong_rule_of_a_file_is_said(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        RULES.replace("gpu.temperature_c", "gpu.heat").replace('"alerts"\n', '"alarms"\n')
    )
    refused = cli("rules", "apply", "rules.toml")
    assert refused.status == 2
    assert "rules.toml" in refused.err
    assert "the rule hot: when.field" in refused.err or "no field gpu.heat" in refused.err
    assert "the rule offline: source" in refused.err
    (tmp_path / "rules.toml").write_text("[[rule]]\n")
    assert "there is only [[rules]]" in cli("rules", "apply", "rules.toml").err
    (tmp_path / "rules.toml").write_text("[[rules]\n")
    assert cli("rules", "apply", "rules.toml").status == 2


def test_channels_of_a_file_hold_and_their_secrets_are_shown_once(cli: Run) -> None:
    made = cli("channels", "apply", "channels.toml")
    assert (made.status, made.err) == (0, "")
    assert "out holds, revision 1" in made.out
    assert made.out.count("whsec_") == 1
    assert "whsec_" not in cli("channels", "apply", "channels.toml").out
    listed = cli("channels", "list").out
    assert [line.split()[:2] for line in listed.splitlines()[2:]] == [["hook", "webhook"], ["out", "stdout"]]
    assert json.loads(cli("channels", "show", "hook").out)["channel"]["settings"]["secret"] == {"set": True}
    assert cli("channels", "delete", "out").out == "out is deleted\n"
    tried = cli("channels", "test", "out")
    assert tried.status == 1
    assert "there is no channel out" in tried.err


def test_what_was_told_and_how_it_went(cli: Run) -> None:
    (told,) = json.loads(cli("notify", "list", "--json").out)["notifications"]
    assert (told["title"], told["delivered"], told["waiting"]) == ("It is hot", ["out"], ["hook"])
    tries = json.loads(cli("notify", "deliveries", "--rule", "hot", "--json").out)["deliveries"]
    assert {(each["channel_id"], each["outcome"]) for each in tries} == {
        ("out", "delivered"),
        ("hook", "retrying"),
    }
    assert len(cli("notify", "deliveries", "--outcome", "delivered").out.splitlines()) == 3
    assert "503" in cli("notify", "list", "--channel", "hook").out
    assert json.loads(cli("notify", "list", "--rule", "other", "--json").out) == {"notifications": []}
