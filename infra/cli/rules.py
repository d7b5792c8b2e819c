"""``penstock rules``: when somebody is told of what."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.asking.opened import documents
from infra.cli.output import print_json, print_table

app = typer.Typer(help="List, apply, try and delete rules of notifications.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the rule.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file with [[rules]].")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option(help="Another API than that of the settings.")]


@app.command("list")
def list_(ctx: typer.Context, *, json: Json = False, url: Url = "") -> None:
    """List the rules."""
    with documents(ctx, url) as client:
        found = client.get("rules")["rules"]
    if json:
        print_json({"rules": found})
        return
    columns = ("id", "source", "condition", "for", "channels", "revision", "by")
    print_table(columns, (_row(each) for each in found))


@app.command()
def show(ctx: typer.Context, rule: Id, *, url: Url = "") -> None:
    """Print one rule as JSON."""
    with documents(ctx, url) as client:
        print_json(client.one("rules", rule))


@app.command()
def apply(
    ctx: typer.Context,
    file: File,
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the rules that are not in the file.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    json: Json = False,
    url: Url = "",
) -> None:
    """Make the rules of a file hold, all at once."""
    rules = _read(file)
    with documents(ctx, url) as client:
        found = client.post("rules/apply", {"rules": rules, "prune": prune, "dry_run": dry_run})
    if json:
        print_json(found)
        return
    for change in found["changes"]:
        typer.echo(f"{_SIGNS[change['change']]} {change['id']} {change['change']}")
        for field in change["fields"]:
            typer.echo(f"    {field['field']}: {_value(field['before'])} -> {_value(field['after'])}")
    done = "would change" if dry_run else "changed"
    typer.echo(f"{len(found['changes'])} {done}, {found['unchanged']} unchanged")


@app.command()
def check(ctx: typer.Context, file: File, *, json: Json = False, url: Url = "") -> None:
    """Say what the rules of a file are about, and how often they would have held in the last day."""
    rules = _read(file)
    with documents(ctx, url) as client:
        found = [client.post("rules/check", rule) for rule in rules]
    if json:
        print_json({"rules": found})
        return
    print_table(("id", "about", "held in the last day", "warnings"), (_checked(each) for each in found))


@app.command()
def delete(ctx: typer.Context, rule: Id, *, url: Url = "") -> None:
    """Delete a rule; what fires is resolved, and whoever was told is told so."""
    with documents(ctx, url) as client:
        client.delete("rules", rule)
    typer.echo(f"{rule} is deleted")


@app.command()
def enable(ctx: typer.Context, rule: Id, *, url: Url = "") -> None:
    """Judge a rule again."""
    _switch(ctx, rule, url, on=True)


@app.command()
def disable(ctx: typer.Context, rule: Id, *, url: Url = "") -> None:
    """Stop judging a rule; what fires is resolved."""
    _switch(ctx, rule, url, on=False)


_SIGNS = {"created": "+", "changed": "~", "deleted": "-"}


def _switch(ctx: typer.Context, rule: str, url: str, *, on: bool) -> None:
    with documents(ctx, url) as client:
        now = client.one("rules", rule)
        client.put("rules", {**now["rule"], "enabled": on})
    typer.echo(f"{rule} is {'enabled' if on else 'disabled'}")


def _read(file: Path) -> Sequence[Mapping[str, Any]]:
    """Return the rules of a file, each checked here, where the file can be named."""
    from infra.cli.asking.documents import read
    from schemas.errors import ConfigError
    from schemas.rule_document import parse_rule

    found, problems = read(file, "rules"), []
    for rule in found:
        try:
            parse_rule(dict(rule))
        except ConfigError as exc:
            problems.append(str(exc))
    if problems:
        raise ConfigError("\n  ".join([f"{file}:", *problems]))
    return found


def _row(shown: Mapping[str, Any]) -> tuple[object, ...]:
    rule = shown["rule"]
    held = f"{rule['for_s']:g} s" if rule["for_s"] else ""
    name = rule["id"] if rule["enabled"] else f"{rule['id']} (off)"
    channels = ", ".join(rule["notify"]["channels"]) or "nobody"
    return name, rule["source"], _condition(rule), held, channels, shown["revision"], shown["by"]


def _condition(rule: Mapping[str, Any]) -> str:
    when, select = rule["when"], rule["select"]
    if when:
        return " ".join(
            _value(each) for each in (when["field"], when["op"], when["value"]) if each is not None
        )
    named = [*select["patterns"], *select["alerts"]]
    return ", ".join(named) or "all of them"


def _checked(found: Mapping[str, Any]) -> tuple[object, ...]:
    estimate = found["estimate"]
    about = "" if estimate["of"] is None else f"{estimate['subjects']} of {estimate['of']}"
    held = "" if estimate["held_share"] is None else f"{estimate['held_share']:.1%} of the time"
    if estimate["opened"] is not None:
        held = f"{estimate['opened']} times"
    return found["rule"]["id"], about, held, "; ".join(found["warnings"])


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
