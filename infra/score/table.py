"""Scores of each pattern and alert, and their totals, as a table."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from processors.labels.counts import Counts
from processors.labels.match import Subject, Verdict

COLUMNS = (
    "detection", "scenarios", "true positives", "false positives", "false negatives", "precision", "recall",
    "F1", "onset delay p50", "max", "judgement p50",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score(Counts):
    """Counts of one pattern or alert, or of all. NaN: there is nothing to divide by, or nothing measured."""

    kind: str
    id: str
    scenarios: int
    delay_p50_s: float
    delay_max_s: float
    judgement_us: float


def scores(
    verdicts: Sequence[Verdict], known: Iterable[Subject], judgements_us: Mapping[str, float]
) -> list[Score]:
    """Return the score of each subject that is known or appears, and of all of them, last.

    ``judgements_us``: of patterns by id, the median time of a judgement, µs.
    """
    subjects = set(known).union(*(verdict.subjects for verdict in verdicts))
    ordered = sorted(subjects, key=lambda subject: (subject[0] != "pattern", subject[1]))
    found = [_score(subject, verdicts, judgements_us.get(subject[1], math.nan)) for subject in ordered]
    return [*found, _total(found, verdicts)]


def rows(found: Sequence[Score]) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    return [
        (
            f"{score.kind} {score.id}".strip(),
            str(score.scenarios),
            str(score.true_positives),
            str(score.false_positives),
            str(score.false_negatives),
            _fixed(score.precision),
            _fixed(score.recall),
            _fixed(score.f1),
            _seconds(score.delay_p50_s),
            _seconds(score.delay_max_s),
            "" if math.isnan(score.judgement_us) else f"{score.judgement_us:.1f} µs",
        )
        for score in found
    ]


def as_json(found: Sequence[Score]) -> list[dict[str, Any]]:
    """Return the scores for programs; null where there is no value."""
    return [
        {name: _none_if_nan(value) for name, value in asdict(score).items()}
        | {name: _none_if_nan(getattr(score, name)) for name in ("precision", "recall", "f1")}
        for score in found
    ]


def _score(subject: Subject, verdicts: Sequence[Verdict], judgement_us: float) -> Score:
    concerned = [verdict for verdict in verdicts if subject in verdict.subjects]
    delays = [delay for verdict in concerned for one, delay in verdict.delays_s if one == subject]
    return Score(
        sum(verdict.hits[subject] for verdict in concerned),
        sum(verdict.alarms[subject] for verdict in concerned),
        sum(verdict.misses[subject] for verdict in concerned),
        *subject,
        len(concerned),
        median(delays) if delays else math.nan,
        max(delays, default=math.nan),
        judgement_us,
    )


def _total(found: Sequence[Score], verdicts: Sequence[Verdict]) -> Score:
    delays = [delay for verdict in verdicts for _, delay in verdict.delays_s]
    measured = [score.judgement_us for score in found if not math.isnan(score.judgement_us)]
    return Score(
        sum(score.true_positives for score in found),
        sum(score.false_positives for score in found),
        sum(score.false_negatives for score in found),
        "",
        "all",
        len(verdicts),
        median(delays) if delays else math.nan,
        max(delays, default=math.nan),
        sum(measured) if measured else math.nan,
    )


def _fixed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _seconds(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0f} s"


def _none_if_nan(value: Any) -> Any:  # noqa: ANN401 - a field of a score
    return None if isinstance(value, float) and math.isnan(value) else value
