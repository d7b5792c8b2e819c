"""Telemetry of a made-up fleet, the same at every run: what the benchmarks are fed with."""

import math
from collections.abc import Iterator

from schemas.events.node_sample import (
    AgentSample,
    GpuSample,
    HostSample,
    LoadedModel,
    NodeSample,
    RuntimeSample,
)

SECOND_US = 1_000_000
PANE_US = 10 * SECOND_US


def samples(nodes: int, gpus: int, seconds: int, until_us: int) -> Iterator[NodeSample]:
    """Yield a sample of every node for each second; a node works for a minute and then rests for one.

    The first are at the beginning of a pane, and the last not after ``until_us``, µs since the epoch.
    """
    start_us = (until_us - seconds * SECOND_US) // PANE_US * PANE_US
    for second in range(seconds):
        for node in range(nodes):
            yield sample(node, gpus, second, start_us + second * SECOND_US)


def sample(node: int, gpus: int, second: int, at_us: int) -> NodeSample:
    """Return what node number ``node`` would say: a host, its GPUs and one runtime with one model."""
    busy = (second + node) // 60 % 2 == 0
    wave = math.sin((second + 7 * node) / 11)
    return NodeSample(
        node_id=f"node-{node:05d}",
        fleet="bench",
        boot_id="00000000-0000-4000-8000-000000000001",
        occurred_at=at_us + node * 37,
        seq=second,
        spooled=False,
        agent=AgentSample(float(second), 0.004, 6e7, 0.001, 0.0, 0.0, 0.0, 0.0),
        host=_host(wave),
        gpus=tuple(_gpu(node, index, busy, wave) for index in range(gpus)),
        runtimes=(_runtime(busy, wave),),
    )


def _host(wave: float) -> HostSample:
    return HostSample(
        cpu_ratio=0.2 + 0.1 * wave,
        load_1m=3.0 + wave,
        memory_total_bytes=512e9,
        memory_used_bytes=100e9 + 1e9 * wave,
        memory_available_bytes=400e9,
        swap_used_bytes=0.0,
        disk_free_bytes=1e12,
        disk_read_bytes_per_s=1e6,
        disk_write_bytes_per_s=2e6,
        network_receive_bytes_per_s=3e6,
        network_transmit_bytes_per_s=4e6,
        cpu_temperature_c=55.0 + wave,
        cpu_power_w=120.0 + 10 * wave,
        clock_offset_s=0.0002,
        age_s=0.05,
        clock_synchronized="yes",
    )


def _gpu(node: int, index: int, busy: bool, wave: float) -> GpuSample:
    return GpuSample(
        gpu_id=f"GPU-{node:08x}-{index:04x}",
        status="ok",
        utilization_ratio=0.9 + 0.05 * wave if busy else 0.0,
        memory_utilization_ratio=0.5,
        memory_used_bytes=60e9,
        memory_total_bytes=80e9,
        temperature_c=68.0 + 4 * wave if busy else 38.0,
        memory_temperature_c=74.0,
        temperature_slowdown_c=93.0,
        power_w=560.0 + 40 * wave if busy else 72.0 + wave,
        power_limit_w=700.0,
        energy_j=1e9 + index,
        sm_clock_mhz=1755.0,
        sm_clock_max_mhz=1980.0,
        performance_state=0.0 if busy else 8.0,
        age_s=0.1,
        throttle_reasons=0 if busy else 1,
    )


def _runtime(busy: bool, wave: float) -> RuntimeSample:
    tokens = 900.0 + 50 * wave if busy else 0.0
    return RuntimeSample(
        runtime_id="vllm:8000",
        kind="vllm",
        status="up",
        requests_running=12.0 if busy else 0.0,
        requests_waiting=0.0,
        kv_cache_ratio=0.4,
        interval_s=1.0,
        prompt_tokens=2 * tokens,
        generation_tokens=tokens,
        requests_finished=3.0 if busy else 0.0,
        requests_failed=0.0,
        ttft_sum_s=0.6 if busy else 0.0,
        ttft_count=3.0 if busy else 0.0,
        age_s=0.1,
        models=(LoadedModel("meta-llama/Llama-3.3-70B-Instruct", vram_bytes=60e9, generation_tokens=tokens),),
    )
