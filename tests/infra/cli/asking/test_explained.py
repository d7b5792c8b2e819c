"""An explanation on a screen."""

import io
from typing import Any

from rich.console import Console

from infra.cli.asking.explained import show
from tests.infra.plot.explanations import explanation


def printed(width: int = 100, **changes: Any) -> str:
    file = io.StringIO()
    show(
        Console(file=file, width=width, highlight=False),
        explanation(**changes),
        "penstock replay --node gpu-01",
    )
    return file.getvalue()


def test_what_it_was_judged_from_and_how_to_replay_it() -> None:
    text = printed()
    for words in (
        "hot at gpu-01: warning",
        "GPU-1 is at 84 °C",
        "temperature of GPU-1, °C, wrong if >= the dashed line",
        "onset, opened 12:00:30",
        "ended 12:01:30",
        "patterns.hot",
        "observations[2] 17",
        "topic[partition] offset",
        "panes[2]",
        "100..140",
        "Judged again, it is told exactly as it was.",
        "penstock replay --node gpu-01",
    ):
        assert words in text, words
    assert any(0x2800 < ord(char) <= 0x28FF for char in text)


def test_it_fits_a_narrow_terminal() -> None:
    assert max(map(len, printed(80).splitlines())) <= 80


def test_what_is_missing_is_said_and_the_rest_is_shown() -> None:
    text = printed(points=[], agrees=None, missing=["samples: a list has none of them"], facts=[])
    assert "missing: samples: a list has none of them" in text
    assert "Judged again" not in text
    assert "Held against" in text


def test_differences_and_other_rules_are_said() -> None:
    text = printed(
        agrees=False, differences=["opened, revision 0: severity was 'a' and is 'b'"], rules_then="77aa"
    )
    assert "differs: opened, revision 0" in text
    assert "The rules were others then (77aa; now default)" in text


def test_what_follows_from_facts_alone_is_said_to_be_numbered_by_a_replay() -> None:
    assert "as a replay numbers them" in printed(recorded=False)


def test_a_terminal_obeys_nothing_of_it() -> None:
    assert "\x1b[31m" not in printed(text="\x1b[31mred", node_id="\x1b[31mn", missing=["\x1b[31m"])
