"""Memory errors of accelerators."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.scenario.faults import EccBurst

# Uncorrected errors that the driver answers by remapping a row.
_REMAPS = 1.0


class EccBurstEffect(Effect):
    """Counters grow at a rate; the driver tells of uncorrected errors by an XID each."""

    steps = True

    def __init__(self, fault: EccBurst) -> None:
        self._fault = fault
        self._last_s = fault.at_s
        self._corrected = self._uncorrected = 0.0

    def step(self, site: Site, now_s: float) -> None:
        """Count what has happened since the last step, in whole errors."""
        fault, passed_s = self._fault, max(0.0, now_s - self._last_s)
        self._last_s = now_s
        self._corrected += fault.corrected_per_s * passed_s
        self._uncorrected += fault.uncorrected_per_s * passed_s
        corrected, uncorrected = int(self._corrected), int(self._uncorrected)
        self._corrected -= corrected
        self._uncorrected -= uncorrected
        for gpu in gpus_of(site, fault):
            gpu.corrected += corrected
            gpu.uncorrected += uncorrected
            gpu.remapped += _REMAPS * uncorrected
            if fault.xid:
                gpu.xids.extend([fault.xid] * uncorrected)
