"""The table of rules for frozen readings in ``docs/node.md``."""

from infra.docs.markdown import table
from producers.node.frozen_rules import GPU_RULES, HOST_RULES, Rule


def render() -> str:
    """Return the table: reading, how long it may repeat, and why not longer."""
    rows = [_row(f"gpu `{rule.reading}`", rule) for rule in GPU_RULES]
    rows += [_row(f"host `{rule.reading}`", rule) for rule in HOST_RULES]
    return table(("reading", "frozen after", "why it cannot repeat"), rows)


def _row(name: str, rule: Rule) -> tuple[str, str, str]:
    return name, f"{rule.for_s:.0f} s", rule.why
