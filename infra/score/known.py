"""The patterns and alerts that labels can name."""

from collections.abc import Collection, Mapping

from processors.fleet.catalog import ALERTS
from processors.patterns.catalog import PATTERNS
from schemas.labels import Kind


def known() -> Mapping[Kind, Collection[str]]:
    """Return their ids."""
    return {
        "pattern": tuple(pattern.id for pattern in PATTERNS),
        "alert": tuple(alert.id for alert in ALERTS),
    }
