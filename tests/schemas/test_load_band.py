import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.load_band import kind_of, load_band, load_band_sql, requests_of

EDGES = (0.0, 1e-9, 0.49, 0.5, 1.0, 1.49, 1.5, 2.4, 3.49, 3.5, 7.49, 7.5, 8.0, 15.5, 127.5, 1000.0, 65535.6)


@pytest.mark.parametrize(
    ("running", "band"),
    [
        (math.nan, ""),
        (0.0, ""),
        (0.2, "1"),
        (1.0, "1"),
        (1.5, "2"),
        (3.4, "2"),
        (3.5, "4"),
        (7.5, "8"),
        (33, "32"),
    ],
)
def test_a_band_is_a_power_of_two(running: float, band: str) -> None:
    assert load_band(running) == band


@given(st.floats(0.5, 1e6))
def test_a_load_is_in_its_band(running: float) -> None:
    band = int(load_band(running))
    assert band <= running + 0.5 < 2 * band + 0.5 or band == 1


@pytest.mark.parametrize(
    ("read", "written", "band"),
    [
        (399, 100, "8"),
        (400, 100, "8 p4"),
        (1599, 100, "8 p4"),
        (1600, 100, "8 p16"),
        (6400, 100, "8 p64"),
        (10, 0, "8 p64"),
        (0, 0, "8"),
        (math.nan, 100, "8"),
        (400, math.nan, "8"),
    ],
)
def test_work_that_is_mostly_reading_is_of_another_kind(read: float, written: float, band: str) -> None:
    assert load_band(8, read, written) == band
    assert (requests_of(band), kind_of(band)) == (8, band[2:])


def test_no_band_is_of_no_requests() -> None:
    assert (load_band(math.nan, 400, 1), requests_of(""), kind_of("")) == ("", 0, "")


MIXES = (
    (0.0, 0.0),
    (5.0, 0.0),
    (399.0, 100.0),
    (400.0, 100.0),
    (1600.0, 100.0),
    (6400.0, 100.0),
    (7.0, None),
)


@pytest.mark.integration
def test_the_store_says_the_same(clickhouse_url: str) -> None:
    values = [*EDGES, *(number / 7 for number in range(3000))]
    rows = [(value, *MIXES[place % len(MIXES)]) for place, value in enumerate(values)]
    sql = f"SELECT {load_band_sql('value', 'read', 'written')} FROM values("
    sql += "'value Nullable(Float64), read Nullable(Float64), written Nullable(Float64)', (NULL, 400, 1), "
    sql += (
        ", ".join(
            f"({value!r}, {read!r}, {'NULL' if written is None else written})"
            for value, read, written in rows
        )
        + ")"
    )
    answer = httpx.post(clickhouse_url, content=sql, timeout=60)
    assert answer.status_code == 200, answer.text
    told = [load_band(value, read, math.nan if written is None else written) for value, read, written in rows]
    assert answer.text.splitlines() == ["", *told]
