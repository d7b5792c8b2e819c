"""What a rule can be about: the closed list of fields of each source, from the schemas of its events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from schemas.codec.catalog import latest

Source = Literal["node-states", "requests", "observations", "alerts"]
Kind = Literal["number", "text"]

# Parts of a node of which the worst counts, and what they are called in a rule.
PARTS: Mapping[str, str] = {"gpu": "gpus", "runtime": "runtimes", "model": "models"}
# States that are texts, and what they may be.
TEXTS = ("inference_state", "thermal_state", "cpu_thermal_state", "routing_hint")
_COMPUTED: Mapping[str, str] = {
    "memory_used_ratio": "0..1, of the memory of the node",
    "gpu.memory_used_ratio": "0..1, of the memory of an accelerator",
    "gpus_failed": "accelerators whose status is not ok",
    "runtimes_failed": "runtimes whose status is not up",
}
_QUANTILES: Mapping[str, str] = {
    "ttft": "milliseconds to the first token",
    "total": "milliseconds from received to finished",
    "queue_wait": "milliseconds in the queue",
    "inter_token": "milliseconds between tokens, a mean for each request",
}
_RATES: Mapping[str, str] = {
    "error_rate": "0..1, of the finished requests: those that failed for a reason that is not their client's",
    "abandoned_rate": "0..1, of the finished requests: those whose client left",
    "requests_per_s": "finished requests a second",
    "tokens_per_s": "generated tokens a second, of finished requests",
    "open_requests": "requests in the queue or at the node at the end of the window",
}


@dataclass(frozen=True, slots=True)
class RuleField:
    """A field: what it holds, its unit in words, and for a text what it may be."""

    name: str
    kind: Kind
    doc: str
    symbols: tuple[str, ...] = ()


@cache
def fields_of(source: Source) -> Mapping[str, RuleField]:
    """Return the fields of a source by name.

    Observations and alerts have none: they hold from opened to resolved.
    """
    if source == "node-states":
        found = [*_node_fields(), *(RuleField(name, "number", doc) for name, doc in _COMPUTED.items())]
    elif source == "requests":
        found = [*_quantile_fields(), *(RuleField(name, "number", doc) for name, doc in _RATES.items())]
    else:
        found = []
    return {field.name: field for field in found}


def _node_fields() -> Iterator[RuleField]:
    schema = latest("node_state").schema
    enums = {each["name"]: each for each in _enums(schema)}
    for field in schema["fields"]:
        if field["type"] == "double":
            yield RuleField(field["name"], "number", field["doc"])
        elif field["name"] in TEXTS:
            name = field["type"] if isinstance(field["type"], str) else field["type"]["name"]
            yield RuleField(field["name"], "text", field["doc"], tuple(enums[name]["symbols"]))
    for part, array in PARTS.items():
        record = next(each for each in schema["fields"] if each["name"] == array)["type"]["items"]
        for field in record["fields"]:
            if field["type"] == "double":
                yield RuleField(f"{part}.{field['name']}", "number", f"worst of all {array}: {field['doc']}")


def _enums(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in record["fields"]:
        if isinstance(field["type"], Mapping) and field["type"]["type"] == "enum":
            yield field["type"]


def _quantile_fields() -> Iterator[RuleField]:
    for name, doc in _QUANTILES.items():
        for percent in (50, 95, 99):
            yield RuleField(
                f"{name}_p{percent}_ms", "number", f"{percent} % of the requests had at most: {doc}"
            )
