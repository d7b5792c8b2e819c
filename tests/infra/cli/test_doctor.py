import json
import socket
from pathlib import Path

import pytest

from infra.doctor import accelerators, machine, services
from infra.embedded.folder import LEAST_FREE_BYTES
from schemas.settings import (
    ClickHouseSettings,
    EmbeddedSettings,
    KafkaSettings,
    RegistrySettings,
    Settings,
)
from tests.fixtures.ports import free_port
from tests.infra.cli.conftest import Run

NOWHERE = "127.0.0.1:1"


def all_elsewhere(**more: object) -> Settings:
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=NOWHERE),
        registry=RegistrySettings(url=f"http://{NOWHERE}"),
        clickhouse=ClickHouseSettings(url=f"http://{NOWHERE}"),
        **more,
    )


def test_every_check_is_shown_with_what_to_do(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KAFKA__BOOTSTRAP_SERVERS", NOWHERE)
    result = penstock("doctor", "--json")
    found = {finding["check"]: finding for finding in json.loads(result.out)}
    assert list(found) == [
        *("java", "data_dir", "disk", "clock", "nvml", "runtimes", "ports", "kafka", "store", "registry")
    ]
    assert result.status == 1
    assert found["kafka"]["verdict"] == "fail"
    assert all(finding["advice"] for finding in found.values() if finding["verdict"] != "ok")
    text = penstock("doctor").out
    assert f"FAIL  kafka     does not answer at {NOWHERE}" in text
    assert found["kafka"]["advice"] in text


def test_what_penstock_up_starts_need_not_answer() -> None:
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{(port := free_port())}"),
        embedded=EmbeddedSettings(kafka_port=port),
    )
    assert services.kafka(settings).verdict == "ok"
    assert "penstock up starts it" in services.kafka(settings).detail


@pytest.mark.parametrize("check", [services.kafka, services.store, services.registry])
def test_what_is_elsewhere_must_answer(check: object) -> None:
    finding = check(all_elsewhere())  # type: ignore[operator]  # a check
    assert (finding.verdict, NOWHERE in finding.detail) == ("fail", True)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    kafka = KafkaSettings(bootstrap_servers="k:1", security_protocol="SSL", ssl_ca_file=tmp_path / "none.pem")
    finding = services.kafka(Settings(kafka=kafka))
    assert finding.verdict == "fail"
    assert "none.pem" in finding.advice


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = services.ports(all_elsewhere(worker={"metrics_port": port}))
    assert finding.verdict == "fail"
    assert f"port {port}" in finding.advice
    assert "PENSTOCK_WORKER__METRICS_PORT" in finding.advice


def test_java_is_asked_for_by_the_embedded_broker_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not needed" in machine.java(all_elsewhere()).detail
    assert machine.java(Settings()).verdict == "ok"


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("", "utf-8")
    finding = machine.data_dir(Settings(data_dir=in_the_way / "penstock"))
    assert finding.verdict == "fail"
    assert "data_dir" in finding.advice


def test_a_folder_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert machine.data_dir(Settings(data_dir=tmp_path)).verdict == "warn"
    tmp_path.chmod(0o700)
    assert machine.data_dir(Settings(data_dir=tmp_path)).verdict == "ok"
    assert "will be made" in machine.data_dir(Settings(data_dir=tmp_path / "new")).detail


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(LEAST_FREE_BYTES - 1, "fail"), (LEAST_FREE_BYTES, "warn"), (machine.COMFORTABLE_FREE_BYTES, "ok")],
)
def test_disk_space_is_judged_by_what_is_free(tmp_path: Path, free: int, verdict: str) -> None:
    assert machine.judge_space(tmp_path, free).verdict == verdict


@pytest.mark.parametrize(("state", "verdict"), [(0, "ok"), (1, "ok"), (5, "warn"), (-1, "warn")])
def test_the_clock_is_judged_by_what_the_kernel_says(state: int, verdict: str) -> None:
    assert machine.judge_clock(state).verdict == verdict
    assert machine.clock(Settings()).check == "clock"


def test_a_machine_without_accelerators_is_fine_or_says_why() -> None:
    finding = accelerators.nvml(Settings())
    assert finding.verdict in ("ok", "warn")
    assert finding.detail
