"""``penstock config``: the effective settings and where each comes from."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from infra.cli import context
from infra.cli.output import print_json, print_table

if TYPE_CHECKING:
    from schemas.settings import Loaded

app = typer.Typer()
HIDDEN = "**********"


@app.command()
def config(
    ctx: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
) -> None:
    """Show every setting, its value and where the value comes from; secrets are hidden."""
    found = rows(context.loaded(ctx))
    if changed:
        found = [row for row in found if row["source"] != "default"]
    if json:
        print_json(found)
    else:
        print_table(
            ("setting", "value", "source"), [(r["name"], _shown(r["value"]), r["source"]) for r in found]
        )


def rows(loaded: "Loaded") -> list[dict[str, Any]]:
    """Return name, value, source, environment variable and meaning of every setting, secrets hidden."""
    from schemas.settings.load import names, variable

    return [
        {
            "name": name,
            "value": _value(loaded.settings, name),
            "source": loaded.sources.get(name, "default"),
            "variable": variable(name),
            "meaning": _meaning(type(loaded.settings), name),
        }
        for name in names()
    ]


def _value(settings: BaseModel, name: str) -> Any:  # noqa: ANN401 - any JSON value
    section, _, rest = name.partition(".")
    value = getattr(settings, section)
    if rest:
        return _value(value, rest)
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    return value


def _meaning(model: type[BaseModel], name: str) -> str:
    section, _, rest = name.partition(".")
    field = model.model_fields[section]
    if rest and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return _meaning(field.annotation, rest)
    return field.description or ""


def _shown(value: object) -> str:
    return "" if value is None else str(value)
