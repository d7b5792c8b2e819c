"""How requests ended: parts added up, and attempts that ended elsewhere."""

from processors.patterns.outcomes import ended
from processors.windows.requests import RequestSlot
from tests.slots import request_slot, slot, window


def at(*parts: RequestSlot) -> object:
    return ended(window(300, lambda index: slot(index), parts))


def test_parts_add_up() -> None:
    parts = [request_slot(3, part=part, failed=1.0, finished=2.0, routed=2.0) for part in range(4)]
    found = ended(window(300, slot, parts))
    assert (found.completed, found.failed, found.moved, found.ended) == (4.0, 4.0, 0.0, 8.0)


def test_attempts_that_ended_elsewhere() -> None:
    parts = [
        request_slot(2, routed=2.0, completed=1.0, finished=1.0, open=1.0),
        request_slot(3, routed=5.0, completed=1.0, finished=1.0, open=2.0),
        request_slot(4, routed=0.0, completed=2.0, finished=2.0, open=0.0),
    ]
    # 5 sent in the last two panes, 3 ended here, and the one that was open is gone: 3 went elsewhere.
    assert ended(window(300, slot, parts)).moved == 3.0


def test_what_was_open_before_is_not_moved() -> None:
    parts = [
        request_slot(2, routed=0.0, completed=3.0, finished=3.0, open=2.0),
        request_slot(3, routed=1.0, completed=3.0, finished=3.0, open=0.0),
    ]
    assert ended(window(300, slot, parts)).moved == 0.0


def test_without_requests() -> None:
    assert ended(window(300, slot)).ended == 0.0
