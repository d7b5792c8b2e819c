"""From plain values to the forms: pydantic's errors in words, by the lines of the file."""

import types
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from producers.simulator.scenario.document import Document, Path, dotted
from producers.simulator.scenario.form.scenario import ScenarioForm
from producers.simulator.scenario.problem import Problem, one_of

LISTS = ("nodes", "arrivals", "changes", "faults", "expect", "allow")
# What a required field is taken for while the rest of the file is looked at.
_STAND_INS: Mapping[str, Any] = {"duration": "31d"}


def validate(
    document: Document,
) -> tuple[ScenarioForm | None, Mapping[str, Sequence[int]], Sequence[Problem]]:
    """Return the form of what has one, which items of each list that is, and the problems of the rest.

    There is no form where too little of the file has one.
    """
    value = document.value
    if not isinstance(value, dict):
        return (
            None,
            {},
            [Problem(1, "", "is no scenario: it must be a mapping, such as {name: ..., nodes: ...}")],
        )
    try:
        return ScenarioForm.model_validate(value), _all(value), ()
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
    problems = [_problem(error, document) for error in errors]
    pruned, kept = _prune(value, errors)
    try:
        return ScenarioForm.model_validate(pruned), kept, problems
    except ValidationError:
        return None, kept, problems


def _all(value: Mapping[str, Any]) -> Mapping[str, Sequence[int]]:
    return {name: range(len(value.get(name) or ())) for name in LISTS}


def _prune(
    value: Mapping[str, Any], errors: Iterable[ErrorDetails]
) -> tuple[dict[str, Any], Mapping[str, Sequence[int]]]:
    """Take out what has errors: an item of a list, or a field of the file."""
    bad = {error["loc"][:2] if error["loc"][0] in LISTS else error["loc"][:1] for error in errors}
    pruned = {name: one for name, one in value.items() if (name,) not in bad}
    kept: dict[str, Sequence[int]] = {}
    for name in LISTS:
        items = pruned.get(name) or []
        kept[name] = [index for index in range(len(items)) if (name, index) not in bad]
        if name in pruned and items:
            pruned[name] = [items[index] for index in kept[name]]
    return {name: one for name, one in _STAND_INS.items() if name not in pruned} | pruned, kept


def _problem(error: ErrorDetails, document: Document) -> Problem:
    forms, field, path = _walk(error["loc"])
    return Problem(document.line(path), dotted(path), _words(error, forms, field))


def _words(error: ErrorDetails, form: type[BaseModel] | None, field: FieldInfo | None) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        known = [] if form is None else [info.alias or name for name, info in form.model_fields.items()]
        near = get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown field{hint} (allowed: {', '.join(known)})"
    if kind == "missing":
        return f"is missing: {field.description}" if field and field.description else "is missing"
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        return f"there is no kind {context['tag']!r}{one_of(str(context['tag']), known)}"
    if kind == "union_tag_not_found":
        return "has no kind, which says what it is"
    if kind == "literal_error":
        return f"{error['input']!r} is none of {context['expected'].replace(' or ', ', ')}"
    if kind in _LIMITS:
        name = next(limit for limit in ("ge", "gt", "le", "lt") if limit in context)
        return f"{_LIMITS[kind]} {_quantity(context[name], field)}"
    message = error["msg"]
    return message[:1].lower() + message[1:] + f", not {str(error['input'])[:60]!r}"


_LIMITS = {
    "greater_than_equal": "must be at least",
    "greater_than": "must be more than",
    "less_than_equal": "must be at most",
    "less_than": "must be less than",
}
_UNITS = (("_per_s", "/s"), ("_s", " s"), ("_w", " W"), ("_c", " °C"))


def _quantity(value: float, field: FieldInfo | None) -> str:
    name = "" if field is None else _attribute(field)
    if name.endswith("bytes") or name.endswith("bytes_per_s"):
        return f"{value / 1e9:g}GB" + ("/s" if name.endswith("_s") else "")
    unit = next((unit for suffix, unit in _UNITS if name.endswith(suffix)), "")
    return f"{value:g}{unit}"


def _attribute(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("attribute", "")) if isinstance(extra, dict) else ""


def _walk(loc: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, FieldInfo | None, Path]:
    """Follow pydantic's place through the forms: the innermost form and field, and the place in the file.

    Pydantic puts the kind of a fault or change between the index and the field; a file has no such level.
    """
    candidates: tuple[type[BaseModel], ...] = (ScenarioForm,)
    form: type[BaseModel] | None = ScenarioForm
    field: FieldInfo | None = None
    path: list[int | str] = []
    for part in loc:
        tagged = [one for one in candidates if _tag(one) == part] if len(candidates) > 1 else []
        if tagged:
            candidates = tuple(tagged)
            continue
        path.append(part)
        if isinstance(part, int) or not candidates:
            continue
        form = candidates[0]
        name, field = _field(form, part)
        candidates = () if field is None else tuple(_forms_in(field.annotation))
        if field is not None and name:
            field = FieldInfo.merge_field_infos(field, json_schema_extra={"attribute": name})
    return form, field, tuple(path)


def _field(form: type[BaseModel], alias: str) -> tuple[str, FieldInfo | None]:
    for name, info in form.model_fields.items():
        if (info.alias or name) == alias:
            return name, info
    return "", None


def _tag(form: type[BaseModel]) -> object:
    kind = form.model_fields.get("kind")
    options = get_args(kind.annotation) if kind is not None else ()
    return options[0] if len(options) == 1 else None


def _forms_in(annotation: Any) -> Iterable[type[BaseModel]]:  # noqa: ANN401 - any type expression
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return [annotation] if issubclass(annotation, BaseModel) else []
    if get_origin(annotation) in (Union, types.UnionType, list, dict, Annotated):
        return [form for part in get_args(annotation) for form in _forms_in(part)]
    return []
