"""Conditions for CI."""

import math

import pytest

from processors.replay.backtest.fail_if import NAMES, parse
from schemas.errors import ConfigError

FIGURES = dict.fromkeys(NAMES, math.nan) | {"recall": 0.5, "precision": 1.0, "gained": 3.0, "lost": 0.0}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("recall<1", True),
        ("recall < 0.5", False),
        ("recall <= 0.5 and precision == 1", True),
        ("recall < .4 or gained > 2", True),
        ("recall < 0.4 or gained > 2 and lost > 0", False),
        ("(recall < 1 or gained > 2) and lost > 0", False),
        ("not lost > 0", True),
        ("1 > recall", True),
        ("lost != 0", False),
        ("f1 < 1", False),
        ("f1 != 1", False),
        ("f1 >= 0 or gained >= 3", True),
    ],
)
def test_holds(text: str, holds: bool) -> None:
    assert parse(text).holds(FIGURES) is holds


def test_names_are_told() -> None:
    assert parse("recall < 1 or (gained > 3 and 1 < 2)").names == {"recall", "gained"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at the end there must be a number or one of"),
        ("recall", "at the end there must be <"),
        ("recall < ", "at the end there must be a number"),
        ("recall < 1 gained > 3", "before 'gained' there must be and, or, or the end"),
        ("(recall < 1", "at the end there must be )"),
        ("recal < 1", "before 'recal'"),
        ("recall = 1", "'= 1' is not understood"),
        ("recall < 1; import os", "'; import o' is not understood"),
        ("recall < 1" + " or recall < 1" * 100, "500 are enough"),
        ("(" * 400 + "1 < 2", "nested more than 50 deep"),
    ],
)
def test_is_none(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert said in str(caught.value)
