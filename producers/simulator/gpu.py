"""One accelerator of a simulated node: its clocks, its heat, its memory, its link, its errors."""

from collections.abc import Sequence

from producers.simulator.hardware.chips import Chip
from producers.simulator.physics.activity import Activity
from producers.simulator.physics.dvfs import Governor
from producers.simulator.physics.thermal import OWN_FANS, SERVER_FANS, Body, cooling

# What driver and display take of the memory.
_RESERVED_BYTES = 5.2e8
# What a program that computes makes a board draw at rest, as a share of its idle power.
_HELD_SHARE = 0.25
# XID 79: the GPU has fallen off the bus.
FELL_OFF = 79


class Gpu:
    """State of one accelerator; faults change it, the node moves it forward.

    ``share`` is of the time that its runtimes ask for: below 1 they take turns. ``held_bytes`` are those of
    runtimes, ``foreign_bytes`` of others.
    """

    __slots__ = (
        "activity", "asked", "body", "chip", "clock", "corrected", "energy_j", "foreign_bytes",
        "foreign_ratio", "governor", "gpu_id", "held_bytes", "index", "lost", "pcie_generation",
        "pcie_width", "remapped", "replays", "slot_generation", "slot_width",
        "uncorrected", "used_before", "uuid", "xids",
    )  # fmt: skip

    def __init__(self, chip: Chip, index: int, digits: str, *, limit_w: float, airflow: float, spread: float,
                 air_c: float, width: int, generation: int) -> None:  # fmt: skip
        self.chip = chip
        self.index = index
        self.gpu_id = f"GPU-{digits[:8]}" if chip.vendor == "nvidia" else "apple-gpu"
        self.uuid = f"GPU-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
        fans = OWN_FANS if chip.fans else SERVER_FANS
        cooler = cooling(full_c=chip.full_c, full_w=chip.limit_w, memory_rise_c=chip.memory_rise_c, fans=fans)
        self.body = Body(cooler, air_c)
        self.body.resistance = spread / airflow
        self.governor = Governor(
            idle_w=chip.idle_w, limit_w=chip.limit_w, floor=chip.floor_clock_mhz / chip.busy_clock_mhz,
            target_c=chip.target_c, slowdown_c=chip.slowdown_c, memory_limit_c=chip.memory_limit_c,
        )  # fmt: skip
        self.governor.limit_w = limit_w
        self.activity = Activity()
        self.asked = 0.0  # of this step, by its runtimes together
        self.used_before = 0.0  # likewise, of the step before
        self.clock = 1.0
        self.energy_j = 0.0
        self.held_bytes = self.foreign_bytes = self.foreign_ratio = 0.0
        self.lost = False
        self.pcie_width, self.pcie_generation = width, generation
        self.slot_width, self.slot_generation = width, generation  # what device and slot could
        self.replays = self.corrected = self.uncorrected = self.remapped = 0.0
        self.xids: list[int] = []
        self.body.settle(chip.idle_w, 0.0, air_c)

    @property
    def memory_used_bytes(self) -> float:
        """Bytes in use, never more than there are."""
        most = self.chip.memory_bytes
        return min(most, _RESERVED_BYTES + self.held_bytes + self.foreign_bytes)

    @property
    def memory_free_bytes(self) -> float:
        """Bytes that a runtime could take."""
        return self.chip.memory_bytes - self.memory_used_bytes

    def share_of(self, own: float) -> float:
        """Return the share of time that one gets who asked for ``own`` of the step before."""
        others = max(0.0, self.used_before - own) + self.foreign_ratio
        return 1.0 / (1.0 + others) if others > 0.01 else 1.0

    def step(self, air_c: float, dt_s: float) -> None:
        """Let ``dt_s`` pass with what ``activity`` says was done; prepare for the next step."""
        did, governor, body = self.activity, self.governor, self.body
        if self.lost:
            body.heat(0.0, 0.0, air_c, dt_s)
            self.used_before = 0.0
            did.clear()
            return
        did.foreign = min(self.foreign_ratio, max(0.0, 1.0 - did.busy)) if self.foreign_ratio > 0.0 else 0.0
        governor.held_w = (
            self.chip.idle_w * _HELD_SHARE if self.held_bytes + self.foreign_bytes > 1e9 else 0.0
        )
        governor.step(did, body.die_c, body.memory_c, dt_s)
        self.energy_j += governor.power_w * dt_s
        body.heat(governor.power_w, did.traffic, air_c, dt_s)
        self.clock = governor.clock
        self.used_before, self.asked = self.asked, 0.0
        if body.die_c >= self.chip.shutdown_c + 1.0:
            self.fall_off()

    def fall_off(self) -> None:
        """Fall off the bus; by heat, or as a fault."""
        if not self.lost:
            self.lost = True
            self.xids.append(FELL_OFF)

    def restore(self, air_c: float) -> None:
        """Be there again after a reset of the machine or the device."""
        self.lost = False
        self.held_bytes = 0.0
        self.governor.thermal, self.governor.hot = 1.0, False
        self.body.settle(self.chip.idle_w, 0.0, air_c)


def slowest(gpus: Sequence[Gpu]) -> float:
    """Return the clock of the slowest: accelerators that work on one step wait for each other."""
    return min(gpu.clock for gpu in gpus)
