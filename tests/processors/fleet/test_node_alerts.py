"""Each alert about one node at its boundaries, through the stage."""

from typing import Any

import pytest

from tests.processors.fleet.fleets import NAN, Replay, baseline, kinds, silent, summary, told


def over(seconds: int, start: Any = 0, **readings: Any) -> list[Any]:
    """Summaries every ten seconds, the first and the last included."""
    return [summary(second, **readings) for second in range(start, start + seconds + 1, 10)]


def opened(*events: Any) -> list[str]:
    replay = Replay()
    replay.feed(*events)
    return [alert for alert, what, _ in kinds(replay.said) if what == "opened"]


def test_a_healthy_node_gives_no_alert() -> None:
    assert opened(*over(3600)) == []


def test_offline_after_five_minutes_of_log_time_and_back_with_a_sample() -> None:
    replay = Replay()
    assert told(replay.feed(summary(0), *(silent(second, 0) for second in range(40, 300, 5)))) == []
    (alert,) = told(replay.feed(silent(300, 0)))
    assert (alert.alert, alert.node_id, alert.severity, alert.fleet) == (
        "node_offline",
        "node-1",
        "critical",
        "lab",
    )
    assert told(replay.feed(silent(900, 0))) == []
    assert kinds(replay.feed(summary(905))) == [("node_offline", "resolved", "node_back")]


def test_a_node_that_said_it_stops_is_not_offline() -> None:
    assert opened(summary(0), *(silent(second, 0, stopped=True) for second in range(40, 900, 5))) == []


def test_an_engine_without_progress_for_two_minutes() -> None:
    stuck: dict[str, Any] = {"stalled": 10.0, "stalled_runtimes": ("vllm:8000",), "generation_tokens": 0.0}
    assert opened(*over(100, **stuck)) == []
    replay = Replay()
    replay.feed(*over(110, **stuck))
    (alert,) = told(replay.said)
    assert (alert.alert, alert.severity) == ("zombied_engine", "critical")
    assert "vllm:8000" in alert.text
    replay.feed(*over(20, start=120))
    assert kinds(replay.said)[-1] == ("zombied_engine", "resolved", "cleared")


@pytest.mark.parametrize("readings", [{"stalled": 8.0}, {"stalled": 10.0, "requests_running": NAN}])
def test_progress_now_and_then_or_an_engine_that_does_not_count_is_no_zombie(
    readings: dict[str, Any],
) -> None:
    assert opened(*over(600, **readings)) == []


def test_foreign_load_after_ten_minutes() -> None:
    assert opened(*over(580, busy=7.0, live=0.0)) == []
    assert opened(*over(590, busy=7.0, live=0.0)) == ["foreign_load"]
    assert opened(*over(900, busy=6.9, live=0.0)) == []


def test_critical_heat_for_two_minutes() -> None:
    assert opened(*over(100, thermal_critical=8.0)) == []
    assert opened(*over(110, thermal_critical=8.0)) == ["thermal_redline"]
    assert opened(*over(600, thermal_critical=7.9)) == []
    assert opened(*over(600, thermal_serious=10.0)) == []


@pytest.mark.parametrize(
    ("readings", "severity"),
    [
        ({"memory_used_ratio": 0.95}, "warning"),
        ({"memory_used_ratio": 0.98}, "critical"),
        ({"vram_used_ratio": 0.985}, "warning"),
        ({"vram_used_ratio": 0.985, "memory_used_ratio": NAN}, "warning"),
    ],
)
def test_memory_nearly_full_for_two_minutes(readings: dict[str, Any], severity: str) -> None:
    assert opened(*over(100, **readings)) == []
    replay = Replay()
    replay.feed(*over(110, **readings))
    (alert,) = told(replay.said)
    assert (alert.alert, alert.severity) == ("oom_warning", severity)


def test_memory_below_its_limits_or_unknown_is_none() -> None:
    assert opened(*over(600, memory_used_ratio=0.949, vram_used_ratio=0.984)) == []
    assert opened(*over(600, memory_used_ratio=NAN, vram_used_ratio=NAN)) == []


HOUR = 3600


def test_a_cliff_against_the_same_model_and_load() -> None:
    low: dict[str, Any] = {"wes": 0.08, "start": HOUR + 300}
    assert opened(baseline(1), *over(50, **low)) == ["wes_cliff"]
    assert opened(baseline(1), *over(40, **low)) == []
    assert opened(baseline(1), *over(600, start=HOUR + 300, wes=0.0876)) == []
    assert opened(baseline(1), *over(600, model="other", **low)) == []
    assert opened(baseline(1, load="8"), *over(600, **low)) == []
    assert opened(baseline(1, day_panes=29.0), *over(600, **low)) == []
    assert opened(baseline(1), *over(600, live=8.0, **low)) == []


def test_at_a_load_that_is_new_the_next_lower_one_is_the_measure() -> None:
    piled_up: dict[str, Any] = {"wes": 0.08, "start": HOUR + 300, "load": "32"}
    lower = [
        baseline(1, load="1", day_wes=0.05, week_wes=0.05),
        baseline(1, load="16"),
        baseline(1, load="64"),
    ]
    assert opened(*lower, *over(50, **piled_up)) == ["wes_cliff"]
    assert opened(lower[0], lower[2], *over(600, **piled_up)) == []
    assert opened(*lower, *over(600, **{**piled_up, "load": ""})) == []
    assert opened(baseline(1, load=""), *over(600, **piled_up)) == []
    assert opened(*lower, *over(600, **{**piled_up, "load": "32 p16"})) == []
    assert opened(baseline(1, load="8 p16"), *over(50, **{**piled_up, "load": "32 p16"})) == ["wes_cliff"]
    assert opened(baseline(1, load=""), *over(50, **{**piled_up, "load": ""})) == ["wes_cliff"]


def test_a_baseline_is_in_force_five_minutes_after_its_hour() -> None:
    early = over(290, start=HOUR, wes=0.01)
    assert opened(baseline(1), *early) == []
    assert opened(*early, baseline(1), *over(50, start=HOUR + 300, wes=0.01)) == ["wes_cliff"]
    assert opened(baseline(1), *over(60, start=49 * HOUR + 10, wes=0.01)) == []


def test_drift_over_all_models_and_loads_and_its_end() -> None:
    worse = [baseline(1, day_wes=0.20), baseline(1, load="8", day_wes=0.24, day_panes=500.0)]
    replay = Replay()
    replay.feed(*worse, summary(HOUR + 300))
    assert told(replay.said) == []  # (0.2 * 1000 + 0.04 * 500) / 1500 is 14.7 %
    replay.feed(baseline(2, day_wes=0.19), summary(2 * HOUR + 300))
    (alert,) = told(replay.said)
    assert (alert.alert, round(alert.evidence[0].value, 3)) == ("wes_long_term_drift", 0.173)
    replay.feed(baseline(3), summary(3 * HOUR + 300))
    assert kinds(replay.said)[-1] == ("wes_long_term_drift", "resolved", "cleared")


def test_drift_needs_enough_panes() -> None:
    few = baseline(1, day_wes=0.1, week_panes=359.0)
    assert opened(few, summary(HOUR + 300)) == []
    assert opened(baseline(1, day_wes=0.1, day_panes=179.0), summary(HOUR + 300)) == []


def test_what_is_open_ends_when_the_node_is_gone_and_offline_opens() -> None:
    replay = Replay()
    replay.feed(*over(110, thermal_critical=9.0))
    replay.feed(*(silent(second, 110) for second in range(150, 415, 5)))
    assert kinds(replay.said)[1:] == [
        ("node_offline", "opened", "opened"),
        ("thermal_redline", "resolved", "node_gone"),
    ]


def test_a_severity_that_rises_is_told_at_once() -> None:
    replay = Replay()
    replay.feed(*over(110, memory_used_ratio=0.96), summary(120, memory_used_ratio=0.985))
    assert kinds(replay.said) == [
        ("oom_warning", "opened", "opened"),
        ("oom_warning", "updated", "severity"),
    ]
