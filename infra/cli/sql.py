"""``penstock sql``: one statement, or a prompt."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from infra.cli.asking.client import SqlClient
    from schemas.settings import Settings

app = typer.Typer()
_BINARY = frozenset({"parquet", "arrow", "arrowstream"})


@app.command()
def sql(
    ctx: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="[QUERY]", help="One statement; - reads it; none opens a prompt.")
    ] = "",
    *,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the statement from a file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    format_: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Print JSONEachRow, TSV, Parquet, Arrow, ...")
    ] = "",
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A value for {NAME:Type}.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option(min=1, help="Most rows; never more than the setting.")
    ] = None,
    url: Annotated[str, typer.Option(help="Another API than that of the settings.")] = "",
) -> None:
    """Ask ClickHouse through the API: one statement, or a prompt with history and completion."""
    from infra.cli.asking.client import SqlClient

    settings = context.settings(ctx)
    wanted = _format(json=json, csv=csv, name=format_)
    text = _text(query, file)
    client = SqlClient(settings.api, url)
    try:
        if not text:
            _converse(settings, client)
        elif wanted:
            _pass_on(client, text, wanted, _parameters(param or ()), max_rows)
        else:
            _show(client, text, _parameters(param or ()), max_rows)
    finally:
        client.close()


def _format(*, json: bool, csv: bool, name: str) -> str:
    chosen = [each for each, on in (("JSON", json), ("CSV", csv), (name, bool(name))) if on]
    if len(chosen) > 1:
        raise ConfigError("choose one of --json, --csv and --format")
    return chosen[0] if chosen else ""


def _text(query: str, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{file} cannot be read: {exc}") from exc
    if query == "-" or (not query and not sys.stdin.isatty()):
        return sys.stdin.read()
    return query


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not name or not equals:
            raise ConfigError(f"--param takes NAME=VALUE, not {name!r}")
    return {name: value for name, _, value in split}


def _show(client: "SqlClient", query: str, parameters: dict[str, str], max_rows: int | None) -> None:
    from rich.console import Console

    from infra.cli.asking.table import show

    show(Console(highlight=False), client.rows(query, parameters, max_rows))


def _pass_on(
    client: "SqlClient", query: str, format_: str, parameters: dict[str, str], max_rows: int | None
) -> None:
    if format_.lower() in _BINARY and sys.stdout.isatty():
        raise ConfigError(
            f"{format_} is not for a terminal: send it to a file with > result.{format_.lower()}"
        )
    with client.stream(query, format_, parameters, max_rows) as answer:
        for chunk in answer.iter_bytes():
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
    if answer.headers.get("X-Penstock-Truncated") == "true":
        typer.echo("there are more rows: --max-rows or the setting api.sql_max_rows", err=True)


def _converse(settings: "Settings", client: "SqlClient") -> None:
    from rich.console import Console

    from infra.cli.asking import prompt

    console = Console(highlight=False)
    prompt.run(prompt.Prompt(client, console), settings.data_dir / "sql_history")
