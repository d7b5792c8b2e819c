from hypothesis import given
from hypothesis import strategies as st

from processors.node.sequence import GAPS, TAKEOVER_US, Verdict, judge
from processors.node.state import Boot
from tests.samples import at

FRESH, DUPLICATE, CONFLICT = Verdict.FRESH, Verdict.DUPLICATE, Verdict.CONFLICT


def run(*samples: tuple[str, int, float]) -> tuple[list[Verdict], int, tuple[Boot, ...]]:
    """Judge (boot, seq, second) in turn; return the verdicts, what is missing, and the boots."""
    boots: tuple[Boot, ...] = ()
    verdicts, missing = [], 0
    for boot_id, seq, seconds in samples:
        judged = judge(boots, boot_id, seq, at(seconds))
        boots = judged.boots
        verdicts.append(judged.verdict)
        missing += judged.missing
    return verdicts, missing, boots


def test_in_order() -> None:
    assert run(("a", 0, 0), ("a", 1, 1), ("a", 2, 2))[:2] == ([FRESH] * 3, 0)


def test_a_repeated_sample_is_a_duplicate() -> None:
    assert run(("a", 0, 0), ("a", 1, 1), ("a", 1, 1), ("a", 0, 0))[0] == [FRESH, FRESH, DUPLICATE, DUPLICATE]


def test_a_gap_is_missing_until_it_is_filled() -> None:
    assert run(("a", 0, 0), ("a", 4, 4))[1] == 3
    verdicts, missing, _ = run(("a", 0, 0), ("a", 4, 4), ("a", 2, 2), ("a", 2, 2), ("a", 1, 1), ("a", 3, 3))
    assert (verdicts, missing) == ([FRESH, FRESH, FRESH, DUPLICATE, FRESH, FRESH], 0)


def test_the_first_sample_of_a_boot_may_have_any_number() -> None:
    assert run(("a", 500, 0), ("a", 501, 1))[1] == 0


def test_a_new_boot_takes_over_and_the_old_ones_backlog_is_not_a_conflict() -> None:
    verdicts, missing, boots = run(("a", 0, 0), ("a", 1, 1), ("b", 0, 10), ("a", 2, 2), ("b", 1, 11))
    assert (verdicts, missing) == ([FRESH] * 5, 0)
    assert boots[-1].boot_id == "b"


def test_two_machines_with_one_name_conflict_and_the_last_to_come_is_believed() -> None:
    verdicts, _, boots = run(("a", 0, 0), ("b", 0, 1), ("a", 1, 2), ("b", 1, 3), ("a", 2, 4))
    assert verdicts == [FRESH, FRESH, CONFLICT, FRESH, CONFLICT]
    assert boots[-1].boot_id == "b"


def test_the_other_machine_takes_over_when_the_first_has_gone() -> None:
    limit = TAKEOVER_US / 1e6
    assert run(("a", 0, 0), ("b", 0, 1), ("a", 60, 1 + limit))[0][-1] is CONFLICT
    verdicts, _, boots = run(("a", 0, 0), ("b", 0, 1), ("a", 61, 1.1 + limit), ("a", 62, 2.1 + limit))
    assert verdicts[-2:] == [FRESH, FRESH]
    assert boots[-1].boot_id == "a"


def test_a_hostile_gap_costs_no_memory() -> None:
    samples = [("a", 0, 0.0), *(("a", 2**40 + 2 * n, float(n)) for n in range(10 * GAPS))]
    _, missing, boots = run(*samples)
    assert len(boots[-1].gaps) == GAPS
    assert missing > 2**39


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=12))
def test_each_sample_is_fresh_once_in_any_order(order: list[int], again: list[int]) -> None:
    first = order[0]
    verdicts, missing, _ = run(*(("a", seq, seq) for seq in [*order, *again]))
    # What is below the first one seen is taken for redelivered: nothing is known of before.
    fresh = [seq for seq, verdict in zip([*order, *again], verdicts, strict=True) if verdict is FRESH]
    assert sorted(fresh) == list(range(first, 12))
    assert missing == 0
