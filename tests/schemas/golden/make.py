"""Golden bytes, one file per released version. ``python -m tests.schemas.golden.make`` adds missing ones.

Bytes that are there are never written again: they stand for somebody's log. The text beside them is how this
version reads them, so it changes when a newer version of the schema adds fields; review that it only adds.
"""

import json
from pathlib import Path

from schemas.codec import EVENT_TYPES, Event, packaged
from schemas.codec.catalog import latest
from schemas.codec.foreign import read_as_latest
from schemas.codec.serde import encode_body
from schemas.events.clock_tick import ClockTick
from schemas.events.dead_letter import DeadLetter
from schemas.events.node_registered import (
    AvailableModel,
    CollectorInventory,
    GpuInventory,
    NodeRegistered,
    RuntimeInventory,
)
from schemas.events.node_sample import CollectorReport, GpuProcess, SensorTemperature, Suspect
from schemas.events.node_stopped import NodeStopped
from tests import samples
from tests.samples import T0, at
from tests.schemas.golden.invented import invented

GOLDEN = Path(__file__).parent


def events() -> dict[str, Event]:
    """Return one event of each kind with something in every array."""
    sample = samples.sample(
        7,
        gpus=(
            samples.gpu(utilization_ratio=0.5, throttle_reasons=4),
            samples.gpu("GPU-00000002", status="lost"),
        ),
        runtimes=(samples.serving(),),
        gpu_health=(samples.health(xids=(79,))._replace(processes=(GpuProcess(42, 1e9, "vllm:8000"),)),),
        temperatures=(SensorTemperature("k10temp Tctl", 61.5),),
        collectors=(CollectorReport("nvml", "ok", "", 0.1, 0.02, 10.0, 0.0, 0.0),),
        suspects=(Suspect("host.cpu_power_w", -3.0, "negative"),),
    )
    model = AvailableModel(
        "llama3.1:8b", "sha256:aa", "llama", "Q4_K_M", True, 4.9e9, 8.03e9, 131072.0, 32.0, 32.0
    )
    gpu = GpuInventory(
        "GPU-00000001", "GPU-00000001-aaaa", 0, "nvidia", "NVIDIA H100", "0000:3b:00.0", "", "580.1", "",
        "default", False, 80e9,
    )  # fmt: skip
    runtime = RuntimeInventory(
        "vllm:8000", "vllm", "http://node-1:8000", "0.11", "argv", "", "vllm serve m", 42, 256.0, (model,)
    )
    registered = NodeRegistered(
        "node-1", "default", "boot-a", T0, T0, "0.1.0", "node-1", "aa" * 32, "linux", "6.1", "x86_64", "",
        "EPYC", {"rack": "r1"}, 64.0, 32.0, 64.0, 5e11, 0.0, 1.0, (gpu,), (runtime,),
        (CollectorInventory("rapl", "forbidden", "not readable", "add the group power"),),
    )  # fmt: skip
    made: dict[str, Event] = {
        "node_sample": sample,
        "node_registered": registered,
        "node_stopped": NodeStopped("node-1", "default", "boot-a", at(60), 59, "signal"),
        "clock_tick": ClockTick(at(5), "clock-a", 1, 5.0),
        "dead_letter": DeadLetter(
            "id",
            at(1),
            "node-stage",
            "penstock.telemetry",
            3,
            42,
            b"node-1",
            b"\x00bad",
            4,
            "decode",
            "bad",
            0,
        ),
    }
    return made | {event: invented(event) for event in EVENT_TYPES if event not in made}


def main() -> None:
    """Write the bytes that are missing, and how all of them read."""
    known = events()
    for name, releases in packaged().items():
        newest = GOLDEN / f"{name}.v{latest(name).version}.bin"
        if not newest.exists():
            newest.write_bytes(encode_body(known[name]))
        for release in releases:
            file = GOLDEN / f"{name}.v{release.version}.bin"
            event, _ = read_as_latest(name, release.schema, file.read_bytes())
            file.with_suffix(".json").write_text(json.dumps(event, default=str) + "\n", "utf-8")


if __name__ == "__main__":
    main()
