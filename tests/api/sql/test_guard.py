"""The guard on canned answers of the engine: no engine needed."""

import pytest

from api.sql.guard import check_clauses, judge
from api.sql.policy import Engine, Policy
from api.sql.verdict import QueryRefusedError

POLICY = Policy(
    "penstock", Engine(frozenset({"file", "lower", "version"}), frozenset({"penstock", "private"}))
)


def select(*columns: str, source: str = "") -> str:
    """Return the listing of a SELECT with one line per node of its columns."""
    lines = [
        "SelectWithUnionQuery (children 1)",
        " ExpressionList (children 1)",
        "  SelectQuery (children 1)",
    ]
    lines += ["   ExpressionList (children 1)", *(" " * 4 + column for column in columns)]
    if source:
        lines += ["   TablesInSelectQuery (children 1)", "    TablesInSelectQueryElement (children 1)"]
        lines += ["     TableExpression (children 1)", f"      {source}"]
    return "\n".join(lines) + "\n"


def test_a_select_passes() -> None:
    judge(
        "SELECT lower(a) FROM samples",
        select("Function lower (children 1)", source="TableIdentifier s"),
        POLICY,
    )


@pytest.mark.parametrize(
    ("canonical", "listing", "reason"),
    [
        ("SELECT file('x')", select("Function file (children 1)"), "the function file"),
        ("SELECT FILE('x')", select("Function FILE (alias lower) (children 1)"), "the function FILE"),
        (
            "SELECT 1 FROM system.users",
            select("Asterisk", source="TableIdentifier system.users"),
            "system.users",
        ),
        ("SELECT 1 FROM private.t", select("Asterisk", source="TableIdentifier private.t"), "private.t"),
        (
            "SELECT 1 FROM url('x')",
            select("Asterisk", source="Function url (children 1)"),
            "table function url",
        ),
        ("SELECT a IN (private.t)", select("Identifier private.t"), "could name a table"),
        ("SELECT 1", select("Something new"), "Something is not allowed"),
        ("SELECT 1", select("Set"), "SETTINGS"),
        ("DROP TABLE x", "DropQuery  x (children 1)\n Identifier x\n", "kind DROP"),
        (
            "EXPLAIN AST DROP TABLE x",
            "Explain EXPLAIN AST (children 1)\n DropQuery  x\n",
            "EXPLAIN takes a SELECT",
        ),
        ("SELECT 1", "SelectWithUnionQuery\n ExpressionList\n Literal 'x'\n", "INTO OUTFILE"),
        ("SELECT 1", "", "cannot be read"),
        ("SELECT 1", "One\nTwo\n", "cannot be read"),
        ("SELECT `a\\nb`", select("Identifier a\nb"), "control character"),
        ("SELECT 1 -- x", select("Literal UInt64_1"), "cannot be judged"),
        ('SELECT "a"', select("Identifier a"), "cannot be judged"),
        # What the listing hides, the text shows.
        ("SELECT * APPLY file", select("Asterisk", " ColumnsApplyTransformer"), "APPLY file"),
        ("SELECT * APPLY x -> lower(x)", select("Asterisk", " ColumnsApplyTransformer"), "APPLY x"),
        ("SELECT *", select("Asterisk", " ColumnsApplyTransformer"), "cannot be judged"),
        ("SELECT hidden(1)", select("Literal UInt64_1"), "the function hidden"),
        ("SELECT {x:Identifier}", select("Identifier a"), "parameter"),
    ],
)
def test_what_is_not_known_to_be_harmless_is_refused(canonical: str, listing: str, reason: str) -> None:
    with pytest.raises(QueryRefusedError, match=reason) as caught:
        judge(canonical, listing, POLICY)
    assert caught.value.hint


@pytest.mark.parametrize(
    "canonical",
    [
        "SELECT 1 INTO OUTFILE 'x'",
        "SELECT 1 FORMAT CSV",
        "SELECT 1 FORMAT Values",
        "SELECT 1 SETTINGS a = 1",
        "SELECT 1 SETTINGS limit = 0",
        "SELECT 1 SETTINGS `limit` = 0",
    ],
)
def test_clauses_that_hold_for_explain_too_are_refused_first(canonical: str) -> None:
    with pytest.raises(QueryRefusedError, match="not allowed"):
        check_clauses(canonical)


@pytest.mark.parametrize(
    "canonical",
    [
        "SELECT format, settings FROM t",
        "SELECT format('{}', a)",
        "SELECT a AS format",
        "SELECT format FROM t",
    ],
)
def test_columns_may_be_called_format_and_settings(canonical: str) -> None:
    check_clauses(canonical)


@pytest.mark.parametrize(
    "canonical",
    [
        "SHOW TABLES",
        "SHOW FULL TABLES FROM penstock NOT LIKE 'a' LIMIT 3",
        "SHOW TABLES FROM system",
        "SHOW COLUMNS FROM penstock.samples",
        "SHOW COLUMNS FROM samples FROM penstock",
        "SHOW CREATE TABLE samples",
        "SHOW FUNCTIONS ILIKE 'a%'",
    ],
)
def test_show_passes(canonical: str) -> None:
    judge(canonical, "ShowTables\n", POLICY)


@pytest.mark.parametrize(
    "canonical",
    [
        "SHOW TABLES WHERE file('x') = ''",
        "SHOW TABLES FROM private",
        "SHOW TABLES INTO OUTFILE 'x'",
        "SHOW TABLES LIKE 'a' FORMAT CSV",
        "SHOW COLUMNS FROM private.t",
        "SHOW COLUMNS FROM t FROM private",
        "SHOW COLUMNS",
        "SHOW CREATE TABLE private.t",
        "SHOW CREATE USER u",
        "SHOW SETTINGS LIKE 'a'",
        "SHOW PROCESSLIST",
        "SHOW",
    ],
)
def test_other_forms_of_show_are_refused(canonical: str) -> None:
    with pytest.raises(QueryRefusedError, match="SHOW"):
        judge(canonical, "ShowTables\n", POLICY)
