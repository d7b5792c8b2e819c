"""When the worker calls itself unwell, and what it measures."""

import prometheus_client
import pytest

from processors.faust import metrics
from processors.faust.health import STALLED_S, Progress


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_unwell_until_everything_is_there() -> None:
    progress = Progress(Clock())
    progress.waiting_for = "Kafka"
    assert progress.judge(0, 0.0) == "waiting for Kafka"
    progress.waiting_for = ""
    assert progress.judge(0, 0.0) == ""


def test_silence_without_lag_is_well() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.waiting_for = ""
    for _ in range(10):
        clock.now += STALLED_S
        assert progress.judge(0, 0.0) == ""


def test_lag_without_progress_is_unwell_after_a_while() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.waiting_for = ""
    clock.now += STALLED_S
    assert progress.judge(0, 0.0) == "", "the records have only come now"
    clock.now += STALLED_S
    assert progress.judge(7, 0.0) == ""
    clock.now += 1
    assert progress.judge(7, 0.0) == "7 records wait and none was done for 31 s"
    assert progress.judge(7, clock.now) == "", "a commit"
    assert progress.judge(0, 0.0) == ""


@pytest.mark.parametrize(
    "metric", [each for each in vars(metrics).values() if hasattr(each, "_labelnames")], ids=lambda m: m._name
)
def test_metrics_are_named_and_labelled_as_all_are(metric: prometheus_client.Counter) -> None:
    assert metric._name.startswith("penstock_worker_")
    assert metric._documentation.endswith(".")
    assert set(metric._labelnames) <= {"stage", "outcome", "partition", "reason"}
    assert not metric._name.endswith(("_ms", "_us", "_mb"))
