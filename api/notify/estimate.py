"""How often a rule would have held in the last day: an estimate from the tables, so that nobody is flooded.

It counts states, or observations and alerts that opened, in which the condition holds, without ``for_s``,
hysteresis and cooldown. What cannot be counted so (quantiles of requests, changes) says only what the rule
is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

import orjson

from api.sql.parameters import options
from api.store import Store, StoreError
from schemas.errors import UnavailableError
from schemas.rule_document import RuleDocument, When
from schemas.rule_fields import PARTS

HELD_MUCH = 0.5
"""A rule that holds for more than this share of the last day at what it is about is warned of."""

_LIMITS = {
    "default_format": "JSONEachRow",
    "max_execution_time": "5",
    "output_format_json_quote_64bit_integers": "0",
}
_COMPARISONS = {"below": "<", "above": ">", "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_COMPUTED = {
    "memory_used_ratio": "1 - memory_available_bytes / memory_total_bytes",
    "gpu.memory_used_ratio": "memory_used_bytes / memory_total_bytes",
}
# Counts of what has failed come from rows of another table than the state's own.
_NOT_COUNTED = frozenset({"gpus_failed", "runtimes_failed"})
_SELECTED = {"fleets": "fleet", "nodes": "node_id"}
_DAY = "occurred_at > now() - INTERVAL 1 DAY"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a rule was about in the last day, of how many, and in which share of it the condition held.

    ``opened`` is of observations and alerts: how many it would have followed. None: not known.
    """

    subjects: int | None = None
    of: int | None = None
    held_share: float | None = None
    opened: int | None = None
    warnings: Sequence[str] = field(default_factory=tuple)

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "subjects": self.subjects,
            "of": self.of,
            "held_share": self.held_share,
            "opened": self.opened,
        }


async def estimate(store: Store, rule: RuleDocument) -> Estimate:
    """Return the estimate of a rule; where ClickHouse cannot say, one that says nothing."""
    if rule.source == "node-states":
        return await _of_states(store, rule)
    if rule.source == "requests":
        return await _of_requests(store, rule)
    return await _of_findings(store, rule)


async def _of_states(store: Store, rule: RuleDocument) -> Estimate:
    assert rule.when is not None
    table, condition = _condition(rule.when)
    where, values = _selection(rule)
    row = await _row(
        store,
        f"SELECT uniqIf(node_id, chosen) AS subjects, uniq(node_id) AS of,"
        f" countIf(chosen AND ({condition})) AS held, countIf(chosen) AS looked"
        f" FROM (SELECT *, ({where}) AS chosen FROM {table} WHERE {_DAY})",
        {**values, "threshold": rule.when.value},
    )
    if row is None:
        return Estimate()
    share = row["held"] / row["looked"] if row["looked"] and condition != "0" else None
    found = Estimate(row["subjects"], row["of"], share)
    return Estimate(found.subjects, found.of, share, None, _warnings(found))


def _warnings(found: Estimate) -> Sequence[str]:
    if found.of and not found.subjects:
        return ("it is about no node that told anything in the last day",)
    if found.held_share is not None and found.held_share > HELD_MUCH:
        return (
            f"the condition held for {found.held_share:.0%} of the last day at the {found.subjects} of"
            f" {found.of} nodes it is about: it would fire nearly always",
        )
    return ()


def _condition(when: When) -> tuple[str, str]:
    """Return the table that has the field, and the condition; ``0`` where it cannot be counted so."""
    if when.op == "changed" or when.field in _NOT_COUNTED:
        return "node_states", "0"
    part, dot, name = when.field.partition(".")
    table = f"{part}_states" if dot and part in PARTS else "node_states"
    column = _COMPUTED.get(when.field, name if dot else when.field)
    kind = "String" if isinstance(when.value, str) else "Float64"
    return table, f"ifNull(({column}) {_COMPARISONS[when.op]} {{threshold:{kind}}}, 0)"


async def _of_requests(store: Store, rule: RuleDocument) -> Estimate:
    where, values = _selection(rule)
    row = await _row(
        store,
        f"SELECT uniqIf((node_id, model), {where}) AS subjects, uniq((node_id, model)) AS of"
        f" FROM request_panes WHERE started_at > now() - INTERVAL 1 DAY",
        values,
    )
    if row is None:
        return Estimate()
    nothing = row["of"] and not row["subjects"]
    warnings = ("it is about no model of any node that had requests in the last day",) if nothing else ()
    return Estimate(row["subjects"], row["of"], None, None, warnings)


async def _of_findings(store: Store, rule: RuleDocument) -> Estimate:
    is_alert = rule.source == "alerts"
    name, kinds = ("alert", rule.select.alerts) if is_alert else ("pattern", rule.select.patterns)
    where, values = _selection(rule)
    if kinds:
        where, values = f"{where} AND has({{kinds:Array(String)}}, {name})", {**values, "kinds": list(kinds)}
    if rule.select.severities:
        where += " AND has({severities:Array(String)}, severity)"
        values["severities"] = list(rule.select.severities)
    row = await _row(
        store,
        f"SELECT uniqIf(node_id, {where}) AS subjects, uniq(node_id) AS of, countIf({where}) AS opened,"
        f" count() AS all FROM {rule.source[:-1]}_events WHERE kind = 'opened' AND {_DAY}",
        values,
    )
    if row is None:
        return Estimate()
    everything = row["all"] > 10 and row["opened"] == row["all"]
    warnings = (
        (f"it is about every one of the {row['all']} {rule.source} of the last day",) if everything else ()
    )
    return Estimate(row["subjects"], row["of"], None, row["opened"], warnings)


def _selection(rule: RuleDocument) -> tuple[str, dict[str, Any]]:
    """Return the condition that the selection is, and the values it names."""
    conditions, values = ["1"], dict[str, Any]()
    for name, column in _SELECTED.items():
        if globs := getattr(rule.select, name):
            conditions.append(f"arrayExists(each -> match({column}, each), {{{name}:Array(String)}})")
            values[name] = [_pattern(each) for each in globs]
    if rule.select.models and rule.source == "requests":
        conditions.append("arrayExists(each -> match(model, each), {models:Array(String)})")
        values["models"] = [_pattern(each) for each in rule.select.models]
    return " AND ".join(conditions), values


def _pattern(glob: str) -> str:
    """Return a glob as an expression of RE2."""
    return "^" + translate(glob).removeprefix("(?s:").removesuffix(r")\Z") + "$"


async def _row(store: Store, query: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    given = {name: value for name, value in values.items() if f"{{{name}:" in query}
    try:
        text = await store.text(query, options(given) | _LIMITS)
    except (StoreError, UnavailableError):
        # Without tables, or in more time than this is worth: the rule is right or wrong without it.
        return None
    row: dict[str, Any] = orjson.loads(text)
    return row
