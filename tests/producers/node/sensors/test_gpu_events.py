"""XIDs and other events of the driver, through the real binding."""

import asyncio

import pynvml
import pytest

from infra.bench.fake_nvml import FakeNvml
from producers.node.collector import ThreadCollector
from producers.node.progress import Reading, View
from producers.node.sensors.gpu_events import XIDS_KEPT, GpuEvents
from producers.node.sensors.nvml import REOPEN_S, Nvml
from producers.node.slow import SlowParts
from producers.node.source import Blocking, Facts, SensorAbsent, Xid
from tests.fixtures.processes import wait_until
from tests.producers.node.sensors.conftest import Time

GPU_0, GPU_1 = "GPU-1a2b3c00", "GPU-1a2b3c01"
DOUBLE_BIT = pynvml.nvmlEventTypeDoubleBitEccError
XID = pynvml.nvmlEventTypeXidCriticalError


def test_xids_are_numbered_and_belong_to_their_device(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    nvml.read()
    fake.xid(1, 79)
    fake.xid(0, 31)
    xids = events.read().xids
    assert xids == (Xid(1, GPU_1, 79), Xid(2, GPU_0, 31))
    assert events.read().xids == xids, "kept for the sample to pick from"


def test_xids_go_with_the_health_of_their_device_once(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    readings = nvml.read()
    slow = SlowParts()
    fake.xid(1, 79)
    views = [
        View("nvml", 1.0, "ok", "", "", Reading(readings, 1.0)),
        View("nvml_events", 1.0, "ok", "", "", Reading(events.read(), 1.0)),
    ]
    assert {found.gpu_id: found.xids for found in slow.gpu_health(views, 1.0)} == {GPU_0: (), GPU_1: (79,)}
    assert slow.gpu_health(views, 2.0) == ()


def test_a_flood_is_bounded_and_the_last_are_kept(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    nvml.read()
    for code in range(1000):
        fake.xid(0, code)
    assert events.read().xids[-1].number < 1000, "one that never ends would hold the thread for ever"
    for _ in range(5):
        xids = events.read().xids
    assert len(xids) == XIDS_KEPT
    assert xids[-1] == Xid(1000, GPU_0, 999)


def test_one_device_without_events_takes_them_from_no_other(
    fake: FakeNvml, nvml: Nvml, events: GpuEvents
) -> None:
    fake.set(0, "event types", 0)
    nvml.read()
    fake.xid(0, 31)
    fake.xid(1, 79)
    assert [xid.gpu_id for xid in events.read().xids] == [GPU_1]


def test_only_what_a_device_supports_is_asked_of_it(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    fake.set(0, "event types", XID)  # it refuses more
    fake.fail(1, "DeviceGetSupportedEventTypes", pynvml.NVML_ERROR_NOT_SUPPORTED)
    nvml.read()
    fake.xid(0, 31)
    fake.xid(1, 79)
    assert [xid.code for xid in events.read().xids] == [31, 79]


@pytest.mark.parametrize("function", ["EventSetCreate", "DeviceRegisterEvents"])
def test_a_driver_without_events_costs_nothing_else(
    fake: FakeNvml, nvml: Nvml, events: GpuEvents, function: str
) -> None:
    for device in (-1, 0, 1):
        fake.fail(device, function, pynvml.NVML_ERROR_NOT_SUPPORTED)
    assert [gpu.status for gpu in nvml.read().gpus] == ["ok", "ok"]
    with pytest.raises(SensorAbsent, match="events"):
        events.read()
    assert fake.sets_open == 0


def test_without_a_driver_the_reason_is_the_drivers(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    fake.fail(-1, "InitWithFlags", pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    for read in (nvml.read, events.read):
        with pytest.raises(SensorAbsent, match="not loaded") as caught:
            read()
        assert "modprobe" in caught.value.remedy


def test_another_event_has_the_device_read_at_once(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    nvml.read()
    for device in (0, 1):
        fake.set(device, "replays", 9)
    fake.event(1, DOUBLE_BIT)
    assert events.read().xids == ()
    assert [found.pcie_replays_total for found in nvml.read().gpu_health] == [3, 9]


def test_events_that_are_not_told_for_once_are_a_trouble_not_an_end(
    fake: FakeNvml, nvml: Nvml, events: GpuEvents
) -> None:
    nvml.read()
    fake.fail(-1, "EventSetWait_v2", pynvml.NVML_ERROR_UNKNOWN)
    fake.xid(0, 31)
    assert [xid.code for xid in events.read().xids] == [31], "told before the failure"
    assert "does not tell" in events.read().trouble
    fake.fail(-1, "EventSetWait_v2", 0)
    fake.xid(0, 32)
    found = events.read()
    assert ([xid.code for xid in found.xids], found.trouble) == ([31, 32], "")


def test_a_code_that_cannot_be_is_left_out(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    nvml.read()
    fake.xid(0, -1)
    fake.xid(0, 79)
    assert [xid.code for xid in events.read().xids] == [79]


def test_events_go_on_after_the_driver_was_reloaded(
    fake: FakeNvml, nvml: Nvml, events: GpuEvents, clock: Time
) -> None:
    nvml.read()
    fake.xid(0, 79)
    events.read()
    fake.fail(-1, "everything", pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    nvml.read()
    gone = events.read()
    assert ([xid.code for xid in gone.xids], gone.trouble != "") == ([79], True), "not forgotten with it"
    assert fake.sets_open == 0
    fake.fail(-1, "everything", 0)
    clock.now_s += REOPEN_S + 1
    nvml.read()
    fake.xid(1, 31)
    assert events.read().xids == (Xid(1, GPU_0, 79), Xid(2, GPU_1, 31))


def test_an_xid_is_told_while_its_device_hangs(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    nvml.read()
    stuck = ThreadCollector(Blocking("nvml", nvml.read, period_s=0.01, timeout_s=0.02))
    fake.hang(200)
    stuck.start()
    wait_until(lambda: stuck.view().status == "timeout")
    fake.xid(0, 79)
    assert [xid.code for xid in events.read().xids] == [79]
    assert stuck.view().status == "timeout"
    fake.hang(0)
    wait_until(lambda: stuck.view().status == "ok")
    asyncio.run(stuck.stop())


def test_a_set_whose_reader_hangs_is_left_to_it(fake: FakeNvml, nvml: Nvml, events: GpuEvents) -> None:
    nvml.read()
    with events._lock:  # as a poll of the driver that does not return
        events.closing(SensorAbsent("closed"))
    with pytest.raises(SensorAbsent, match="closed"):
        events.read()
    assert isinstance(nvml.read(), Facts)
