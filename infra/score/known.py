"""The patterns and alerts there are, by the files that define them."""

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from types import ModuleType

import processors.patterns
from processors.patterns.pattern import Pattern
from producers.simulator.scenario.model import Kind


@cache
def patterns() -> Sequence[Pattern]:
    """Return the patterns, by id."""
    found = [module.PATTERN for module in _modules(processors.patterns) if hasattr(module, "PATTERN")]
    return tuple(sorted(found, key=lambda pattern: pattern.id))


@cache
def known() -> Mapping[Kind, Collection[str]]:
    """Return the ids that a label can name."""
    return {"pattern": tuple(pattern.id for pattern in patterns()), "alert": ()}


def _modules(package: ModuleType) -> Sequence[ModuleType]:
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]
