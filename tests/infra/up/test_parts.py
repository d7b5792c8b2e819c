import sys
from pathlib import Path

import pytest

from infra.cli.main import COMMANDS
from infra.embedded.supervisor.part import ordered
from infra.up.parts import parts
from infra.up.ports import ports
from schemas.settings import load_settings


def test_every_part_is_a_command_of_its_own() -> None:
    wanted = parts(load_settings({}), demo=True)
    assert {part.name for part in wanted} < set(COMMANDS)
    assert all(part.argv == (sys.executable, "-m", "infra.cli.main", part.name) for part in wanted)


def test_the_order_can_be_kept() -> None:
    names = [part.name for part in ordered(parts(load_settings({}), demo=True))]
    assert names.index("kafka") < names.index("worker") < names.index("demo")


def test_whoever_commits_to_kafka_is_stopped_before_it() -> None:
    after = {part.name: part.after for part in parts(load_settings({}))}
    assert "kafka" in after["worker"]
    assert "kafka" in after["sink"]
    assert "worker" in after["notifier"]


def test_every_port_is_checked_before_anything_starts() -> None:
    settings = load_settings({})
    checked = {port for part in parts(settings) for port in part.ports}
    assert checked == {port for listens in ports(settings).values() for port in listens}


def test_the_simulated_fleet_comes_on_request() -> None:
    assert "demo" not in {part.name for part in parts(load_settings({}))}


def test_the_baselines_can_be_left_out() -> None:
    settings = load_settings({"PENSTOCK_BASELINES__ENABLED": "false"})
    assert {part.name for part in parts(load_settings({}))} - {part.name for part in parts(settings)} == {
        "baselines"
    }


def test_the_router_can_be_left_out_and_has_time_to_let_requests_end() -> None:
    (router,) = [
        part for part in parts(load_settings({"PENSTOCK_ROUTER__DRAIN_S": "90"})) if part.name == "router"
    ]
    assert router.stop_within_s > 90
    settings = load_settings({"PENSTOCK_ROUTER__ENABLED": "false"})
    assert "router" not in {part.name for part in parts(settings)}


def test_the_router_is_not_seen_from_other_machines() -> None:
    (port,) = ports(load_settings({}))["router"]
    assert port.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [
        ("KAFKA__BOOTSTRAP_SERVERS", "kafka-1:9092", "kafka"),
        ("CLICKHOUSE__URL", "https://clickhouse.example", "store"),
        ("REGISTRY__URL", "http://registry.example", "registry"),
    ],
)
def test_what_is_elsewhere_is_not_started_and_not_waited_for(name: str, value: str, missing: str) -> None:
    wanted = ordered(parts(load_settings({f"PENSTOCK_{name}": value})))
    assert missing not in {part.name for part in wanted}
    assert missing not in {other for part in wanted for other in part.after}


def test_parts_read_the_file_that_we_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for part in parts(load_settings({}), config=Path("settings.toml")):
        assert part.argv[3:5] == ("--config", str(tmp_path / "settings.toml"))


def test_parts_log_json_for_us_to_read() -> None:
    for part in parts(load_settings({"PENSTOCK_LOG__FORMAT": "console"})):
        assert part.env == {"PENSTOCK_LOG__FORMAT": "json"}
