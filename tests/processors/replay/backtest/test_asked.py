"""What is judged: what differs at any layer, what is named, and how long something must hold."""

import pytest

from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Ruled
from processors.replay.backtest.asked import EVERY, asked, differing, longest_for_s
from processors.replay.backtest.choose import chosen, named, rules_in
from schemas.errors import ConfigError


def rules(text: str) -> Rules:
    return rules_in(text, "test").rules


@pytest.mark.parametrize(
    ("new", "old", "patterns", "alerts"),
    [
        ("[patterns.hot_memory]\nfor_s = 5", "", ["hot_memory"], []),
        ("[patterns.thermal_drain]\nhot_share_min = 0.7", "", [], []),  # its default
        ("[patterns.hot_memory]\nfor_s = 5", "[patterns.hot_memory]\nfor_s = 5\n", [], []),
        ("", "[chips.L40.patterns.hot_memory]\nfor_s = 5", ["hot_memory"], []),
        (
            "[nodes.a.patterns.gpu_lost]\nfor_s = 5",
            "[nodes.b.patterns.gpu_lost]\nfor_s = 5",
            ["gpu_lost"],
            [],
        ),
        ("[fleets.lab.alerts.wes_cliff]\nfor_s = 5", "", [], ["wes_cliff"]),
        ("[fleets.lab.patterns.gpu_lost]\nenabled = false", "", ["gpu_lost"], []),
    ],
)
def test_what_differs(new: str, old: str, patterns: list[str], alerts: list[str]) -> None:
    assert differing(rules(new), rules(old)) == asked(patterns, alerts)


def test_how_long_something_must_hold_at_most() -> None:
    which = asked(["clock_skew"], [])
    assert longest_for_s(which, [Rules()]) == 0.0
    layered = rules("[nodes.a.patterns.clock_skew]\nfor_s = 90\n[patterns.hot_memory]\nfor_s = 900\n")
    assert longest_for_s(which, [Rules(), layered]) == 90.0


def test_what_is_named_comes_first_and_nothing_is_an_error() -> None:
    new, old = Ruled("new.toml", rules("[patterns.gpu_lost]\nfor_s = 5")), Ruled("current", Rules())
    assert chosen(new, old, None, named([]), every=False) == asked(["gpu_lost"], [])
    assert chosen(new, old, None, named(["wes_cliff", "clock_skew"]), every=False) == asked(
        ["clock_skew"], ["wes_cliff"]
    )
    assert chosen(new, old, None, named([]), every=True) == EVERY
    with pytest.raises(ConfigError, match=r"new.toml sets nothing otherwise than current"):
        chosen(Ruled("new.toml", Rules()), old, None, named([]), every=False)
    with pytest.raises(ConfigError, match="did you mean gpu_lost"):
        named(["gpu_lots"])
