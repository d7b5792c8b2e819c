"""A simulated machine: air, accelerators, processor, memory and runtimes, moved forward step by step."""

import math
from collections.abc import Callable
from dataclasses import replace

from producers.simulator.draws import generator, hex_digits
from producers.simulator.gpu import Gpu
from producers.simulator.hardware.chips import CHIPS, Chip
from producers.simulator.hardware.cpus import CPUS
from producers.simulator.host import Host
from producers.simulator.physics.batching import End
from producers.simulator.physics.queueing import Request
from producers.simulator.scenario.machines import Environment, Node
from producers.simulator.server import Server

_DAY_S = 86_400.0
# The warmest time of the day.
_AFTERNOON_S = 15 * 3600.0
# Copies of a board differ by this much in how well they are cooled.
_SPREAD = 0.05
# Cores that a runtime keeps busy for each accelerator that works.
_CORES_PER_GPU = 1.0
# The part of a machine's memory that macOS lets the GPU wire.
_WIRED_SHARE = 0.75
_NETWORK_BYTES_PER_TOKEN = 250.0

Over = Callable[[Request, End, float], None]
First = Callable[[Request, float], None]


class Machine:
    """One machine. ``air_rise_c`` is what faults add to the air it takes in; ``off``: without power."""

    def __init__(self, node: Node, environment: Environment, *, seed: int, day_s: float, on_end: Over,
                 on_first: First) -> None:  # fmt: skip
        self.node = node
        self._swing_c = environment.swing_c
        self._base_c = environment.base_c(node.rack)
        self._day_s = day_s
        self.air_rise_c = 0.0
        self.air_c = self._base_c
        self.off = False
        rng = generator(seed, "machine", node.name)
        self._air(0.0)
        cpu = CPUS[node.cpu or node.chip]
        self.host = Host(cpu, node.memory_bytes, node.swap_bytes, self.air_c, rng)
        chip = _chip(node)
        self.apple = chip is not None and chip.vendor == "apple"
        self.gpus = [
            self._gpu(chip, index, hex_digits(seed, "gpu", node.name, str(index)), rng.random())
            for index in range(node.gpus if chip is not None else 0)
            if chip is not None
        ]
        self.servers = [
            Server(spec, [self.gpus[index] for index in spec.gpus or range(len(self.gpus))], cpu,
                   on_end=on_end, on_first=on_first)
            for spec in node.runtimes
        ]  # fmt: skip

    def server(self, runtime_id: str) -> Server:
        """Return a runtime by its name, which exists."""
        return next(one for one in self.servers if one.spec.runtime_id == runtime_id)

    def serving(self, model: str) -> Server | None:
        """Return the runtime that serves a model; of those that know it, one that is up."""
        knowing = [one for one in self.servers if model in one.catalogue]
        return next((one for one in knowing if one.up and _has(one, model)), knowing[0] if knowing else None)

    def step(self, begin_s: float, end_s: float) -> None:
        """Let time pass."""
        dt_s = end_s - begin_s
        self._air(end_s)
        if self.off:
            for gpu in self.gpus:
                gpu.body.heat(0.0, 0.0, self.air_c, dt_s)
            self.host.body.heat(0.0, 0.0, self.air_c, dt_s)
            return
        for gpu in self.gpus:
            gpu.activity.clear()
        host = self.host
        pace = host.pace
        kernels = cores = held = reads = tokens = 0.0
        for server in self.servers:
            before = server.written
            server.advance(begin_s, end_s, pace)
            tokens += server.written - before
            kernels += server.cpu_busy
            cores += server.gpu_busy * _CORES_PER_GPU
            held += server.host_bytes
            reads += server.reads_bytes_per_s
        for gpu in self.gpus:
            gpu.step(self.air_c, dt_s)
            if gpu.chip.unified:
                held += gpu.held_bytes + gpu.foreign_bytes
        host.memory.served = held
        host.read_bytes_per_s = reads
        host.network_bytes_per_s = tokens * _NETWORK_BYTES_PER_TOKEN / dt_s
        host.step(kernels, cores, self.air_c, dt_s)

    def power_off(self, now_s: float) -> None:
        """Lose power: everything in hand is lost."""
        for server in self.servers:
            server.stop(now_s)
        self.off = True

    def power_on(self) -> None:
        """Have power again; runtimes are started by whoever boots the machine."""
        self.off = False
        for gpu in self.gpus:
            gpu.energy_j = gpu.corrected = gpu.uncorrected = gpu.replays = 0.0
            gpu.governor.thermal, gpu.governor.hot, gpu.lost = 1.0, False, False
        self.host.memory.swapped = 0.0

    def _air(self, at_s: float) -> None:
        self.air_c = self._base_c + self.air_rise_c
        if self._swing_c:
            angle = 2.0 * math.pi * (self._day_s + at_s - _AFTERNOON_S) / _DAY_S
            self.air_c += self._swing_c * math.cos(angle)

    def _gpu(self, chip: Chip, index: int, digits: str, luck: float) -> Gpu:
        node = self.node
        return Gpu(
            chip, index, digits, limit_w=node.power_limit_w or chip.limit_w, airflow=node.airflow_ratio,
            spread=1.0 + _SPREAD * (luck - 0.5), air_c=self.air_c, width=node.pcie_width,
            generation=node.pcie_generation or chip.pcie_generation,
        )  # fmt: skip


def _chip(node: Node) -> Chip | None:
    """Return the accelerator with the memory that it has in this machine."""
    if not node.chip:
        return None
    chip = CHIPS[node.chip]
    if not chip.unified:
        return chip
    share = _WIRED_SHARE if chip.vendor == "apple" else 1.0
    return replace(chip, memory_bytes=node.memory_bytes * share)


def _has(server: Server, model: str) -> bool:
    return server.kind.on_demand or model in server.loaded
