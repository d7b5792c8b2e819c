"""Readings that repeat or are missing, and the agent's own judgement of those that repeat."""

from producers.node.frozen import FrozenReadings
from producers.node.progress import Reading, View
from producers.node.source import Facts
from schemas.events.node_sample import GpuSample, HostSample, NodeSample
from schemas.events.reading import NAN

Key = tuple[str, int]  # reading and accelerator; -1: the machine's
_HOST, _GPU = "host.", "gpu."


class HeldReadings:
    """What of a node's samples does not follow the world."""

    def __init__(self) -> None:
        self._held: dict[Key, float | None] = {}  # None: missing
        self._latest: NodeSample | None = None
        self._judge = FrozenReadings()
        self._watching = False

    def hold(self, reading: str, gpus: tuple[int, ...], *, lost: bool) -> None:
        """Hold a reading at what it was in the sample before, or let it be missing."""
        for key in self._keys(reading, gpus):
            self._held[key] = None if lost else self._before(key)
            self._watching = self._watching or not lost

    def release(self, reading: str, gpus: tuple[int, ...]) -> None:
        """Let a reading follow the world again."""
        for key in self._keys(reading, gpus):
            self._held.pop(key, None)

    def applied(self, sample: NodeSample) -> NodeSample:
        """Return the sample as the agent sends it."""
        self._latest = sample
        if self._held:
            sample = self._replaced(sample)
        if self._watching:
            sample = self._judge.screened(sample, [_view(sample)])
        return sample

    def _keys(self, reading: str, gpus: tuple[int, ...]) -> list[Key]:
        if reading.startswith(_HOST):
            return [(reading, -1)]
        count = len(self._latest.gpus) if self._latest is not None else 0
        return [(reading, index) for index in gpus or range(count)]

    def _before(self, key: Key) -> float:
        reading, index = key
        sample = self._latest
        if sample is None:
            return NAN
        record: HostSample | GpuSample = sample.host if index < 0 else sample.gpus[index]
        value: float = getattr(record, reading.split(".", 1)[1])
        return value

    def _replaced(self, sample: NodeSample) -> NodeSample:
        host, gpus = sample.host, list(sample.gpus)
        for (reading, index), value in self._held.items():
            name = reading.split(".", 1)[1]
            told: dict[str, float] = {name: NAN if value is None else value}
            if index < 0:
                host = host._replace(**told)  # type: ignore[arg-type]  # a reading is a number
            elif index < len(gpus) and gpus[index].status == "ok":
                gpus[index] = gpus[index]._replace(**told)  # type: ignore[arg-type]  # likewise
        return sample._replace(host=host, gpus=tuple(gpus))


def _view(sample: NodeSample) -> View:
    """Return what the agent's collectors would show: everything was read just now."""
    facts = Facts(host=dict.fromkeys(HostSample._fields, 0.0), gpus=sample.gpus)
    return View("simulated", 1.0, "ok", "", "", Reading(facts, sample.agent.monotonic_s))
