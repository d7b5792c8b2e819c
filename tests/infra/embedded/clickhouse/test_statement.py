import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.embedded.clickhouse.failure import ClickHouseError
from infra.embedded.clickhouse.lexer import tokens
from infra.embedded.clickhouse.statement import Insert, Statement, parse, reading_input_from


@pytest.mark.parametrize(
    ("text", "fmt", "data"),
    [
        (b"INSERT INTO t FORMAT TSV\n1\t2\n", "TSV", b"1\t2\n"),
        (b"insert into t format RowBinary \r\n\x00\xff", "RowBinary", b"\x00\xff"),
        (b"INSERT INTO t FORMAT RowBinary\n\n\n", "RowBinary", b"\n\n"),
        (b'INSERT INTO t (a, `format`) FORMAT JSONEachRow {"a": 1}', "JSONEachRow", b'{"a": 1}'),
        (b"INSERT INTO t VALUES (1, 'FORMAT')", "Values", b" (1, 'FORMAT')"),
        (b"INSERT INTO TABLE a.format (b) VALUES(1)", "Values", b"(1)"),
        (b"INSERT INTO t SETTINGS async_insert = 0 FORMAT CSV\n1", "CSV", b"1"),
        (b"/* a /* nested */ one */ INSERT INTO t -- FORMAT X\nFORMAT CSV\n1", "CSV", b"1"),
        (b"INSERT INTO t", "", b""),
    ],
)
def test_an_insertion_is_cut_where_its_data_begins(text: bytes, fmt: str, data: bytes) -> None:
    found = parse(text)
    assert isinstance(found, Insert)
    assert (found.format, text[found.data_at :], found.selects) == (fmt, data, False)
    assert b"1" not in found.head


def test_an_insertion_through_input_reads_a_file_instead() -> None:
    text = b"INSERT INTO t SELECT a + 1 FROM input('a Int8') WHERE a > 0 FORMAT CSV\n7\n"
    found = parse(text)
    assert isinstance(found, Insert)
    assert found.selects
    assert text[found.data_at :] == b"7\n"
    head = reading_input_from(found.head, "/x", found.format)
    assert head == b"INSERT INTO t SELECT a + 1 FROM file('/x', 'CSV', 'a Int8') WHERE a > 0 "


@pytest.mark.parametrize(
    ("text", "fmt", "into"),
    [
        (b"SELECT 1", None, b"SELECT 1\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
        (b"SELECT 1 -- end", None, b"SELECT 1\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
        (b"SELECT 1; ", None, b"SELECT 1\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
        (b"SELECT 1 FORMAT JSON;", "JSON", b"SELECT 1 \nINTO OUTFILE '/p' APPEND\nFORMAT JSON;"),
        (
            b"SELECT 1 FORMAT JSON SETTINGS a = 1",
            "JSON",
            b"SELECT 1 \nINTO OUTFILE '/p' APPEND\nFORMAT JSON SETTINGS a = 1",
        ),
        (b"SELECT 1 AS format", None, b"SELECT 1 AS format\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
        (b"SELECT format x", None, b"SELECT format x\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
        (b"SELECT 'FORMAT JSON'", None, b"SELECT 'FORMAT JSON'\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
        (b"SELECT $$FORMAT JSON$$", None, b"SELECT $$FORMAT JSON$$\nINTO OUTFILE '/p' APPEND\nFORMAT TSV\n"),
    ],
)
def test_the_format_of_a_query_and_the_place_for_its_output(
    text: bytes, fmt: str | None, into: bytes
) -> None:
    found = parse(text)
    assert isinstance(found, Statement)
    assert found.format == fmt
    assert found.into("/p", "TSV") == into


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", 62),
        (b"-- nothing", 62),
        (b"SELECT 1 INTO OUTFILE '/tmp/x'", 358),
        (b"SELECT 1 into /* */ outfile '/tmp/x'", 358),
        (b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 358),
        (b"SELECT * FROM Python(settings)", 46),
        (b"SELECT * FROM `python`(settings)", 46),
        (b"INSERT INTO t SELECT * FROM python (x)", 46),
    ],
)
def test_what_no_server_does_is_refused(text: bytes, code: int) -> None:
    with pytest.raises(ClickHouseError) as raised:
        parse(text)
    assert raised.value.code == code


def test_an_explained_text_is_not_run_so_it_may_hold_anything() -> None:
    found = parse(b"EXPLAIN AST SELECT 1 INTO OUTFILE '/tmp/x'")
    assert isinstance(found, Statement)
    assert found.verb == "EXPLAIN"


def test_kill_query_finds_the_ids_that_clients_know() -> None:
    found = parse(b"KILL QUERY WHERE query_id = 'query_id' SYNC")
    assert isinstance(found, Statement)
    assert found.text == b"KILL QUERY WHERE Settings['log_comment'] = 'query_id' SYNC"


@given(st.binary(max_size=200))
def test_any_bytes_have_tokens_in_order(text: bytes) -> None:
    end = 0
    for token in tokens(text):
        assert end <= token.start < token.end <= len(text)
        assert token.text == text[token.start : token.end]
        end = token.end


@pytest.mark.parametrize("part", [b"$a$ ", b"/*", b"'", b"(", b"`", b"$$ $"])
def test_a_hostile_text_costs_no_more_than_its_length(part: bytes) -> None:
    # Quadratic scanning of this would run into the time limit of the run.
    assert sum(1 for _ in tokens(part * 200_000)) <= 1_000_000
