"""Rules about requests: windows over the parts of panes, by the time of requests."""

from typing import Any

import pytest

from processors.panes.histogram import fold
from processors.stage import Arrived, advance
from schemas.events.request_pane import RequestPane
from schemas.rule_fields import fields_of
from schemas.topics import PANES
from tests.processors.rules.world import Feed, deleted, mark, rule, told, when
from tests.samples import at
from tests.schemas.golden.make import events


def pane(seconds: float, *, part: int = 0, ttft_s: tuple[float, ...] = (), **more: Any) -> RequestPane:
    """Return a part of the ten seconds that begin then; what is not named is nothing."""
    empty: dict[str, Any] = {
        name: 0.0 for name, kind in RequestPane.__annotations__.items() if kind in (float, "float")
    }
    usual: dict[str, Any] = {
        **empty,
        "id": f"{seconds}/{part}",
        "node_id": "n1",
        "fleet": "default",
        "model": "llama",
        "occurred_at": at(seconds + 10),
        "started_at": at(seconds),
        "part": part,
        "revision": 0,
        "ttft": fold(ttft_s),
        "inter_token": fold(()),
        "queue_wait": fold(()),
        "total": fold(()),
        "completed": float(len(ttft_s)),
    }
    made: RequestPane = events()["request_pane"]  # type: ignore[assignment]
    return made._replace(**{**usual, **more})


def requests(rule_id: str = "r", **condition: Any) -> Any:
    field, op, value = condition.pop("field"), condition.pop("op"), condition.pop("value")
    document = {name: condition.pop(name) for name in ("for_s", "select") if name in condition}
    return rule(rule_id, source="requests", when=when(field, op, value, **condition), **document)


def test_a_quantile_of_all_parts_is_judged_when_the_next_pane_begins_to_come() -> None:
    feed = Feed(PANES, requests(field="ttft_p95_ms", op=">", value=1000, window_s=10), mark(0))
    # One slow in twenty: the 95th of a hundred is fast, with the second part it is slow.
    fast = pane(0, ttft_s=(0.1,) * 95 + (5.0,) * 5)
    slow = pane(0, part=1, ttft_s=(5.0,) * 2)
    assert feed.feed(fast, slow, mark(12)) == []
    (fired,) = feed.feed(pane(10, ttft_s=(0.1,)), mark(22))
    assert (fired.state, fired.node_id, fired.model, fired.subject) == ("firing", "n1", "llama", "n1/llama")
    assert 5000 <= fired.value <= 5000 * 1.091
    assert (fired.occurred_at, fired.threshold) == (at(10), 1000.0)
    assert told(feed.feed(pane(20, ttft_s=(0.1,)), mark(32))) == [("r", "resolved", "cleared")]


def test_no_requests_are_no_reading_of_latency_and_a_rate_of_nothing() -> None:
    feed = Feed(
        PANES,
        requests("late", field="ttft_p50_ms", op=">", value=1000, window_s=10),
        requests("idle", field="requests_per_s", op="<", value=0.1, window_s=10),
        mark(0),
    )
    assert told(feed.feed(pane(0, ttft_s=(5.0, 5.0)), mark(12), pane(10, ttft_s=(5.0,)), mark(22))) == [
        ("late", "firing", "holds")
    ]
    said = [one for second in range(25, 60, 5) for one in feed.feed(mark(second))]
    assert told(said) == [("idle", "firing", "holds")]


def test_what_nobody_asks_for_any_more_is_over_after_ten_minutes() -> None:
    feed = Feed(PANES, requests(field="ttft_p50_ms", op=">", value=1000, window_s=10), mark(0), mark(5))
    feed.feed(pane(0, ttft_s=(5.0,)), mark(10), pane(10), mark(20))
    said = [one for second in range(25, 640, 5) for one in feed.feed(mark(second))]
    assert told(said) == [("r", "resolved", "no_reading")]


def test_error_rate_counts_what_is_not_the_clients_doing() -> None:
    feed = Feed(PANES, requests(field="error_rate", op=">=", value=0.5, window_s=20), mark(0))
    first = pane(0, completed=1.0, upstream_error=1.0, client_abandoned=1.0, rejected_invalid=1.0)
    assert feed.feed(first, mark(12), pane(10), mark(22)) == []
    second = pane(20, upstream_died=2.0, timed_out_queued=1.0, completed=1.0)
    assert feed.feed(second, mark(32)) == []  # of twenty seconds, the first ten are gone
    (fired,) = feed.feed(pane(30), mark(42))
    assert fired.value == 0.75


def test_for_goes_by_the_time_of_requests() -> None:
    feed = Feed(PANES, requests(field="open_requests", op=">", value=3, window_s=10, for_s=20), mark(0))
    said = []
    for second in range(0, 50, 10):
        said += [(second, one.state) for one in feed.feed(pane(second, open=5.0), mark(second + 12))]
    assert said == [(30, "firing")]


def test_a_late_part_counts_and_a_restart_forgets_nothing() -> None:
    feed = Feed(PANES, requests(field="requests_per_s", op=">", value=0.44, window_s=20), mark(0))
    feed.feed(pane(0, completed=4.0), pane(10, completed=1.0), mark(22))
    feed.restart()
    feed.feed(pane(0, part=1, completed=4.0), pane(20))
    (fired,) = feed.feed(mark(32))
    assert fired.value == pytest.approx(9 / 20)


def test_the_time_of_requests_is_not_dragged_ahead() -> None:
    feed = Feed(PANES, requests(field="open_requests", op=">", value=3, window_s=10), mark(0))
    ahead = pane(1000, open=9.0)
    before = feed.states["rules"]
    advance(feed.states, feed.stage, Arrived(ahead, at(0)))
    assert feed.states["rules"] is before


def test_models_are_selected_and_a_deleted_rule_is_over() -> None:
    document: dict[str, Any] = {"field": "open_requests", "op": ">", "value": 3, "window_s": 10}
    feed = Feed(PANES, requests(**document, select={"models": ["qwen*"]}), mark(0))
    feed.feed(pane(0, open=5.0), pane(0, open=5.0, model="qwen3"), pane(10), mark(22))
    (fired,) = [one for one in feed.said if getattr(one, "key", None) == "default"]
    assert fired.event.model == "qwen3"  # type: ignore[union-attr]
    assert told(feed.feed(deleted("r", 2))) == [("r", "resolved", "rule_deleted")]


@pytest.mark.parametrize("field", sorted(fields_of("requests")))
def test_every_field_that_is_documented_can_be_read(field: str) -> None:
    feed = Feed(PANES, requests(field=field, op=">", value=1e300), mark(0))
    assert feed.feed(pane(0, ttft_s=(1.0,)), mark(12), pane(10), mark(22)) == []
