"""Keys as they are pressed, without Enter, while a program draws on the terminal."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LEAVE = frozenset("qQ\x03\x04")
"""q, Ctrl-C where the terminal sends it as a key, Ctrl-D."""


@contextmanager
def on_leave(leave: Callable[[], None]) -> Iterator[None]:
    """Call ``leave`` when one of the keys is pressed; where there is no keyboard, do nothing."""
    try:
        import termios
        import tty
    except ImportError:  # not on this system: Ctrl-C is left
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        keys = os.read(keyboard, 64).decode(errors="replace")
        if not keys or LEAVE & set(keys):
            leave()

    try:
        tty.setcbreak(keyboard)
        loop.add_reader(keyboard, pressed)
        yield
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
