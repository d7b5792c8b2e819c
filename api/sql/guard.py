"""Judge people's SQL by the engine's own reading of it; whatever is not known to be harmless is refused.

Read-only mode alone lets a query read and write files, open connections and end other people's queries.
The engine is therefore asked for two things that run nothing: its canonical text of the query, which also
proves that it is one statement, and the syntax tree of that text. ``judge`` looks at both, and does no I/O.
What runs afterwards is the canonical text, so that what was judged is what runs.
"""

import re
from collections.abc import Sequence

from api.sql import show
from api.sql.hidden import AFTER_A_NAME, check_text
from api.sql.listing import Node, parse
from api.sql.policy import PARAMETERIZED_VIEWS, TABLE_FUNCTIONS, Policy
from api.sql.tokens import Token, UnreadableError, tokenize
from api.sql.type_names import check_type_names
from api.sql.verdict import QueryRefusedError, is_function, unknown_function

_SELECT = "SelectWithUnionQuery"
_EXPLAINS = frozenset({
    "EXPLAIN", "EXPLAIN AST", "EXPLAIN SYNTAX", "EXPLAIN QUERY TREE", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE",
})  # fmt: skip

# Kinds of nodes that a SELECT is made of. A kind that is not here is refused, whatever it may be.
_KINDS = frozenset({
    "ArrayJoin", "Asterisk", "ColumnsApplyTransformer", "ColumnsExceptTransformer", "ColumnsListMatcher",
    "ColumnsRegexpMatcher", "ColumnsReplaceTransformer", "ColumnsReplaceTransformer::Replacement",
    "ColumnsTransformerList", "ExpressionList", "Function", "Identifier", "InterpolateElement", "Literal",
    "OrderByElement", "QualifiedAsterisk", "QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher",
    "SampleRatio", "SelectIntersectExceptQuery", "SelectQuery", "SelectWithUnionQuery", "Subquery",
    "TableExpression", "TableIdentifier", "TableJoin", "TablesInSelectQuery", "TablesInSelectQueryElement",
    "WindowDefinition", "WindowListElement", "WithElement",
})  # fmt: skip

_TABLE = re.compile(r"(?:(\w+)\.)?(\w+)", re.ASCII)
_ONLY = "write one SELECT, SHOW, DESCRIBE or EXPLAIN"


def judge(canonical: str, listing: str, policy: Policy) -> None:
    """Accept a query by returning.

    Args:
        canonical: the text as the engine's ``formatQuery`` writes it.
        listing: what the engine's ``EXPLAIN AST`` prints for that text.
        policy: what may be named.

    Raises:
        QueryRefusedError: the query is not known to be harmless; it says why and what to write instead.
    """
    tokens = _tokens(canonical)
    roots = parse(listing)
    if len(roots) != 1:
        raise QueryRefusedError("the engine's listing of the query cannot be read", _ONLY)
    if roots[0].kind.startswith("Show"):
        show.check(tokens, policy)
        return
    for node in _queried(roots[0]).walk():
        _check_node(node, policy)
    check_text(tokens, listing)


def check_clauses(canonical: str) -> None:
    """Refuse what must not even be explained: INTO OUTFILE, FORMAT and SETTINGS hold for EXPLAIN itself too.

    Raises:
        QueryRefusedError: the text has one of them.
    """
    tokens = _tokens(canonical)
    for at, token in enumerate(tokens):
        after = tokens[at + 1 : at + 3]
        if token.is_word("outfile") or (token.is_word("format", "settings") and _is_clause(after)):
            raise QueryRefusedError(
                f"{token.text.upper()} is not allowed in the query",
                "choose the format beside the query; settings are fixed, and the answer comes back to you",
            )


def _is_clause(after: Sequence[Token]) -> bool:
    """Tell FORMAT and SETTINGS from columns of these names, which a mark or a word of the grammar follows."""
    if not after or after[0].kind == "mark":
        return False
    assigns = any(token.is_mark("=") for token in after[1:])  # SETTINGS limit = 0
    return assigns or after[0].lower not in AFTER_A_NAME


def _tokens(canonical: str) -> tuple[Token, ...]:
    try:
        return tokenize(canonical)
    except UnreadableError as exc:
        raise QueryRefusedError(f"the query cannot be judged: {exc}", "leave it out") from exc


def _queried(root: Node) -> Node:
    """Return the part of the statement that has to be a query or a table, having judged what is around it."""
    if root.kind == _SELECT:
        return root
    if root.kind == "DescribeQuery":
        return _only_child(root, "TableExpression")
    if root.kind == "Explain" and root.name in _EXPLAINS:
        # The options of EXPLAIN are a Set node too; the engine knows no option that is a setting.
        root.children = [child for child in root.children if child.kind != "Set"]
        return _only_child(root, _SELECT)
    raise QueryRefusedError(f"{_statement(root)} is not allowed here", _ONLY)


def _statement(root: Node) -> str:
    words = re.sub(r"(Query|Statement)$", "", root.kind)
    return f"a statement of the kind {words.upper()}" if root.kind != "Explain" else root.name


def _only_child(root: Node, kind: str) -> Node:
    if len(root.children) != 1 or root.children[0].kind != kind:
        raise QueryRefusedError(
            "FORMAT, SETTINGS and INTO OUTFILE are not allowed in the text, and EXPLAIN takes a SELECT only",
            "choose the format beside the query",
        )
    return root.children[0]


def _check_node(node: Node, policy: Policy) -> None:
    if node.kind == "Set":
        raise QueryRefusedError("SETTINGS are not allowed in the query", "leave SETTINGS out")
    if node.kind not in _KINDS:
        raise QueryRefusedError(f"{node.kind} is not allowed in a query", _ONLY)
    if node.kind == _SELECT and len(node.children) != 1:
        raise QueryRefusedError(
            "FORMAT and INTO OUTFILE are not allowed in the query", "choose the format beside the query"
        )
    if node.kind == "TableExpression":
        _check_source(node, policy)
    elif node.kind == "TableIdentifier":
        _check_table(node.name, policy)
    elif node.kind == "Identifier":
        _check_identifier(node.name, policy)
    elif node.kind == "Function":
        _check_function(node, policy)


def _check_source(node: Node, policy: Policy) -> None:
    """Judge what stands after FROM or JOIN; a table function is marked, so that it is not judged twice."""
    for child in node.children:
        if child.kind == "Function":
            _check_table_function(child)
            child.kind = "ExpressionList"
        elif child.kind not in {"TableIdentifier", "Subquery", "SampleRatio", "ExpressionList"}:
            raise QueryRefusedError(f"{child.kind} cannot be read from", "name a table")


def _check_table_function(node: Node) -> None:
    name = node.name
    if name in PARAMETERIZED_VIEWS:
        return
    if name.rpartition(".")[2] in PARAMETERIZED_VIEWS:
        raise QueryRefusedError(f"{name} is not known by that name", "leave the name of the database out")
    if name.lower() not in TABLE_FUNCTIONS:
        raise QueryRefusedError(
            f"the table function {name} is not allowed",
            f"read tables; of table functions there are {', '.join(sorted(TABLE_FUNCTIONS))}, and of views "
            f"with arguments {', '.join(sorted(PARAMETERIZED_VIEWS))}",
        )
    if name.lower() == "values":
        _check_values(node)


def _check_values(node: Node) -> None:
    first = node.arguments()[:1]
    if not first or (first[0].kind != "Literal" and first[0].name != "tuple"):
        raise QueryRefusedError("the first argument of values() must be a literal", "write it out")
    # A column of the structure may have an expression of its own, which the tree does not show.
    text = first[0].rest
    if text.startswith("'") and re.search(
        r"\b(default|materialized|ephemeral|alias|codec|ttl)\b", text, re.I
    ):
        raise QueryRefusedError("columns of values() may have a name and a type only", "leave the rest out")


def _check_table(name: str, policy: Policy) -> None:
    found = _TABLE.fullmatch(name)
    if not found:
        raise QueryRefusedError(f"{name!r} is not the name of a table", "SHOW TABLES lists them")
    database, table = found.group(1) or "", found.group(2)
    if not policy.allows_table(database, table):
        raise QueryRefusedError(
            f"the table {name} may not be read",
            f"tables of {policy.database} and of information_schema may, and of system those with the shapes "
            "of things: tables, columns, functions, ...",
        )


def _check_identifier(name: str, policy: Policy) -> None:
    """Refuse a name that could mean a table: ``x IN db.table`` reads it like a subquery."""
    parts = name.split(".")
    if len(parts) < 2 or not policy.is_foreign(parts[0]):
        return
    if not (len(parts) > 2 and policy.allows_table(parts[0], parts[1])):
        raise QueryRefusedError(
            f"{name} could name a table of the database {parts[0]}",
            "call tables by other names than databases have, and write IN (SELECT ...)",
        )


def _check_function(node: Node, policy: Policy) -> None:
    name = node.name
    if not is_function(name):
        raise unknown_function(name)
    check_type_names(node)
    if name.lower().removeprefix("global").removeprefix("not").removeprefix("null") == "in":
        _check_set(node.arguments()[1:])
    # arrayMap(file, paths) calls file for every element: a function can be an argument by its name alone.
    if name.lower().startswith(("array", "map")):
        for argument in node.arguments():
            _check_function_name(argument, policy)


def _check_set(right: list[Node]) -> None:
    """Judge what IN looks into: a single name may be that of a table."""
    if right and right[0].kind == "Identifier" and not re.fullmatch(r"\w+(\.\w+)*", right[0].name, re.ASCII):
        raise QueryRefusedError(f"{right[0].name!r} is not the name of a table", "write IN (SELECT ...)")


def _check_function_name(argument: Node, policy: Policy) -> None:
    name = argument.name.lower()
    if argument.kind == "Identifier" and name in policy.engine.functions and not is_function(name):
        raise unknown_function(argument.name)
