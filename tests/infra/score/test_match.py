"""Hits, misses and false alarms, and what is said of them."""

import math

import pytest

from infra.score.match import judge
from processors.labels.seen import Seen
from schemas.labels import Allowance, Expectation, Window
from tests.infra.score.seens import due, scenario, seen

DRAIN = ("pattern", "thermal_drain")


def test_what_was_due_was_noticed() -> None:
    verdict = judge(scenario(due()), [seen()])
    assert verdict.right
    assert verdict.hits == {DRAIN: 1}
    assert verdict.delays_s == [(DRAIN, 240.0)]  # the fan failed at 20:00


def test_nothing_is_due_and_nothing_was_noticed() -> None:
    verdict = judge(scenario(), [])
    assert verdict.right
    assert not verdict.subjects


@pytest.mark.parametrize(
    ("label", "found", "says"),
    [
        (due(), [], "is due to open 22:00..27:00: it did not"),
        (due(), [seen(29)], "it opened at 29:00"),
        (due(), [seen(node="gpu-1")], "it opened on gpu-1"),
        (due(), [seen(24, 59, reason="cleared")], "resolved at 59:00 (cleared), not 46:00..58:00"),
        (due(), [seen(24, None)], "is open at the end; it is due to resolve 46:00..58:00"),
        (due(None), [seen(24, 50, reason="cleared")], "resolved at 50:00 (cleared), which it should not"),
        (due(), [seen(severity="critical")], "it opened at 24:00 and was critical, not warning"),
        (
            due(kind="alert", id="correlated_incident", node="", members=("gpu-1", "gpu-2")),
            [seen(kind="alert", id="correlated_incident", node="", members=("gpu-1",))],
            "with gpu-1, not gpu-1, gpu-2",
        ),
    ],
)
def test_a_miss_says_what_happened_instead(label: Expectation, found: list[Seen], says: str) -> None:
    verdict = judge(scenario(label), found)
    assert verdict.misses == {(label.kind, label.id): 1}
    assert says in verdict.lines[0]
    assert verdict.lines[0].startswith("x:33: ")
    assert not verdict.hits


@pytest.mark.parametrize(
    "label",
    [due((0, math.inf)), due(severity=None), due(opens=Window(24 * 60, 24 * 60))],
    ids=["resolves any time", "any severity", "on the edge"],
)
def test_tolerance(label: Expectation) -> None:
    assert judge(scenario(label), [seen()]).right


def test_open_at_the_end_as_it_should_be() -> None:
    assert judge(scenario(due(None)), [seen(24, None)]).right


def test_what_nobody_expects_is_a_false_alarm() -> None:
    verdict = judge(scenario(due()), [seen(), seen(id="clock_drift", text="slow")])
    assert verdict.alarms == {("pattern", "clock_drift"): 1}
    assert verdict.lines == [
        "x: nobody expects pattern clock_drift on gpu-2, warning, opened at 24:00, resolved at 50:00: slow"
    ]


def test_what_opens_too_late_is_missed_and_a_false_alarm() -> None:
    verdict = judge(scenario(due()), [seen(29)])
    assert (verdict.misses, verdict.alarms) == ({DRAIN: 1}, {DRAIN: 1})


def test_one_observation_meets_one_label() -> None:
    verdict = judge(scenario(due(), due()), [seen()])
    assert (verdict.hits, verdict.misses) == ({DRAIN: 1}, {DRAIN: 1})
    assert judge(scenario(due(), due()), [seen(), seen(25)]).right


@pytest.mark.parametrize(
    ("nodes", "window", "right"),
    [
        ((), Window(0, math.inf), True),
        (("gpu-2",), Window(0, math.inf), True),
        (("gpu-1",), Window(0, math.inf), False),
        ((), Window(0, 60), False),
    ],
)
def test_what_is_allowed_is_no_alarm(nodes: tuple[str, ...], window: Window, right: bool) -> None:
    allowance = Allowance(kind="pattern", id="thermal_drain", nodes=nodes, between=window)
    verdict = judge(scenario(allow=(allowance,)), [seen()])
    assert verdict.right is right
    assert not verdict.hits
