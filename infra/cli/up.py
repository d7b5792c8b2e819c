"""``penstock up``: everything on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import context

if TYPE_CHECKING:
    from infra.up.screen import Screen

app = typer.Typer()


@app.command()
def up(
    ctx: typer.Context,
    *,
    demo: Annotated[bool, typer.Option("--demo", help="With a small simulated fleet.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every line the parts log.")] = False,
) -> None:
    """Start everything on this machine and keep it running; Ctrl-C stops it.

    Kafka, store and registry are started here unless the settings place them elsewhere. What the parts log is
    in the folder logs of the data directory; warnings and errors are shown.
    """
    import asyncio

    from infra.up.elsewhere import require_answers
    from infra.up.run import Up

    loaded = context.loaded(ctx)
    require_answers(loaded.settings)
    screen = _screen()
    try:
        asyncio.run(Up(loaded.settings, screen, config=loaded.file, verbose=verbose).run(demo=demo))
    finally:
        screen.close()


def _screen() -> "Screen":
    from rich.console import Console

    from infra.up.screen import PlainScreen, TerminalScreen

    console = Console(highlight=False)
    return TerminalScreen(console) if console.is_terminal else PlainScreen(typer.echo)
