"""A serving runtime of a simulated node: its process, the models in its memory, the requests in hand.

    down --start--> starting --loaded--> up --stop, crash--> down

Ollama and its like load a model when it is asked for and drop it when nobody does; the others load theirs
when they start. A process that hangs makes no progress; its requests stay.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from producers.simulator import startup
from producers.simulator.gpu import Gpu
from producers.simulator.hardware.cpus import Cpu
from producers.simulator.hardware.models import Shape, shape
from producers.simulator.kinds import KINDS
from producers.simulator.physics.batching import Batch, End
from producers.simulator.physics.queueing import Request
from producers.simulator.placement import Placement, moved, place, room_bytes
from producers.simulator.scenario.machines import Model, Runtime

State = Literal["down", "starting", "up"]
Over = Callable[[Request, End, float], None]
First = Callable[[Request, float], None]


class Loaded:
    """A model in memory. ``ready_s`` is when it can serve, ``expires_s`` when it is dropped unless asked.

    ``stands_s`` is the expiry that Ollama shows: that of when it was idle last, NaN until it was.
    """

    __slots__ = ("asked", "batch", "expires_s", "placement", "ready_s", "spec", "stands_s")

    def __init__(self, spec: Model, placement: Placement, batch: Batch, ready_s: float) -> None:
        self.spec = spec
        self.placement = placement
        self.batch = batch
        self.ready_s = ready_s
        self.expires_s = math.inf
        self.stands_s = math.nan
        self.asked = 0.0  # of the last step, the share in which it had something to do


class Server:
    """One runtime. ``stall`` is the share of time in which the machine lets it wait; faults set the rest."""

    def __init__(
        self, spec: Runtime, gpus: Sequence[Gpu], cpu: Cpu, *, on_end: Over, on_first: First
    ) -> None:
        self.spec = spec
        self.kind = KINDS[spec.kind]
        self.gpus = tuple(gpus)
        self.cpu = cpu
        self.on_end = on_end
        self.on_first = on_first
        self.catalogue: dict[str, Model] = {model.name: model for model in spec.models}
        self.wanted: list[str] = [model.name for model in spec.models if model.loaded]
        self.loaded: dict[str, Loaded] = {}
        self.state: State = "down"
        self.ready_s = math.inf
        self.down_since_s = -math.inf
        self.generation = 0  # of the process: counters begin anew with each
        self.hung = False
        self.answers = True
        self.offload = 0.0
        self.taken_ratio = 0.0
        self.stall = 0.0
        self.failed = 0  # requests that it answered with an error
        # Of the last step: the share of the processor's cores that its kernels use, and accelerators.
        self.cpu_busy = self.gpu_busy = 0.0
        self._written = 0.0  # by models that are gone
        self.reads_bytes_per_s = 0.0
        self._queue: list[Request] = []  # for models that are not in memory yet

    @property
    def up(self) -> bool:
        """Whether it takes requests."""
        return self.state == "up" and self.answers

    @property
    def host_bytes(self) -> float:
        """Memory of the machine that it holds."""
        if self.state == "down":
            return 0.0
        held = sum(one.placement.host_bytes for one in self.loaded.values())
        return self.kind.process_bytes + held

    def load_s(self, model: Shape) -> float:
        """Return how long a model's bytes take from disk, and over the link to the accelerators."""
        linked = [gpu for gpu in self.gpus if gpu.chip.pcie_generation]
        links = [(gpu.pcie_width, gpu.pcie_generation) for gpu in linked]
        return startup.load_s(model.weights_bytes, links)

    def start(self, now_s: float, *, warm: bool = False) -> None:
        """Start the process; ``warm``: it has been there all along."""
        self.generation += 1
        self.state, self.hung, self.answers = "starting", False, True
        self.ready_s = now_s if warm else now_s + self.kind.start_s
        for name in self.wanted if warm or not self.kind.on_demand else ():
            one = self._load(self.catalogue[name], self.ready_s, warm=warm)
            self.ready_s = max(self.ready_s, one.ready_s)
        if warm or self.ready_s <= now_s:
            self.state = "up"

    def stop(self, now_s: float, how: End = "died") -> None:
        """End the process, and with it what it had in hand."""
        if self.state == "down":
            return
        for name in list(self.loaded):
            self.unload(name, now_s, how)
        for request in self._queue:
            self._fail(request, how, now_s)
        self._queue.clear()
        self.state, self.down_since_s = "down", now_s
        self.cpu_busy = self.gpu_busy = self.reads_bytes_per_s = 0.0

    def unload(self, name: str, now_s: float, how: End = "died") -> None:
        """Drop a model from memory."""
        one = self.loaded.pop(name)
        one.batch.abort_all(now_s, how)
        self._written += one.batch.counters.generated
        for gpu in one.placement.gpus:
            gpu.held_bytes = max(0.0, gpu.held_bytes - one.placement.gpu_bytes)

    def bring(self, model: Model, now_s: float) -> None:
        """Load a model by name, making room where it must; what cannot load one at work starts anew."""
        self.catalogue[model.name] = model
        if self.kind.on_demand:
            if model.name not in self.loaded and self.state == "up":
                self._make_room(model, now_s)
                one = self._load(model, now_s, warm=False)
                one.expires_s = one.ready_s + self.spec.keep_alive_s
            return
        self.wanted = [*(name for name in self.wanted if name != model.name), model.name]
        self.stop(now_s)
        self.start(now_s)

    def drop(self, name: str, now_s: float) -> None:
        """Drop a model by name, if it is there; it is not loaded again by a start."""
        self.wanted = [one for one in self.wanted if one != name]
        if name in self.loaded:
            self.unload(name, now_s)

    def post(self, at_s: float, request: Request) -> None:
        """Take a request that arrives within the step to come; the runtime is up."""
        one = self.loaded.get(request.model)
        if one is not None and one.ready_s <= at_s:
            one.expires_s = math.inf
            one.batch.post(at_s, request)
        elif self.kind.on_demand:
            self._queue.append(request)
        else:
            self._fail(request, "failed", at_s)

    def cancel(self, request: Request, at_s: float, how: End) -> None:
        """End a request whose client, or whose connection, is gone."""
        if request in self._queue:
            self._queue.remove(request)
            self._fail(request, how, at_s)
        elif not request.over and request.model in self.loaded:
            self.loaded[request.model].batch.abort(request, at_s, how)

    def advance(self, begin_s: float, end_s: float, cpu_pace: float) -> None:
        """Let time pass; ``cpu_pace`` is the speed of the processor, 1 at its full clock and alone."""
        if self.state != "up":
            self._start(end_s)
            return
        if self.kind.on_demand:
            self._demand(begin_s)
        self.cpu_busy = self.gpu_busy = 0.0
        for one in self.loaded.values():
            if one.batch.quiet_until(end_s) or one.ready_s > begin_s:
                one.asked = 0.0
            else:
                self._advance(one, begin_s, end_s, cpu_pace)

    def _start(self, now_s: float) -> None:
        """Read models from disk until all are there."""
        if self.state == "starting":
            loading = any(one.ready_s > now_s for one in self.loaded.values())
            self.reads_bytes_per_s = startup.DISK_BYTES_PER_S if loading else 0.0
            self.state = "up" if self.ready_s <= now_s else "starting"

    def rewire(self) -> None:
        """Let models run at the speed that links and offloaded layers allow now, where they are."""
        for one in self.loaded.values():
            if one.placement.gpus:
                one.placement = moved(one.placement, self.kind, one.batch.shape, self.cpu, self.offload)
                one.batch.rig = one.placement.rig

    def batches(self) -> Iterable[Batch]:
        """Return the batches of all models."""
        return [one.batch for one in self.loaded.values()]

    def requests(self) -> list[Request]:
        """Return every request in hand."""
        return [*self._queue, *(request for batch in self.batches() for request in batch.requests())]

    @property
    def written(self) -> float:
        """Tokens written in all its life."""
        return self._written + sum(batch.counters.generated for batch in self.batches())

    @property
    def waiting(self) -> int:
        """Requests that are in nobody's batch."""
        return len(self._queue) + sum(batch.waiting for batch in self.batches())

    @property
    def running(self) -> int:
        """Requests in a batch."""
        return sum(batch.running for batch in self.batches())

    def _advance(self, one: Loaded, begin_s: float, end_s: float, cpu_pace: float) -> None:
        batch, gpus = one.batch, one.placement.gpus
        batch.cache.taken_ratio = self.taken_ratio
        if gpus:
            clock = min(gpu.clock for gpu in gpus)
            share = min(gpu.share_of(one.asked) for gpu in gpus)
        else:
            clock, share = 1.0, cpu_pace
        share *= 1.0 - self.stall
        batch.did.clear()
        batch.advance(begin_s, end_s, clock, 0.0 if self.hung else share)
        self._account(one, share, end_s - begin_s)
        if self.kind.on_demand and batch.idle and one.expires_s == math.inf:
            self._touch(one.spec.name, end_s)

    def _account(self, one: Loaded, share: float, dt_s: float) -> None:
        """Turn seconds into shares of the step, and add them to the accelerators."""
        did, placement = one.batch.did, one.placement
        did.scale(1.0 / dt_s)
        one.asked = did.busy / share if share > 0.0 else 0.0
        for gpu in placement.gpus:
            gpu.activity.add(did, placement.gpu_ratio)
            gpu.asked += one.asked * placement.gpu_ratio
        self.cpu_busy += did.busy * placement.cpu_ratio
        self.gpu_busy += did.busy * placement.gpu_ratio * len(placement.gpus)

    def _load(self, model: Model, now_s: float, *, warm: bool) -> Loaded:
        what = shape(model)
        placement = place(self.kind, self.spec, what, self.gpus, self.cpu, self.offload)
        batch = Batch(
            what, placement.rig, placement.cache, slots=self.spec.slots, piece=self.kind.piece,
            paged=self.kind.paged, on_end=self.on_end, on_first=self.on_first,
        )  # fmt: skip
        for gpu in placement.gpus:
            gpu.held_bytes += placement.gpu_bytes
        one = Loaded(model, placement, batch, now_s if warm else now_s + self.load_s(what))
        self.loaded[model.name] = one
        if self.kind.on_demand and warm:
            self._touch(model.name, now_s)
        return one

    def _touch(self, name: str, now_s: float) -> None:
        """Let the time to live of a model begin anew."""
        if name in self.loaded and self.kind.on_demand:
            one = self.loaded[name]
            one.expires_s = one.stands_s = now_s + self.spec.keep_alive_s

    def _demand(self, now_s: float) -> None:
        """Drop what nobody asked for, load what somebody waits for, hand over who waited."""
        for name, one in list(self.loaded.items()):
            if one.expires_s <= now_s and one.batch.idle:
                self.unload(name, now_s)
        self.reads_bytes_per_s = 0.0
        for one in self.loaded.values():
            if one.ready_s > now_s:
                self.reads_bytes_per_s += startup.DISK_BYTES_PER_S
        if self._queue and not self.hung:
            self._serve_queue(now_s)

    def _serve_queue(self, now_s: float) -> None:
        left: list[Request] = []
        for request in self._queue:
            one = self.loaded.get(request.model)
            if request.arrived_s + request.patience_s <= now_s:
                self._fail(request, "abandoned", now_s)
            elif one is not None and one.ready_s <= now_s:
                one.expires_s = math.inf
                one.batch.post(now_s, request)
            elif request.model not in self.catalogue:
                self._fail(request, "failed", now_s)
            else:
                left.append(request)
                if one is None and self._make_room(self.catalogue[request.model], now_s):
                    self._load(self.catalogue[request.model], now_s, warm=False)
        self._queue = left

    def _make_room(self, model: Model, now_s: float) -> bool:
        """Drop idle models, the one that was used longest ago first, until this one fits or none is left."""
        need = room_bytes(self.kind, self.spec, shape(model))
        if not self.gpus:
            return True
        while sum(gpu.memory_free_bytes for gpu in self.gpus) < need:
            idle = [one for one in self.loaded.values() if one.batch.idle and one.ready_s <= now_s]
            if not idle:
                return not self.loaded  # alone, what does not fit goes to the processor
            self.unload(min(idle, key=lambda one: one.expires_s).spec.name, now_s)
        return True

    def _fail(self, request: Request, how: End, at_s: float) -> None:
        request.over = True
        self.on_end(request, how, at_s)
