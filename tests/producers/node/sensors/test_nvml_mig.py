"""MIG instances: devices of their own below the GPU that holds them."""

import math

import pynvml
import pytest

from infra.bench.fake_nvml import FakeNvml
from producers.node.sensors.nvml import HEALTH_S, Nvml
from schemas.events.node_sample import GpuProcess
from tests.producers.node.sensors.conftest import Time

WHOLE, OTHER = "GPU-1a2b3c00", "GPU-1a2b3c01"
FIRST, SECOND = "MIG-77000000", "MIG-77000001"


@pytest.fixture(autouse=True)
def divided(fake: FakeNvml) -> None:
    """The first of two GPUs holds two instances, in the first and the second of its places."""
    fake.instance(0, 0, used=4_000_000_000)
    fake.instance(0, 1, total=20_000_000_000)


def test_instances_are_devices_of_their_own_and_name_their_gpu(nvml: Nvml) -> None:
    facts = nvml.read()
    assert [gpu.gpu_id for gpu in facts.gpus] == [WHOLE, FIRST, SECOND, OTHER]
    assert [gpu.mig_parent for gpu in facts.gpu_inventory] == ["", WHOLE, WHOLE, ""]
    instance = facts.gpu_inventory[2]
    assert instance.uuid == "MIG-77000001-5566-7788-99aa-bbccddeeff00"
    assert (instance.vendor, instance.bus_id, instance.nvml_index) == ("nvidia", "00000000:17:00.0", 0)
    assert instance.memory_total_bytes == 20e9


def test_an_instance_has_memory_and_none_of_the_readings_of_the_whole(nvml: Nvml) -> None:
    whole, first, *_ = nvml.read().gpus
    assert (first.status, first.memory_used_bytes, first.memory_total_bytes) == ("ok", 4e9, 10e9)
    assert math.isnan(first.power_w), "else a fleet's power is counted twice"
    assert math.isnan(first.temperature_c)
    assert whole.power_w == pytest.approx(688.123)


def test_utilisation_is_the_difference_of_two_snapshots(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "gpm", 1)
    fake.instance(0, 0, busy=1000)
    assert math.isnan(nvml.read().gpus[1].utilization_ratio), "one snapshot says nothing"
    for busy, ratio in ((1030, 0.3), (1040, 0.1), (1140, 1.0)):
        fake.instance(0, 0, busy=busy)
        assert nvml.read().gpus[1].utilization_ratio == pytest.approx(ratio)


def test_a_snapshot_that_fails_is_no_reading_and_none_to_compare_with(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "gpm", 1)
    readings = []
    for code in (0, 0, pynvml.NVML_ERROR_UNKNOWN, 0, 0):
        fake.fail(0, "GpmMigSampleGet", code)
        readings.append(nvml.read().gpus[1].utilization_ratio)
    assert [math.isnan(ratio) for ratio in readings] == [True, False, True, True, False]


def test_without_gpm_utilisation_is_absent_not_zero(nvml: Nvml) -> None:
    nvml.read()
    assert math.isnan(nvml.read().gpus[1].utilization_ratio)


def test_processes_belong_to_their_instance_alone(fake: FakeNvml, nvml: Nvml) -> None:
    fake.instance(0, 1, processes=1, pid=9000)
    health = {found.gpu_id: found for found in nvml.read().gpu_health}
    assert health[SECOND].processes == (GpuProcess(9000, 2e9, ""),)
    assert health[FIRST].processes == health[WHOLE].processes == ()
    assert len(health[OTHER].processes) == 2
    assert math.isnan(health[SECOND].ecc_corrected_volatile_total)


def test_an_instance_that_does_not_answer_is_an_error(fake: FakeNvml, nvml: Nvml) -> None:
    nvml.read()
    fake.instance(0, 1, total=-1_000_000)  # as unset: not supported
    assert [gpu.status for gpu in nvml.read().gpus] == ["ok", "ok", "error", "ok"]


def test_instances_that_are_made_and_taken_away_are_noticed(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    nvml.read()
    fake.instance(0, 1, made=0)
    fake.instance(0, 4)
    for _ in range(int(HEALTH_S) + 1):
        clock.now_s += 1
        facts = nvml.read()
    assert [gpu.gpu_id for gpu in facts.gpus] == [WHOLE, FIRST, OTHER, "MIG-77000004"]
    assert all(gpu.status == "ok" for gpu in facts.gpus), "one that was taken away is not lost"
    assert {found.gpu_id for found in facts.gpu_health} == {gpu.gpu_id for gpu in facts.gpus}
    assert (fake.opened, fake.sets_open) == (1, 1)


def test_a_gpu_that_is_divided_while_the_agent_runs(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    fake.set(1, "mig", 0)  # it can be divided, and is not
    nvml.read()
    fake.instance(1, 0)
    for _ in range(int(HEALTH_S) + 1):
        clock.now_s += 1
        facts = nvml.read()
    assert facts.gpu_inventory[-1].mig_parent == OTHER


def test_instances_are_lost_with_their_gpu_and_stay_listed(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    nvml.read()
    fake.fail(0, "everything", pynvml.NVML_ERROR_GPU_IS_LOST)
    fake.fail_instances(0, pynvml.NVML_ERROR_GPU_IS_LOST)
    for _ in range(25):
        clock.now_s += 1
        facts = nvml.read()
    assert {gpu.gpu_id: gpu.status for gpu in facts.gpus} == {
        WHOLE: "lost",
        FIRST: "lost",
        SECOND: "lost",
        OTHER: "ok",
    }


def test_names_of_drivers_before_470_are_told_apart(fake: FakeNvml, nvml: Nvml) -> None:
    fake.instance(0, 0, old_name=1)
    fake.instance(0, 1, old_name=1)
    inventory = nvml.read().gpu_inventory
    ids = [gpu.gpu_id for gpu in inventory if gpu.mig_parent]
    assert len(set(ids)) == 2
    assert all(len(gpu_id) == 12 and int(gpu_id[4:], 16) >= 0 for gpu_id in ids)
    assert inventory[1].uuid == "MIG-GPU-1a2b3c00-5566-7788-99aa-bbccddeeff00/1/0"


def test_snapshots_are_given_back(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    fake.set(0, "gpm", 1)
    for slot in (2, 3, 4):
        nvml.read()
        fake.instance(0, slot)
        for _ in range(int(HEALTH_S) + 1):
            clock.now_s += 1
            nvml.read()
    assert fake.samples_open == 2 * 5, "two of each instance there is"


def test_a_count_that_cannot_be_is_not_believed(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "mig most", 2**32 - 1)
    assert len(nvml.read().gpus) == 4
