"""The files for deployment name what the code knows. Docker and systemd themselves are not tried here."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jgo.env import LockFile

from infra.cli.main import COMMANDS
from infra.embedded.kafka.jars import LOCK_FILE
from infra.embedded.kafka.properties import server_properties
from schemas.settings import Settings, load

INFRA = Path(__file__).parents[2] / "infra"
PACKAGES = ("schemas", "producers", "processors", "sinks", "api", "infra")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((INFRA / "compose.yaml").read_text("utf-8"))["services"]
    return found


def _parts(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services.items() if service["image"] == "penstock"}


def test_every_part_is_a_command_and_its_settings_are_known(services: dict[str, dict[str, Any]]) -> None:
    parts = _parts(services)
    here = {"registry", "topics", "worker", "clock", "baselines", "sink", "api", "router", "notifier"}
    assert here == set(parts)
    for part in parts.values():
        assert part["command"].split()[0] in COMMANDS
        settings = load(part["environment"], file=None).settings
        assert settings.kafka.bootstrap_servers == "kafka:19092"


def test_all_published_ports_are_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 5
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_a_part_waits_for_is_there_and_can_be_waited_for(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, needs in service.get("depends_on", {}).items():
            assert needs["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_volumes_are_declared(services: dict[str, dict[str, Any]]) -> None:
    declared = yaml.safe_load((INFRA / "compose.yaml").read_text("utf-8"))["volumes"]
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert used == set(declared)


def test_the_broker_is_the_embedded_one(services: dict[str, dict[str, Any]]) -> None:
    kafka = services["kafka"]
    versions = {
        jar.version for jar in LockFile.load(LOCK_FILE).dependencies if jar.groupId == "org.apache.kafka"
    }
    assert {kafka["image"].split(":")[1]} == versions
    lines = server_properties(Settings(), Path("/data")).splitlines()
    embedded = dict(line.split("=", 1) for line in lines)
    chosen = ("OFFSETS", "TRANSACTION", "SHARE", "AUTO", "GROUP", "MESSAGE", "LOG_CLEANER")
    for name, value in kafka["environment"].items():
        setting = name.removeprefix("KAFKA_")
        if setting.startswith(chosen):
            assert embedded[setting.lower().replace("_", ".")] == str(value)


def test_the_image_has_every_package() -> None:
    dockerfile = (INFRA / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE)) == set(PACKAGES)
    assert re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE) == ["penstock"]
    kept = (INFRA / "Dockerfile.dockerignore").read_text("utf-8")
    assert all(f"!{package}\n" in kept for package in PACKAGES)


@pytest.fixture
def unit() -> str:
    return (INFRA / "systemd" / "penstock-node.service").read_text("utf-8")


def test_the_unit_runs_a_command_with_known_settings(unit: str) -> None:
    (command,) = re.findall(r"^ExecStart=\S+/penstock (\w+)$", unit, re.MULTILINE)
    assert command in COMMANDS
    named = dict(re.findall(r"^(?:Environment=|#   )(PENSTOCK_\w+)=(\S+)$", unit, re.MULTILINE))
    assert len(named) == 3
    load(named, file=None)
    assert "DynamicUser=yes" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(unit: str, tmp_path: Path) -> None:
    program = shutil.which("true")
    assert program
    file = tmp_path / "penstock-node.service"
    file.write_text(re.sub(r"^ExecStart=.*$", f"ExecStart={program}", unit, flags=re.MULTILINE), "utf-8")
    answer = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
