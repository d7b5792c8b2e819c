"""A rule as the stages judge by it: its document, read once, and what it selects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from math import nan

from schemas.errors import ConfigError
from schemas.events.condition_changed import Label
from schemas.events.observation import Severity
from schemas.events.rule_changed import RuleChanged
from schemas.rule_document import Operator, RuleDocument, Selection, parse_rule

SECOND_US = 1_000_000
UPWARD: frozenset[Operator] = frozenset((">", ">=", "above"))
# Comparisons that change when a value goes over a threshold, and those that change when it reaches it.
BEYOND: frozenset[Operator] = frozenset((">", "<=", "above"))
CROSSINGS: frozenset[Operator] = frozenset(("below", "above"))
Value = float | str


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One revision of a rule. Times in µs; ``threshold`` and ``clear`` NaN: the rule is about texts.

    ``judged`` is the part that says when it fires: revisions that agree in it are one rule to what fires.
    """

    id: str
    revision: int
    document: RuleDocument
    text: str
    judged: str
    field: str
    op: Operator | None
    threshold: float
    clear: float
    word: str
    for_us: int
    keep_us: int
    window_us: int

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.document.name or self.id

    @property
    def severity(self) -> Severity:
        """How bad it is, where nothing that was observed says so."""
        return self.document.severity or "warning"

    @property
    def is_edge(self) -> bool:
        """Whether it fires only when a value changes sides, not when it is found there."""
        return self.op in CROSSINGS

    def holds(self, value: Value) -> bool:
        """Return whether what the rule asks for is so."""
        return self._named(value) if isinstance(value, str) else self._compared(value, self.threshold)

    def lasts(self, value: Value) -> bool:
        """Return whether a rule that fires goes on; it differs from ``holds`` where there is hysteresis."""
        return self._named(value) if isinstance(value, str) else self._compared(value, self.clear)

    def _named(self, value: str) -> bool:
        return (value == self.word) == (self.op == "==")

    def _compared(self, value: float, limit: float) -> bool:
        match self.op:
            case ">" | "above":
                return value > limit
            case ">=":
                return value >= limit
            case "<" | "below":
                return value < limit
            case "<=":
                return value <= limit
            case "==":
                return value == limit
            case _:
                return value != limit


def compiled(event: RuleChanged) -> Rule:
    """Return the rule of an event.

    Raises:
        ConfigError: it is none; the text says what is wrong where.
    """
    return _compiled(event.rule_id, event.revision, event.rule)


@lru_cache(maxsize=20_000)
def _compiled(rule_id: str, revision: int, text: str) -> Rule:
    """Every partition of every stage is told of the same rules: each is read once."""
    document = parse_rule(text)
    if document.id != rule_id:
        raise ConfigError(f"the rule {rule_id} calls itself {document.id}")
    when = document.when
    threshold = when.value if when is not None and isinstance(when.value, float) else nan
    clear = threshold if when is None or when.clear_value is None else when.clear_value
    return Rule(
        rule_id,
        revision,
        document,
        text,
        _judged(document),
        when.field if when is not None else "",
        when.op if when is not None else None,
        threshold,
        clear,
        when.value if when is not None and isinstance(when.value, str) else "",
        round(document.for_s * SECOND_US),
        round(document.keep_firing_for_s * SECOND_US),
        (when.window_s if when is not None else 0) * SECOND_US,
    )


def _judged(document: RuleDocument) -> str:
    return document.model_dump_json(
        include={"enabled", "source", "select", "when", "for_s", "keep_firing_for_s", "severity"}
    )


def selects(select: Selection, fleet: str, node_id: str, tags: Iterable[Label]) -> bool:
    """Return whether a selection takes a node in: its fleet, its name and its tags."""
    return _one_of(select.fleets, fleet) and _one_of(select.nodes, node_id) and _tagged(select.tags, tags)


def selects_model(select: Selection, model: str) -> bool:
    """Return whether a selection takes a model in."""
    return _one_of(select.models, model)


def _one_of(globs: tuple[str, ...], name: str) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def _tagged(wanted: Mapping[str, str], tags: Iterable[Label]) -> bool:
    if not wanted:
        return True
    known = {tag.name: tag.value for tag in tags}
    return all(name in known and fnmatchcase(known[name], glob) for name, glob in wanted.items())
