"""Whether the machine's clock follows a time source: Linux ``adjtimex``, which anyone may read."""

import ctypes
import sys

from producers.node.source import Blocking, Facts, SensorAbsent
from schemas.events.reading import NAN

_STA_PLL, _STA_UNSYNC, _STA_NANO = 0x0001, 0x0040, 0x2000


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def judge(status: int, offset: int) -> Facts:
    """Return what the kernel's bits mean. Its offset is kept only by a daemon that uses its loop (PLL)."""
    unit = 1e9 if status & _STA_NANO else 1e6
    # The kernel's offset is what it still has to add to the clock.
    ahead_s = -offset / unit if status & _STA_PLL else NAN
    return Facts(
        host={"clock_synchronized": "no" if status & _STA_UNSYNC else "yes", "clock_offset_s": ahead_s}
    )


def read() -> Facts:
    """Ask the kernel.

    Raises:
        SensorAbsent: not on Linux.
    """
    if not sys.platform.startswith("linux"):
        raise SensorAbsent(f"not known how to ask {sys.platform} for the state of its clock")
    answer = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(answer)) < 0:
        raise SensorAbsent(f"adjtimex is refused here (errno {ctypes.get_errno()}); usual in a sandbox")
    return judge(answer.status, answer.offset)


def source() -> Blocking:
    """Read every five seconds."""
    return Blocking("clock_sync", read, period_s=5.0)
