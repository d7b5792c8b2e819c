"""What is said of a condition, in one sentence: the rule's own message, or one that is made for it."""

from processors.rules.rule import Rule
from schemas.events.condition_changed import ConditionChanged
from schemas.rule_document import fill

_WORDS = {
    ">": "is {value}, more than {threshold}",
    ">=": "is {value}, at least {threshold}",
    "<": "is {value}, less than {threshold}",
    "<=": "is {value}, at most {threshold}",
    "==": "is {value}{now}",
    "!=": "is {value}{now}, not {threshold}",
    "below": "fell to {value}, below {threshold}",
    "above": "rose to {value}, above {threshold}",
    "changed": "changed from {was} to {now}",
}
MOST_CHARACTERS = 500


def number(value: float) -> str:
    """Return a number with six significant digits; nothing where there is none."""
    return f"{value:.6g}" if value == value else ""


def sentence(rule: Rule, condition: ConditionChanged, told: str) -> str:
    """Return the text of a condition; ``told`` is what was observed, where something was."""
    values = {
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
    if rule.document.message:
        return fill(rule.document.message, values)[:MOST_CHARACTERS]
    if rule.op is None:
        return (told or rule.name)[:MOST_CHARACTERS]
    return f"{_about(condition)}: {rule.field} {fill(_WORDS[rule.op], values)}"


def _about(condition: ConditionChanged) -> str:
    """Name the subject: the node, and the model where the condition is of one."""
    return " ".join(filter(None, (condition.node_id, condition.model))) or condition.fleet
