"""The parts' output on one terminal: each line with its part's name before it."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO

# Foreground colours that are legible on dark and light grounds.
_COLOURS = (36, 32, 35, 33, 34, 96, 92, 95, 93, 94)


class Printer:
    """Prints ``name | line``, the name coloured on a terminal unless ``NO_COLOR`` is set."""

    def __init__(self, names: Sequence[str], out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        width = max(map(len, names), default=0)
        coloured = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._prefixes = {
            name: _painted(name.ljust(width) + " | ", _COLOURS[index % len(_COLOURS)] if coloured else None)
            for index, name in enumerate(names)
        }

    def __call__(self, name: str, line: str) -> None:
        """Print one line of a part."""
        self._out.write(f"{self._prefixes[name]}{line}\n")
        self._out.flush()


def _painted(text: str, colour: int | None) -> str:
    return text if colour is None else f"\x1b[{colour}m{text}\x1b[0m"
