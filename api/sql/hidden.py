"""What the listing of the tree does not show, found in the canonical text.

``* APPLY(f)`` keeps the function, its parameters or a whole lambda to itself. Beyond that, every name before
an opening bracket is compared with the lists once more: a second wall, in case another kind of node hides a
part.
"""

from collections.abc import Sequence
from itertools import pairwise

from api.sql.policy import PARAMETERIZED_VIEWS, TABLE_FUNCTIONS
from api.sql.tokens import Token
from api.sql.verdict import QueryRefusedError, is_function, unknown_function

# Words of the grammar that may stand before a bracket.
_GRAMMAR = frozenset({
    "all", "and", "any", "apply", "array", "as", "asc", "between", "by", "case", "columns", "cross",
    "cube", "describe", "desc", "distinct", "div", "else", "end", "except", "exists", "explain",
    "extract", "fill", "final", "following", "from", "full", "global", "group", "grouping", "having",
    "ilike", "in", "inner", "interpolate", "intersect", "interval", "into", "is", "join", "left",
    "like", "limit", "materialized", "mod", "not", "null", "offset", "on", "or", "order", "outer",
    "over", "partition", "paste", "preceding", "prewhere", "qualify", "range", "recursive", "regexp",
    "replace", "right", "rollup", "row", "rows", "sample", "select", "semi", "sets", "step", "table",
    "then", "to", "ties", "top", "totals", "union", "using", "values", "when", "where", "window",
    "with",
})  # fmt: skip

# Words that may follow the name of a column or a table.
AFTER_A_NAME = _GRAMMAR - {"values", "null", "array"}


def check_text(tokens: Sequence[Token], listing: str) -> None:
    """Judge the text itself.

    Raises:
        QueryRefusedError: a name before a bracket is not allowed, a lambda is hidden in APPLY, or a
            parameter stands for a name.
    """
    for token, after in pairwise(_without_parameters(tokens)):
        if after.is_mark("(") and token.kind in {"word", "quoted"}:
            _check_called(token)
    hidden = sum(line.lstrip().startswith("ColumnsApplyTransformer") for line in listing.split("\n"))
    if hidden:
        _check_apply(tokens, hidden)


def _check_called(token: Token) -> None:
    if token.kind == "word" and token.lower in _GRAMMAR:
        return
    if token.text in PARAMETERIZED_VIEWS:
        return
    if not (is_function(token.text) or token.lower in TABLE_FUNCTIONS):
        raise unknown_function(token.text)


def _without_parameters(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens outside ``{name:Type}``, having judged the types; braces mean nothing else."""
    outside: list[Token] = []
    inside = False
    for token in tokens:
        inside = (inside or token.is_mark("{")) and not token.is_mark("}")
        if inside and token.is_word("identifier"):
            raise QueryRefusedError(
                "a parameter may stand for a value, not for a name", "write names into the query"
            )
        if not inside:
            outside.append(token)
    return outside


def _check_apply(tokens: Sequence[Token], hidden: int) -> None:
    seen = 0
    for at, token in enumerate(tokens):
        if not token.is_word("apply"):
            continue
        rest = [after for after in tokens[at + 1 : at + 4] if not after.is_mark("(")]
        if not rest or rest[0].kind not in {"word", "quoted"}:
            continue
        if any(after.is_mark("->") for after in rest[1:2]) or not is_function(rest[0].text):
            raise QueryRefusedError(
                f"APPLY {rest[0].text} is not allowed",
                "APPLY takes the name of an allowed function, no lambda",
            )
        seen += 1
    if seen < hidden:
        raise QueryRefusedError("APPLY cannot be judged here", "write the columns out")
