"""Rules without names: fleets and nodes under their pseudonyms, no comments, the same thresholds."""

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from processors.replay.capsule.redaction.fields import Treatment


def names(text: str) -> Mapping[Treatment, tuple[str, ...]]:
    """Return the fleets and the nodes that rules name."""
    document = tomllib.loads(text)
    return {
        Treatment.FLEET: tuple(document.get("fleets", {})),
        Treatment.NODE: tuple(document.get("nodes", {})),
    }


def redacted(text: str, name: Callable[[str], str]) -> str:
    """Return the rules with ``name`` of each fleet and node. Chips are products, and stay."""
    document = tomllib.loads(text)
    for group in ("fleets", "nodes"):
        if group in document:
            document[group] = {name(key): document[group][key] for key in sorted(document[group])}
    return "\n".join(_tables(document, ()))


def _tables(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = []
    if values:
        lines += [f"[{'.'.join(map(_quoted, path))}]"]
        lines += [f"{_quoted(key)} = {_scalar(value)}" for key, value in sorted(values.items())] + [""]
    for key in sorted(table.keys() - values.keys()):
        lines += _tables(table[key], (*path, key))
    return lines


def _quoted(key: str) -> str:
    return json.dumps(key)


def _scalar(value: bool | float) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
