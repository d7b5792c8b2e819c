"""What a set of rules, or one rule, changes: told before it is done, and after."""

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 50


def fields(before: Any, after: Any, place: str = "") -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Yield each field that differs, with its place in dots, and what it was and is."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from fields(before.get(name), after.get(name), f"{place}.{name}" if place else name)
    elif before != after:
        yield {"field": place, "before": before, "after": after}
