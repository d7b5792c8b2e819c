"""What a picture of a backtest covers."""

from infra.backtest.plot import shown_range
from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Answer, Question, Ruled, Side
from processors.replay.backtest.asked import asked
from processors.replay.backtest.fired import Fired
from tests.samples import at

SINCE, UNTIL = at(3600), at(7200)


def answer(onset_s: float, told_s: float, ended_s: float | None) -> Answer:
    one = Fired(
        kind="pattern", id="hot_memory", node="a", fleet="lab", told_id="1", severity="warning",
        onset_at=at(onset_s), opened_at=at(onset_s + 10), told_at=at(told_s),
        ended_at=None if ended_s is None else at(ended_s),
        over_at=None if ended_s is None else at(told_s + 5),
    )  # fmt: skip
    rules = Rules(patterns={}, alerts={}, digest="new")
    question = Question(
        new=Ruled("new.toml", rules), asked=asked(["hot_memory"], []), since=SINCE, until=UNTIL
    )
    side = Side("new.toml", "new", (one,), ())
    return Answer(
        question=question, source="x", sides=(side,), diff=None, recorded=None, read_from=SINCE, nodes=1,
        panes=1, unreadable=0, notes=(),
    )  # fmt: skip


def test_the_range_that_was_asked_for() -> None:
    assert shown_range(answer(3700, 3720, 3900)) == (SINCE, UNTIL)
    assert shown_range(answer(3500, 3720, None)) == (SINCE, UNTIL)
    assert shown_range(answer(100, 120, 3605)) == (SINCE, UNTIL)


def test_what_has_a_time_of_its_own_is_seen_too() -> None:
    assert shown_range(answer(100, 3720, 900)) == (at(100), UNTIL)
    assert shown_range(answer(9000, 3720, 9900)) == (SINCE, at(9900))
