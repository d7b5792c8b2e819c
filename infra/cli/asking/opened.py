"""The client of a command, open for as long as the command needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from infra.cli import context

if TYPE_CHECKING:
    from infra.cli.asking.documents import DocumentsClient


@contextmanager
def documents(ctx: typer.Context, url: str) -> "Iterator[DocumentsClient]":
    """Give a client of rules, channels and deliveries, imported only now: a list of commands needs none."""
    from infra.cli.asking.documents import DocumentsClient

    client = DocumentsClient(context.settings(ctx).api, url)
    try:
        yield client
    finally:
        client.close()
