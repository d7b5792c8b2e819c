"""error_burst: failures, and attempts that had to go elsewhere."""

from processors.patterns.error_burst import ErrorBurst, judge
from processors.windows.window import Window
from tests.slots import request_slot, slot, window

LIMITS = ErrorBurst()


def failing(failed: int, completed: int) -> Window:
    total = float(failed + completed)
    part = request_slot(
        5, routed=total, completed=float(completed), failed=float(failed), finished=total, first_tokens=total
    )
    return window(120, slot, (part,))


def test_five_and_a_tenth() -> None:
    found = judge(failing(5, 45), LIMITS)
    assert (found.holds, found.severity) == (True, "warning")
    assert found.text == "5 of 50 requests failed at the node in two minutes"
    assert judge(failing(4, 36), LIMITS).holds is False
    assert judge(failing(5, 46), LIMITS).holds is False


def test_half_is_critical_and_three_suffice() -> None:
    assert judge(failing(5, 6), LIMITS).severity == "warning"
    assert judge(failing(5, 5), LIMITS).severity == "critical"
    assert judge(failing(3, 1), LIMITS).holds is True
    assert judge(failing(2, 0), LIMITS).holds is False


def test_what_was_tried_again_elsewhere_failed_here() -> None:
    parts = (
        request_slot(3, routed=0.0, completed=1.0, finished=1.0, open=0.0),
        request_slot(4, routed=8.0, completed=0.0, finished=0.0, first_tokens=0.0, open=0.0),
    )
    found = judge(window(120, slot, parts), LIMITS)
    assert (found.holds, found.severity) == (True, "critical")


def test_callers_that_leave_are_no_errors() -> None:
    part = request_slot(4, routed=9.0, completed=0.0, abandoned=9.0, finished=9.0)
    assert judge(window(120, slot, (part,)), LIMITS).holds is False


def test_without_requests_nothing_is_known() -> None:
    assert judge(window(120, slot), LIMITS).holds is None


def test_a_node_without_an_agent_is_judged_by_its_requests() -> None:
    bare = window(120, [], failing(5, 5).requests)
    assert judge(bare, LIMITS).holds is True
