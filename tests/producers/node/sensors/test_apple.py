"""Readers of the output of Apple's commands. No Mac was there: the texts are in their formats."""

import math
import sys
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.node.sensors import apple, apple_text
from producers.node.sensors.apple_text import Power
from producers.node.source import SensorAbsent, SensorForbidden
from tests.producers.node.sensors import apple_outputs as outputs

NOTHING = Power(*(float("nan"),) * 4)


def answering(answers: Mapping[str, bytes | Exception]) -> apple.Run:
    def run(command: Sequence[str]) -> bytes:
        words = " ".join(command)
        answer = next(answer for part, answer in answers.items() if part in words)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return run


MAC = {
    "ioreg": outputs.IOREG,
    "hw.memsize": b"hw.memsize: 68719476736\n",
    "iogpu": b"iogpu.wired_limit_mb: 0\n",
    "vm_stat": outputs.VM_STAT.encode(),
    "notifyutil": outputs.NOTIFYUTIL.encode(),
    "powermetrics": outputs.POWERMETRICS.encode(),
}


def test_the_gpu_by_ioreg_with_its_power() -> None:
    run = answering(MAC)
    power = apple.PowerMetrics(run, root=True)
    facts = power.read()
    assert facts.host == {"cpu_power_w": pytest.approx(4.321), "soc_power_w": pytest.approx(25.833)}
    found = apple.Apple(run, power.latest).read()
    (gpu,), (inventory,) = found.gpus, found.gpu_inventory
    assert (gpu.utilization_ratio, gpu.memory_used_bytes) == (0.42, 25e9)
    assert gpu.memory_total_bytes == 0.75 * 64 * 2**30, "the system's own limit"
    assert gpu.power_w == pytest.approx(21.5)
    assert gpu.sm_clock_mhz == 1397.0
    assert math.isnan(gpu.temperature_c)
    assert (inventory.vendor, inventory.name, inventory.unified_memory) == ("apple", "Apple M2 Max", True)
    assert inventory.gpu_id == gpu.gpu_id


def test_a_limit_that_is_set_is_the_gpus_memory() -> None:
    values = apple_text.sysctl("hw.memsize: 68719476736\niogpu.wired_limit_mb: 57344\n")
    assert apple_text.gpu_memory_bytes(values) == 56 * 2**30
    assert apple_text.gpu_memory_bytes({"hw.memsize": "100"}) == 75.0
    assert math.isnan(apple_text.gpu_memory_bytes({}))


def test_an_older_mac_has_no_such_limit() -> None:
    run = answering({**MAC, "iogpu": OSError("sysctl ended with 1: unknown oid")})
    (gpu,) = apple.Apple(run, lambda: NOTHING).read().gpus
    assert gpu.memory_total_bytes == 0.75 * 64 * 2**30
    assert math.isnan(gpu.power_w)


def test_memory_and_thermal_pressure() -> None:
    reader = apple.AppleMemory(answering(MAC))
    first = reader.read().host
    assert first["memory_pressure_ratio"] == pytest.approx(1_200_000 / 2_100_000)
    assert first["thermal_pressure"] == "heavy"
    second = reader.read().host
    assert second["swap_out_bytes_per_s"] == 0.0
    assert apple_text.pages(outputs.VM_STAT).swapped_out_bytes == 12_000 * 16_384


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("com.apple.system.thermalpressurelevel 0", "nominal"),
        ("com.apple.system.thermalpressurelevel 4", "sleeping"),
        ("com.apple.system.thermalpressurelevel 9", ""),
        ("com.apple.system.thermalpressurelevel Failed", ""),
        ("", ""),
    ],
)
def test_thermal_levels(text: str, level: str) -> None:
    assert apple_text.thermal_pressure(text) == level


def test_powermetrics_through_sudo_where_it_asks_nothing() -> None:
    seen: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> bytes:
        seen.append(command)
        return outputs.POWERMETRICS.encode()

    apple.PowerMetrics(run, root=False).read()
    apple.PowerMetrics(run, root=True).read()
    assert seen[0][:3] == ("/usr/bin/sudo", "-n", "/usr/bin/powermetrics")
    assert seen[1][0] == "/usr/bin/powermetrics"


@pytest.mark.parametrize(
    "said",
    [
        "/usr/bin/sudo ended with 1: sudo: a password is required",
        "/usr/bin/powermetrics ended with 1: powermetrics must be invoked as the superuser",
    ],
)
def test_no_right_to_powermetrics_is_said_with_its_remedy(said: str) -> None:
    with pytest.raises(SensorForbidden, match="root alone") as caught:
        apple.PowerMetrics(answering({"powermetrics": OSError(said)}), root=False).read()
    assert "sudoers" in caught.value.remedy


def test_old_watts_are_no_watts_of_now() -> None:
    now_s = 100.0
    power = apple.PowerMetrics(answering(MAC), root=True, clock=lambda: now_s)
    power.read()
    assert power.latest().gpu_w == pytest.approx(21.5)
    now_s = 200.0
    assert math.isnan(power.latest().gpu_w)


def test_a_virtual_mac_has_no_accelerator() -> None:
    with pytest.raises(SensorAbsent, match="no accelerator"):
        apple.Apple(answering({**MAC, "ioreg": b""}), lambda: NOTHING).read()


@given(st.binary(max_size=300))
def test_no_output_breaks_a_reader(noise: bytes) -> None:
    text = noise.decode("utf-8", "replace")
    apple_text.accelerator(noise)
    apple_text.accelerator(outputs.IOREG[: len(noise) * 3] + noise)
    apple_text.pages(text)
    apple_text.power(text + outputs.POWERMETRICS[: len(noise)])
    apple_text.sysctl(text)
    apple_text.thermal_pressure(text)


def test_a_command_that_is_missing_fails_or_hangs() -> None:
    with pytest.raises(SensorAbsent, match="is not installed"):
        apple.run(("/nowhere/ioreg",))
    with pytest.raises(OSError, match="ended with 3: broken"):
        apple.run((sys.executable, "-c", "import sys; sys.stderr.write('x\\nbroken\\n'); sys.exit(3)"))
    with pytest.raises(TimeoutError):
        apple.run((sys.executable, "-c", "import time; time.sleep(600)"), timeout_s=0.05)


def test_there_are_no_such_sources_elsewhere() -> None:
    assert apple.sources("linux") == ()
    assert [source.name for source in apple.sources("darwin")] == [
        "apple_gpu",
        "apple_memory",
        "powermetrics",
    ]
