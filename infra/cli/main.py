"""The root of the ``penstock`` command: its options, its sub-commands, and what its exit status means.

0 done, 1 failed, 2 wrong usage or settings. An error raised on purpose is one sentence on stderr.
"""

import importlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from infra.cli.context import Options
from schemas.errors import ConfigError, PenstockError

# Name, what it is listed under, and what it does. In the order in which people need them.
COMMANDS = {
    "up": ("Start", "Start everything on this machine, and watch it."),
    "doctor": ("Start", "Check that this machine can run Penstock, and say what to do."),
    "watch": ("Ask", "Watch nodes, observations and alerts live."),
    "observations": ("Ask", "List what is wrong with nodes; acknowledge, dismiss, resolve."),
    "alerts": ("Ask", "List what is wrong in fleets; acknowledge, dismiss, resolve."),
    "explain": ("Ask", "Show what an observation or alert was judged from."),
    "as-of": ("Ask", "Show what was so at a moment, as known then or since."),
    "queue": ("Ask", "Watch the router's queue; cancel requests, pause and drain nodes."),
    "sql": ("Ask", "Ask ClickHouse: one statement, or a prompt."),
    "topics": ("Ask", "List the topics in Kafka, or create them."),
    "config": ("Ask", "Show the effective settings and where each comes from."),
    "keys": ("Ask", "Create, list and revoke keys of the API."),
    "rules": ("Ask", "List, apply, try and delete rules of notifications."),
    "channels": ("Ask", "List, make, try and delete channels of notifications."),
    "notify": ("Ask", "Show what channels were told, and deliver again what they were not."),
    "kafka": ("Parts", "Run the embedded Kafka broker."),
    "store": ("Parts", "Run the embedded ClickHouse."),
    "registry": ("Parts", "Run the embedded schema registry."),
    "worker": ("Parts", "Run the stages: telemetry in, states and panes out."),
    "sink": ("Parts", "Write every topic to ClickHouse."),
    "notifier": ("Parts", "Send notifications to their channels."),
    "api": ("Parts", "Run the query API."),
    "router": ("Parts", "Run the router: one address for the models of all nodes."),
    "node": ("Parts", "Run the agent of this machine."),
    "clock": ("Parts", "Tell every partition the time."),
    "baselines": ("Parts", "Tell the fleet stage how efficient nodes have been."),
    "demo": ("Parts", "Send the telemetry of a small simulated fleet."),
    "simulate": ("More", "Simulate a fleet and its incidents, into Kafka or a file."),
    "capsule": ("More", "An incident in one file: make one, replay it anywhere, look into it."),
    "replay": ("More", "Replay a range of the log, and compare it with what was said live."),
    "backtest": ("More", "Try rules on what was recorded, and hold them against those of now."),
    "score": ("More", "Score the detections by labelled scenarios."),
    "bench": ("More", "Measure, as docs/benchmarks.md reports it."),
    "version": ("More", "Show versions."),
}
FAILED, MISUSED, INTERRUPTED = 1, 2, 130


class LazyGroup(TyperGroup):
    """Imports a sub-command when it is run; the list of commands needs none of them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's own Context is private
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Return the sub-command where it has been imported, else its entry in the list."""
        if cmd_name not in COMMANDS or cmd_name in self.commands:
            return self.commands.get(cmd_name)
        _, summary = COMMANDS[cmd_name]
        return TyperCommand(cmd_name, help=summary)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """List the sub-commands by what they are for."""
        width = max(map(len, COMMANDS)) + 2
        for panel in dict.fromkeys(panel for panel, _ in COMMANDS.values()):
            with formatter.section(panel):
                rows = [
                    (name.ljust(width), text) for name, (group, text) in COMMANDS.items() if group == panel
                ]
                formatter.write_dl(rows, col_max=width)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Import the sub-command that ``args`` name, and return it."""
        if args and args[0] in COMMANDS:
            self.add_command(load(args[0]), args[0])
        return super().resolve_command(ctx, args)


def load(name: str) -> Any:  # noqa: ANN401
    """Import a sub-command and return it."""
    sub_app: typer.Typer = importlib.import_module(f"infra.cli.{name.replace('-', '_')}").app
    sub_app.rich_markup_mode = None
    sub_app._add_completion = False  # a sub-command with commands of its own would offer it again
    command = typer.main.get_command(sub_app)
    command.name = name
    return command


# Plain help: drawing it with rich takes 0.2 s of imports, more than all the rest.
app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The settings file, instead of the usual one."),
    ] = None,
) -> None:
    """Event-sourced control plane for fleets that serve language models."""
    # What a library logs in a command that has set up no logs is in the error we raise: say it once.
    logging.getLogger().addHandler(logging.NullHandler())
    ctx.obj = Options(config=config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        app(None if arguments is None else list(arguments), prog_name="penstock")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except PenstockError as exc:
        print(f"penstock: {exc}", file=sys.stderr)
        return MISUSED if isinstance(exc, ConfigError) else FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
