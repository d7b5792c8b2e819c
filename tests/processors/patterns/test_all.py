"""What holds for every pattern, whatever the window."""

import math
from collections.abc import Callable
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings

from processors.patterns.catalog import PATTERNS
from processors.patterns.pattern import HINTS, SEVERITIES, Judgement, Pattern
from processors.patterns.thresholds import described
from schemas.events.observation import Evidence
from tests.processors.patterns.windows import FLEETS, Fleet, nothing_known
from tests.slots import window

COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, line: value >= line,
    ">": lambda value, line: value > line,
    "<=": lambda value, line: value <= line,
    "<": lambda value, line: value < line,
    "==": lambda value, line: value == line,
}
each = pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.id)
fast = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def judged(pattern: Pattern, fleet: Fleet, *, backwards: bool = False) -> Judgement | None:
    """Judge as the stage does: below its coverage a pattern is not asked."""
    found = fleet.window(pattern.window_s, backwards=backwards)
    return pattern.judge(found, pattern.thresholds()) if found.coverage >= pattern.min_coverage else None


@each
@fast
@given(FLEETS)
def test_a_judgement_is_well_made(pattern: Pattern, fleet: Fleet) -> None:
    found = judged(pattern, fleet)
    if found is None:
        return
    assert found.holds in (True, False, None)
    assert bool(found.text) is (found.holds is True)
    assert 0.0 <= found.confidence <= 1.0
    assert list(found.subjects) == sorted(set(found.subjects))
    assert all(isinstance(one, Evidence) for one in found.evidence)
    if found.holds:
        assert found.severity in pattern.hints
        decides = found.evidence[0]
        assert decides.comparison, "the first of the evidence is what it stands on"
        assert COMPARED[decides.comparison](decides.value, decides.threshold)
        assert math.isfinite(decides.value)


@each
@fast
@given(FLEETS)
def test_the_order_of_records_in_a_pane_makes_no_difference(pattern: Pattern, fleet: Fleet) -> None:
    one, other = judged(pattern, fleet), judged(pattern, fleet, backwards=True)
    if one is None or other is None:
        return
    assert (one.holds, one.severity, one.subjects) == (other.holds, other.severity, other.subjects)
    for mine, theirs in zip(one.evidence, other.evidence, strict=True):
        assert mine.name == theirs.name
        assert mine.value == pytest.approx(theirs.value, rel=1e-9, nan_ok=True)


@each
@fast
@given(FLEETS)
def test_the_same_window_gives_the_same_judgement(pattern: Pattern, fleet: Fleet) -> None:
    assert repr(judged(pattern, fleet)) == repr(judged(pattern, fleet))


@each
def test_without_any_reading_nothing_is_wrong(pattern: Pattern) -> None:
    found = pattern.judge(nothing_known().window(pattern.window_s), pattern.thresholds())
    assert found.holds is not True


@each
def test_a_healthy_node_at_work_is_not_wrong(pattern: Pattern) -> None:
    assert pattern.judge(window(pattern.window_s), pattern.thresholds()).holds is not True


@each
def test_a_pattern_is_described(pattern: Pattern) -> None:
    assert pattern.window_s % 10 == 0
    assert 0 < pattern.window_s <= 600
    assert 0.0 <= pattern.min_coverage <= 1.0
    assert 0 <= pattern.for_s <= 3600
    assert 0 <= pattern.clear_s <= 3600
    assert pattern.hints
    assert set(pattern.hints) <= set(SEVERITIES)
    assert set(pattern.hints.values()) <= set(HINTS)
    for text in (pattern.title, pattern.about, pattern.action, pattern.recommendation):
        assert text == text.strip() != ""
    assert pattern.recommendation.endswith(".")


@each
def test_its_thresholds_are_within_their_ranges(pattern: Pattern) -> None:
    kind = pattern.thresholds
    assert pattern.id.title().replace("_", "").endswith(kind.__name__)
    for name, about in described(kind).items():
        assert about["doc"]
        if name != "enabled":
            assert about["low"] <= about["default"] <= about["high"], name
    assert {one.name for one in fields(kind)} >= {"enabled", "for_s", "clear_s"}


def test_they_stand_in_the_order_of_their_ids() -> None:
    ids = [pattern.id for pattern in PATTERNS]
    assert ids == sorted(set(ids))
