"""What is measured, what is not, and why: from what the collectors say of themselves."""

import math

import pytest

from infra.doctor.node import judge
from schemas.events.node_registered import CollectorInventory, NodeRegistered
from schemas.events.node_sample import GpuSample, NodeSample, Suspect
from tests.samples import at, gpu, host, sample


def registered(*collectors: CollectorInventory) -> NodeRegistered:
    names = (
        "node-1",
        "default",
        "boot-a",
        at(0),
        at(0),
        "0.1",
        "host",
        "id",
        "linux",
        "6",
        "x86_64",
        "",
        "cpu",
    )
    return NodeRegistered(*names, tags={}, collectors=collectors)


def one(collector: CollectorInventory, taken: NodeSample) -> tuple[str, str, str]:
    (finding,) = judge(registered(collector), taken)
    return finding.verdict, finding.detail, finding.advice


@pytest.mark.parametrize(
    ("collector", "expected"),
    [
        (CollectorInventory("cpu", "ok", "", ""), ("ok", "cpu_ratio; no load_1m", "")),
        (
            CollectorInventory("rapl", "forbidden", "root alone", "join the group"),
            ("warn", "forbidden: root alone", "join the group"),
        ),
        (
            CollectorInventory("nvml", "absent", "no driver", "install it"),
            ("ok", "not here: no driver; install it", ""),
        ),
        (
            CollectorInventory("disk", "error", "OSError: x", ""),
            ("warn", "error: OSError: x", "see the agent's log"),
        ),
        (CollectorInventory("vllm:8000", "ok", "", ""), ("ok", "measured", "")),
    ],
)
def test_a_collector_says_what_and_why(collector: CollectorInventory, expected: tuple[str, str, str]) -> None:
    assert one(collector, sample(host=host(load_1m=math.nan))) == expected


def test_a_gpu_says_what_it_does_not_support() -> None:
    full = GpuSample("GPU-1", "ok", *(1.0,) * 15, throttle_reasons=0)
    found = judge(registered(), sample(gpus=(full, full._replace(fan_ratio=math.nan, throttle_reasons=-1))))
    assert [finding.detail for finding in found] == [
        "GPU-1: all readings",
        "GPU-1: no fan_ratio, throttle_reasons",
    ]
    (lost,) = judge(registered(), sample(gpus=(gpu(status="lost"),)))
    assert (lost.verdict, "lost" in lost.detail) == ("warn", True)


def test_what_cannot_be_true_is_a_warning() -> None:
    (found,) = judge(registered(), sample(suspects=(Suspect("host.cpu_power_w", -1.0, "negative"),)))
    assert (found.verdict, found.detail) == ("warn", "host.cpu_power_w reads -1: negative")
