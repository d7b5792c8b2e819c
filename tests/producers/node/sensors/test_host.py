"""Host sensors: on this machine, and on files as other machines have them."""

import math
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from producers.node.cgroup import MemoryLimit
from producers.node.rate import Rates
from producers.node.sensors import clock_sync, cpu_clock, temperature
from producers.node.sensors.cpu import Cpu, CpuLimit
from producers.node.sensors.disk import Disk
from producers.node.sensors.memory import Memory
from producers.node.sensors.network import Network
from producers.node.sensors.pressure import Pressure, parse
from producers.node.sensors.rapl import Rapl
from producers.node.source import SensorAbsent, SensorForbidden


class Sensor(NamedTuple):
    label: str
    current: float


Clock = namedtuple("Clock", "current min max")
Interface = namedtuple("Interface", "bytes_recv bytes_sent")


def number(value: object) -> float:
    assert isinstance(value, float)
    return value


def test_rates() -> None:
    rates = Rates()
    assert math.isnan(rates.per_second(0.0, {"a": 100.0})["a"])
    assert rates.per_second(2.0, {"a": 300.0}) == {"a": 100.0}
    assert math.isnan(rates.per_second(3.0, {"a": 10.0})["a"]), "a counter that began again is no rate"
    assert rates.per_second(4.0, {"a": 11.0}) == {"a": 1.0}
    assert math.isnan(rates.per_second(4.0, {"a": 12.0})["a"]), "no time has passed"
    assert math.isnan(rates.per_second(5.0, {"b": 1.0})["b"])


def test_the_first_cpu_reading_means_nothing() -> None:
    cpu = Cpu(None)
    assert math.isnan(number(cpu.read().host["cpu_ratio"]))
    found = cpu.read().host
    assert 0 <= number(found["cpu_ratio"]) <= 1.01
    assert found["cpu_core_ratios"] == (), "only where asked for"


def test_every_cpu_where_asked_for() -> None:
    cpu = Cpu(None, per_core=True)
    assert cpu.read().host["cpu_core_ratios"] == ()
    ratios = cpu.read().host["cpu_core_ratios"]
    assert isinstance(ratios, tuple)
    assert len(ratios) == psutil.cpu_count()
    assert all(0 <= ratio <= 1 for ratio in ratios)


def use_v2(root: Path, used_s: float) -> None:
    (root / "cpu.max").write_text("50000 100000\n")
    (root / "cpu.stat").write_text(f"usage_usec {round(used_s * 1e6)}\nuser_usec 1\n")


def use_v1(root: Path, used_s: float) -> None:
    (root / "cpu").mkdir(exist_ok=True)
    (root / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (root / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (root / "cpuacct").mkdir(exist_ok=True)
    (root / "cpuacct" / "cpuacct.usage").write_text(f"{round(used_s * 1e9)}\n")


@pytest.mark.parametrize("use", [use_v2, use_v1])
def test_the_limit_of_a_container_is_its_capacity(tmp_path: Path, use: Callable[[Path, float], None]) -> None:
    limit = CpuLimit(tmp_path)
    use(tmp_path, 10.0)
    assert math.isnan(number(limit.ratio(100.0)))
    use(tmp_path, 10.4)
    assert limit.ratio(101.0) == pytest.approx(0.8)


def test_a_container_without_a_limit_has_the_machine(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 5\n")
    assert CpuLimit(tmp_path).ratio(1.0) is None
    cpu = Cpu(CpuLimit(tmp_path))
    cpu.read()
    assert 0 <= number(cpu.read().host["cpu_ratio"]) <= 1.01


def test_the_first_version_of_control_groups_limits_memory_too(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    folder.mkdir()
    (folder / "memory.limit_in_bytes").write_text("1000000\n")
    (folder / "memory.usage_in_bytes").write_text("700000\n")
    (folder / "memory.stat").write_text("cache 5\ntotal_inactive_file 100000\n")
    limited = Memory(MemoryLimit(tmp_path)).read().host
    assert limited["memory_used_bytes"] == 600_000.0
    (folder / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert MemoryLimit(tmp_path).read() is None


def test_memory_of_the_machine_and_of_a_container(tmp_path: Path) -> None:
    whole = Memory(None).read().host
    assert number(whole["memory_used_bytes"]) == pytest.approx(
        number(whole["memory_total_bytes"]) - number(whole["memory_available_bytes"])
    )
    (tmp_path / "memory.max").write_text("1000000")
    (tmp_path / "memory.current").write_text("400000")
    limited = Memory(MemoryLimit(tmp_path)).read().host
    assert (limited["memory_total_bytes"], limited["memory_available_bytes"]) == (1e6, 6e5)
    assert limited["memory_used_bytes"] == 4e5


PSI = """some avg10=12.50 avg60=4.20 avg300=3.38 total=82700382
full avg10=1.25 avg60=0.00 avg300=0.00 total=0
"""


def test_pressure(tmp_path: Path) -> None:
    assert parse(PSI) == {"some": 0.125, "full": 0.0125}
    for name in ("cpu", "memory", "io"):
        (tmp_path / name).write_text(PSI)
    host = Pressure(tmp_path).read().host
    assert (host["memory_pressure_ratio"], host["memory_stall_ratio"]) == (0.125, 0.0125)
    (tmp_path / "io").unlink()
    with pytest.raises(SensorAbsent, match="pressure/io"):
        Pressure(tmp_path).read()
    with pytest.raises(SensorAbsent, match="no /proc/pressure"):
        Pressure(tmp_path / "none").read()


def test_disk_of_a_folder_that_is_not_made_yet(tmp_path: Path) -> None:
    assert number(Disk(tmp_path / "a" / "b").read().host["disk_free_bytes"]) > 0


def test_network_is_without_loopback_and_survives_interfaces_that_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"lo": Interface(10**9, 10**9), "eth0": Interface(1000, 500)}
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: dict(found))
    network = Network()
    network.read()
    found["eth0"] = Interface(2000, 600)
    rates = network.read().host
    assert 0 < number(rates["network_transmit_bytes_per_s"]) < number(rates["network_receive_bytes_per_s"])
    found["eth1"] = Interface(10**12, 10**12)
    assert math.isnan(number(network.read().host["network_receive_bytes_per_s"]))


def test_temperatures() -> None:
    found = {
        "nvme": [Sensor("Composite", 41.0)],
        "coretemp": [Sensor("Package id 0", 71.0), Sensor("Core 0", 73.5), Sensor("", -273.0)],
        "acpitz": [Sensor("", 99.0)],
    }
    facts = temperature.summarize(found)
    assert facts.host["cpu_temperature_c"] == 73.5
    assert [one.name for one in facts.temperatures] == [
        "acpitz/0", "coretemp/Package id 0", "coretemp/Core 0", "nvme/Composite"
    ]  # fmt: skip
    assert math.isnan(number(temperature.summarize({"nvme": [Sensor("", 40.0)]}).host["cpu_temperature_c"]))


@pytest.mark.parametrize(
    ("read", "function", "answer"),
    [
        (temperature.read, "sensors_temperatures", {}),
        (cpu_clock.read, "cpu_freq", None),
        (cpu_clock.read, "cpu_freq", Clock(2300.0, 0.0, 0.0)),
    ],
)
def test_a_machine_that_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], object], function: str, answer: object
) -> None:
    monkeypatch.setattr(psutil, function, lambda: answer, raising=False)
    with pytest.raises(SensorAbsent):
        read()


def test_the_clock_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_freq", lambda: Clock(2400.0, 800.0, 4800.0))
    assert cpu_clock.read().host["cpu_clock_ratio"] == 0.5


def zone(folder: Path, name: str, label: str, energy_uj: int) -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(label + "\n")
    (place / "energy_uj").write_text(f"{energy_uj}\n")
    (place / "max_energy_range_uj").write_text("262143328850\n")
    return place


def test_rapl_sums_packages_and_nothing_twice(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 900_000)
    zone(tmp_path, "intel-rapl:2", "psys", 9_000_000)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1_000_000)
    rapl = Rapl(tmp_path)
    assert math.isnan(number(rapl.read(10.0).host["cpu_power_w"]))
    zone(tmp_path, "intel-rapl:0", "package-0", 101_000_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 55_000_000)
    assert rapl.read(12.0).host["cpu_power_w"] == pytest.approx(75.0)


def test_rapl_counters_begin_again_at_their_range(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 262_143_328_850 - 10_000_000)
    rapl = Rapl(tmp_path)
    rapl.read(0.0)
    zone(tmp_path, "intel-rapl:0", "package-0", 20_000_000)
    assert rapl.read(1.0).host["cpu_power_w"] == pytest.approx(30.0)


def test_rapl_that_root_alone_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    whole = Path.read_text

    def guarded(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return whole(path, encoding, errors)

    monkeypatch.setattr(Path, "read_text", guarded)
    with pytest.raises(SensorForbidden, match="root alone") as caught:
        Rapl(tmp_path).read()
    assert "systemd" in caught.value.remedy


def test_no_rapl(tmp_path: Path) -> None:
    with pytest.raises(SensorAbsent):
        Rapl(tmp_path).read()


def test_what_the_kernel_says_of_its_clock() -> None:
    assert clock_sync.judge(0x40, 0).host["clock_synchronized"] == "no"
    follows = clock_sync.judge(0x2001, -1_500_000).host
    assert follows["clock_synchronized"] == "yes"
    assert follows["clock_offset_s"] == pytest.approx(0.0015)
    assert math.isnan(number(clock_sync.judge(0x2000, 77).host["clock_offset_s"]))


def test_the_kernel_answers_here_or_is_absent() -> None:
    try:
        facts = clock_sync.read()
    except SensorAbsent:
        return
    assert facts.host["clock_synchronized"] in ("yes", "no")
