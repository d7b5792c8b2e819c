"""A whole ``penstock up`` under measurement, from its own words on standard output."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from infra.bench.stack import STOP_S
from schemas.errors import UnavailableError

_UP = re.compile(r"everything is up after ([0-9.]+) s")
_ROWS = re.compile(r"first rows in ClickHouse after ([0-9.]+) s")


@dataclass(frozen=True, slots=True)
class Started:
    """A running ``penstock up``, and how long it took; seconds from the start of its process."""

    process: "subprocess.Popen[str]"
    up_s: float
    first_row_s: float


@contextmanager
def up(environment: Mapping[str, str]) -> Iterator[Started]:
    """Run ``penstock up`` until this run's first row is in ClickHouse, and on for as long as the block runs.

    Raises:
        UnavailableError: it ended before that.
    """
    command = [sys.executable, "-m", "infra.cli.main", "up"]
    with subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _followed(process)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _followed(process: "subprocess.Popen[str]") -> Started:
    up_s = None
    for line in process.stdout or ():
        if found := _UP.search(line):
            up_s = float(found[1])
        if (found := _ROWS.search(line)) and up_s is not None:
            return Started(process, up_s, float(found[1]))
    raise UnavailableError("penstock up ended before a row was in ClickHouse; see what it printed")
