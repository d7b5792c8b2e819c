"""What is said of a condition, in one sentence: the rule's own message, or one that is made for it."""

from processors.rules.rule import Rule
from schemas.events.condition_changed import ConditionChanged
from schemas.rule_document import fill

_MORE = {
    ">": "is {}, more than {}",
    ">=": "is {}, at least {}",
    "<": "is {}, less than {}",
    "<=": "is {}, at most {}",
    "!=": "is {}, not {}",
    "below": "fell to {}, below {}",
    "above": "rose to {}, above {}",
}
MOST_CHARACTERS = 500


def number(value: float) -> str:
    """Return a number with six significant digits; nothing where there is none."""
    return f"{value:.6g}" if value == value else ""


def sentence(rule: Rule, condition: ConditionChanged, told: str) -> str:
    """Return the text of a condition; ``told`` is what was observed, where something was."""
    if rule.document.message:
        return fill(rule.document.message, _values(rule, condition, told))[:MOST_CHARACTERS]
    if rule.op is None:
        return (told or rule.name)[:MOST_CHARACTERS]
    return f"{_about(condition)}: {rule.field} {_predicate(rule, condition)}"


def _predicate(rule: Rule, condition: ConditionChanged) -> str:
    now = condition.now or number(condition.value)
    if rule.op == "changed":
        return f"changed from {condition.was} to {now}"
    words = _MORE.get(rule.op or "")
    return f"is {now}" if words is None else words.format(now, rule.word or number(rule.threshold))


def _values(rule: Rule, condition: ConditionChanged, told: str) -> dict[str, str]:
    return {
        "rule": rule.name,
        "rule_id": rule.id,
        "fleet": condition.fleet,
        "node": condition.node_id,
        "model": condition.model,
        "subject": condition.subject,
        "severity": condition.severity,
        "field": rule.field,
        "op": rule.op or "",
        "value": number(condition.value),
        "threshold": number(rule.threshold) or rule.word,
        "was": condition.was,
        "now": condition.now,
        "text": told,
        **{label.name: label.value for label in condition.labels if label.name in ("pattern", "alert")},
    }


def _about(condition: ConditionChanged) -> str:
    """Name the subject: the node, and the model where the condition is of one."""
    if condition.model:
        return f"{condition.node_id} {condition.model}".strip()
    return condition.node_id or condition.fleet
