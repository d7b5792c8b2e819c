"""abandonment: callers that go away."""

from processors.patterns.abandonment import Abandonment, judge
from processors.windows.window import Window
from tests.slots import request_slot, slot, window

LIMITS = Abandonment()


def leaving(left: int, completed: int, *, answered: int = 0) -> Window:
    total = float(left + completed)
    part = request_slot(
        5,
        routed=total,
        completed=float(completed),
        abandoned=float(left),
        finished=total,
        first_tokens=float(completed + answered),
    )
    return window(300, slot, (part,))


def test_five_and_a_quarter() -> None:
    found = judge(leaving(5, 15), LIMITS)
    assert (found.holds, found.severity) == (True, "warning")
    assert found.text == "callers left 5 of 20 requests in five minutes"
    assert judge(leaving(5, 16), LIMITS).holds is False
    assert judge(leaving(4, 0), LIMITS).holds is False


def test_half_of_twenty_is_critical() -> None:
    assert judge(leaving(10, 10), LIMITS).severity == "critical"
    assert judge(leaving(9, 9), LIMITS).severity == "warning"


def test_whether_they_had_a_token_is_told() -> None:
    told = {each.name: each.value for each in judge(leaving(8, 8, answered=6), LIMITS).evidence}
    assert told["without_a_token"] == 2.0


def test_without_requests_nothing_is_known() -> None:
    assert judge(window(300, slot), LIMITS).holds is None
