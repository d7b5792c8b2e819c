"""Readings that repeat or are missing, and the agent's own judgement of those that repeat."""

from producers.node.frozen import FrozenReadings
from producers.node.progress import Reading, View
from producers.node.source import Facts
from schemas.events.node_sample import GpuSample, HostSample, NodeSample
from schemas.events.reading import NAN, known

Key = tuple[str, int]  # reading and accelerator; -1: the machine's
_HOST = "host."


class HeldReadings:
    """What of a node's samples does not follow the world; ``gpus`` is how many accelerators it has."""

    def __init__(self, gpus: int) -> None:
        self._gpus = gpus
        self._lost: set[Key] = set()
        self._frozen: dict[Key, float | None] = {}  # None: as the next sample says
        self._judge = FrozenReadings()
        self._watching = False

    def hold(self, reading: str, gpus: tuple[int, ...], *, lost: bool) -> None:
        """Hold a reading at what it is in the next sample, or let it be missing."""
        keys = self._keys(reading, gpus)
        if lost:
            self._lost.update(keys)
        else:
            self._frozen.update(dict.fromkeys(keys))
            self._watching = True

    def release(self, reading: str, gpus: tuple[int, ...]) -> None:
        """Let a reading follow the world again."""
        for key in self._keys(reading, gpus):
            self._lost.discard(key)
            self._frozen.pop(key, None)

    def applied(self, sample: NodeSample) -> NodeSample:
        """Return the sample as the agent sends it."""
        for key, value in self._frozen.items():
            if value is None:
                self._frozen[key] = _reading(sample, key)
        held = {**self._frozen, **dict.fromkeys(self._lost, NAN)}
        for (reading, index), value in sorted(held.items()):
            sample = _replaced(sample, reading, index, NAN if value is None else value)
        return self._judge.screened(sample, [view(sample)]) if self._watching else sample

    def _keys(self, reading: str, gpus: tuple[int, ...]) -> list[Key]:
        if reading.startswith(_HOST):
            return [(reading, -1)]
        return [(reading, index) for index in gpus or range(self._gpus)]


def view(sample: NodeSample) -> View:
    """Return what the agent's collectors would show: everything was read just now."""
    facts = Facts(host=dict.fromkeys(HostSample._fields, 0.0), gpus=sample.gpus)
    return View("simulated", 1.0, "ok", "", "", Reading(facts, sample.agent.monotonic_s))


def _reading(sample: NodeSample, key: Key) -> float | None:
    """Return a reading; none where there is none to hold on to."""
    reading, index = key
    record: HostSample | GpuSample = sample.host if index < 0 else sample.gpus[index]
    value: float = getattr(record, reading.partition(".")[2])
    return value if known(value) else None


def _replaced(sample: NodeSample, reading: str, index: int, value: float) -> NodeSample:
    told: dict[str, float] = {reading.partition(".")[2]: value}
    if index < 0:
        return sample._replace(host=sample.host._replace(**told))  # type: ignore[arg-type]  # a number
    gpus = list(sample.gpus)
    if gpus[index].status == "ok":
        gpus[index] = gpus[index]._replace(**told)  # type: ignore[arg-type]  # likewise
    return sample._replace(gpus=tuple(gpus))
