"""No process outlives the one that started it, however that one ends.

Run as a program it binds itself to its parent and becomes the command it was given. A program of its own, and
not ``preexec_fn``: Python code between fork and exec can deadlock where the parent has threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_MISCONFIGURED = 2


def bound(command: Sequence[str]) -> list[str]:
    """Return the command so that its process is killed when this one ends; costs 20 ms at its start.

    On Linux the kernel does it, as soon as the thread ends that starts the command: start it from the main
    thread. Elsewhere there is no such call and the command is returned as it is: ``supervisor.guardian`` is
    what holds there.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _main(parent: str, *command: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the process that starts this one has ended")
    try:
        os.execvp(command[0], command)
    except OSError as exc:
        print(f"{command[0]} cannot be run: {exc.strerror}", file=sys.stderr)
        sys.exit(_MISCONFIGURED)


if __name__ == "__main__":
    _main(*sys.argv[1:])
