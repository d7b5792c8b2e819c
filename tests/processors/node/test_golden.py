"""Half a recorded minute in, all that was said out; ``--update-golden`` rewrites it, for review."""

import json
from pathlib import Path
from typing import Any

import pytest

from processors.stage import Output
from schemas.events.node_sample import NodeSample
from tests.processors.node.replay import Replay
from tests.samples import at, gpu, health, host, model, ollama, runtime, sample, serving, tick

GOLDEN = Path(__file__).parent / "golden" / "half_a_minute.jsonl"


def recorded() -> list[NodeSample]:
    """A node idles, serves, gets hot, loses a sample, and idles again; a second one serves two models."""
    samples = []
    for second in range(30):
        busy, hot = 8 <= second < 20, 12 <= second < 16
        card = gpu(
            utilization_ratio=0.95 if busy else 0.0,
            power_w=420.5 + second if busy else 71.25,
            temperature_c=91.0 if hot else 55.0,
            throttle_reasons=0x20 if hot else 0,
            energy_j=1e6 + 100.0 * second,
        )
        engine = serving(250.0 - 80.0 * hot, ttft_sum_s=0.4, ttft_count=2.0) if busy else runtime()
        slow = (health(pcie_width=16.0, xids=(13,) if second == 10 else ()),) if second % 10 == 0 else ()
        if second != 17:
            samples.append(sample(second, gpus=(card,), runtimes=(engine,), gpu_health=slow))
        two = (model("a", vram_bytes=8e9, generation_tokens=30.0), model("b", vram_bytes=24e9))
        other = serving(30.0, models=two) if second % 3 else ollama(last_activity_age_s=float(second))
        chip = host(soc_power_w=22.0, thermal_pressure="moderate" if second > 20 else "nominal")
        samples.append(sample(second, node_id="node-2", runtimes=(other,), host=chip, spooled=second < 5))
    return samples


def said() -> list[str]:
    replay = Replay(pue=1.25)
    for event in recorded():
        replay.feed(event)
    for second in range(30, 75, 5):
        replay.feed(tick(second))
    outputs = [out for out in replay.said if isinstance(out, Output)]
    return [json.dumps([out.topic.name, out.key, plain(out.event)], allow_nan=True) for out in outputs]


def plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: plain(field) for name, field in value._asdict().items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def test_golden(pytestconfig: pytest.Config) -> None:
    got = said()
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.write_text("".join(line + "\n" for line in got), "utf-8")
    assert got == GOLDEN.read_text("utf-8").splitlines()


def test_the_recording_is_worth_it() -> None:
    text = "\n".join(said())
    for word in (
        '"live"',
        '"idle"',
        '"serious"',
        '"fair"',
        '"panes"',
        '"missing": 1.0',
        "sw_thermal_slowdown",
    ):
        assert word in text
    assert at(30) > recorded()[-1].occurred_at
