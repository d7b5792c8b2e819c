"""NVML through the real binding, against a stand-in for NVIDIA's library compiled here."""

import asyncio
import math
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pynvml
import pytest

from infra.bench.fake_nvml import FakeNvml, compiler
from producers.node.collector import ThreadCollector
from producers.node.sensors.nvml import HEALTH_S, REOPEN_S, Nvml
from producers.node.source import Blocking, Facts, SensorAbsent
from schemas.events.node_sample import GpuProcess
from tests.fixtures.processes import wait_until
from tests.producers.node.sensors.conftest import Time

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler")

NOT_SUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED
LOST = pynvml.NVML_ERROR_GPU_IS_LOST
GONE = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
UNKNOWN = pynvml.NVML_ERROR_UNKNOWN


def health_of_all(nvml: Nvml, clock: Time) -> Facts:
    facts = nvml.read()
    for _ in range(20):
        clock.now_s += 1
        facts = nvml.read()
    return facts


def test_every_device_is_read_in_base_units(nvml: Nvml) -> None:
    facts = nvml.read()
    assert [gpu.gpu_id for gpu in facts.gpus] == ["GPU-1a2b3c00", "GPU-1a2b3c01"]
    gpu = facts.gpus[1]
    assert gpu.status == "ok"
    assert gpu.utilization_ratio == pytest.approx(0.97)
    assert gpu.memory_utilization_ratio == pytest.approx(0.41)
    assert (gpu.memory_used_bytes, gpu.memory_total_bytes) == (71_000_000_000, 85_520_809_984)
    assert (gpu.temperature_c, gpu.memory_temperature_c, gpu.temperature_slowdown_c) == (64, 78, 90)
    assert gpu.power_w == pytest.approx(688.123)
    assert gpu.power_limit_w == pytest.approx(700)
    assert gpu.energy_j == pytest.approx(123_456_789)
    assert (gpu.sm_clock_mhz, gpu.sm_clock_max_mhz, gpu.performance_state) == (1755, 1980, 0)
    assert gpu.throttle_reasons == 4, "by the older name of the function, which this driver has"


def test_inventory(nvml: Nvml) -> None:
    gpu = nvml.read().gpu_inventory[0]
    assert (gpu.uuid, gpu.name) == ("GPU-1a2b3c00-5566-7788-99aa-bbccddeeff00", "NVIDIA H100 80GB HBM3")
    assert (gpu.nvml_index, gpu.bus_id, gpu.driver_version) == (0, "00000000:17:00.0", "580.65.06")
    assert (gpu.compute_mode, gpu.unified_memory, gpu.ecc_enabled) == ("default", False, 1)
    limits = (gpu.power_limit_min_w, gpu.power_limit_default_w, gpu.power_limit_max_w)
    assert limits == pytest.approx((200, 700, 750))
    assert (gpu.temperature_slowdown_c, gpu.temperature_shutdown_c, gpu.memory_temperature_max_c) == (
        90,
        95,
        98,
    )


def test_health(nvml: Nvml, clock: Time) -> None:
    facts = health_of_all(nvml, clock)
    assert [found.gpu_id for found in facts.gpu_health] == ["GPU-1a2b3c00", "GPU-1a2b3c01"]
    found = facts.gpu_health[0]
    assert (found.pcie_generation, found.pcie_width, found.pcie_width_max) == (5, 16, 16)
    assert (found.pcie_receive_bytes_per_s, found.pcie_transmit_bytes_per_s) == (2e6, 1e6)
    assert (found.ecc_corrected_volatile_total, found.ecc_uncorrected_aggregate_total) == (0, 11)
    assert (found.remapped_rows_correctable_total, found.remapped_rows_pending) == (2, 1)
    assert found.retired_pages_total == 0
    assert (found.nvlink_links_active, found.nvlink_errors_total) == (
        3,
        sum(4 * link + 6 for link in (0, 1, 2, 3)),
    )
    unknown, known = found.processes
    assert known == GpuProcess(4001, 2e9, "")
    assert unknown.pid == 4000
    assert math.isnan(unknown.memory_used_bytes), "the driver does not tell"


def test_the_first_reading_has_everything(nvml: Nvml) -> None:
    assert [found.gpu_id for found in nvml.read().gpu_health] == ["GPU-1a2b3c00", "GPU-1a2b3c01"]


def test_health_of_each_device_is_never_older_than_its_period(nvml: Nvml, clock: Time) -> None:
    health_of_all(nvml, clock)
    for _ in range(40):
        clock.now_s += 1
        assert all(found.age_s <= HEALTH_S for found in nvml.read().gpu_health)


@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("DeviceGetPowerUsage", "power_w"),
        ("DeviceGetUtilizationRates", "utilization_ratio"),
        ("DeviceGetTemperature", "temperature_c"),
        ("DeviceGetTotalEnergyConsumption", "energy_j"),
        ("DeviceGetFanSpeed", "fan_ratio"),
        ("DeviceGetFieldValues", "memory_temperature_c"),
        ("DeviceGetClockInfo", "sm_clock_mhz"),
    ],
)
def test_what_is_not_supported_is_absent_never_zero(
    fake: FakeNvml, nvml: Nvml, function: str, field: str
) -> None:
    fake.fail(0, function, NOT_SUPPORTED)
    gpu = nvml.read().gpus[0]
    assert math.isnan(getattr(gpu, field))
    assert gpu.status == "ok"


def test_throttle_reasons_that_are_not_supported_are_minus_one(fake: FakeNvml, nvml: Nvml) -> None:
    fake.fail(0, "DeviceGetCurrentClocksThrottleReasons", NOT_SUPPORTED)
    assert nvml.read().gpus[0].throttle_reasons == -1


def test_what_is_not_supported_is_asked_once(fake: FakeNvml, nvml: Nvml) -> None:
    fake.fail(0, "DeviceGetPowerUsage", NOT_SUPPORTED)
    nvml.read()
    fake.fail(0, "DeviceGetPowerUsage", 0)
    assert math.isnan(nvml.read().gpus[0].power_w)


def test_a_call_that_fails_now_and_then_is_asked_again(fake: FakeNvml, nvml: Nvml) -> None:
    fake.fail(0, "DeviceGetPowerUsage", UNKNOWN)
    assert math.isnan(nvml.read().gpus[0].power_w)
    fake.fail(0, "DeviceGetPowerUsage", 0)
    assert nvml.read().gpus[0].power_w == pytest.approx(688.123)


def test_a_device_that_answers_nothing_is_an_error(fake: FakeNvml, nvml: Nvml) -> None:
    nvml.read()
    fake.fail(1, "everything", UNKNOWN)
    assert [gpu.status for gpu in nvml.read().gpus] == ["ok", "error"]


def test_a_device_that_falls_off_the_bus_stays_as_lost_and_comes_back(
    fake: FakeNvml, nvml: Nvml, clock: Time
) -> None:
    nvml.read()
    fake.fail(1, "everything", LOST)
    clock.now_s += 1
    facts = nvml.read()
    assert [gpu.status for gpu in facts.gpus] == ["ok", "lost"]
    assert math.isnan(facts.gpus[1].power_w)
    assert len(facts.gpu_inventory) == 2, "it is still known"
    for _ in range(25):
        clock.now_s += 1
        assert [gpu.status for gpu in nvml.read().gpus] == ["ok", "lost"]
    fake.fail(1, "everything", 0)
    for _ in range(int(REOPEN_S) + 2):
        clock.now_s += 1
        facts = nvml.read()
    assert [gpu.status for gpu in facts.gpus] == ["ok", "ok"]
    assert fake.opened == 1, "each opening was closed"


@pytest.mark.parametrize("code", [GONE, pynvml.NVML_ERROR_UNINITIALIZED])
def test_a_driver_that_is_reloaded_is_opened_anew(fake: FakeNvml, nvml: Nvml, clock: Time, code: int) -> None:
    nvml.read()
    fake.fail(-1, "everything", code)
    for _ in range(15):
        clock.now_s += 1
        facts = nvml.read()
        assert [gpu.status for gpu in facts.gpus] == ["error", "error"]
        assert all(math.isnan(gpu.power_w) for gpu in facts.gpus)
    fake.fail(-1, "everything", 0)
    for _ in range(int(REOPEN_S) + 2):
        clock.now_s += 1
        facts = nvml.read()
    assert [gpu.status for gpu in facts.gpus] == ["ok", "ok"]
    assert (fake.opened, fake.sets_open) == (1, 1)


def test_a_driver_that_is_not_loaded_says_what_to_do(fake: FakeNvml, nvml: Nvml) -> None:
    fake.fail(-1, "InitWithFlags", GONE)
    with pytest.raises(SensorAbsent, match="not loaded") as caught:
        nvml.read()
    assert "modprobe" in caught.value.remedy


def test_unified_memory_is_the_hosts_and_used_by_processes(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "processes", 3)
    fake.fail(0, "DeviceGetMemoryInfo", NOT_SUPPORTED)
    facts = nvml.read()
    assert facts.gpu_inventory[0].unified_memory
    assert facts.gpus[0].memory_total_bytes == psutil.virtual_memory().total
    assert math.isnan(facts.gpus[0].memory_used_bytes), "one process does not tell: the sum is not known"
    fake.set(0, "pid", 4000)
    assert nvml.read().gpus[0].memory_used_bytes == 3 * 2e9
    fake.set(0, "processes", 0)
    assert nvml.read().gpus[0].memory_used_bytes == 0, "nobody uses any, and the driver says so"
    fake.fail(0, "DeviceGetComputeRunningProcesses_v3", UNKNOWN)
    fake.fail(0, "DeviceGetComputeRunningProcesses_v2", UNKNOWN)
    assert math.isnan(nvml.read().gpus[0].memory_used_bytes), "it does not say"


def test_memory_that_is_not_told_once_does_not_make_it_the_hosts(fake: FakeNvml, nvml: Nvml) -> None:
    fake.fail(0, "DeviceGetMemoryInfo", UNKNOWN)
    facts = nvml.read()
    assert not facts.gpu_inventory[0].unified_memory
    assert math.isnan(facts.gpu_inventory[0].memory_total_bytes)
    assert math.isnan(facts.gpus[0].memory_total_bytes)
    fake.fail(0, "DeviceGetMemoryInfo", 0)
    assert nvml.read().gpus[0].memory_total_bytes == 85_520_809_984


def test_no_nvlink_is_no_reading(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    fake.fail(0, "DeviceGetNvLinkState", NOT_SUPPORTED)
    found = health_of_all(nvml, clock).gpu_health[0]
    assert math.isnan(found.nvlink_links_active)
    assert math.isnan(found.nvlink_errors_total)


def test_errors_of_a_link_that_goes_down_stay_in_the_sum(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    before = health_of_all(nvml, clock).gpu_health[0]
    fake.set(0, "links up", 1)
    after = health_of_all(nvml, clock).gpu_health[0]
    assert (before.nvlink_links_active, after.nvlink_links_active) == (3, 1)
    assert before.nvlink_errors_total == after.nvlink_errors_total


def test_a_sum_of_errors_with_one_missing_is_unknown(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    fake.set(0, "broken link", 2)
    found = health_of_all(nvml, clock).gpu_health[0]
    assert found.nvlink_links_active == 3
    assert math.isnan(found.nvlink_errors_total)


def test_a_driver_that_hangs_is_a_timeout_and_blocks_nobody(fake: FakeNvml) -> None:
    stuck = ThreadCollector(Blocking("nvml", Nvml().read, period_s=0.01, timeout_s=0.02))
    other = ThreadCollector(Blocking("cpu", Facts, period_s=0.01))
    fake.hang(100)
    stuck.start()
    other.start()
    wait_until(lambda: stuck.view().status == "timeout" and other.progress.runs > 5)
    fake.hang(0)
    wait_until(lambda: stuck.view().status == "ok")
    reading = stuck.view().reading
    assert reading is not None
    assert len(reading.facts.gpus) == 2
    for one in (stuck, other):
        asyncio.run(one.stop())
    wait_until(lambda: not any(each.name in ("nvml", "cpu") for each in threading.enumerate()))


def test_without_a_library_nothing_is_imported(tmp_path: Path) -> None:
    code = """
import sys
from producers.node.sensors import nvml
nvml.LIBRARY = "libnvidia-ml-that-is-not-there.so"
try:
    nvml.Nvml().read()
except nvml.SensorAbsent as exc:
    print(exc.remedy, "pynvml" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "install the NVIDIA driver, or give the container access to the GPUs False\n"


def test_where_a_process_comes_from_is_looked_up_once(fake: FakeNvml, clock: Time) -> None:
    asked: list[int] = []

    def ancestors(pid: int) -> tuple[int, ...]:
        asked.append(pid)
        return (pid - 1000, 1)

    nvml = Nvml(clock, ancestors=ancestors)
    facts = health_of_all(nvml, clock)
    assert facts.ancestors == {4000: (3000, 1), 4001: (3001, 1)}
    assert sorted(asked) == [4000, 4001]
    for device in (0, 1):
        fake.set(device, "processes", 0)
    assert health_of_all(nvml, clock).ancestors == {}, "nothing is kept of what is gone"
