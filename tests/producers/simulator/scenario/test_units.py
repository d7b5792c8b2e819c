"""Quantities as people write them."""

import math
from collections.abc import Callable

import pytest

from producers.simulator.scenario.document import parse
from producers.simulator.scenario.form import units


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.seconds, "90s", 90),
        (units.seconds, "1.5h", 5400),
        (units.seconds, "250ms", 0.25),
        (units.seconds, "6h02m", 21_720),
        (units.seconds, 0, 0),
        (units.signed_seconds, "-2m", -120),
        (units.forever_seconds, "forever", math.inf),
        (units.size_bytes, "1.5TB", 1.5e12),
        (units.size_bytes, "512MiB", 512 * 2**20),
        (units.count, "8B", 8e9),
        (units.count, 7, 7),
        (units.watts, "1.2kW", 1200),
        (units.per_second, "30/m", 0.5),
        (units.bytes_per_second, "6MB/m", 1e5),
        (units.second_of_day, "14:30", 52_200),
        (units.moment, "2026-01-12T08:00:00Z", 1_768_204_800_000_000),
        (units.moment, "2026-01-12T09:00:00+01:00", 1_768_204_800_000_000),
        (units.window, "22m..27m", (1320, 1620)),
        (units.window, "5m..", (300, math.inf)),
        (units.resolution, "never", None),
        (units.names, "a", ["a"]),
        (units.indices, [3, 1, 3], [1, 3]),
    ],
)
def test_sound(read: Callable[[object], object], text: object, value: object) -> None:
    assert read(text) == value


UNSOUND: list[tuple[Callable[[object], object], list[object]]] = [
    (units.seconds, ["90", 90, "-5s", "5 years", "", None, True, "1e3s", "s", [], "6h 2m", "6h2y"]),
    (units.size_bytes, ["80", "80gb", "80 GBit", 80, False]),
    (units.per_second, [2, "2", "2/y", "/s", "-1/s"]),
    (units.bytes_per_second, ["5MB", "5/s", "MB/s", 5]),
    (units.second_of_day, [840, "24:00", "12:60", "noon"]),
    (units.moment, ["2026-01-12", "2026-01-12T08:00:00", "1999-01-01T00:00:00Z", 5]),
    (units.window, ["5m", "5m..3m", "..x", 5, "5..6"]),
    (units.names, [[], "", [1], {}, None]),
    (units.indices, [-1, [True], "0", [], 64, None]),
]


@pytest.mark.parametrize(("read", "value"), [(read, value) for read, values in UNSOUND for value in values])
def test_unsound(read: Callable[[object], object], value: object) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        read(value)


def test_yaml_guesses_nothing() -> None:
    text = (
        "a: 14:00\nb: yes\nc: 2026-01-12T08:00:00Z\nd: 0x10\ne: 010\nf: 1_000\ng: true\nh: 1e3\ni: ~\nj: .inf"
    )
    assert parse(text, "x").value == {
        "a": "14:00", "b": "yes", "c": "2026-01-12T08:00:00Z", "d": "0x10", "e": 10, "f": "1_000",
        "g": True, "h": 1000.0, "i": None, "j": ".inf",
    }  # fmt: skip
