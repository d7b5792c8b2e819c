"""How long what was told lasted."""

from processors.replay.backtest.fired import Fired

S = 1_000_000
SINCE, UNTIL = 1_000 * S, 2_000 * S


def lasted_s(onset: int, told: int, ended: int | None = None, over: int | None = None) -> float:
    one = Fired(
        kind="pattern", id="hot", node="a", fleet="lab", told_id="1", severity="warning",
        onset_at=onset * S, opened_at=onset * S, told_at=told * S,
        ended_at=None if ended is None else ended * S, over_at=None if over is None else over * S,
    )  # fmt: skip
    return one.seconds(SINCE, UNTIL)


def test_what_was_told_and_over_within_the_range_counts_in_full() -> None:
    assert lasted_s(990, 1_010, 1_500, 1_503) == 510


def test_times_of_its_own_do_not_matter() -> None:
    """Eighteen minutes, simulated in as many seconds, of the hour before."""
    assert lasted_s(100, 1_500, 1_180, 1_518) == 1_080


def test_the_range_cuts_off_what_is_outside() -> None:
    assert lasted_s(500, 510, 1_200, 1_203) == 200
    assert lasted_s(1_900, 1_910) == 100
    assert lasted_s(1_900, 1_910, 2_100, 2_103) == 100
    assert lasted_s(500, 510) == 1_000
    assert lasted_s(500, 510, 990, 1_001) == 0
