"""Rows as people read them."""

import io

import pytest
from rich.console import Console

from infra.cli.asking.answers import address
from infra.cli.asking.client import Rows
from infra.cli.asking.table import cell, counted, is_number, show, size
from schemas.settings import ApiSettings


@pytest.mark.parametrize(
    ("value", "column", "type_", "text"),
    [
        (None, "a", "Nullable(String)", ""),
        (1.23456789, "power_w", "Float64", "1.23457"),
        (2.0, "n", "Nullable(Float64)", "2"),
        (10, "n", "UInt64", "10"),
        (85899345920, "memory_total_bytes", "Float64", "80.0 GiB"),
        (512.0, "x_bytes", "Nullable(Float64)", "512 B"),
        ("text", "name_bytes", "String", "text"),
        ("a\nb\x1b[31m", "s", "String", "a\\nb�[31m"),
        ([1, "é"], "l", "Array(String)", '[1, "é"]'),
        ("x" * 300, "s", "String", "x" * 199 + "…"),
    ],
)
def test_a_cell(value: object, column: str, type_: str, text: str) -> None:
    assert cell(value, column, type_) == text


def test_what_is_a_number() -> None:
    assert all(
        is_number(type_) for type_ in ("UInt8", "Nullable(Int64)", "LowCardinality(Nullable(Float32))")
    )
    assert not any(is_number(type_) for type_ in ("String", "DateTime64(3)", "Array(UInt8)", "Interval"))


def test_sizes() -> None:
    assert [size(v) for v in (0, 1023, 1024, 1536, 5 * 1024**4)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 KiB",
        "5.0 TiB",
    ]


ROWS = Rows(("node_id", "power_w"), ("String", "Float64"), (("a", 5.0), ("bb", 123.0)), False)


def printed(rows: Rows, width: int = 80, *, vertical: bool = False) -> str:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=True, color_system=None, highlight=False)
    show(console, rows, vertical=vertical)
    return text.getvalue()


def test_numbers_stand_right_and_the_end_says_how_many() -> None:
    lines = [line.rstrip() for line in printed(ROWS).splitlines()]
    assert lines[0].split() == ["node_id", "power_w"]
    assert lines[2].endswith("      5")
    assert lines[3].endswith("    123")
    assert lines[-1] == "2 rows"


def test_rows_too_wide_come_one_by_one() -> None:
    assert "── 2 ──" in printed(ROWS, width=12)
    assert "── 1 ──" in printed(ROWS, vertical=True)
    assert "── 1 ──" not in printed(ROWS)


def test_a_truncated_result_says_so() -> None:
    assert counted(Rows(("a",), ("UInt8",), ((1,),), True)).startswith("1 row; there are more")


def test_markup_in_values_is_text() -> None:
    assert "[red]x[/red]" in printed(Rows(("s",), ("String",), (("[red]x[/red]",),), False))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8800"),
        ("0.0.0.0", "http://127.0.0.1:8800"),
        ("::1", "http://[::1]:8800"),
        ("::", "http://[::1]:8800"),
    ],
)
def test_the_address_of_the_own_api(host: str, url: str) -> None:
    assert address(ApiSettings(host=host)) == url
