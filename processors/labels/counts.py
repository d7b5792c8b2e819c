"""Precision, recall and their mean, from hits, false alarms and misses."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What was due and noticed, noticed and not due, due and not noticed."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        """The share of what was noticed that was due; NaN where nothing was noticed."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """The share of what was due that was noticed; NaN where nothing was due."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        twice = 2 * self.true_positives
        return ratio(twice, twice + self.false_positives + self.false_negatives)


def ratio(part: float, whole: float) -> float:
    """Return a share; NaN of nothing."""
    return part / whole if whole else math.nan
