"""The reference of scenario files in ``docs/simulator.md``, from the forms that read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from infra.docs.markdown import replace_part, table
from producers.simulator.hardware.chips import CHIPS
from producers.simulator.hardware.cpus import CPUS
from producers.simulator.hardware.models import MODELS, QUANTIZATIONS
from producers.simulator.scenario.form.faults import READINGS
from producers.simulator.scenario.form.scenario import json_schema
from producers.simulator.scenario.shipped import scenarios

# Headings, and the forms under each, in the order in which people need them.
SECTIONS: Sequence[tuple[str, Sequence[str]]] = (
    ("nodes", ("NodeForm", "RuntimeForm", "ModelForm")),
    ("environment", ("EnvironmentForm", "RackForm")),
    ("arrivals", ("ArrivalsForm", "ProcessForm", "DiurnalForm", "BurstsForm", "ClosedForm", "LengthsForm",
                  "LognormalForm")),
    ("expect", ("ExpectForm",)),
    ("allow", ("AllowForm",)),
)  # fmt: skip
_COLUMNS = ("field", "what it is", "default", "meaning")
_CHANGES = (
    "Each has `at` (when, from the start) and either `node` or `rack` (whose). `runtime` is such as "
    "`vllm:8000`, and may be left out where a node has one."
)
_FAULTS = (
    "Each has `at` (when it begins, from the start), `for` (how long; left out: to the end) and either "
    "`node` or `rack` (whose). `gpu`: accelerators, counted from 0, one or a list; left out: all. "
    "`runtime`: such as `vllm:8000`; left out: every runtime of the node."
)
_COMMON = ("node", "rack", "at", "for")


def fill(document: str) -> str:
    """Return the document with its generated parts."""
    for name, text in (("shipped", shipped()), ("reference", reference()), ("hardware", hardware())):
        document = replace_part(document, name, text)
    return document


def reference() -> str:
    """Return the reference of every field."""
    schema = json_schema()
    forms: Mapping[str, Any] = schema["$defs"]
    parts = [f"### The file\n\n{_table(schema, ())}"]
    for section, names in SECTIONS:
        parts.append(f"### {section}\n\n" + "\n".join(_form(name, forms[name]) for name in names))
    parts.append("### changes\n\n" + _kinds(schema, "changes", _CHANGES))
    parts.append("### faults\n\n" + _kinds(schema, "faults", _FAULTS))
    return "\n".join(parts)


def hardware() -> str:
    """Return the names that chip, cpu, model, quantization and reading can have."""
    known: Iterable[tuple[str, Iterable[str]]] = (
        ("chips", CHIPS),
        ("CPUs", CPUS),
        ("models", MODELS),
        ("quantizations", QUANTIZATIONS),
        ("readings", READINGS),
    )
    return "\n".join(f"**{name}**: {', '.join(f'`{one}`' for one in keys)}\n" for name, keys in known)


def shipped() -> str:
    """Return the table of the scenarios that come with Penstock."""
    from producers.simulator.scenario.read import read

    rows = [
        (f"`{name}`", f"{read(file).duration_s / 60:g} min", read(file).about)
        for name, file in scenarios().items()
    ]
    return table(("name", "takes", "what it shows"), rows)


def _form(name: str, form: Mapping[str, Any]) -> str:
    title = name.removesuffix("Form").lower()
    return f"**{title}**: {_text(form)}\n\n{_table(form, ())}"


def _kinds(schema: Mapping[str, Any], section: str, common: str) -> str:
    """Return a table with a row for each kind, and its own fields in it."""
    mapping = schema["properties"][section]["items"]["discriminator"]["mapping"]
    rows = []
    for kind, reference in mapping.items():
        form = schema["$defs"][reference.rsplit("/", 1)[-1]]
        own = "; ".join(_own(form))
        rows.append((f"`{kind}`", _text(form), own))
    return f"{common}\n\n{table(('kind', 'what happens', 'its own fields'), rows)}"


def _own(form: Mapping[str, Any]) -> Iterator[str]:
    for name, field in form["properties"].items():
        if name in ("kind", *_COMMON):
            continue
        if name in ("gpu", "runtime"):
            yield f"`{name}`"
            continue
        default = _default(field, name in form.get("required", ()))
        yield f"`{name}` ({_kind(field)}; {default or 'left out'}): {field.get('description', '')}"


def _table(form: Mapping[str, Any], skipped: Sequence[str]) -> str:
    required = form.get("required", ())
    rows = [
        (f"`{name}`", _kind(field), _default(field, name in required), field.get("description", ""))
        for name, field in form["properties"].items()
        if name not in skipped
    ]
    return table(_COLUMNS, rows)


def _text(form: Mapping[str, Any]) -> str:
    return str(form.get("description", "")).split("\n")[0].replace("``", "`")


def _default(field: Mapping[str, Any], required: bool) -> str:
    """Return the default as people write it; those that the description tells are left to it."""
    if required:
        return "required"
    value = field.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict | list) or value == float("inf"):
        return ""
    title = str(_resolved(field).get("title", ""))
    if title.startswith("date"):
        return ""
    if title.startswith("duration"):
        return f"`{value:g}s`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _resolved(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of an optional field that is not null."""
    options = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1 and any(one.get("type") == "null" for one in field["anyOf"]):
        found: Mapping[str, Any] = options[0]
        return found
    return field


def _kind(field: Mapping[str, Any]) -> str:
    found = _resolved(field)
    if "$ref" in found:
        return str(found["$ref"]).rsplit("/", 1)[-1].removesuffix("Form").lower()
    if "enum" in found:
        return " or ".join(str(one) for one in found["enum"])
    if found.get("type") == "array":
        items = found["items"]
        return "list" if "discriminator" in items else f"list of {_kind(items)}"
    # A name that pydantic makes of the field's own says nothing; one with a unit or an example does.
    title = str(found.get("title", ""))
    named = title if title[:1].islower() or title[:1] == "°" else ""
    examples = f", such as {found['examples'][0]}" if found.get("examples") else ""
    kind = named or {"integer": "whole number", "object": "mapping"}.get(
        str(found.get("type")), str(found.get("type"))
    )
    return f"{kind}{examples}{_range(found)}"


def _range(field: Mapping[str, Any]) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum")
    if "share" in str(field.get("title", "")) or (low is None and high is None):
        return ""
    if high is not None and high > 1e12:
        high = None  # it is there to keep numbers within 64 bits
    if low is None or high is None:
        return f", from {low:g}" if low is not None else f", up to {high:g}"
    return f", {low:g} to {high:g}"
