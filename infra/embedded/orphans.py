"""No process outlives the one that started it, however that one ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """Return what a child is to run before it becomes its program, as ``subprocess``'s ``preexec_fn``.

    On Linux the kernel then kills the child at once when the thread that started it ends, so start children
    from the main thread. Elsewhere there is no such call and None is returned: ``supervisor.guardian`` is
    what holds there too.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded here: after a fork nothing may be imported or locked
    prctl, parent = libc.prctl, os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the call
            os.kill(os.getpid(), signal.SIGKILL)

    return bind
