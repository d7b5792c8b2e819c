"""Arguments that are texts with a meaning to the engine: names of types and of aggregate functions."""

import re

from api.sql.aggregates import is_aggregate
from api.sql.listing import Node
from api.sql.verdict import QueryRefusedError, unknown_function

# Where the type stands among the arguments.
_TYPE_ARGUMENT = {
    "cast": 1, "_cast": 1, "accuratecast": 1, "accuratecastornull": 1, "accuratecastordefault": 1,
    "reinterpret": 1, "jsonextract": -1, "jsonextractcaseinsensitive": -1, "jsonextractkeysandvalues": -1,
    "jsonextractkeysandvaluescaseinsensitive": -1,
}  # fmt: skip

_AGGREGATE_ARGUMENT = frozenset({"arrayreduce", "arrayreduceinranges"})


def check_type_names(node: Node) -> None:
    """Judge the texts that a call gives to the engine as names.

    A state of an aggregate function made from text is bytes that the engine trusts, so such types are
    refused; a name that is computed cannot be judged, so it must be written out.

    Raises:
        QueryRefusedError: a name is computed, or is one that is not allowed.
    """
    name = node.name.lower()
    arguments = node.arguments()
    if name in _TYPE_ARGUMENT and len(arguments) > 1:
        text = _text(arguments[_TYPE_ARGUMENT[name]], node.name)
        if "aggregatefunction" in text.lower():
            raise QueryRefusedError(
                f"{node.name} to {text} is not allowed", "states of aggregate functions are read from tables"
            )
    if name in _AGGREGATE_ARGUMENT and arguments:
        _check_aggregate(_text(arguments[0], node.name))


def _text(argument: Node, function: str) -> str:
    if argument.kind != "Literal" or not argument.rest.startswith("'"):
        raise QueryRefusedError(f"{function} needs its type or function written out", "write it as a text")
    return argument.name.strip("'")


def _check_aggregate(text: str) -> None:
    found = re.match(r"\w+", text, re.ASCII)
    if not found or not is_aggregate(found.group()):
        raise unknown_function(text)
