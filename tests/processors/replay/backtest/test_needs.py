"""What a pattern is said not to read, it does not: every pattern is run without it."""

from functools import cache
from typing import Any, NoReturn

import pytest

from processors.patterns.catalog import PATTERNS
from processors.patterns.pattern import Judgement, Pattern
from processors.patterns.stage import LONGEST_S
from processors.patterns.taken import taken_of
from processors.replay.backtest.needs import EVERYTHING, needs
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.node_pane import NodePane
from tests.processors.replay.backtest.recorded import panes_of


class Taken:
    """Stands for what was taken away; whoever touches it fails."""

    def _touched(self, *_: object) -> NoReturn:
        raise AssertionError("read, though it is not among the needs")

    __iter__ = __len__ = __getitem__ = __bool__ = __getattr__ = __eq__ = __lt__ = _touched
    __hash__ = None  # type: ignore[assignment]


TAKEN: Any = Taken()


@cache
def slots() -> tuple[Slot, ...]:
    return tuple(taken_of(one.event).slot for one in panes_of("r2-2") if isinstance(one.event, NodePane))


def without(slot: Slot, parts: frozenset[str]) -> Slot:
    found = slot._replace(**dict.fromkeys(EVERYTHING - parts - {"requests"}, TAKEN))
    return found if {"runtimes", "models"} <= parts else found._replace(work=TAKEN)


def judged(pattern: Pattern, chosen: tuple[Slot, ...], requests: Any) -> list[Judgement]:
    return [
        pattern.judge(Window(chosen[: at + 1], requests, chosen[at].started_at + 10_000_000, LONGEST_S)
                      .last(pattern.window_s), pattern.thresholds())
        for at in range(30, len(chosen), 7)
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.id)
def test_a_pattern_reads_no_more_than_it_is_said_to(pattern: Pattern) -> None:
    parts = needs([pattern.id])
    fewer = tuple(without(slot, frozenset(parts)) for slot in slots())
    whole = judged(pattern, slots(), ())
    assert [repr(one) for one in judged(pattern, fewer, () if "requests" in parts else TAKEN)] == [
        repr(one) for one in whole
    ]


def test_a_pattern_that_nobody_listed_needs_everything() -> None:
    assert needs(["a_new_one"]) == EVERYTHING
    assert needs(["clock_skew", "hot_memory"]) == {"gpus", "health"}
