"""Tokens, listing, formats and parameters."""

from collections.abc import AsyncIterator, Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.sql.aggregates import is_aggregate
from api.sql.formats import by_accept, by_name, with_last_field
from api.sql.listing import parse
from api.sql.parameters import TOTAL_BYTES, options
from api.sql.tokens import UnreadableError, tokenize
from api.store import error_of, quote


def test_tokens_of_canonical_text() -> None:
    found = [(token.kind, token.text) for token in tokenize("SELECT `a b`.c, 'it\\'s', 1.5e3, x -> -x::Int8")]
    assert found[:6] == [
        ("word", "SELECT"),
        ("quoted", "a b"),
        ("mark", "."),
        ("word", "c"),
        ("mark", ","),
        ("string", "'it\\'s'"),
    ]
    assert ("number", "1.5e3") in found
    assert ("mark", "->") in found
    assert ("mark", "::") in found


@pytest.mark.parametrize(
    "text", ["a -- b", "a /* b */", '"a"', "`a", "'a", "`a\\`b`", "`a\x01`", "é", "a # b"]
)
def test_text_that_is_not_canonical_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableError):
        tokenize(text)


@given(st.text())
def test_any_text_gives_tokens_or_unreadable(text: str) -> None:
    try:
        tokens = tokenize(text)
    except UnreadableError:
        return
    assert all(token.text or token.kind == "quoted" for token in tokens)


def test_listing_is_a_tree() -> None:
    (root,) = parse("A (children 2)\n B x (alias y) (children 1)\n  C\n D\n")
    assert [node.kind for node in root.walk()] == ["A", "B", "C", "D"]
    assert [child.name for child in root.children] == ["x", ""]
    assert root.children[0].has_alias
    assert not root.children[1].has_alias


def test_a_line_that_skips_a_level_is_a_root_of_its_own() -> None:
    assert len(parse("A\n   B\n")) == 2


def test_aggregate_functions_with_combinators() -> None:
    assert is_aggregate("SUM")
    assert is_aggregate("quantilesTDigestIfOrNull")
    assert is_aggregate("sumMapMergeState")
    assert not is_aggregate("groupFormatIf")
    assert not is_aggregate("If")
    assert not is_aggregate("fileIf")


def test_formats_by_name_and_by_accept() -> None:
    csv = by_name("csv")
    assert csv
    assert csv.engine == "CSVWithNames"
    assert by_name("Template") is None
    assert by_accept("text/html, application/vnd.apache.parquet;q=0.9") == by_name("Parquet")
    assert by_accept("application/json") == by_name("JSON")
    assert by_accept("*/*") is None


async def _chunks(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "text", [b'{"data": [{"a": {}}], "x": {"y": {} }}\n', b'{"a": 1}', b'{\n\t"a":\n\t{}\n}\n\n']
)
async def test_the_last_field_is_added_wherever_chunks_end(text: bytes, size: int) -> None:
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    made = b"".join([chunk async for chunk in with_last_field(_chunks(parts), b'"truncated":true')])
    assert orjson.loads(made) == orjson.loads(text) | {"truncated": True}


def test_parameters_are_written_as_the_engine_reads_them() -> None:
    assert options({"a": "x\ty\\z\n", "b": True, "c": None, "d": 1.5, "e": ["it's", 2, None]}) == {
        "param_a": "x\\ty\\\\z\\n",
        "param_b": "true",
        "param_c": "\\N",
        "param_d": "1.5",
        "param_e": "['it\\'s',2,NULL]",
    }


@pytest.mark.parametrize("parameters", [{"a b": 1}, {"": 1}, {"a": "x" * (TOTAL_BYTES + 1)}])
def test_parameters_that_cannot_be_used(parameters: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match="parameter"):
        options(parameters)


def test_a_literal_keeps_its_text() -> None:
    assert quote("it's \\ \0") == "'it\\'s \\\\ \\0'"


def test_the_engines_error_is_taken_apart() -> None:
    text = b"Code: 60. DB::Exception: Unknown table expression 'x'. (UNKNOWN_TABLE) (version 26.9.2.1)\n"
    error = error_of(text, {})
    assert (error.code, error.name, error.message) == (60, "UNKNOWN_TABLE", "Unknown table expression 'x'.")
    assert error_of(b"<html>", {"X-ClickHouse-Exception-Code": "62"}).code == 62
