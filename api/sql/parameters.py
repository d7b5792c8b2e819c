"""Values for ``{name:Type}`` in a query, as the engine's HTTP interface reads them."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime

Value = str | int | float | bool | date | datetime | None | Sequence["Value"]

_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
TOTAL_BYTES = 4 << 10
"""All values together: they travel in the address of the request."""


def options(parameters: Mapping[str, Value]) -> dict[str, str]:
    """Return ``param_...`` options of a request.

    Raises:
        ValueError: a name is not one, or the values are too long; the text says which.
    """
    made = {}
    for name, value in parameters.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a parameter: letters, digits and underscores are")
        made[f"param_{name}"] = _escaped(value) if isinstance(value, str) else _plain(value)
    if sum(len(text.encode()) for text in made.values()) > TOTAL_BYTES:
        raise ValueError(f"the parameters are longer than {TOTAL_BYTES} bytes together")
    return made


def _escaped(text: str) -> str:
    for character, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        text = text.replace(character, escape)
    return text


def _plain(value: Value) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_item(item) for item in value) + "]"
    return str(value)


def _item(value: Value) -> str:
    if isinstance(value, str):
        return "'" + _escaped(value).replace("'", "\\'") + "'"
    return "NULL" if value is None else _plain(value)
