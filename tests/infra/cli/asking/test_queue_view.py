from typing import Any

import pytest
from rich.console import Console

from api.router.queue.ticket import Cause
from infra.cli.asking.queue_view import headline, seconds, view, waits_for

STATUS: dict[str, Any] = {
    "entered": 9,
    "waiting": 1,
    "in_flight": 2,
    "ended": {"finished": 1_234, "timed_out": 1, "cancelled": 0},
    "paused": ["gpu-2"],
    "models": [
        {
            "model": "qwen3", "pool": "qwen3", "slots": 4, "in_flight": 2, "waiting": 1, "finished": 1234,
            "wait_p50_s": 0.25, "wait_p95_s": None,
            "upstreams": [
                {"upstream": "gpu-1", "slots": 4, "in_flight": 2, "paused": False},
                {"upstream": "gpu-2", "slots": None, "in_flight": 0, "paused": True},
            ],
        }
    ],
    "pools": [
        {
            "pool": "big", "budget": 2.0, "used": 1.5, "exclusive": True, "resident": "",
            "reserved_for": "r9", "in_flight": 2, "waiting": 1,
        }
    ],
    "keys": [
        {
            "key": "none", "in_flight": 0, "waiting": 0, "tokens": 5.0, "tokens_left": None, "weight": 1.0,
            "priority_ceiling": 0,
        },
        {
            "key": "aaa", "in_flight": 2, "waiting": 1, "tokens": 12_000.0, "tokens_left": 88_000.0,
            "weight": 2.5, "priority_ceiling": 7,
        },
    ],
    "tickets": [
        {
            "id": "r9", "age_s": 61.0, "model": "qwen3", "key": "aaa", "effective_priority": 3.05,
            "patience_left_s": None, "cause": "budget", "subject": "big",
        }
    ],
    "names": {"aaa": "search [beta]", "none": ""},
}  # fmt: skip


def shown(status: dict[str, Any]) -> list[str]:
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        console.print(view(status))
    return [" ".join(line.split()) for line in capture.get().splitlines() if line.strip()]


def test_all_there_is_to_see() -> None:
    lines = shown(STATUS)
    assert lines[0] == "1 waiting, 2 in flight; 1,234 finished, 1 timed out"
    assert lines[1] == "paused: gpu-2"
    for wanted in (
        "qwen3 2 of 4 1 1,234 250 ms - gpu-1 2 of 4, gpu-2 0 paused",
        "big 1.50 of 2 2 1 free r9",
        "search [beta] 2 1 12,000 88,000 2.5 7",
        "no key 0 0 5 - 1 0",
        "r9 1 min 1 s qwen3 search [beta] 3.0 - next in pool big, which is full",
    ):
        assert wanted in lines


def test_an_empty_queue_is_one_line() -> None:
    empty = {"waiting": 0, "in_flight": 0, "ended": {}, "paused": [], "names": {}}
    lists: dict[str, Any] = {"models": [], "pools": [], "keys": [], "tickets": []}
    assert shown({**empty, **lists}) == ["0 waiting, 0 in flight"] == [headline({**empty, **lists})]


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_words(cause: Cause) -> None:
    words = waits_for({"cause": cause.value, "subject": "x"})
    assert words == "none" if cause is Cause.NONE else words != cause.value


@pytest.mark.parametrize(
    ("value", "words"), [(None, "-"), (0.0004, "0 ms"), (5.25, "5.2 s"), (3600, "60 min 0 s")]
)
def test_times(value: float | None, words: str) -> None:
    assert seconds(value) == words
