"""``penstock version``: of Penstock and of what it stands on."""

import platform
from importlib.metadata import version as installed
from typing import Annotated

import typer

from infra.cli.output import print_json, print_table

PARTS = ("penstock", "chdb-core", "faust-streaming", "aiokafka", "fastapi", "clickhouse-connect")
app = typer.Typer()


@app.command()
def version(*, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show versions of Penstock, of Python and of the libraries that matter."""
    found = {"python": platform.python_version()} | {name: installed(name) for name in PARTS}
    if json:
        print_json(found)
    else:
        print_table(("part", "version"), [(name, found[name]) for name in ("penstock", "python", *PARTS[1:])])
