"""What every sub-command gets from the root: the settings, read once, when they are needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from schemas.settings import Loaded, Settings


@dataclass(frozen=True, slots=True)
class Options:
    """The root command's options."""

    config: Path | None = None


def loaded(ctx: typer.Context) -> "Loaded":
    """Return the settings and where each comes from.

    Raises:
        ConfigError: a name is unknown, a value does not fit, or the file cannot be read.
    """
    from schemas.settings import load

    options = ctx.find_object(Options) or Options()
    return load(file=options.config)


def settings(ctx: typer.Context) -> "Settings":
    """Return the settings; see ``loaded``."""
    return loaded(ctx).settings
