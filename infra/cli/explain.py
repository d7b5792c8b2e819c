"""``penstock explain``: what an observation or alert was judged from."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from infra.cli import context
from infra.cli.output import print_json
from schemas.errors import RefusedError

if TYPE_CHECKING:
    from schemas.settings import Settings

app = typer.Typer()


@app.command()
def explain(
    ctx: typer.Context,
    finding_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of an observation or alert, or its beginning.")
    ],
    *,
    source: Annotated[
        str, typer.Option(metavar="kafka|event_log|FILE", help="Judge from this instead of asking the API.")
    ] = "",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png|svg", help="Draw the values and thresholds, too.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    url: Annotated[str, typer.Option(help="Another API than that of the settings.")] = "",
) -> None:
    """Show what an observation or alert was judged from: values and thresholds over time, and the records.

    The panes are judged once more, by the same code, and the command that replays all of it is printed.
    """
    from infra.plot import files

    if plot is not None:
        files.check(plot)
    settings = context.settings(ctx)
    found = _from_source(settings, finding_id, source) if source else _from_api(settings, finding_id, url)
    if json:
        print_json(found)
    else:
        from rich.console import Console

        from infra.cli.asking.explained import show

        show(Console(highlight=False), found, _command(found, source))
    if plot is not None:
        from infra.plot.judgements import draw

        files.save(draw(found), plot)
        typer.echo(f"drawn to {plot}", err=True)


def _from_source(settings: "Settings", finding_id: str, name: str) -> Mapping[str, Any]:
    from infra.replay.opening import opener
    from processors.replay.explain.asked import explained
    from processors.topology import all_stages, rules_of

    return explained(opener(name, settings)(), finding_id, rules_of(settings), lambda: all_stages(settings))


def _from_api(settings: "Settings", finding_id: str, url: str) -> Mapping[str, Any]:
    from infra.cli.asking.findings import FindingsClient
    from infra.cli.asking.once import get

    refused: list[str] = []
    for plural in ("observations", "alerts"):
        client = FindingsClient(settings.api, plural, url)
        try:
            whole = client.whole_id(finding_id)
            return get(settings.api, f"/{plural}/{quote(whole, safe='')}/explain", {}, url)
        except RefusedError as exc:
            refused.append(str(exc).partition("\n")[0])
        finally:
            client.close()
    raise RefusedError("; ".join(refused))


def _command(found: Mapping[str, Any], source: str) -> str:
    of = ["--source", source] if source else []
    return shlex.join(["penstock", "replay", *found["replay"], *of])
