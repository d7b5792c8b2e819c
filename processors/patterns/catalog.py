"""All patterns, in the order of their ids."""

from processors.patterns import thermal_drain
from processors.patterns.pattern import Pattern

PATTERNS: tuple[Pattern, ...] = (thermal_drain.PATTERN,)
