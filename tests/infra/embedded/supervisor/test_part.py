import pytest

from infra.embedded.supervisor.backoff import LONGEST_S, STABLE_S, Backoff
from infra.embedded.supervisor.part import Part, ordered


def _part(name: str, *after: str) -> Part:
    return Part(name, ("true",), after=after)


def test_order_follows_what_parts_need() -> None:
    parts = [
        _part("worker", "topics"),
        _part("topics", "kafka", "registry"),
        _part("registry"),
        _part("kafka"),
    ]
    names = [part.name for part in ordered(parts)]
    assert names.index("topics") > max(names.index("kafka"), names.index("registry"))
    assert names[-1] == "worker"


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([_part("a"), _part("a")], "same name"),
        ([_part("a", "b")], "b, which is no part"),
        ([_part("a", "b"), _part("b", "a")], "wait for each other"),
        ([_part("a", "a")], "wait for each other"),
    ],
)
def test_parts_that_cannot_be_ordered(parts: list[Part], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ordered(parts)


def test_the_wait_doubles_up_to_half_a_minute() -> None:
    backoff, delays = Backoff(), []
    for _ in range(9):
        backoff = backoff.after_death(ran_s=1.0)
        delays.append(backoff.delay_s)
    assert delays == [0.5, 1, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]


def test_a_stable_minute_forgives() -> None:
    tired = Backoff(7)
    assert tired.after_death(STABLE_S - 0.1).deaths == 8
    assert tired.after_death(STABLE_S).delay_s == 0.5
