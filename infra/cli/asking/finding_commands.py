"""The sub-commands of ``penstock observations`` and of ``penstock alerts``, which are the same."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import context
from infra.cli.output import print_json

if TYPE_CHECKING:
    from infra.cli.asking.findings import FindingsClient, Plural

Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")]
Note = Annotated[str, typer.Option("--note", "-m", help="Why.")]
For = Annotated[str, typer.Option("--for", help="How long: 90s, 15m, 2h, 7d, 1w.")]
Until = Annotated[str, typer.Option(help="Until when: RFC 3339, such as 2026-01-31T12:00:00Z.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option(help="Another API than that of the settings.")]

_DONE = {
    "acknowledge": "acknowledged",
    "dismiss": "dismissed",
    "resolve": "resolved",
    "restore": "open again",
}


def commands(plural: "Plural", what: str, help_: str) -> typer.Typer:
    """Return the commands of a kind; ``what`` is the option that names its pattern or alert."""
    app = typer.Typer(help=help_, no_args_is_help=True)
    app.command("list")(_list(plural, what))
    app.command("show")(_show(plural))
    for verb, summary in (
        ("acknowledge", "Say that you have seen it; it stays in the list until it is over."),
        ("dismiss", "Hide it: for 24 hours, unless you say how long."),
    ):
        app.command(verb, help=summary)(_with_end(plural, verb))
    for verb, summary in (
        ("resolve", "End it now; it opens again only after it was over once."),
        ("restore", "Take back an acknowledgement or a dismissal."),
    ):
        app.command(verb, help=summary)(_at_once(plural, verb))
    return app


def _list(plural: "Plural", what: str) -> Callable[..., None]:
    def list_(
        ctx: typer.Context,
        *,
        state: Annotated[
            str, typer.Option(help="open, acknowledged, dismissed, resolved; several with commas; all.")
        ] = "open,acknowledged",
        node: Annotated[str, typer.Option(help="Only those about this node.")] = "",
        fleet: Annotated[str, typer.Option(help="Only those of this fleet.")] = "",
        of: Annotated[str, typer.Option(f"--{what}", help=f"Only of this {what}.")] = "",
        severity: Annotated[str, typer.Option(help="info, warning, critical; several with commas.")] = "",
        from_: Annotated[str, typer.Option("--from", help="Stood then or later: -1h, -7d, a time.")] = "",
        to: Annotated[str, typer.Option(help="Began before: as --from.")] = "",
        limit: Annotated[int, typer.Option(min=1, help="Most lines.")] = 50,
        json: Json = False,
        url: Url = "",
    ) -> None:
        """List what is open, or what the options say; the newest first."""
        asked = {"state": state, "node": node, "fleet": fleet, what: of, "severity": severity}
        with _client(ctx, plural, url) as client:
            found, more = client.many({**asked, "from": from_, "to": to}, limit)
        if json:
            print_json({plural: found, "more": more})
            return
        from infra.cli.asking import durations, finding_table

        finding_table.show_list(_console(), found, durations.now(), more=more, plural=plural)

    return list_


def _show(plural: "Plural") -> Callable[..., None]:
    def show(ctx: typer.Context, finding_id: Id, *, json: Json = False, url: Url = "") -> None:
        """Show one: what it is judged from, what to do, and everything that happened to it."""
        with _client(ctx, plural, url) as client:
            found = client.one(finding_id)
        if json:
            print_json(found)
            return
        from infra.cli.asking import durations, finding_table

        finding_table.show_one(_console(), found, durations.now())

    return show


def _with_end(plural: "Plural", verb: str) -> Callable[..., None]:
    def act(
        ctx: typer.Context,
        finding_id: Id,
        *,
        note: Note = "",
        for_: For = "",
        until: Until = "",
        json: Json = False,
        url: Url = "",
    ) -> None:
        from infra.cli.asking.durations import seconds

        body: dict[str, Any] = {"note": note}
        if for_:
            body["for_s"] = float(seconds(for_))
        if until:
            body["expires_at"] = until
        _act(ctx, plural, verb, finding_id, body, json=json, url=url)

    return act


def _at_once(plural: "Plural", verb: str) -> Callable[..., None]:
    def act(
        ctx: typer.Context, finding_id: Id, *, note: Note = "", json: Json = False, url: Url = ""
    ) -> None:
        _act(ctx, plural, verb, finding_id, {"note": note}, json=json, url=url)

    return act


def _act(
    ctx: typer.Context,
    plural: "Plural",
    verb: str,
    finding_id: str,
    body: Mapping[str, Any],
    *,
    json: bool,
    url: str,
) -> None:
    with _client(ctx, plural, url) as client:
        done = client.act(finding_id, verb, body)
    if json:
        print_json(done)
        return
    now = done[plural.removesuffix("s")]
    if now is None:
        typer.echo("accepted; what comes of it is not there yet: `penstock watch` will show it")
        return
    from infra.cli.asking.finding_table import clean, what, where

    already = " already" if done["already"] else ""
    typer.echo(f"{clean(where(now))} {clean(what(now))}: {_DONE[verb]}{already}")


@contextmanager
def _client(ctx: typer.Context, plural: "Plural", url: str) -> "Iterator[FindingsClient]":
    from infra.cli.asking.findings import FindingsClient

    client = FindingsClient(context.settings(ctx).api, plural, url)
    try:
        yield client
    finally:
        client.close()


def _console() -> Any:  # noqa: ANN401 - rich is imported when it is needed
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 240  # a pipe has no width; rich would fold at 80
    return console
