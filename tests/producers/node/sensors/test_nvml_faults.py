"""What one call of NVML can do wrong costs that reading only, and never the sample."""

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pynvml
import pytest

from infra.bench import fake_nvml
from infra.bench.fake_nvml import H100, FakeNvml, build, compiler
from producers.node.progress import Reading, View
from producers.node.sample import Head, assemble
from producers.node.sensors.nvml import HEALTH_S, REOPEN_S, Nvml
from producers.node.slow import Slow, SlowParts
from producers.node.source import Facts
from schemas.codec.serde import decode_body, encode_body
from schemas.events.node_sample import AgentSample, NodeSample
from tests.producers.node.sensors.conftest import Time

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler")

SOURCE = fake_nvml.SOURCE.read_text()
FUNCTIONS = sorted(
    set(re.findall(r"\bnvml(Device\w+)\(", SOURCE)) | set(re.findall(r"^(?:ONE|KEYED)\((\w+)", SOURCE, re.M))
)
# Without these there is no device to speak of.
IDENTITY = {"DeviceGetHandleByIndex_v2", "DeviceGetUUID"}
CODES = {
    "not supported": pynvml.NVML_ERROR_NOT_SUPPORTED,
    "not there": pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    "forbidden": pynvml.NVML_ERROR_NO_PERMISSION,
    "unknown": pynvml.NVML_ERROR_UNKNOWN,
    "reset required": pynvml.NVML_ERROR_RESET_REQUIRED,
    "of no version yet": 12345,
}
GARBAGE = (-1, 2**62, 0)


def sampled(facts: Facts) -> NodeSample:
    """Return the sample as a reader gets it."""
    views = [View("nvml", 1.0, "ok", "", "", Reading(facts, 1.0))]
    slow = Slow(gpu_health=SlowParts().gpu_health(views, 1.0))
    sample = assemble(Head("node", "fleet", "boot", 1, 0), AgentSample(), views, slow, 1.0)
    found = decode_body("node_sample", encode_body(sample))
    assert isinstance(found, NodeSample)
    return found


def differences(before: Any, after: Any) -> dict[str, Any]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in before._fields)
    return {name: is_ for name, was, is_ in pairs if was != is_ and (was == was or is_ == is_)}


def absent(value: Any) -> bool:
    return value in (-1, "", ()) or (isinstance(value, float) and math.isnan(value))


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in IDENTITY])
def test_a_call_that_fails_costs_its_reading_and_nothing_else(
    fake: FakeNvml, clock: Time, function: str, code: int
) -> None:
    before = Nvml(clock).read()
    fake.fail(0, function, code)
    after = Nvml(clock).read()
    shared = function == "DeviceGetMemoryInfo" and code == pynvml.NVML_ERROR_NOT_SUPPORTED
    for old, new in (
        (before.gpus[0], after.gpus[0]),
        (before.gpu_health[0], after.gpu_health[0]),
        (before.gpu_inventory[0], after.gpu_inventory[0]),
    ):
        changed = differences(old, new)
        assert all(map(absent, changed.values())) or shared, changed
        assert len(changed) <= 7
    assert [gpu.status for gpu in after.gpus] == ["ok", "ok"]
    for old, new in zip(before.gpus[1:] + before.gpu_health[1:], after.gpus[1:] + after.gpu_health[1:]):  # noqa: B905 - as long as each other
        assert not differences(old, new)


@pytest.mark.parametrize("function", sorted(IDENTITY))
def test_a_device_that_does_not_say_who_it_is_is_looked_for_again(
    fake: FakeNvml, nvml: Nvml, clock: Time, function: str
) -> None:
    fake.fail(0, function, pynvml.NVML_ERROR_UNKNOWN)
    assert [gpu.gpu_id for gpu in nvml.read().gpus] == ["GPU-1a2b3c01"]
    fake.fail(0, function, 0)
    for _ in range(int(REOPEN_S) + 1):
        clock.now_s += 1
        facts = nvml.read()
    assert {gpu.gpu_id for gpu in facts.gpus} == {"GPU-1a2b3c00", "GPU-1a2b3c01"}


def test_a_device_that_is_not_ours_is_not_looked_for(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    fake.fail(0, "DeviceGetHandleByIndex_v2", pynvml.NVML_ERROR_NO_PERMISSION)
    nvml.read()
    fake.fail(0, "DeviceGetHandleByIndex_v2", 0)  # would be found, if NVML were opened anew
    for _ in range(3 * int(REOPEN_S)):
        clock.now_s += 1
        assert len(nvml.read().gpus) == 1


def test_a_driver_that_does_not_tell_its_version_is_read_all_the_same(fake: FakeNvml, nvml: Nvml) -> None:
    fake.fail(-1, "SystemGetDriverVersion", pynvml.NVML_ERROR_UNKNOWN)
    facts = nvml.read()
    assert [gpu.driver_version for gpu in facts.gpu_inventory] == ["", ""]
    assert facts.gpus[0].status == "ok"


def test_a_name_that_is_no_text_is_none(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "name", 1)
    facts = nvml.read()
    assert [gpu.name for gpu in facts.gpu_inventory] == ["", "NVIDIA H100 80GB HBM3"]
    assert facts.gpus[0].power_w == pytest.approx(688.123)


def test_more_processes_than_there_is_room_for_are_none(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "claimed", 1000)
    facts = nvml.read()
    assert [len(found.processes) for found in facts.gpu_health] == [0, 2]
    assert facts.gpu_health[0].pcie_replays_total == 3


@pytest.mark.parametrize("value", GARBAGE)
@pytest.mark.parametrize("key", H100)
def test_garbage_in_one_reading_leaves_a_sample(fake: FakeNvml, clock: Time, key: str, value: int) -> None:
    before = sampled(Nvml(clock).read())
    fake.set(0, key, value)
    after = sampled(Nvml(clock).read())
    assert not differences(before.gpus[1], after.gpus[1])
    assert len(differences(before.gpus[0], after.gpus[0])) <= 3
    assert len(differences(before.gpu_health[0], after.gpu_health[0])) <= 4
    assert all(math.isfinite(each) or math.isnan(each) for each in after.gpus[0] if isinstance(each, float))


def test_garbage_everywhere_leaves_a_sample(fake: FakeNvml, nvml: Nvml) -> None:
    for key in H100:
        fake.set(0, key, -1)
    sample = sampled(nvml.read())
    assert math.isnan(sample.gpus[0].utilization_ratio)
    assert sample.gpus[1].utilization_ratio == pytest.approx(0.97)
    assert {suspect.why for suspect in sample.suspects} == {"over_rating"}


def test_bits_that_do_not_fit_are_no_reasons(fake: FakeNvml, nvml: Nvml) -> None:
    fake.set(0, "reasons", -1)
    assert nvml.read().gpus[0].throttle_reasons == -1


def test_a_library_older_than_the_binding(tmp_path: Path) -> None:
    library = build(tmp_path, "-DOLD")
    code = """
import sys
from pathlib import Path
from infra.bench.fake_nvml import FakeNvml
from producers.node.sensors import nvml, gpu_events
from producers.node.source import SensorAbsent
fake = FakeNvml(Path(sys.argv[1]))
fake.devices(1)
events = gpu_events.GpuEvents()
facts = nvml.Nvml(events=events).read()
gpu, health = facts.gpus[0], facts.gpu_health[0]
print(gpu.status, round(gpu.power_w), gpu.throttle_reasons, len(facts.gpu_inventory))
print(health.remapped_rows_pending, health.pcie_replays_total, len(health.processes))
try:
    events.read()
except SensorAbsent as exc:
    print(exc)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(library)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "ok 688 4 1",
        "nan 3.0 2",
        "the NVIDIA driver reports no events: Function Not Found",
    ]


def test_a_sample_of_eight_gpus_stays_small(fake: FakeNvml, nvml: Nvml, clock: Time) -> None:
    fake.devices(8)
    slow, sizes = SlowParts(), []
    for second in range(60):
        views = [View("nvml", 1.0, "ok", "", "", Reading(nvml.read(), clock.now_s))]
        health = slow.gpu_health(views, clock.now_s)
        head = Head("gpu-node-0123.example.com", "default", "b" * 36, 1_790_000_000_000_000, second)
        sizes.append(len(encode_body(assemble(head, AgentSample(), views, Slow(health), clock.now_s))))
        clock.now_s += 1
    assert max(sizes[1:]) < 2000
    assert sizes[0] < 4000, "the first has the health of all"
    assert sum(size > min(sizes) for size in sizes[-10:]) == 8, "then each in its turn"
    assert HEALTH_S == 10
