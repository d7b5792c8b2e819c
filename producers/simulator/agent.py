"""One run of a simulated agent: its samples, one a tick, and its registrations when something changed."""

import random

from producers.simulator.draws import generator, hex_digits
from producers.simulator.gpu import Gpu
from producers.simulator.inventory import registration
from producers.simulator.machine import Machine
from producers.simulator.readings import gpus as gpu_readings
from producers.simulator.readings.hosts import HostReader
from producers.simulator.readings.reports import ReportReader
from producers.simulator.readings.runtimes import RuntimeReader
from producers.simulator.server import Server
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import (
    AgentSample,
    GpuHealth,
    GpuProcess,
    GpuSample,
    NodeSample,
    RuntimeSample,
)
from schemas.events.node_stopped import NodeStopped
from schemas.events.reading import NAN

SLOW_S = 10.0
_REGISTER_S = 5.0
_APPLE_S = 2.0
_MOMENT_S = 0.01
_SAMPLE_BYTES = 700


class Agent:
    """``boots`` numbers the runs of a node's agent; times are true seconds of the scenario."""

    def __init__(self, machine: Machine, *, fleet: str, version: str, boots: int, interval_s: float,
                 starts_at: int, now_s: float, seed: int) -> None:  # fmt: skip
        self.machine = machine
        self.version = version
        self._fleet = fleet
        self._interval_s = interval_s
        self._starts_at = starts_at
        self._seed = seed
        name = machine.node.name
        self.boot_id = hex_digits(seed, "boot", name, str(boots))
        self._rng: random.Random = generator(seed, "agent", name, str(boots))
        self.seq = 0
        self._began_s = now_s
        self._uptime_s = 1000.0 + 50_000.0 * self._rng.random()
        self._started_at = 0
        self._host = HostReader(machine.host, self._rng, apple=machine.apple)
        self._runtimes = [(server, RuntimeReader(server)) for server in machine.servers]
        self._reports = ReportReader(machine, self._rng)
        self._found: list[Server] = []
        self._apple: GpuSample | None = None
        self._apple_s = -_APPLE_S
        self._slow_s = now_s
        self._health_due_s = [now_s] * len(machine.gpus)
        self._registered: tuple[object, ...] = ()
        self._register_s = now_s
        self._rss_bytes = 6.1e7 + 2e6 * self._rng.random()

    def sample(
        self, now_s: float, occurred_at: int, *, spooled: float, held: bool, synchronized: bool
    ) -> NodeSample:
        """Return the sample of this moment; ``spooled`` records wait on disk, this one too if ``held``."""
        machine, rng = self.machine, self._rng
        runtimes = self._read_runtimes(now_s)
        gpu = machine.gpus[0] if machine.apple else None
        host = self._host.read(
            now_s,
            synchronized=synchronized,
            chip_w=gpu.governor.power_w if gpu is not None else 0.0,
            chip_c=gpu.body.die_c if gpu is not None else 0.0,
        )
        gpus = self._read_gpus(now_s)
        due = now_s >= self._slow_s - _MOMENT_S
        health = self._read_health(now_s) if not machine.apple else ()
        sample = NodeSample(
            machine.node.name,
            self._fleet,
            self.boot_id,
            occurred_at,
            self.seq,
            held,
            AgentSample(
                self._uptime_s + now_s - self._began_s,
                0.004 + 0.004 * rng.random(),
                self._rss_bytes,
                0.0004 + 0.001 * rng.random(),
                0.0,
                spooled,
                spooled * _SAMPLE_BYTES,
                0.0,
            ),
            host,
            gpus,
            runtimes,
            health,
            self._host.temperatures() if due else (),
            self._reports.read(self._found, due=due),
        )
        if due:
            self._slow_s += SLOW_S
        self.seq += 1
        return sample

    def registration(self, now_s: float, at: int) -> NodeRegistered | None:
        """Return the registration where it says anything new, at most every five seconds."""
        if now_s < self._register_s:
            return None
        self._register_s = now_s + _REGISTER_S
        found = tuple(
            (server.spec.runtime_id, tuple(server.loaded), tuple(server.catalogue)) for server in self._found
        )
        if found == self._registered and self._started_at:
            return None
        self._registered = found
        self._started_at = self._started_at or at
        return registration(
            self.machine, fleet=self._fleet, boot_id=self.boot_id, version=self.version,
            started_at=self._started_at, at=at, interval_s=self._interval_s, servers=self._found,
            seed=self._seed,
        )  # fmt: skip

    def stopped(self, at: int) -> NodeStopped:
        """Return the last fact of an orderly end."""
        name = self.machine.node.name
        return NodeStopped(name, self._fleet, self.boot_id, at, self.seq - 1, "signal")

    def look(self, now_s: float) -> None:
        """Find the runtimes that are there, as before the first registration."""
        self._read_runtimes(now_s)

    def _read_runtimes(self, now_s: float) -> tuple[RuntimeSample, ...]:
        samples: list[RuntimeSample] = []
        found: list[Server] = []
        for server, reader in self._runtimes:
            sample = reader.read(now_s)
            if sample is not None:
                samples.append(sample)
                found.append(server)
        self._found = found
        return tuple(samples)

    def _read_gpus(self, now_s: float) -> tuple[GpuSample, ...]:
        machine, rng = self.machine, self._rng
        if not machine.apple:
            nvidia = gpu_readings.nvidia
            return tuple([nvidia(gpu, rng) for gpu in machine.gpus])
        if self._apple is None or now_s - self._apple_s >= _APPLE_S - _MOMENT_S:
            gpu = machine.gpus[0]
            self._apple = gpu_readings.apple(gpu, gpu.chip.memory_bytes, rng, self._host.gpu_power_w)
            self._apple_s = now_s
            return (self._apple,)
        return (self._apple._replace(age_s=now_s - self._apple_s),)

    def _read_health(self, now_s: float) -> tuple[GpuHealth, ...]:
        """Return the slow readings that are due: first of all devices, then in turns; and after an XID."""
        gpus, due_s = self.machine.gpus, self._health_due_s
        found: list[GpuHealth] = []
        first = self.seq == 0
        for place, gpu in enumerate(gpus):
            if now_s < due_s[place] and not gpu.xids:
                continue
            if now_s >= due_s[place]:
                due_s[place] = now_s + (SLOW_S * (place + 1) / len(gpus) if first else SLOW_S)
            if gpu.lost and not gpu.xids:
                continue
            one = GpuHealth(gpu.gpu_id) if gpu.lost else self._health(gpu)
            found.append(one._replace(xids=tuple(gpu.xids)) if gpu.xids else one)
            gpu.xids.clear()
        return tuple(found)

    def _health(self, gpu: Gpu) -> GpuHealth:
        processes = [
            GpuProcess(1000 + server.spec.port + 1, one.placement.gpu_bytes, server.spec.runtime_id)
            for server in self.machine.servers
            for one in server.loaded.values()
            if gpu in one.placement.gpus
        ]
        if gpu.foreign_bytes > 0.0 or gpu.foreign_ratio > 0.0:
            processes.append(GpuProcess(4242, gpu.foreign_bytes or NAN, ""))
        return gpu_readings.health(gpu, tuple(processes), self._rng)
