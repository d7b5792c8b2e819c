"""The values of a node state that rules are about, each by a function that is made once for its field."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, cast

from processors.rules.rule import UPWARD, Rule, Value, selects_model
from schemas.events.node_state import GpuState, ModelState, NodeState, RuntimeState
from schemas.events.reading import NAN
from schemas.rule_document import Selection
from schemas.rule_fields import PARTS

Read = Callable[[NodeState], Value]


class Reading(NamedTuple):
    """A field, and which of several counts. ``models``: only these; empty: all."""

    field: str
    highest: bool
    models: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the reading as a text, for the state's bytes."""
        return "|".join((self.field, "max" if self.highest else "min", *self.models))


def reading_of(rule: Rule) -> Reading:
    """Return what a rule reads: of several accelerators or models the one furthest towards its threshold."""
    if "." not in rule.field:
        return Reading(rule.field, True)
    models = rule.document.select.models if rule.field.startswith("model.") else ()
    return Reading(rule.field, rule.op in UPWARD, models)


@cache
def reader(reading: Reading) -> Read:
    """Return a function from a node state to the value; NaN: no reading."""
    computed = _COMPUTED.get(reading.field)
    if computed is not None:
        return computed
    part, _, name = reading.field.rpartition(".")
    if not part:
        place = NodeState._fields.index(reading.field)
        return lambda state: cast(Value, state[place])
    if reading.field == "gpu.memory_used_ratio":
        return _memory_of_gpus(reading.highest)
    return _worst(part, name, reading)


def _worst(part: str, name: str, reading: Reading) -> Read:
    array = NodeState._fields.index(PARTS[part])
    kind: type[GpuState | RuntimeState | ModelState] = {
        "gpu": GpuState, "runtime": RuntimeState, "model": ModelState
    }[part]  # fmt: skip
    place, highest = kind._fields.index(name), reading.highest
    wanted = Selection(models=reading.models) if reading.models else None

    def read(state: NodeState) -> float:
        worst = NAN
        for one in state[array]:  # type: ignore[union-attr] # a tuple of parts
            if wanted is not None and not selects_model(wanted, one[0]):
                continue
            value = cast(float, one[place])
            # NaN compares as false: it neither begins nor ends as the worst.
            if value == value and not (worst > value if highest else worst < value):
                worst = value
        return worst

    return read


def _memory_of_gpus(highest: bool) -> Read:
    choose = max if highest else min

    def read(state: NodeState) -> float:
        shares = [
            gpu.memory_used_bytes / gpu.memory_total_bytes for gpu in state.gpus if gpu.memory_total_bytes
        ]
        return choose((share for share in shares if share == share), default=NAN)

    return read


def _memory_used(state: NodeState) -> float:
    total = state.memory_total_bytes
    return 1.0 - state.memory_available_bytes / total if total else NAN


def _gpus_failed(state: NodeState) -> float:
    return float(sum(gpu.status != "ok" for gpu in state.gpus))


def _runtimes_failed(state: NodeState) -> float:
    return float(sum(runtime.status != "up" for runtime in state.runtimes))


_COMPUTED: dict[str, Read] = {
    "memory_used_ratio": _memory_used,
    "gpus_failed": _gpus_failed,
    "runtimes_failed": _runtimes_failed,
}
