"""CPU and memory of the node agent."""

import time

import psutil

from infra.bench.stack import apart, penstock, servers, wait_until
from infra.bench.table import Table

WARM_UP_S = 10.0
MEASURED_S = 60.0
MB = 1e6


def run() -> Table:
    """Run the agent at one sample a second against a Kafka of its own, and measure it for a minute."""
    with servers() as settings:
        environment = apart(settings.data_dir) | {
            "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "PENSTOCK_REGISTRY__URL": settings.registry.url,
        }
        with penstock(["node"], environment) as agent:
            process = psutil.Process(agent.pid)
            wait_until(lambda: bool(process.net_connections()), "the agent")
            time.sleep(WARM_UP_S)
            before, began = _cpu_s(process), time.monotonic()
            time.sleep(MEASURED_S)
            share = (_cpu_s(process) - before) / (time.monotonic() - began)
            memory = process.memory_info().rss
    return Table(
        "The node agent",
        ("CPU, % of a core", "resident, MB"),
        [(round(100 * share, 2), round(memory / MB))],
        f"One sample a second of this machine, over {MEASURED_S:.0f} s.",
    )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
