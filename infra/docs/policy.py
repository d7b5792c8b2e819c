"""The table of a policy's parameters in ``docs/routing.md``."""

from infra.docs.markdown import table
from schemas.settings import PolicySettings


def render() -> str:
    """Return the table: name, what it is in the built-in policy, meaning."""
    rows = [
        (f"`{name}`", f"`{field.default}`", field.description or "")
        for name, field in PolicySettings.model_fields.items()
    ]
    return table(("parameter", "built in", "meaning"), rows)
