"""The lists of ``docs/rules.md``: fields, options and placeholders, as rules are read by them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.docs.markdown import replace_part, table
from schemas.rule_document import PLACEHOLDERS, RuleDocument
from schemas.rule_fields import Source, fields_of


def fill(document: str) -> str:
    """Return the document with its lists as they are now."""
    parts = {
        "options": options(),
        "placeholders": placeholders(),
        "node-fields": fields("node-states"),
        "request-fields": fields("requests"),
    }
    for name, text in parts.items():
        document = replace_part(document, name, text)
    return document


def fields(source: Source) -> str:
    """Return the fields of a source, with unit and values."""
    rows = (
        (f"`{field.name}`", "state" if field.symbols else "number", _meaning(field.doc, field.symbols))
        for field in fields_of(source).values()
    )
    return table(("field", "holds", "meaning"), rows)


def options() -> str:
    """Return every option of a rule, with what it is where it is left out."""
    return table(("option", "left out", "meaning"), _options(RuleDocument.model_json_schema(by_alias=True)))


def placeholders() -> str:
    """Return the names that a message may have."""
    return ", ".join(f"`{{{name}}}`" for name in sorted(PLACEHOLDERS)) + "\n"


def _meaning(doc: str, symbols: Iterable[str]) -> str:
    named = ", ".join(symbols)
    return f"{doc}: {named}" if named else doc


def _options(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield from _part(schema, schema["$defs"], "")


def _part(part: Mapping[str, Any], parts: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, about in part["properties"].items():
        required = name in part.get("required", ())
        inner = _inner(about, parts)
        left_out = "" if inner else _default(about)
        yield f"`{prefix}{name}`", "must be there" if required else left_out, about.get("description", "")
        if inner:
            yield from _part(inner, parts, f"{prefix}{name}.")


def _inner(about: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the part that an option holds, or has a list of."""
    for kind in (about, about.get("items", {}), *about.get("allOf", ()), *about.get("anyOf", ())):
        name = str(kind.get("$ref", "")).rpartition("/")[2]
        if name and "properties" in parts[name]:
            return dict(parts[name])
    return None


def _default(about: Mapping[str, Any]) -> str:
    value = about.get("default")
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, list):
        return f"`{', '.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
