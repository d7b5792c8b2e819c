"""``penstock keys``: who may call the API and the router from other machines, and what they may have."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table

if TYPE_CHECKING:
    from api.auth import Key

app = typer.Typer(
    help="Create, change, list and revoke keys of the API and the router.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Its name or id.")]
Priority = Annotated[
    int | None, typer.Option("--priority", help="Highest priority of its requests; the setting's otherwise.")
]
Weight = Annotated[
    float | None, typer.Option("--weight", help="Its share beside other keys that wait; 1 is usual.")
]
MaxWait = Annotated[
    float | None, typer.Option("--max-wait", help="Seconds that its requests wait in the queue at most.")
]
MaxInFlight = Annotated[
    int | None, typer.Option("--max-in-flight", help="Requests it has in flight at most; others wait.")
]
Tokens = Annotated[
    float | None,
    typer.Option("--tokens", help="Tokens it may use in a period; after that it waits for more."),
]
Period = Annotated[
    float | None, typer.Option("--period", help="Seconds in which its tokens come back; a day is usual.")
]
Model = Annotated[
    list[str] | None,
    typer.Option("--model", help="A model it may use, several times for several; none: any."),
]
Goal = Annotated[
    str | None, typer.Option("--goal", help="What its nodes are chosen for: latency, efficiency, balanced.")
]

Resident = Annotated[
    bool | None,
    typer.Option(
        "--resident-fallback/--no-resident-fallback",
        help="Whether another model may answer because it is in memory; the setting's otherwise.",
    ),
]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What or who it is for.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do besides reading: operate, to act on observations, alerts and the queue."
        ),
    ] = None,
    priority: Priority = None,
    weight: Weight = None,
    max_wait: MaxWait = None,
    max_in_flight: MaxInFlight = None,
    tokens: Tokens = None,
    period: Period = None,
    model: Model = None,
    goal: Goal = None,
    resident: Resident = None,
    json: Json = False,
) -> None:
    """Make a key and print it; it is shown once and kept nowhere."""
    from api.allowance import Allowance
    from api.auth import KeyRing

    told = _told(priority, weight, max_wait, max_in_flight, tokens, period, model, goal, resident)
    key = KeyRing(context.settings(ctx).data_dir).create(name, scope or (), Allowance(**told))
    if json:
        print_json({"name": name, "key": key})
    else:
        typer.echo(key)
        typer.echo("Keep it: it is not shown again. Send it as `Authorization: Bearer KEY`.", err=True)


@app.command()
def allow(
    ctx: typer.Context,
    name: Name,
    *,
    priority: Priority = None,
    weight: Weight = None,
    max_wait: MaxWait = None,
    max_in_flight: MaxInFlight = None,
    tokens: Tokens = None,
    period: Period = None,
    model: Model = None,
    goal: Goal = None,
    resident: Resident = None,
    reset: Annotated[
        list[str] | None,
        typer.Option(
            "--reset", help="Name of a limit that is to be as usual again; several times for several."
        ),
    ] = None,
) -> None:
    """Change what the router lets a key have; it holds from its next request on."""
    from api.allowance import USUAL
    from api.auth import KeyRing
    from schemas.errors import RefusedError

    usual = {
        "priority": "priority_ceiling",
        "max_wait": "max_wait_s",
        "period": "period_s",
        "model": "models",
    }
    changes: dict[str, Any] = {}
    for limit in reset or ():
        field = usual.get(limit.replace("-", "_"), limit.replace("-", "_"))
        if not hasattr(USUAL, field):
            raise RefusedError(f"a key has no limit {limit}; `penstock keys allow --help` names them")
        changes[field] = getattr(USUAL, field)
    changes |= _told(priority, weight, max_wait, max_in_flight, tokens, period, model, goal, resident)
    KeyRing(context.settings(ctx).data_dir).allow(name, changes)
    typer.echo(f"changed {name}" if changes else f"nothing to change of {name}")


@app.command("list")
def list_(ctx: typer.Context, *, json: Json = False) -> None:
    """List the keys: what they may do besides reading, what they may have of the router, since when."""
    from api.auth import KeyRing

    keys = KeyRing(context.settings(ctx).data_dir).keys()
    if json:
        print_json([_row(key) for key in keys])
        return
    columns = ("id", "name", "scopes", "allowance", "created_at", "revoked_at")
    rows = [_row(key) for key in keys]
    for row in rows:
        row["scopes"] = ", ".join(row["scopes"])
        row["allowance"] = ", ".join(f"{name} {_word(value)}" for name, value in row["allowance"].items())
    titles = [column.replace("_", " ") for column in columns]
    print_table(titles, [[row[column] for column in columns] for row in rows])


@app.command()
def revoke(ctx: typer.Context, name: Name) -> None:
    """End a key; it stops working at once."""
    from api.auth import KeyRing

    KeyRing(context.settings(ctx).data_dir).revoke(name)
    typer.echo(f"revoked {name}")


def _told(
    priority: int | None,
    weight: float | None,
    max_wait: float | None,
    max_in_flight: int | None,
    tokens: float | None,
    period: float | None,
    model: list[str] | None,
    goal: str | None,
    resident: bool | None,
) -> dict[str, Any]:
    values = {
        "priority_ceiling": priority, "weight": weight, "max_wait_s": max_wait,
        "max_in_flight": max_in_flight, "tokens": tokens, "period_s": period,
        "models": tuple(model) if model else None, "goal": goal,
        "resident_fallback": resident,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def _row(key: "Key") -> dict[str, Any]:
    from api.allowance import shown

    row = {column: getattr(key, column) for column in ("id", "name", "scopes", "created_at", "revoked_at")}
    return {**row, "allowance": shown(key.allowance)}


def _word(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
