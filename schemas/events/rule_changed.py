"""Typed view of ``avro/rule_changed.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class RuleChanged(NamedTuple):
    """A rule was made, changed or deleted. The highest revision of a rule holds."""

    id: str
    occurred_at: int
    rule_id: str
    revision: int
    deleted: bool
    by: str
    rule: str
