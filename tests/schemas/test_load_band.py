import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.load_band import load_band, load_band_sql

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


@pytest.mark.integration
def test_the_store_says_the_same(clickhouse_url: str) -> None:
    values = [*EDGES, *(number / 7 for number in range(3000))]
    sql = f"SELECT {load_band_sql('value')} FROM values('value Nullable(Float64)', (NULL), "
    sql += ", ".join(f"({value!r})" for value in values) + ")"
    answer = httpx.post(clickhouse_url, content=sql, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.text.splitlines() == ["", *map(load_band, values)]
