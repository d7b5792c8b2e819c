"""Hypothesis strategies that follow from the packaged schemas: any event that can be, and NaN as itself."""

from typing import Any

from hypothesis import strategies as st

from schemas.codec.catalog import VIEWS, latest

_LONG = st.integers(-(2**63), 2**63 - 1)


def events(event: str) -> st.SearchStrategy[Any]:
    """Return a strategy of typed views of an event."""
    return _of(latest(event).schema, {})


def _of(kind: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    if isinstance(kind, str):
        return _plain(kind) if kind not in named else _of(named[kind], named)
    if kind["type"] == "record":
        named[kind["name"]] = kind
        fields = [_of(field["type"], named) for field in kind["fields"]]
        return st.tuples(*fields).map(lambda values: tuple.__new__(VIEWS[kind["name"]], values))
    if kind["type"] == "enum":
        named[kind["name"]] = kind
        return st.sampled_from(kind["symbols"])
    if kind["type"] == "array":
        return st.lists(_of(kind["items"], named), max_size=3).map(tuple)
    if kind["type"] == "map":
        return st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
    return _plain(kind["type"])


def _plain(kind: str) -> st.SearchStrategy[Any]:
    return {
        "string": st.text(max_size=10),
        "bytes": st.binary(max_size=20),
        "double": st.floats(allow_nan=False) | st.just(float("nan")),
        "long": _LONG,
        "int": st.integers(-(2**31), 2**31 - 1),
        "boolean": st.booleans(),
    }[kind]
