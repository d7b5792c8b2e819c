"""The machine: Java, disk, the folder, the clock."""

import ctypes
import os
import shutil
import stat
import sys
from pathlib import Path

from infra.doctor.finding import Finding, fail, ok, warn
from infra.embedded.folder import LEAST_FREE_BYTES
from infra.up.embedded import Embedded, embedded
from schemas.errors import ConfigError
from schemas.settings import Settings

# A week of one node's samples, states and panes, the log's segments, and the jars.
COMFORTABLE_FREE_BYTES = 5 << 30
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_TIMEX_BYTES = 208  # sizeof(struct timex) on 64-bit Linux


def java(settings: Settings) -> Finding:
    """Judge the Java that the embedded broker would run on."""
    if Embedded.KAFKA not in embedded(settings):
        return ok("java", "not needed: kafka.bootstrap_servers names another Kafka")
    from infra.embedded.kafka import find_java

    try:
        found = find_java()
    except ConfigError as exc:
        return fail("java", "none that runs Kafka", str(exc))
    return ok("java", f"Java {found.version} at {found.launcher} ({found.found_by})")


def disk(settings: Settings) -> Finding:
    """Judge the space on the disk of the data directory."""
    return judge_space(settings.data_dir, shutil.disk_usage(_nearest_existing(settings.data_dir)).free)


def judge_space(folder: Path, free: int) -> Finding:
    """Judge how many bytes are free."""
    detail = f"{free / (1 << 30):.1f} GiB free for {folder}"
    advice = "make room, or set data_dir (PENSTOCK_DATA_DIR) to another disk"
    if free < LEAST_FREE_BYTES:
        return fail("disk", detail, advice)
    return ok("disk", detail) if free >= COMFORTABLE_FREE_BYTES else warn("disk", detail, advice)


def data_dir(settings: Settings) -> Finding:
    """Judge who can write and read the data directory."""
    folder = settings.data_dir
    place = _nearest_existing(folder)
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return fail(
            "data_dir",
            f"{place} cannot be written",
            "make it writable, or set data_dir (PENSTOCK_DATA_DIR) to another folder",
        )
    if place != folder:
        return ok("data_dir", f"{folder} will be made")
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return warn("data_dir", f"others on this machine can read {folder}", f"chmod 700 {folder}")
    return ok("data_dir", f"{folder} is writable, and by its owner alone")


def clock(_settings: Settings) -> Finding:
    """Judge whether the kernel says that its clock follows a time server."""
    return judge_clock(_adjtimex() if sys.platform == "linux" else -1)


def judge_clock(state: int) -> Finding:
    """Judge the state that ``adjtimex(2)`` returns; -1: it cannot be asked."""
    advice = "turn on time synchronization, for example with chrony or systemd-timesyncd"
    if state < 0:
        return warn("clock", "this system does not say whether its clock is synchronized", advice)
    if state == _TIME_ERROR:
        return warn("clock", "the kernel says that its clock is not synchronized", advice)
    return ok("clock", "synchronized, says the kernel")


def _adjtimex() -> int:
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return -1


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
