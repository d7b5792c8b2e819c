"""Traffic: rates as described, shares as weighted, the same requests whichever nodes are simulated."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.availability import free, intersection, merged
from producers.simulator.draws import generator
from producers.simulator.link import Link
from producers.simulator.scenario.arrivals import Bursts, Constant, Diurnal, Lognormal, Poisson, Uniform
from producers.simulator.scenario.model import Scenario
from producers.simulator.traffic import Arrival, Traffic, draw_tokens
from tests.producers.simulator.scenes import asked, h100, scene

SPANS = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 20)).map(lambda s: (s[0], s[0] + s[1])), max_size=8
)


def arrivals(scenario: Scenario, name: str = "gpu-1", step_s: float = 1.0) -> list[Arrival]:
    traffic = Traffic(scenario, scenario.seed, [name])
    found: list[Arrival] = []
    second = 0.0
    while second < scenario.duration_s:
        second += step_s
        found += traffic.take(name, second)
    return found


def test_a_poisson_stream_has_its_rate_and_no_memory() -> None:
    stream = asked("llama-3.3-70b", "gpu-1", process=Poisson(2.0), begin_s=100.0, end_s=2100.0)
    times = [one.at_s for one in arrivals(scene(h100(), arrivals=[stream], duration_s=3000.0))]
    assert len(times) == pytest.approx(4000, rel=0.05)
    assert 100 <= times[0] < times[-1] < 2100
    assert times == sorted(times)
    counts = Counter(int(second // 10) for second in times)
    mean = sum(counts.values()) / 200
    variance = sum((count - mean) ** 2 for count in counts.values()) / 200
    assert variance == pytest.approx(mean, rel=0.35)


def test_a_diurnal_stream_peaks_when_it_says() -> None:
    process = Diurnal(low_per_s=0.02, high_per_s=0.5, peak_s=14 * 3600.0)
    scenario = scene(h100(), arrivals=[asked("llama-3.3-70b", "gpu-1", process=process)], duration_s=86_400.0)
    scenario = replace(scenario, starts_at=1_767_571_200_000_000)  # midnight
    hours = Counter(int(one.at_s // 3600) for one in arrivals(scenario, step_s=60.0))
    assert hours[13] + hours[14] == pytest.approx(3500, rel=0.1)
    assert hours[1] + hours[2] < 300


def test_bursts_come_together() -> None:
    stream = asked("llama-3.3-70b", "gpu-1", process=Bursts(60.0, 10, 2.0))
    times = [one.at_s for one in arrivals(scene(h100(), arrivals=[stream], duration_s=180.0))]
    assert len(times) == 30
    assert all(second % 60 <= 2 for second in times)


def test_nodes_get_their_weight() -> None:
    nodes = h100(weight=3.0), h100("gpu-2", weight=1.0)
    stream = asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(5.0))
    scenario = scene(*nodes, arrivals=[stream], duration_s=1000.0)
    one, other = len(arrivals(scenario)), len(arrivals(scenario, "gpu-2"))
    assert one / (one + other) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("step_s", [0.3, 7.0])
def test_how_it_is_asked_for_changes_nothing(step_s: float) -> None:
    streams = [
        asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(2.0), name="a"),
        asked("llama-3.3-70b", "gpu-2", "gpu-1", process=Poisson(3.0), name="b"),
    ]
    scenario = scene(h100(), h100("gpu-2"), arrivals=streams, duration_s=60.0)
    expected = arrivals(scenario, step_s=1.0)
    assert arrivals(scenario, step_s=step_s)[: len(expected)] == expected
    both = Traffic(scenario, scenario.seed, ["gpu-2", "gpu-1"])
    list(both.take("gpu-2", 41.0))
    assert [*both.take("gpu-1", 17.0), *both.take("gpu-1", 60.0)] == expected


def test_lengths_are_as_described() -> None:
    rng = generator(1, "lengths")
    assert draw_tokens(Constant(5), rng) == 5
    uniform = [draw_tokens(Uniform(3, 6), rng) for _ in range(200)]
    assert set(uniform) == {3, 4, 5, 6}
    skewed = sorted(draw_tokens(Lognormal(600, 0.9, 8000), rng) for _ in range(2001))
    assert skewed[1000] == pytest.approx(600, rel=0.15)
    assert 1 <= skewed[0] < 100
    assert 5000 < skewed[-1] <= 8000


@given(SPANS, SPANS, st.floats(0, 130))
def test_spans_are_united_and_intersected(one: list[tuple[float, float]], other: list[tuple[float, float]],
                                          at_s: float) -> None:  # fmt: skip
    def within(spans: list[tuple[float, float]]) -> bool:
        return any(begin_s <= at_s < end_s for begin_s, end_s in spans)

    assert free(merged(one), at_s) != within(one)
    both = intersection([merged(one), merged(other)])
    assert free(both, at_s) != (within(one) and within(other))


@given(SPANS, st.lists(st.floats(0, 150), min_size=1, max_size=60))
def test_what_is_said_later_never_arrives_earlier(
    outages: list[tuple[float, float]], said: list[float]
) -> None:
    link = Link(outages, 1.0, generator(1, "link"))
    arrived = [link.arrival_us(second) or 0 for second in sorted(said)]
    assert all(before < after for before, after in itertools.pairwise(arrived))
    assert all(us > second * 1e6 for us, second in zip(arrived, sorted(said), strict=True))
    foretold = [link.at_us(second) or 0 for second in sorted(said)]
    assert foretold == sorted(foretold)
