"""prometheus_client accepts any name; this test does not."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric

from infra.docs.metrics import PARTS, PREFIX, metrics

UNITS = ("_seconds", "_bytes", "_ratio", "_celsius", "_watts", "_records", "_info")
# What has no unit of its own: states, factors, efficiencies, and things that are counted as they are now.
UNITLESS = (
    *(
        "_up",
        "_ok",
        "_connected",
        "_state",
        "_states",
        "_waiting",
        "_open",
        "_unbalanced",
        "_clients",
        "_wes",
        "_wes_raw",
        "_penalty",
        "_per_second",
    ),
    *("_requests_running", "_requests_waiting", "_nodes"),
)
UNBOUNDED = {"request_id", "prompt", "user", "url", "path", "offset", "query", "client"}


def problems(metric: Metric) -> list[str]:
    found = []
    if metric.type == "gauge" and metric.name.endswith("_total"):
        found.append("a gauge may not end in _total")
    if metric.type in ("gauge", "histogram") and not metric.name.endswith((*UNITS, *UNITLESS)):
        found.append("no base unit at the end of the name")
    if not metric.documentation.endswith("."):
        found.append("the help is no sentence")
    labels = {label for sample in metric.samples for label in sample.labels}
    if labels & UNBOUNDED:
        found.append(f"unbounded label {labels & UNBOUNDED}")
    return found


def test_our_metrics_follow_the_naming_rules() -> None:
    ours = list(metrics())
    assert len(ours) > 20
    assert {metric.name: found for metric in ours if (found := problems(metric))} == {}


def test_every_metric_belongs_to_a_part() -> None:
    begins = tuple(f"{PREFIX}{name}_" for names in PARTS.values() for name in names)
    assert [metric.name for metric in metrics() if not metric.name.startswith(begins)] == []


def test_no_name_is_used_twice() -> None:
    names = [metric.name for metric in metrics()]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("kind", "name"), [(Gauge, "hits_total"), (Gauge, "step_duration_ms"), (Histogram, "delay_ms")]
)
def test_the_check_itself_rejects_a_name(kind: type[Gauge] | type[Histogram], name: str) -> None:
    registry = CollectorRegistry()
    kind(name, "A help.", registry=registry)
    assert [bool(problems(metric)) for metric in registry.collect()] == [True]


def test_the_check_itself_rejects_a_label_and_accepts_what_is_right() -> None:
    registry = CollectorRegistry()
    Counter("bad_total", "A help.", ["offset"], registry=registry).labels("1")
    Counter("fine_total", "A help.", ["stage"], registry=registry).labels("node")
    assert {metric.name: bool(problems(metric)) for metric in registry.collect()} == {
        "bad": True,
        "fine": False,
    }
