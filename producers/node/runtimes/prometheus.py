"""Reads a Prometheus text page, and only the metrics asked for: a page of a vLLM has thousands of series.

Pure. The lines of other metrics are left out before anything is parsed, which is a tenth of the cost; what
remains goes to the parser of prometheus_client. A line that is cut off or means nothing costs itself alone.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

# A vLLM with sixteen engines has a few hundred that we ask for.
MOST_SERIES = 2000


class TooManySeries(ValueError):
    """More series of the metrics asked for than any runtime has."""


class Series(NamedTuple):
    """One line: a metric, its labels, its value, which is finite."""

    name: str
    labels: Mapping[str, str]
    value: float

    @property
    def key(self) -> str:
        """Name and labels, whatever order they came in."""
        return f"{self.name}{sorted(self.labels.items())}"


def parse(page: str, names: Collection[str]) -> tuple[Series, ...]:
    """Return the series of the metrics named, in the order of the page.

    A value that is infinite or not a number is no reading and is left out. So is a last line that does not
    end: a number that is cut off is another number.

    Raises:
        TooManySeries: more than ``MOST_SERIES``.
    """
    lines = _pattern(frozenset(names)).findall(page[: page.rfind("\n") + 1])
    if len(lines) > MOST_SERIES:
        raise TooManySeries(f"{len(lines)} series of {len(names)} metrics")
    return tuple(found for found in _series(lines) if math.isfinite(found.value))


@lru_cache(maxsize=32)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    wanted = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf"^(?:{wanted})(?:[ \t]*\{{|[ \t]).*$", re.MULTILINE)


def _series(lines: list[str]) -> Iterator[Series]:
    try:
        yield from list(_parsed("\n".join(lines)))
    except ValueError:
        for line in lines:  # one of them is bad: find the others
            try:
                yield from list(_parsed(line))
            except ValueError:
                continue


def _parsed(text: str) -> Iterator[Series]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield Series(sample.name, sample.labels, sample.value)
