"""What a fault does to a node: at its begin, with every step, and at its end."""

from typing import Protocol

from producers.simulator.gpu import Gpu
from producers.simulator.machine import Machine
from producers.simulator.scenario.faults import GpuFault, RuntimeFault
from producers.simulator.server import Server


class Site(Protocol):
    """The node that a fault happens to, as far as faults can touch it. Times are seconds of the scenario."""

    @property
    def machine(self) -> Machine:
        """The machine."""
        ...

    def cut(self, now_s: float, *, at_once: bool) -> None:
        """Break the router's connections to the node; callers learn it at once, or by a timeout."""
        ...

    def power_off(self, now_s: float) -> None:
        """Take the power away."""
        ...

    def boot(self, now_s: float) -> None:
        """Give power back; the agent and the runtimes start when the machine has booted."""
        ...

    def kill_agent(self, now_s: float) -> None:
        """End the agent without a word."""
        ...

    def start_agent(self, now_s: float, version: str = "") -> None:
        """Start the agent anew; with an empty version its last one."""
        ...

    def set_clock(self, now_s: float, offset_s: float, drift_ppm: float, *, synchronized: bool) -> None:
        """Set the node's clock, and how fast it goes wrong."""
        ...

    def fail_share(self, runtime_id: str, ratio: float) -> None:
        """Let a share of the requests to a runtime fail; an empty id means every runtime."""
        ...

    def hold_reading(self, reading: str, gpus: tuple[int, ...], *, lost: bool) -> None:
        """Let a reading repeat, or be missing, from the next sample on."""
        ...

    def release_reading(self, reading: str, gpus: tuple[int, ...]) -> None:
        """Let a reading follow the world again."""
        ...


class Effect:
    """A fault at work. Most do nothing between begin and end."""

    steps = False  # whether ``step`` is wanted
    after_s = 0.0  # and for how long after the end

    def begin(self, site: Site, now_s: float) -> None:
        """Begin."""

    def step(self, site: Site, now_s: float) -> None:
        """Let time pass."""

    def end(self, site: Site, now_s: float) -> None:
        """End, and leave things as they were."""


def gpus_of(site: Site, fault: GpuFault) -> list[Gpu]:
    """Return the accelerators that a fault means: all where it names none."""
    gpus = site.machine.gpus
    return [gpus[index] for index in fault.gpus] if fault.gpus else list(gpus)


def servers_of(site: Site, fault: RuntimeFault) -> list[Server]:
    """Return the runtimes that a fault means: all where it names none."""
    servers = site.machine.servers
    return [one for one in servers if fault.runtime_id in ("", one.spec.runtime_id)]


def ramp(now_s: float, begin_s: float, ramp_s: float) -> float:
    """Return how far a slow fault has come, 0..1."""
    return 1.0 if ramp_s <= 0.0 else min(1.0, max(0.0, (now_s - begin_s) / ramp_s))
